"""A warning through the real sensors' process, and levels of another datum refused while it runs."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.model.alert import Raised
from data.model.datum import Datums
from data.model.observation import Reading
from data.ports.recipe import Context
from engine.judging.pipeline import SitePipeline
from monitors.warnings.cap_warnings import Recipe as CapWarnings
from tests.data.test_cap import message
from tests.engine.city import CHONGQING, Cities

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


def level(value: float, datum: str | None, second: int = 0) -> Reading:
    return Reading("quay", "gauge", "water_level", value, NOON.replace(second=second), vertical_datum=datum)


def test_a_dropped_file_is_a_stored_warning_within_5_seconds_and_three_copies_are_one(
    city: Cities, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    site = SiteSettings(id="weather", location=CHONGQING, monitor=CapWarnings(folder=folder))
    one = city(sites=(site,))
    running = one.start()
    one.wait_for(lambda: folder.is_dir() and "started" in running.log)
    for copy in range(3):
        path = folder / f".storm-{copy}"
        path.write_bytes(message())
        path.replace(folder / f"storm-{copy}.xml")
    os.sync()
    began_s = time.monotonic()
    one.wait_for(lambda: one.store.read(lambda reader: reader.warnings()))
    assert time.monotonic() - began_s < 5
    one.wait_for(lambda: len(list((folder / "taken").glob("*.xml"))) == 3)
    (warning,) = one.store.read(lambda reader: reader.warnings())
    assert (warning.event, warning.origin) == ("暴雨", "weather/cap_warnings")
    changes = one.store.read(lambda reader: reader.changes(0))
    assert [change.subject for change in changes if change.topic == "warning"] == [str(warning.id)]


def test_a_level_of_another_datum_is_converted_by_its_offset_or_refused_by_name() -> None:
    rule = Threshold(quantity="water_level", above=182.64, clear_at=182.0, vertical_datum="wusong")
    site = SiteSettings(id="quay", location=CHONGQING, rules=(rule,))
    pipeline = SitePipeline(site, Context(site.place, datums=Datums({"yellow_sea": {"wusong": 1.64}})))
    assert pipeline.read(level(180.99, "yellow_sea", 1)) == []
    (raised,) = pipeline.read(level(181.24, "yellow_sea", 2))
    assert isinstance(raised, Raised)
    assert raised.value == 182.88
    assert pipeline.refused() == []
    assert pipeline.read(level(190.0, "1985", 3)) == []
    assert pipeline.read(level(190.0, None, 4)) == []
    first, second = pipeline.refused()
    assert "rule threshold: a level of datum '1985' cannot be held against a limit of datum 'wusong'" in first.reason
    assert "a level of no named datum" in second.reason
    assert (first.site, first.monitor, first.excerpt) == ("quay", "gauge", "190 m at 2024-07-12T04:00:03+00:00")
    assert pipeline.refused() == []
