"""What was judged live is judged again: the same bytes; and what would have been otherwise, to the second."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from alerts.congestion import Recipe as Congestion
from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from alerts.modes import IntrusionInMode
from alerts.rate_of_rise import Recipe as RateOfRise
from alerts.silence import Recipe as Silence
from alerts.stuck import Recipe as Stuck
from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.errors import StoreClosed
from data.model.camera_health import HealthSettings
from data.model.geo import Location
from data.model.observation import Detection, Detections, Reading, Tick
from data.model.picture import ArrayFrame
from data.model.zone import Zone
from data.ports.recipe import Context
from data.ports.store import AlertQuery, Store
from data.sql.store import open_for_reading, open_store
from engine.catalogue import load_catalogue
from engine.replay.occurrences import as_text
from engine.replay.replayer import Replayer
from monitors.gauges.csv_gauge import Recipe as CsvGauge
from tests.engine.gauge_site import BEGAN, SITE, Town
from tests.engine.kept import LiveSite
from tests.engine.test_pipeline import SITE as SPOT
from tests.web.city import StillCamera

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
LANE = Zone(id="lane", polygon=((0.2, 0.2), (0.8, 0.2), (0.8, 0.9), (0.2, 0.9)))
STREET = SiteSettings(
    id="gate-3",
    location=Location(lon=106.5, lat=29.6),
    zones=(LANE,),
    rules=(
        Dwell(zone="lane", labels=("car", "truck"), at_least="20s", congestion_of=3),
        Intrusion(
            zone="lane", labels=("person",), pictures=2, of=3, in_mode={"flood-crest": IntrusionInMode(pictures=1)}
        ),
        Congestion(zone="lane", vehicles=3, at_least="15s"),
        Threshold(id="depth", quantity="water_depth"),
        RateOfRise(quantity="water_depth", over="5min", above=10),
        Silence(after="40s"),
        Stuck(quantity="water_depth", after="1h"),
    ),
)


def scene(chance: random.Random, seconds: int) -> Iterator[Detections | Reading | Tick]:
    """Cars that come, stand and go, people, a gauge that jumps, is late or silent, blind seconds, modes."""
    cars: dict[int, tuple[float, float, int]] = {}
    depth, names = 3.0, iter(range(1, 100_000))
    silent_until = 0
    for i in range(seconds * 2):
        at = NOON + timedelta(milliseconds=500 * i, microseconds=chance.randrange(400))
        if chance.random() < 0.05 and len(cars) < 5:
            cars[next(names)] = (chance.uniform(0.1, 0.8), chance.uniform(0.3, 0.8), i + chance.randrange(10, 160))
        cars = {name: car for name, car in cars.items() if car[2] > i}
        found = [
            Detection(
                (x, y - 0.1, x + 0.12, y + chance.uniform(0, 0.004)), chance.uniform(0.4, 0.95),
                "person" if name % 4 == 0 else "car", name,
                np.full(26, (name % 7) / 26, np.float32),
            )
            for name, (x, y, _) in cars.items()
            if chance.random() < 0.95
        ]  # fmt: skip
        if chance.random() < 0.97:
            yield Detections.of("gate-3", at, found)
        if i > silent_until and chance.random() < 0.2:
            depth = max(0.0, depth + chance.gauss(0.3, 2.0))
            late = timedelta(seconds=chance.choice((0, 0, 0, 5)))
            value = depth + chance.choice((0, 0, 0, 0, 0, 0, 400))
            yield Reading("gate-3", "road", "water_depth", value, at - late)
        if chance.random() < 0.002:
            silent_until = i + 160
        if i % 2:
            modes = frozenset({"flood-crest"}) if (i // 300) % 2 else frozenset[str]()
            yield Tick("gate-3", at, observable=chance.random() < 0.97, modes=modes)


@pytest.mark.parametrize("seed", range(4))
def test_random_scenes_are_judged_again_to_the_same_bytes_also_across_restarts(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    live = LiveSite(tmp_path, STREET, block_s=chance.choice((0.02, 0.1, 600.0)))
    seen = list(scene(chance, 400))
    cuts = set(chance.sample(range(len(seen)), 3)) if seed % 2 else set()
    for number, one in enumerate(seen):
        live.give(one)
        if number in cuts:
            live.restart()
    live.log.close()
    since, until = NOON, NOON + timedelta(seconds=500)
    judged_live = live.text(since, until)
    assert judged_live.count("\n") > 10
    for _ in range(3):
        again = live.replayed(since, until)
        assert as_text(again.found) == judged_live
        assert (again.same, again.exact, again.faults) == (True, True, ())


@pytest.mark.parametrize("seed", range(2))
def test_a_replay_from_the_middle_gives_what_was_raised_from_there_on(tmp_path: Path, seed: int) -> None:
    """It begins with the state of the rules that was kept shortly before, not with nothing."""
    chance = random.Random(100 + seed)
    live = LiveSite(tmp_path, STREET, block_s=0.02)
    for one in scene(chance, 400):
        live.give(one)
    live.log.close()
    for _ in range(3):
        since = NOON + timedelta(seconds=chance.uniform(0, 350))
        until = since + timedelta(seconds=chance.uniform(5, 100))
        again = live.replayed(since, until)
        assert (as_text(again.found), again.same, again.exact) == (live.text(since, until), True, True)


def test_a_rule_that_judges_otherwise_than_it_did_live_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveSite(tmp_path, STREET)
    for one in scene(random.Random(3), 200):
        live.give(one)
    live.log.close()
    monkeypatch.setattr("alerts.rate_of_rise.RateOfRise.judge", lambda *_: ())
    again = live.replayed(NOON, NOON + timedelta(seconds=300))
    assert not again.same
    assert any("another version" in remark for remark in again.remarks)


def test_pictures_with_what_the_camera_says_of_itself_are_judged_again_without_pictures(tmp_path: Path) -> None:
    """A car stands in the picture, the camera goes black and comes back: detectors and health are not run again."""
    watched = SPOT.model_copy(update={"monitor": StillCamera(), "health": HealthSettings()})
    live = LiveSite(tmp_path, watched)
    street = np.random.default_rng(7).integers(40, 160, (90, 160, 1), dtype=np.uint8).repeat(3, axis=2)
    street = np.asarray(cv2.GaussianBlur(street, (0, 0), 3), dtype=np.uint8)
    standing = street.copy()
    standing[40:60, 60:100] = 255
    for i in range(180):
        at = NOON + timedelta(seconds=i)
        black = 100 <= i < 150
        picture = np.zeros_like(street) if black else standing if i >= 20 else street
        live.give(ArrayFrame("gate-3", at, picture))
        live.give(Tick("gate-3", at))
    live.log.close()
    since, until = NOON, NOON + timedelta(seconds=180)
    text = live.text(since, until)
    assert {json.loads(line)["rule"] for line in text.splitlines()} >= {"camera_health", "dwell"}
    again = live.replayed(since, until)
    assert (as_text(again.found), again.same, again.exact) == (text, True, True)


# ---- gauges, through the process that judges them, against the store


def stored(store: Store) -> list[tuple[object, ...]]:
    found = store.read(lambda reader: reader.alerts(AlertQuery(limit=1000)))
    return sorted(
        (*a.key, a.kind, a.priority.value, a.started_at, a.raised_at, a.value, a.unit, a.label, a.ended_at)
        for a in found
    )


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.end()


def test_what_the_store_has_of_a_flood_is_what_the_replay_gives(town: Town) -> None:
    """Rise above 25 cm, a gauge that falls silent, a restart, and the end; replayed without store, clock or gauge."""
    for second in range(240):
        depth = 10 + second / 4 if second < 100 else 35 - (second - 100) / 6
        if second == 120:
            town.restart()
        town.say("a", depth, town.wall)
        if second < 60 or second > 150:
            town.say("b", depth - 1, town.wall)
        town.pass_time(1)
    town.sensors.close()
    replayer = Replayer(town.options.observations_dir, load_catalogue(), town.store)
    until = town.wall + timedelta(seconds=1)
    texts = {as_text(replayer.replay(BEGAN - timedelta(seconds=1), until).found) for _ in range(3)}
    (text,) = texts
    ours = sorted(
        (
            one["site"], one["rule"], one["zone"], one["subject"], one["kind"],
            min([one["priority"], *(change["priority"] for change in one["changes"])]),
            datetime.fromisoformat(one["started_at"]), datetime.fromisoformat(one["raised_at"]), one["value"],
            one["unit"], one["label"], one["ended_at"] and datetime.fromisoformat(one["ended_at"]),
        )
        for one in map(json.loads, text.splitlines())
    )  # fmt: skip
    assert ours == stored(town.store)
    assert [one[:2] for one in ours] == [(SITE, "deep"), (SITE, "mute")]


@pytest.mark.shared
def test_harveys_flood_is_judged_again_to_the_same_bytes_at_any_speed(shared: Path, tmp_path: Path) -> None:
    """Buffalo Bayou, August 2017: bands, rate of rise, silence and a stuck gauge, with a second's tick every minute."""
    gauge = CsvGauge.model_validate(
        {
            "time": "Time GT", "value": "Milam Elevation (ft)", "time_format": "%m/%d/%y %H:%M", "timezone": "UTC",
            "quantity": "water_level", "unit": "ft", "vertical_datum": "NAVD88",
            "path": shared / "series" / "harvey_buffalo_bayou_stage.csv",
        }
    )  # fmt: skip
    site = SiteSettings(
        id="bayou", location=Location(lon=-95.4, lat=29.76), monitor=gauge,
        rules=(
            Threshold(id="stage", quantity="water_level", above=20, clear_at=19, unit="ft", vertical_datum="NAVD88"),
            Threshold(id="banks", quantity="water_level", above=10, clear_at=9, unit="ft", vertical_datum="NAVD88"),
            RateOfRise(quantity="water_level", above=0.5, samples=2),
            Silence(after="30min"),
            Stuck(quantity="water_level", after="6h"),
        ),
    )  # fmt: skip
    live = LiveSite(tmp_path, site, block_s=0.3)
    with closing(gauge.make(Context(site=site.place))) as monitor:
        readings = [item for item in monitor.observe() if isinstance(item, Reading)]
    now = readings[0].at
    for number, reading in enumerate(readings):
        while now + timedelta(minutes=1) < reading.at:
            now += timedelta(minutes=1)
            live.give(Tick("bayou", now))
        now = max(now, reading.at)
        live.give(reading)
        if number == len(readings) // 2:
            live.restart()
    live.log.close()
    since, until = readings[0].at, readings[-1].at
    again = {as_text(live.replayed(since, until).found) for _ in range(3)}
    assert again == {live.text(since, until)}
    print(f"\n{len(readings)} readings, {live.text(since, until).count(chr(10))} alerts, replays_identical")


# ---- nothing is written


def test_a_store_that_is_opened_for_reading_refuses_every_write(tmp_path: Path) -> None:
    open_store(tmp_path / "yiping.db").close()
    store = open_for_reading(tmp_path / "yiping.db")
    try:
        with pytest.raises(StoreClosed, match="for reading only"):
            store.write(lambda writer: writer.put_value("x", 1))
        with pytest.raises(StoreClosed, match="for reading only"):
            store.submit(lambda writer: writer.put_value("x", 1))
        with pytest.raises(Exception, match=r"readonly|read-only"):
            store.read(lambda reader: reader._connection.exec_driver_sql("DELETE FROM alerts"))  # type: ignore[attr-defined]
        assert store.read(lambda reader: reader.value("x")) is None
    finally:
        store.close()
    with pytest.raises(StoreClosed, match="no store"):
        open_for_reading(tmp_path / "another.db")
    assert not (tmp_path / "another.db").exists()


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=120
    )
