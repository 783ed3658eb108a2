"""A recorded night as a drill: the same alerts in a store of its own, and nothing that reaches anybody."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.lifecycle import acknowledge
from data.config.dispatch import AutomaticSettings, DispatchSettings
from data.config.drill import DrillSettings
from data.config.heartbeat import HeartbeatSettings
from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.config.settings import ResponderSettings, Settings
from data.errors import InputRejected
from data.local.drill_folder import NIGHT, read_told
from data.local.vault import FolderVault
from data.model.drill import Drill
from data.model.people import Actor, Role
from data.model.task import TaskState
from data.ports.store import AlertQuery, TaskQuery
from data.sql.store import open_store
from dispatch.drill_times import Response, compared, responses
from dispatch.routing import Roads
from dispatch.tasks import dispatch
from engine.catalogue import load_catalogue
from engine.demo.responders import Streets, move_once
from engine.drill.player import Player, lines, pictures_of
from engine.drill.prepare import begin_drill, drill_settings, passages_of, prepare_drill
from engine.drill.responders import VirtualResponders, take_step
from engine.process.options import RunOptions
from engine.run import shares
from notices.webhook import Recipe as Webhook
from tests.engine.recorded_night import ACKNOWLEDGED_AFTER, BEGAN, SITE, UNDERPASS, UNTIL, record_night
from web.accounts import add_user

DRILL_BEGAN = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
DRILL = Drill(BEGAN, UNTIL, 4.0, DRILL_BEGAN)
OFFICER = Actor("zhao", Role.DUTY_OFFICER)
CITY = Settings(
    name="测试街道",
    sites=(UNDERPASS,),
    responders=(ResponderSettings(id="zhang", name="张", travel="walk", location={"lon": 106.51, "lat": 29.58}),),
    notices=NoticeSettings(
        channels=(Webhook(id="alarm", url="http://127.0.0.1:9/alarm"),),
        policies=(PolicySettings(id="all", steps=(StepSettings(channels=("alarm",)),)),),
    ),
    heartbeat=HeartbeatSettings(url="http://127.0.0.1:9/beat"),
    dispatch=DispatchSettings(automatic=AutomaticSettings(rules=("deep",))),
    drill=DrillSettings(accept_after=timedelta(seconds=20), work_for=timedelta(seconds=60), unanswered=0.0),
)


@pytest.fixture
def city(tmp_path: Path) -> RunOptions:
    var = tmp_path / "var"
    var.mkdir()
    alerts = record_night(var)
    assert [(one.key.site, one.key.rule, one.priority) for one in alerts] == [(SITE, "deep", "P1")]
    with closing(open_store(var / "yiping.db")) as store:
        add_user(store, "zhao", Role.DUTY_OFFICER, "zhao-kettle-harbour-42")
    return RunOptions(settings=CITY, var_dir=var)


def tree(folder: Path) -> dict[str, str]:
    """Every file below the folder with the digest of its content."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "drills" not in path.parts]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(("-shm", "-wal"))  # SQLite's, also for who only reads
    }


def begun(city: RunOptions) -> RunOptions:
    """A drill that has just begun; the options of its processes."""
    return begin_drill(city, prepare_drill(city, DRILL, city.var_dir / "drills" / "one"), DRILL)


def play(here: RunOptions, city: RunOptions) -> int:
    """The whole night at once; how many units were put in."""
    with closing(open_store(here.store)) as store:
        night = [Response.of(one) for one in read_told(here.var_dir / NIGHT)["night"]]
        player = Player(store, here, store.read(lambda reader: pictures_of(reader, night)))
        count = 0
        for line in lines(passages_of(city, DRILL), load_catalogue(), DRILL):
            units = player.units(line)
            player.commit(units)
            count += sum(1 for unit in units if unit.number)
        return count


def test_the_nights_alert_comes_again_at_the_drills_time_with_its_picture_and_only_once(city: RunOptions) -> None:
    before = tree(city.var_dir)
    here = begun(city)
    assert play(here, city) >= 2
    assert play(here, city) == 0, "a player that begins anew gives nothing twice"
    with closing(open_store(city.store)) as real, closing(open_store(here.store)) as store:
        (then,) = real.read(lambda reader: reader.alerts(AlertQuery()))
        (now,) = store.read(lambda reader: reader.alerts(AlertQuery()))
        readings = store.read(
            lambda reader: reader.readings(SITE, since=DRILL_BEGAN, until=DRILL.ends + timedelta(seconds=1))
        )
    assert (now.key, now.kind, now.priority, now.value) == (then.key, then.kind, then.priority, then.value)
    assert now.raised_at == DRILL_BEGAN + (then.raised_at - BEGAN) / 4
    assert then.ended_at is not None
    assert now.ended_at == DRILL_BEGAN + (then.ended_at - BEGAN) / 4
    assert now.evidence == then.evidence is not None
    assert now.acknowledged_at is None, "what people did then is not done again"
    assert len(readings) == 120
    assert tree(city.var_dir) == before


def test_nothing_of_the_city_that_reaches_anybody_is_in_a_drills_settings() -> None:
    found = drill_settings(CITY)
    assert found.notices.channels == () == found.notices.policies
    assert found.heartbeat is None
    assert found.accounts.oidc is None
    assert not found.recording.enabled
    assert found.config == "file"
    assert found.store is None
    assert found.name == "【演练 DRILL】测试街道"
    assert shares(found) == []


def test_a_drill_needs_observations_a_new_folder_and_a_speed_up_to_ten(city: RunOptions, tmp_path: Path) -> None:
    later = Drill(BEGAN + timedelta(days=1), UNTIL + timedelta(days=1), 1.0, DRILL_BEGAN)
    with pytest.raises(InputRejected, match="no observations are kept"):
        prepare_drill(city, later, tmp_path / "drill")
    assert not (tmp_path / "drill").exists()
    (tmp_path / "there").mkdir()
    with pytest.raises(InputRejected, match="is there already"):
        prepare_drill(city, DRILL, tmp_path / "there")
    with pytest.raises(InputRejected, match="1 to 10 times"):
        replace(DRILL, speed=11.0)


def test_virtual_responders_accept_travel_arrive_work_and_report_faster_by_the_speed(city: RunOptions) -> None:
    here = begun(city)
    play(here, city)
    virtual, streets = VirtualResponders(CITY.drill, DRILL.speed), Streets(Roads(), {}, {})
    with closing(open_store(here.store)) as store:
        (alert,) = store.read(lambda reader: reader.alerts(AlertQuery()))
        sent = alert.raised_at + timedelta(seconds=30)
        task = store.write(
            lambda writer: dispatch(writer, alert.id, OFFICER, sent, roads=Roads(), settings=here.settings)
        )
        reached: dict[TaskState, float] = {}
        for second in range(1, 90):
            now = sent + timedelta(seconds=second)
            move_once(store, streets, now, DRILL.speed)
            for step in store.read(lambda reader, now=now: virtual.due(reader, now)):  # type: ignore[misc]
                assert take_step(store, FolderVault(here.evidence_dir), step, now)
                reached[step.what] = second
        (done,) = store.read(lambda reader: reader.tasks(TaskQuery()))
    assert done.id == task.id
    assert list(reached) == [TaskState.ACCEPTED, TaskState.EN_ROUTE, TaskState.ON_SCENE, TaskState.REPORTED]
    assert reached[TaskState.ACCEPTED] == 5  # 20 s at four times the speed
    assert reached[TaskState.REPORTED] - reached[TaskState.ON_SCENE] == 15  # 60 s
    assert done.responder == "zhang"


def test_the_shift_is_scored_by_the_clock_on_the_wall_and_beside_the_night(city: RunOptions) -> None:
    here = begun(city)
    play(here, city)
    with closing(open_store(here.store)) as store:
        (alert,) = store.read(lambda reader: reader.alerts(AlertQuery()))
        store.write(lambda writer: acknowledge(writer, alert.id, OFFICER, alert.raised_at + timedelta(seconds=12)))
        found = store.read(lambda reader: responses(reader, DRILL_BEGAN, DRILL.ends, speed=4.0))
    night = [Response.of(one) for one in read_told(here.var_dir / NIGHT)["night"]]
    told = compared(DRILL, found, night, CITY.drill.limits, DRILL.ends)
    acknowledged = next(step for step in told["steps"] if step["step"] == "acknowledged")
    assert acknowledged["limits_s"] == {"P1": 60.0, "P2": 180.0, "P3": 900.0}
    assert acknowledged["drill"] == {"of": 1, "within": 1, "over": 0, "open": 0, "median_s": 12.0, "worst_s": 12.0}
    late = ACKNOWLEDGED_AFTER.total_seconds()
    assert acknowledged["night"] == {"of": 1, "within": 0, "over": 1, "open": 0, "median_s": late, "worst_s": late}
    (row,) = told["alerts"]
    assert (row["drill"]["acknowledged"], row["night"]["acknowledged"]) == (12.0, late)
    assert told["only_in_the_night"] == []
