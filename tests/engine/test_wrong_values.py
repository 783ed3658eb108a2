"""Gauges that send fill values, spikes, dips and other series, through real processes: no alert, each cause said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.accumulation import Recipe as Accumulation
from alerts.rate_of_rise import Recipe as RateOfRise
from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.observation import Quality, Reading
from data.ports.recipe import MonitorRecipe, RuleRecipe
from monitors.gauges.csv_gauge import Recipe as CsvGauge
from monitors.gauges.http_poll import Recipe as HttpPoll
from tests.engine.city import CHONGQING, Cities, City
from tests.servers.http_answers import http_answers

BEGAN = datetime(2025, 6, 19, 20, 0, tzinfo=UTC)
DEEP = Threshold(quantity="water_level", above=180.0, clear_at=179.0, vertical_datum="wusong")


def recorded(folder: Path, name: str, quantity: str, *values: float) -> CsvGauge:
    rows = [f"{(BEGAN + timedelta(minutes=5 * row)).isoformat()},{value}" for row, value in enumerate(values)]
    (folder / f"{name}.csv").write_text("\n".join(["at,value", *rows]) + "\n")
    datum = {"vertical_datum": "wusong"} if quantity == "water_level" else {}
    plain = {"id": "gauge", "path": folder / f"{name}.csv", "time": "at", "value": "value", "quantity": quantity}
    return CsvGauge.model_validate({**plain, **datum})


def polled(url: str, **more: Any) -> HttpPoll:
    plain = {"id": "gauge", "url": url, "every": "200ms", "quantity": "water_level", "vertical_datum": "wusong"}
    return HttpPoll.model_validate({**plain, **more})


def site(name: str, monitor: MonitorRecipe, *rules: RuleRecipe) -> SiteSettings:
    return SiteSettings(id=name, location=CHONGQING, monitor=monitor, rules=rules)


def stored(city: City, name: str) -> list[Reading]:
    since, until = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    return list(city.store.read(lambda reader: reader.readings(name, since=since, until=until)))


def reasons(city: City, name: str) -> list[str]:
    """Each once, also where a gauge was begun again because the machine was too busy, and read its file twice."""
    return sorted({one.reason for one in city.store.read(lambda reader: reader.rejects(site=name))})


@pytest.mark.server
def test_wrong_values_raise_nothing_and_each_is_said_while_a_true_flood_is_raised(city: Cities, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    rain = Accumulation(given_as="total")
    with http_answers() as server:
        fill = {"value": "-999999", "at": now.isoformat(), "noDataValue": -999999.0}
        server.answer("/fill", json.dumps(fill).encode())
        last = {"at": now.isoformat(), "value": 193}
        series = [
            {"name": "freeboard", "unit": "cm", "last": {**last, "value": 640}},
            {"name": "stage", "unit": "cm", "zero_m": 178.4, "last": last},
        ]
        server.answer("/series", json.dumps({"series": series}).encode())
        where = {"value": "series.last.value", "time": "series.last.at"}
        one = city(
            sites=(
                site("dip", recorded(tmp_path, "dip", "rainfall", 88.4, 88.2, 88.4, 0.0, 88.4), rain),
                site("step", recorded(tmp_path, "step", "rainfall", 0, 4000.5, 0), Accumulation(given_as="total")),
                site(
                    "fall", recorded(tmp_path, "fall", "water_level", 177.3, 0, 177.3, 196.0, 177.4),
                    DEEP, RateOfRise(quantity="water_level", above=0.5),
                ),
                site("flood", recorded(tmp_path, "flood", "water_level", 177.3, 193.8, 194.1), DEEP),
                site("fill", polled(server.url("/fill"), value="value", time="at"), DEEP),
                site("name", polled(server.url("/series"), select={"name": "stage"}, **where), DEEP),
                site("place", polled(server.url("/series"), value="series.0.last.value"), DEEP),
            )
        )  # fmt: skip
        one.start()
        one.wait_for(lambda: one.alerts("flood") and one.alerts("name") and reasons(one, "fill"))
        one.wait_for(lambda: len(stored(one, "fall")) == 5 and len(stored(one, "dip")) == 5 and reasons(one, "place"))
        one.wait_for(lambda: len(reasons(one, "fall")) == 2 and len(reasons(one, "step")) == 1)
    for name in ("dip", "step", "fall", "fill", "place"):
        assert one.alerts(name) == [], name
    assert [reading.quality for reading in stored(one, "fall")] == [
        Quality.GOOD, Quality.SUSPECT, Quality.GOOD, Quality.SUSPECT, Quality.GOOD,
    ]  # fmt: skip
    (flood,) = one.alerts("flood")
    assert flood.started_at == BEGAN + timedelta(minutes=5)
    (stage,) = stored(one, "name")
    assert stage.value == pytest.approx(180.33)
    assert stored(one, "fill") == stored(one, "place") == []
    assert any("there is no value: -999999" in reason for reason in reasons(one, "fill"))
    assert any("choose by name, not by position" in reason for reason in reasons(one, "place"))
    assert all("the next one did not confirm it" in reason for reason in reasons(one, "fall"))
