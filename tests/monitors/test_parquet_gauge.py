"""A series in a real Parquet file, written with pandas."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from data.errors import DeviceLost, InputRejected
from data.model.observation import Reading, Rejected
from data.ports.recipe import Context
from monitors.gauges.parquet_gauge import Recipe


def written(folder: Path, **columns: object) -> Path:
    path = folder / "stage.parquet"
    pd.DataFrame(columns).to_parquet(path)
    return path


def given(path: Path, context: Context, **more: object) -> tuple[list[Reading], list[Rejected]]:
    plain = {"path": path, "time": "at", "value": "level", "quantity": "water_level", "unit": "ft"}
    items = list(Recipe.model_validate({**plain, **more}).make(context).observe())
    return [i for i in items if isinstance(i, Reading)], [i for i in items if isinstance(i, Rejected)]


def test_timestamps_with_and_without_zone_and_texts_are_the_same_times(context: Context) -> None:
    noon = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
    aware = pd.to_datetime(["2024-07-12T12:15:00+08:00", "2024-07-12T12:00:00+08:00"])
    for times in (aware, aware.tz_localize(None), [at.isoformat() for at in aware]):
        path = written(context.base_dir, at=times, level=[20.0, 19.94], other=["x", "y"])
        readings, rejected = given(path, context, timezone="Asia/Shanghai", vertical_datum="NAVD88")
        assert rejected == []
        assert [reading.value for reading in readings] == pytest.approx([6.0777, 6.096], abs=1e-4)
        assert [reading.at for reading in readings] == [noon, noon.replace(minute=15)]
        assert readings[0].vertical_datum == "NAVD88"


def test_rows_without_time_or_value_are_named_and_the_rest_goes_on(context: Context) -> None:
    times = ["2024-07-12T12:00:00Z", None, "2024-07-12T12:30:00Z", "soon"]
    path = written(context.base_dir, at=times, level=["1.5", "2.5", None, "3.5"])
    readings, rejected = given(path, context)
    assert len(readings) == 1
    assert [r.reason for r in rejected] == [
        "line 2: '' is no time in ISO 8601; set `time_format` for others",
        "line 3: there is no value",
        "line 4: 'soon' is no time in ISO 8601; set `time_format` for others",
    ]


def test_what_is_no_parquet_file_is_refused_and_what_is_not_there_is_lost(context: Context) -> None:
    path = context.base_dir / "stage.parquet"
    path.write_text("at,level\n1,2\n")
    with pytest.raises(InputRejected, match=r"gate-3: .*is no Parquet file"):
        given(path, context)
    with pytest.raises(InputRejected, match="has no column 'at'; it has time, level"):
        given(written(context.base_dir, time=[1], level=[2]), context)
    with pytest.raises(DeviceLost, match="there is no file"):
        given(context.base_dir / "none.parquet", context)
