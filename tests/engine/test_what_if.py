"""What would have been otherwise: hand-computed alerts, offers and arrivals; and nothing is written or sent."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.dwell import Recipe as Dwell
from alerts.threshold import Recipe as Threshold
from data.config.dispatch import AutomaticSettings, DispatchSettings
from data.config.settings import ResponderSettings, Settings, SiteSettings
from data.errors import InputRejected
from data.model.geo import Location
from data.model.observation import Detection, Detections, Reading, Tick
from data.model.zone import Zone
from data.ports.store import Store
from data.sql.store import open_for_reading, open_store
from detectors.yolo import Recipe as Yolo
from dispatch.responders import sync_responders
from engine.catalogue import load_catalogue
from engine.process.options import RunOptions
from engine.replay.answer import judged_otherwise, what_if
from engine.replay.judging import Changes, RuleChange, by_settings
from engine.replay.occurrences import as_text
from engine.replay.replayer import Replayer
from tests.engine.kept import LiveSite

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
UNTIL = NOON + timedelta(seconds=900)
LON = 106.5
WALK_M_S = 1.3
DEGREE_M = 111_195.08  # of latitude, on the sphere of 6,371,008.8 m
DETOUR = 1.3


def depth(above: float) -> Threshold:
    return Threshold(id="depth", quantity="water_depth", above=above)


def site(name: str, lat: float, above: float = 25) -> SiteSettings:
    return SiteSettings(id=name, location=Location(lon=LON, lat=lat), rules=(depth(above),))


def city(above: float) -> Settings:
    people = [
        ResponderSettings(id=name, name=name, location=Location(lon=LON, lat=lat))
        for name, lat in (("an", 29.601), ("bo", 29.615))
    ]
    return Settings(
        sites=(site("dip-1", 29.6, above), site("dip-2", 29.62, above)),
        responders=tuple(people),
        dispatch=DispatchSettings(automatic=AutomaticSettings(rules=("depth",))),
    )


def rise_and_fall(live: LiveSite, peak_at: int) -> None:
    """0.1 cm a second up to `peak_at` seconds, and down again."""
    for i in range(900):
        at = NOON + timedelta(seconds=i)
        value = max(0.0, min(i, 2 * peak_at - i) / 10)
        live.give(Reading(live.site.id, "gauge", "water_depth", value, at))
        live.give(Tick(live.site.id, at))
    live.log.close()


@pytest.fixture(scope="module")
def flood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VAR after a flood: 40 cm at dip-1, 20 cm at dip-2; two people on foot at their places."""
    var = tmp_path_factory.mktemp("var")
    for number, (name, lat, peak_at) in enumerate((("dip-1", 29.6, 400), ("dip-2", 29.62, 200))):
        rise_and_fall(LiveSite(var / "observations", site(name, lat), process=f"worker-{number}"), peak_at)
    with closing(open_store(var / "yiping.db")) as store:
        store.write(lambda writer: sync_responders(writer, city(25), NOON - timedelta(minutes=1)))
    return var


@pytest.fixture
def store(flood: Path) -> Iterator[Store]:
    with closing(open_for_reading(flood / "yiping.db")) as opened:
        yield opened


def second(at: str | None) -> float:
    assert at is not None
    return (datetime.fromisoformat(at) - NOON).total_seconds()


def told(flood: Path, store: Store, above: float, *without: str) -> dict[str, Any]:
    replayer = Replayer(flood / "observations", load_catalogue(), store)
    found = replayer.what_if(NOON, UNTIL, by_settings(city(above)), city(above), without=without)
    return found.described(NOON, UNTIL, without)


def walk_s(from_lat: float, to_lat: float) -> float:
    return round(abs(from_lat - to_lat) * DEGREE_M * DETOUR / WALK_M_S, 1)


def test_a_limit_of_15_instead_of_25_cm_is_100_s_earlier_at_one_place_and_new_at_the_other(
    flood: Path, store: Store
) -> None:
    """25 cm at 250 s, clear at 20 at 600 s; 15 cm at 150 s, clear at 12 at 680 s; at dip-2 150 s to 280 s."""
    found = told(flood, store, 15)
    assert (found["counts"], found["exact"], found["remarks"]) == ({"earlier": 1, "new": 1}, True, [])
    earlier, new = sorted(found["alerts"], key=lambda one: one["site"])
    assert (earlier["site"], earlier["what"], earlier["by_s"]) == ("dip-1", "earlier", -100)
    assert [second(earlier["before"][name]) for name in ("raised_at", "ended_at")] == [250, 600]
    assert [second(earlier["after"][name]) for name in ("raised_at", "ended_at")] == [150, 680]
    assert (new["site"], new["what"], "before" in new) == ("dip-2", "new", False)
    assert [second(new["after"][name]) for name in ("raised_at", "ended_at")] == [150, 280]
    assert (earlier["before"]["value"], earlier["after"]["value"], new["after"]["value"]) == (25.0, 15.0, 15.0)


def test_a_higher_limit_is_later_or_gone_and_the_same_limit_makes_no_difference(flood: Path, store: Store) -> None:
    later = told(flood, store, 30)
    assert later["counts"] == {"later": 1}
    assert later["alerts"][0]["by_s"] == 50
    assert told(flood, store, 50)["counts"] == {"gone": 1}
    same = told(flood, store, 25)
    assert (same["counts"], same["alerts"], same["dispatch"]) == ({"same": 1}, [], [])


def test_who_would_have_been_offered_and_when_there(flood: Path, store: Store) -> None:
    """Before: an at dip-1. With 15 cm both places at once: an at dip-1 100 s sooner, bo at dip-2."""
    found = {one["site"]: one for one in told(flood, store, 15)["dispatch"]}
    an_s, bo_s = walk_s(29.601, 29.6), walk_s(29.615, 29.62)
    assert [found["dip-1"][side]["offered"][0]["responder"] for side in ("before", "after")] == ["an", "an"]
    arrivals = [second(found["dip-1"][side]["offered"][0]["arrives_at"]) for side in ("before", "after")]
    assert arrivals == pytest.approx([250 + an_s, 150 + an_s], abs=0.11)
    assert found["dip-1"]["arrives_by_s"] == -100
    assert found["dip-2"]["before"] is None
    offered = found["dip-2"]["after"]["offered"][0]
    assert (offered["responder"], found["dip-2"]["after"]["automatic"]) == ("bo", True)
    assert second(offered["arrives_at"]) == pytest.approx(150 + bo_s, abs=0.11)


def test_one_responder_fewer(flood: Path, store: Store) -> None:
    """Without an, bo walks to dip-1; at 15 cm nobody is left for dip-2, and it says why."""
    found = told(flood, store, 25, "an")
    assert found["counts"] == {"same": 1}
    (only,) = found["dispatch"]
    bo_s, an_s = walk_s(29.615, 29.6), walk_s(29.601, 29.6)
    assert [only[side]["offered"][0]["responder"] for side in ("before", "after")] == ["an", "bo"]
    assert second(only["after"]["offered"][0]["arrives_at"]) == pytest.approx(250 + bo_s, abs=0.11)
    assert only["arrives_by_s"] == pytest.approx(bo_s - an_s, abs=0.11)
    both = {one["site"]: one for one in told(flood, store, 15, "an")["dispatch"]}
    assert both["dip-1"]["after"]["offered"][0]["responder"] == "bo"
    nobody = both["dip-2"]["after"]
    assert (nobody["offered"], nobody["shortfall"]) == ([], ["bo: busy with another task"])


def test_a_responder_nobody_knows_is_refused_by_name(flood: Path, store: Store) -> None:
    with pytest.raises(InputRejected, match="no responder ghost"):
        told(flood, store, 25, "ghost")


def test_a_single_change_is_made_to_the_rules_as_they_were(flood: Path, store: Store) -> None:
    replayer = Replayer(flood / "observations", load_catalogue(), store)
    change = Changes([RuleChange("dip-1", "depth", "above", 15)], load_catalogue())
    found = replayer.what_if(NOON, UNTIL, change, city(25))
    assert found.described(NOON, UNTIL)["counts"] == {"earlier": 1}
    for wrong in (RuleChange("dip-1", "depth", "above", "deep"), RuleChange("dip-1", "depth", "limit", 3)):
        with pytest.raises(InputRejected, match="dip-1"):
            replayer.what_if(NOON, UNTIL, Changes([wrong], load_catalogue()), city(25))


LEFT, MIDDLE = (tuple((x, y) for x, y in ((a, 0.5), (b, 0.5), (b, 1.0), (a, 1.0))) for a, b in ((0.0, 0.3), (0.4, 0.6)))
CAR = Detection((0.3, 0.1, 0.7, 0.9), 0.9, "car", 7)  # its foot is at 0.5, 0.9


def gate(outline: tuple[tuple[float, float], ...], *detectors: Yolo) -> SiteSettings:
    rule = Dwell(id="parked", labels=("car",), zone="lane", at_least=timedelta(seconds=60))
    zones = (Zone(id="lane", polygon=outline),)
    return SiteSettings(
        id="gate", location=Location(lon=LON, lat=29.6), rules=(rule,), zones=zones, detectors=detectors
    )


@pytest.fixture(scope="module")
def parked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VAR after three minutes with a car in the middle, while the zone lay on the left."""
    var = tmp_path_factory.mktemp("parked")
    live = LiveSite(var / "observations", gate(LEFT))
    for i in range(180):
        at = NOON + timedelta(seconds=i)
        live.give(Detections.of("gate", at, [CAR]))
        live.give(Tick("gate", at))
    live.log.close()
    open_store(var / "yiping.db").close()
    return var


def test_a_zone_that_lies_elsewhere_raises_what_stood_there(parked: Path) -> None:
    settings = Settings(sites=(gate(LEFT),))
    asked = {
        "since": NOON.isoformat(), "until": UNTIL.isoformat(), "sites": ["gate"],
        "zones": [{"site": "gate", "zone": "lane", "polygon": MIDDLE}],
    }  # fmt: skip
    found = judged_otherwise(RunOptions(settings=settings, var_dir=parked), asked)
    assert (found["counts"], found["notes"]) == ({"new": 1}, [])
    assert second(found["alerts"][0]["after"]["raised_at"]) == 60
    same = asked | {"zones": [{"site": "gate", "zone": "lane", "polygon": LEFT}]}
    assert judged_otherwise(RunOptions(settings=settings, var_dir=parked), same)["counts"] == {}


def test_what_stored_observations_cannot_answer_is_said(parked: Path) -> None:
    """Tiles of the zone were searched enlarged where it lay; and a zone and a rule that were not there."""
    options = RunOptions(settings=Settings(sites=(gate(LEFT, Yolo(closer=("lane",))),)), var_dir=parked)
    asked = {
        "since": NOON.isoformat(), "until": UNTIL.isoformat(), "sites": ["gate"],
        "zones": [{"site": "gate", "zone": name, "polygon": MIDDLE} for name in ("lane", "ramp")],
        "changes": [{"site": "gate", "rule": "depth", "setting": "above", "value": 3}],
    }  # fmt: skip
    notes = judged_otherwise(options, asked)["notes"]
    assert [(one["key"], one["values"]) for one in notes] == [
        ("zone_looked_into", {"site": "gate", "zone": "lane", "detector": "yolo"}),
        ("no_rule", {"site": "gate", "rule": "depth"}),
        ("no_zone", {"site": "gate", "zone": "ramp"}),
    ]
    assert "what it would have found in the other outline is not known" in notes[0]["text"]


def test_the_screens_question_is_answered_by_a_process_of_its_own_that_ends(flood: Path) -> None:
    options = RunOptions(settings=city(25), var_dir=flood)
    asked = {
        "since": NOON.isoformat(), "until": UNTIL.isoformat(), "sites": ["dip-1", "dip-2", "never-seen"],
        "changes": [{"site": site, "rule": "depth", "setting": "above", "value": 15} for site in ("dip-1", "dip-2")],
        "without": ["an"],
    }  # fmt: skip
    answer = what_if(options, asked)
    assert answer["counts"] == {"earlier": 1, "new": 1}
    assert json.loads(json.dumps(answer)) == answer == judged_otherwise(options, asked)
    for wrong, told_why in (
        ({"since": "yesterday"}, "since"),
        ({"until": (NOON + timedelta(days=3)).isoformat()}, "24 hours"),
        ({"sites": ["never-seen"]}, "nothing is kept"),
        ({"changes": [{"site": "dip-1"}]}, "a change lacks"),
    ):
        with pytest.raises(InputRejected, match=told_why):
            judged_otherwise(options, asked | wrong)


# ---- the command

ZONED = """\
sites:
  - id: gate
    location: {lon: 106.5, lat: 29.6}
    monitor: {kind: rtsp_camera, url: "rtsp://127.0.0.1/gate"}
    detectors: [{kind: yolo, closer: [lane]}]
    zones: [{id: lane, polygon: [[0.4, 0.5], [0.6, 0.5], [0.6, 1.0], [0.4, 1.0]]}]
    rules: [{kind: dwell, id: parked, labels: [car], zone: lane, at_least: 60s}]
"""

NEW = """\
sites:
  - id: dip-1
    location: {{lon: 106.5, lat: 29.6}}
    rules: [{{kind: threshold, id: depth, quantity: water_depth, above: {above}}}]
  - id: dip-2
    location: {{lon: 106.5, lat: 29.62}}
    rules: [{{kind: threshold, id: depth, quantity: water_depth, above: {above}}}]
responders:
  - {{id: an, name: an, location: {{lon: 106.5, lat: 29.601}}}}
  - {{id: bo, name: bo, location: {{lon: 106.5, lat: 29.615}}}}
dispatch: {{automatic: {{rules: [depth]}}}}
"""


def files(folder: Path) -> dict[Path, bytes]:
    """All that says something; readers of SQLite have a memory map of their own beside it."""
    kept = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm"))
    return {path: content for path in kept if (content := path.read_bytes())}


def command(root: Path, flood: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    span = ("--from", NOON.isoformat(), "--to", UNTIL.isoformat(), "--var", str(flood))
    return subprocess.run(
        [sys.executable, "app.py", "replay", *span, *arguments],
        cwd=root, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip


def test_the_command_prints_the_same_bytes_as_were_decided_live_and_leaves_no_trace(root: Path, flood: Path) -> None:
    before = files(flood)
    printed = command(root, flood, "--json")
    assert (printed.returncode, printed.stderr) == (0, "")
    live = Replayer(flood / "observations", load_catalogue()).live(NOON, UNTIL)
    assert printed.stdout == as_text(live)
    assert [json.loads(line)["site"] for line in printed.stdout.splitlines()] == ["dip-1"]
    assert files(flood) == before


def test_the_command_tells_what_another_outline_would_have_meant_and_what_nobody_can_know(
    root: Path, parked: Path, tmp_path: Path
) -> None:
    config = tmp_path / "new.yaml"
    config.write_text(ZONED, encoding="utf-8")
    printed = command(root, parked, "--config", str(config))
    assert printed.returncode == 0, printed.stderr
    assert "new: 2024-07-12T04:01:00.000000+00:00" in printed.stdout
    assert "note: gate: yolo looked into zone lane as it lay then" in printed.stderr


def test_the_command_tells_what_another_configuration_would_have_meant(root: Path, flood: Path, tmp_path: Path) -> None:
    config = tmp_path / "new.yaml"
    config.write_text(NEW.format(above=15), encoding="utf-8")
    printed = command(root, flood, "--config", str(config), "--without-responder", "an", "--json")
    assert (printed.returncode, printed.stderr) == (0, "")
    found = json.loads(printed.stdout)
    assert (found["counts"], found["without_responders"]) == ({"earlier": 1, "new": 1}, ["an"])
    words = command(root, flood, "--config", str(config)).stdout
    assert "earlier by 100 s" in words
    assert "new: " in words
    refused = command(root, flood, "--without-responder", "an")
    assert refused.returncode == 2
    assert "needs --config" in refused.stderr
    nothing = command(root, flood, "--site", "nowhere")
    assert (nothing.returncode, "nothing is kept of nowhere" in nothing.stderr) == (2, True)
