"""Recorded videos through the live pipeline: the figures that must hold, on real footage."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.errors import DeviceLost, InputRejected
from data.model.geo import Location
from data.model.observation import Rejected, Sensed
from data.model.zone import Zone
from data.ports.recipe import Context, RuleRecipe
from detectors.yolo import Recipe as Yolo
from engine.analyze import Line, analyze_frames, analyze_video, as_text
from engine.camera.watch import Watch
from monitors.video.video_file import Recipe as VideoFile
from tests.engine.kinds import Anything
from tests.monitors.test_packets import film

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
VEHICLES = ("car", "truck", "bus")
PARKING = Dwell(labels=VEHICLES, at_least="5s")
PRESENCE = Intrusion(labels=VEHICLES)
SIX, PASSING = "intel_one-by-one-person.mp4", "intel_car-detection.mp4"
LIMITS = (10, 15, 25, 30)
STAYING = tuple(Dwell(id=f"over-{s}", labels=("person",), at_least=f"{s}s", motion="any") for s in LIMITS)
# Presence of the six people, seconds (truth of the clip, ± 0.7 s).
STAYS = [(6.2, 19.6), (22.9, 44.4), (50.4, 69.5), (74.8, 86.5), (92.3, 119.5), (123.7, 135.9)]


def site_of(labels: tuple[str, ...], rules: Sequence[RuleRecipe], zone: Zone | None = None) -> SiteSettings:
    return SiteSettings(
        id="gate-3",
        location=Location(lon=106.5, lat=29.6),
        zones=() if zone is None else (zone,),
        detectors=(Yolo(labels=labels),),
        rules=rules,
    )


def lines(root: Path, video: Path, labels: tuple[str, ...], *rules: RuleRecipe, zone: Zone | None = None) -> list[str]:
    site = site_of(labels, rules, zone)
    return [as_text(line) for line in analyze_video(video, site, Context(site=site.place, base_dir=root), NOON)]


@pytest.fixture(scope="module")
def full_look(root: Path, shared: Path) -> Callable[..., list[str]]:
    """full_look(clip, labels, rules) -> its lines; what was analyzed once is not analyzed again."""
    known: dict[str, list[str]] = {}

    def look(clip: str, labels: tuple[str, ...], rules: tuple[RuleRecipe, ...]) -> list[str]:
        key = repr((clip, labels, rules))
        if key not in known:
            known[key] = lines(root, shared / "clips" / clip, labels, *rules)
        return known[key]

    return look


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_six_people_one_after_the_other_are_six_stays_and_their_lengths_count(
    full_look: Callable[..., list[str]],
) -> None:
    told = [json.loads(line) for line in full_look(SIX, ("person",), STAYING)]
    assert [line["alerted_s"] for line in told] == sorted(line["alerted_s"] for line in told)
    for limit, expected in zip(LIMITS, (6, 3, 1, 0), strict=True):
        stays = [line for line in told if line["rule"] == f"over-{limit}"]
        truth = [(start, end) for start, end in STAYS if end - start >= limit]
        assert len(stays) == len(truth) == expected
        for line, (start, end) in zip(stays, truth, strict=True):
            assert line["started_s"] == pytest.approx(start, abs=0.7)
            assert line["alerted_s"] == pytest.approx(start + limit, abs=0.7)
            assert line["ended_s"] == pytest.approx(end, abs=0.7)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_cars_that_drive_past_are_seen_but_not_parked(full_look: Callable[..., list[str]]) -> None:
    text = full_look(PASSING, VEHICLES, (PARKING, PRESENCE))
    assert {json.loads(line)["rule"] for line in text} == {"intrusion"}


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_pedestrian_is_in_the_polygon_once_and_no_vehicle_is_parked(root: Path, shared: Path) -> None:
    """Frames 307 to 343 of 12 a second, ± 6."""
    corners = [(60, 60), (230, 30), (230, 110), (60, 140)]
    zone = Zone(id="lawn", polygon=tuple((x / 768, y / 432) for x, y in corners))
    entering = Intrusion(zone="lawn", labels=("person",))
    video = shared / "clips" / "intel_person-bicycle-car.mp4"
    (line,) = lines(root, video, ("person", *VEHICLES), PARKING, entering, zone=zone)
    told = json.loads(line)
    assert list(told) == ["site", "rule", "kind", "zone", "label", "started_s", "alerted_s", "ended_s"]
    assert (told["site"], told["rule"], told["kind"], told["zone"], told["label"]) == (
        "gate-3",
        "intrusion",
        "intrusion",
        "lawn",
        "person",
    )
    assert told["started_s"] * 12 == pytest.approx(307, abs=6)
    assert told["ended_s"] * 12 == pytest.approx(343, abs=6)


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_parked_van_and_car_are_one_alert_each_and_twice_the_same_bytes(root: Path, shared: Path) -> None:
    video = shared / "clips" / "vtest_12s.mp4"
    walkers = Intrusion(labels=("person",))
    text = lines(root, video, ("person", *VEHICLES), PARKING, walkers)
    parked = [line for line in map(json.loads, text) if line["rule"] == "dwell"]
    assert [(line["started_s"], line["alerted_s"], line["ended_s"]) for line in parked] == [(0.0, 5.0, None)] * 2
    assert len(text) > 4
    assert text == lines(root, video, ("person", *VEHICLES), PARKING, walkers)


@pytest.fixture
def on_activity(root: Path, shared: Path) -> Callable[..., list[Line]]:
    """The same with few looks: on_activity(clip, labels, rules) -> its lines."""

    def look(clip: str, labels: tuple[str, ...], rules: tuple[RuleRecipe, ...]) -> list[Line]:
        site = site_of(labels, rules)
        context = Context(site=site.place, base_dir=root)
        given = VideoFile(path=shared / "clips" / clip, paced=False, start=NOON).make(context).observe()
        pictures = (item for item in given if item is not None and not isinstance(item, Sensed | Rejected))
        return list(analyze_frames(pictures, site, context, NOON, Watch(5.0)))

    return look


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("clip", "labels", "rules"),
    [
        (SIX, ("person",), STAYING),
        (PASSING, VEHICLES, (PARKING, PRESENCE)),
        ("intel_person-bicycle-car.mp4", VEHICLES, (PARKING,)),
        ("vtest_12s.mp4", VEHICLES, (PARKING,)),
    ],
)
def test_watching_on_activity_has_the_events_of_a_full_look(
    full_look: Callable[..., list[str]],
    on_activity: Callable[..., list[Line]],
    clip: str,
    labels: tuple[str, ...],
    rules: tuple[RuleRecipe, ...],
) -> None:
    every = [json.loads(line) for line in full_look(clip, labels, rules)]
    active = on_activity(clip, labels, rules)
    assert [(line["rule"], line["zone"]) for line in active] == [(line["rule"], line["zone"]) for line in every]
    for one, other in zip(every, active, strict=True):
        assert other["started_s"] == pytest.approx(one["started_s"], abs=0.5), json.dumps([one, other])


def test_what_is_no_video_is_refused_by_name(root: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("just words\n" * 100)
    with pytest.raises(InputRejected, match=r"notes\.mp4 is no video"):
        lines(root, text, ("person",))
    with pytest.raises(DeviceLost, match=r"there is no file .*missing\.mp4"):
        lines(root, tmp_path / "missing.mp4", ("person",))


def test_a_cut_off_film_gives_its_alert_and_one_line_that_names_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = film(tmp_path / "whole.avi", 8, 25)
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    rule = Intrusion(keep_firing_for=timedelta(seconds=1))
    site = SiteSettings(id="gate-3", location=Location(lon=106.5, lat=29.6), detectors=(Anything(),), rules=(rule,))
    found = list(analyze_video(cut, site, Context(site=site.place), NOON))
    assert [(line["label"], line["started_s"], line["ended_s"]) for line in found] == [("scene", 0.0, None)]
    assert len(caplog.messages) == 1
    assert "cut.avi is cut off: " in caplog.messages[0]
