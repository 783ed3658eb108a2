"""This computer's clock is set, an hour forward or back: what gauges and cameras wait for goes on, and it is said."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.dwell import Recipe as Dwell
from alerts.silence import Recipe as Silence
from alerts.threshold import Recipe as Threshold
from data.config.settings import Settings, SiteSettings
from data.model.camera_health import HealthSettings
from data.ports.store import AlertQuery
from data.sql.store import open_store
from engine.process.wall_clock import WallClock, moved_back
from engine.reactions.clock_watch import ClockWatch, open_alarms
from engine.sensors import OF_OLD_CLOCK
from monitors.gauges._gauge import GaugeRecipe, Measured
from monitors.gauges.http_poll import Recipe as HttpPoll
from tests.engine.city import CHONGQING, Cities
from tests.engine.gauge_site import BEGAN, SITE, Town
from tests.engine.kinds import Brightness, LampCamera
from tests.servers.http_answers import AnsweringServer, http_answers

HOUR = timedelta(hours=1)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.end()


def test_steps_of_the_clock_are_told_from_its_going_on() -> None:
    wall_s, steady_s = 1000.0, 50.0
    clock = WallClock(lambda: wall_s, lambda: steady_s)
    jumps = []
    for wall_step_s, steady_step_s in ((1, 1), (0, 1), (3601, 1), (600, 600), (-3599, 1), (1, 1)):  # 2nd: a leap second
        wall_s, steady_s = wall_s + wall_step_s, steady_s + steady_step_s
        jumps.append(clock.jump().total_seconds())
    assert jumps == [0, 0, 3600, 0, -3600, 0]


def test_what_a_rule_remembers_moves_back_with_our_clock_and_stays_where_it_is_not_ours() -> None:
    later, now = BEGAN + HOUR, BEGAN + timedelta(minutes=1)
    ours = {"series": {"a": [[later.isoformat(), 2.5, 1_000_000, 3]]}, "n": "12", "none": None}
    assert moved_back(ours, -HOUR, now) == {
        "series": {"a": [[BEGAN.isoformat(), 2.5, 1_000_000, 3]]}, "n": "12", "none": None
    }  # fmt: skip
    theirs = {"a": [BEGAN.isoformat(), 1.0]}
    assert moved_back(theirs, -HOUR, now) == theirs


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["an hour forward", "an hour back"])
def test_gauges_are_judged_told_silent_and_kept_after_the_clock_was_set(town: Town, jump: timedelta) -> None:
    for _ in range(40):
        town.pass_time(1)
        town.say("a", 4.0, town.wall)
        town.say("b", 4.0, town.wall)
    town.wall += jump
    for _ in range(5):
        town.pass_time(1)
        town.say("a", 4.0, town.wall)
        town.say("b", 4.0, town.wall)
    assert town.alerts(open_only=False) == [], "a jump is no silence"
    town.say("a", 30.0, town.wall + timedelta(milliseconds=1))
    assert len(town.alerts("deep")) == 1
    town.pass_time(1)
    town.say("a", 4.0, town.wall)
    assert town.alerts("deep") == []
    for _ in range(70):
        town.pass_time(1)
        town.say("b", 4.0, town.wall)
    assert town.silent() == {"a"}
    assert len(town.readings()) == 90 + 2 + 70
    newest = {reading.monitor: reading.at for reading in town.store.read(lambda reader: reader.latest_readings())}
    assert newest["b"] == town.wall
    (said,) = [reason for reason in town.rejects() if "clock" in reason]
    assert said.startswith(f"this computer's clock was put {'forward' if jump > timedelta(0) else 'back'} by 3600 s")


def test_a_reading_on_its_way_while_the_clock_is_put_back_holds_up_nothing_that_follows(town: Town) -> None:
    """It bears the time that was wrong: an hour later than whatever is measured from now on."""
    for _ in range(5):
        town.pass_time(1)
        town.say("a", 4.0, town.wall)
    device = town.device("a")
    assert isinstance(device.recipe, GaugeRecipe)
    on_its_way = device.recipe.reading(SITE, Measured(4.0, town.wall, "cm"), town.wall)
    town.wall -= HOUR
    town.come((device, on_its_way))
    for _ in range(3):
        town.pass_time(1)
        town.say("a", 40.0, town.wall)
    assert len(town.alerts("deep")) == 1
    assert town.rejects().count(OF_OLD_CLOCK) == 1
    excerpts = [one.excerpt for one in town.store.read(lambda reader: reader.rejects(limit=10)) if one.monitor == "a"]
    assert excerpts == ["water_depth 4 cm of 2026-07-12T08:00:05+00:00"]
    newest = {reading.monitor: reading.at for reading in town.store.read(lambda reader: reader.latest_readings())}
    assert newest["a"] == town.wall


def test_what_is_pending_goes_on_when_the_clock_is_put_back(tmp_path: Path) -> None:
    slow = Threshold(id="deep", quantity="water_depth", above=25, pending_for=timedelta(seconds=30))
    town = Town(tmp_path, rules=(slow,))
    for second in range(45):
        if second == 20:
            town.wall -= HOUR
        town.pass_time(1)
        town.say("a", 40.0, town.wall)
        assert (second < 28) is not bool(town.alerts("deep")) or 28 <= second <= 34, second
    assert len(town.alerts("deep")) == 1
    town.end()


def test_the_alarm_about_the_clock_stands_ten_minutes(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "yiping.db"))
    wall, steady_s = BEGAN, 10.0
    watch = ClockWatch(store, Settings(), lambda: wall, lambda: steady_s)
    watch.poll()
    assert store.read(open_alarms) == []
    wall, steady_s = wall - HOUR, steady_s + 1
    watch.poll()
    (alert,) = store.read(open_alarms)
    assert (round(alert.value or 0), alert.unit) == (-3601, "s")
    again = ClockWatch(store, Settings(), lambda: wall, lambda: steady_s)  # after a restart
    for _ in range(602):
        wall, steady_s = wall + timedelta(seconds=1), steady_s + 1
        again.poll()
    assert store.read(open_alarms) == []
    store.close()


def test_each_jump_of_the_clock_is_told_with_its_own_seconds_also_when_it_goes_back_and_forth(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "yiping.db"))
    wall, steady_s = BEGAN, 10.0
    watch = ClockWatch(store, Settings(), lambda: wall, lambda: steady_s)
    watch.poll()
    for jump in (HOUR, -HOUR, -HOUR, HOUR):
        wall, steady_s = wall + jump + timedelta(seconds=1), steady_s + 1
        watch.poll()
        (alert,) = store.read(open_alarms)
        assert (alert.value, alert.unit) == (jump.total_seconds(), "s")
    for _ in range(601):
        wall, steady_s = wall + timedelta(seconds=1), steady_s + 1
        watch.poll()
    assert store.read(open_alarms) == []
    assert len(store.read(lambda reader: reader.alerts(AlertQuery(of=("clock",))))) == 4
    store.close()


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with http_answers() as server:
        yield server


def depth(server: AnsweringServer, value: float) -> None:
    server.answer("/depth", str(value).encode())


@pytest.fixture(scope="session")
def settable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that lets a test set the wall clock of the processes that load it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt-get install gcc libc6-dev")
    library = tmp_path_factory.mktemp("clock") / "set_clock.so"
    source = Path(__file__).with_name("set_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
    return library


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("offset", [3600, -3600])
def test_the_real_processes_go_on_by_a_clock_that_was_set(  # noqa: PLR0917 - fixtures
    city: Cities,
    server: AnsweringServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settable: Path,
    offset: int,
) -> None:
    """A camera and a gauge of one city; the wall clock of its processes is set while they run."""
    setting = tmp_path / "offset"
    setting.write_text("0\n")
    monkeypatch.setenv("LD_PRELOAD", str(settable))
    monkeypatch.setenv("WALL_CLOCK_OFFSET", str(setting))
    depth(server, 5)
    folder = tmp_path / "lamps" / "lamp"
    folder.mkdir(parents=True)
    lamp = SiteSettings(
        id="lamp",
        location=CHONGQING,
        monitor=LampCamera(folder=folder),
        detectors=(Brightness(),),
        rules=(Dwell(at_least=timedelta(seconds=5)),),
        health=HealthSettings(enabled=False),
    )
    gauge = HttpPoll(id="probe", url=server.url("/depth"), quantity="water_depth", unit="cm", every="200ms")
    dip = SiteSettings(
        id="dip",
        location=CHONGQING,
        monitor=gauge,
        rules=(
            Threshold(id="deep", quantity="water_depth", above=25, clear_at=20, pending_for=timedelta(seconds=2)),
            Silence(id="mute", after=timedelta(seconds=4), monitor="probe"),
        ),
    )
    one = city(sites=(lamp, dip))
    one.start()
    one.wait_for(lambda: one.health("lamp") == "live" and one.health("dip") == "live")
    began = datetime.now(UTC)
    one.wait_for(lambda: datetime.now(UTC) - began > timedelta(seconds=3))
    setting.write_text(f"{offset}\n")
    one.wait_for(lambda: "in the time of the clock that was set" in one.running.log if one.running else False, 15)
    assert [*one.alerts("lamp"), *one.alerts("dip")] == [], "the jump itself is nothing that happened there"
    one.set("lamp", "bright")
    depth(server, 40)
    one.wait_for(lambda: one.alerts("lamp", open_only=True) and one.alerts("dip", open_only=True), 20)
    (stay,) = one.alerts("lamp")
    assert 5 <= (stay.raised_at - stay.started_at).total_seconds() < 10
    ahead_s = (stay.raised_at - datetime.now(UTC)).total_seconds()
    assert abs(ahead_s - offset) < 30
    depth(server, 5)
    one.wait_for(lambda: not one.alerts("dip", open_only=True), 10)
    server.answer("/depth", b"", status=503)
    one.wait_for(lambda: [alert.key.rule for alert in one.alerts("dip", open_only=True)] == ["mute"], 20)
    (said,) = one.store.read(lambda reader: reader.alerts(AlertQuery(of=("clock",))))
    assert abs((said.value or 0) - offset) < 5
