"""Gauge, camera, citizens and rain about one place: how sure we are, what follows, what contradicts. On the store."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.decisions import take_out_of_service, verify_alert
from alerts.lifecycle import raise_alert
from data.config.reading import ConfigError, load_settings
from data.model.alert import Alert, AlertKey, Priority, Raised
from data.model.alert_life import AlertStep, TakenStep, Verification
from data.model.case import Origin
from data.model.observation import Reading
from data.model.people import SYSTEM, Actor, Role
from data.model.task import TaskState
from data.model.vehicle import PermitState, VehicleSight
from data.ports.store import AlertQuery, TaskQuery
from data.sql.store import open_store
from dispatch.intake import Report, bring_in
from dispatch.responders import sync_responders
from dispatch.routing import Roads
from dispatch.tasks import accept, dispatch, en_route, on_scene, report
from engine.catalogue import load_catalogue
from engine.reactions.automatic import Automatic
from engine.reactions.fusing import Fusion
from engine.recording.ask import ask_clip
from tests.engine.fused_street import CITY, NOON, Street

OFFICER = Actor("zhao", Role.DUTY_OFFICER)


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    path = tmp_path / "config.yaml"
    path.write_text(CITY, encoding="utf-8")
    settings, _ = load_settings(path, load_catalogue(), {})
    store = open_store(f"sqlite:///{tmp_path}/yiping.db")
    store.write(lambda writer: sync_responders(writer, settings, NOON))
    yield Street(store, settings, Fusion(store, settings, Roads()))
    store.close()


def kinds(step: TakenStep) -> list[str]:
    return [proof.kind if proof.for_it else f"not {proof.kind}" for proof in step.proofs]


def test_the_gauge_alone_is_probable_and_with_the_camera_confirmed_each_with_its_evidence(street: Street) -> None:
    street.read(27.0)
    deep = street.alarm("depth")
    street.fuse()
    assert street.known(deep) is Verification.PROBABLE
    street.wait(20)
    street.look(0.8)
    seen = street.alarm("road-lost", Priority.P3, value=0.8)
    street.fuse()
    assert (street.known(deep), street.known(seen)) == (Verification.CONFIRMED, Verification.CONFIRMED)
    assert [(step.step.value, kinds(step)) for step in street.steps(deep)] == [
        ("suspect", ["gauge"]),
        ("confirm", ["gauge", "camera_water"]),
    ]
    gauge, camera = street.steps(deep)[-1].proofs
    assert (gauge.source, gauge.value, gauge.unit) == ("site:dip-1/road-gauge/water_depth", 27.0, "cm")
    assert gauge.text == "积水深度 ≥ 5"
    assert camera.source == "site:dip-1/flood_extent/flood_index"


def test_where_the_place_says_so_one_kind_of_evidence_sends_and_closing_a_road_still_asks(street: Street) -> None:
    (place,) = street.settings.fusion.places
    eager = street.settings.fusion.model_copy(update={"places": (place.model_copy(update={"tasks_when": "probable"}),)})
    settings = street.settings.model_copy(update={"fusion": eager})
    street.fusion = Fusion(street.store, settings, Roads())
    street.read(27.0)
    deep = street.alarm("depth")
    street.fuse()
    assert street.known(deep) is Verification.PROBABLE
    assert {title: task.state for title, task in street.tasks().items()} == {
        "排水抢险": TaskState.OFFERED,
        "现场疏导": TaskState.OFFERED,
        "封闭道路": TaskState.DRAFT,
    }


def test_one_gas_without_the_other_is_no_contradiction(tmp_path: Path) -> None:
    settings, _ = load_settings(_gas_config(tmp_path), load_catalogue(), {})
    store = open_store(f"sqlite:///{tmp_path}/yiping.db")
    try:
        tank = Street(store, settings, Fusion(store, settings, Roads()))
        raised = Raised(
            AlertKey("tank", "methane", "", ""), "threshold", Priority.P1, NOON, NOON, "methane", value=30.0
        )
        store.write(lambda writer: raise_alert(writer, raised, None, NOON, settings))
        tank.wait(600)
        for quantity, value in (("methane", 30.0), ("hydrogen_sulfide", 0.0)):
            reading = Reading("tank", quantity, quantity, value, tank.now)
            store.write(lambda writer, one=reading: writer.add_readings([one]))  # type: ignore[misc]
        tank.fuse()
        found = store.read(lambda reader: reader.alerts(AlertQuery(limit=10)))
        assert [(alert.key.rule, alert.verification) for alert in found] == [("methane", Verification.PROBABLE)]
    finally:
        store.close()


def _gas_config(folder: Path) -> Path:
    gauges = ", ".join(f"{{kind: http_push, id: {name}, quantity: {name}}}" for name in ("methane", "hydrogen_sulfide"))
    (folder / "config.yaml").write_text(
        "applications: [septic_tanks]\nsites:\n"
        f"  - {{id: tank, location: {{lon: 106.5, lat: 29.6}}, template: septic_tank, monitors: [{gauges}]}}\n",
        encoding="utf-8",
    )
    return folder / "config.yaml"


def test_a_camera_and_a_trucks_own_position_confirm_each_other_as_one_event_that_names_the_plate(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.yaml").write_text(
        "applications: [muck_trucks]\nlanguage: zh\nsites:\n"
        "  - {id: street, location: {lon: 106.5, lat: 29.6}, template: closed_street,\n"
        "     monitor: {kind: video_file, path: a.mp4}, monitors: [{kind: vehicle_push, id: gateway}]}\n"
        "responders:\n  - {id: law, name: 罗平, skills: [enforcement], location: {lon: 106.5, lat: 29.6}}\n",
        encoding="utf-8",
    )
    settings, _ = load_settings(tmp_path / "config.yaml", load_catalogue(), {})
    store = open_store(f"sqlite:///{tmp_path}/yiping.db")
    try:
        store.write(lambda writer: sync_responders(writer, settings, NOON))
        street = Street(store, settings, Fusion(store, settings, Roads()))
        vehicle = VehicleSight("渝A12345", 106.5, 29.6, 36.0, PermitState.NONE)
        key = AlertKey("street", "closed-street", "", "渝A12345")
        told = Raised(key, "geofence", Priority.P3, NOON, NOON, "truck", value=36.0, unit="km/h", vehicle=vehicle)
        seen = Raised(
            AlertKey("street", "crossing", "", "1"),
            "line_crossing",
            Priority.P3,
            NOON,
            NOON,
            "truck",
            0.7,
            (0, 0, 1, 1),
        )
        store.write(lambda writer: raise_alert(writer, told, None, NOON, settings))
        street.fuse()
        (alone,) = store.read(lambda reader: reader.alerts(AlertQuery()))
        assert (alone.verification, alone.event_id) == (Verification.PROBABLE, None)
        assert street.tasks() == {}, "nobody is sent by one kind of evidence"
        store.write(lambda writer: raise_alert(writer, seen, None, street.now, settings))
        street.fuse()
        both = store.read(lambda reader: reader.alerts(AlertQuery()))
        assert {alert.verification for alert in both} == {Verification.CONFIRMED}
        assert len({alert.event_id for alert in both} - {None}) == 1
        steps = store.read(lambda reader: reader.alert_steps(alone.id))
        (proofs,) = (step.proofs for step in steps if step.step is AlertStep.CONFIRM)
        assert [(proof.kind, proof.text) for proof in proofs] == [("camera_objects", "卡车"), ("position", "渝A12345")]
        tasks = street.tasks()
        assert {title: task.state for title, task in tasks.items()} == {
            "渣土车拦停检查": TaskState.OFFERED,
            "移交执法立案": TaskState.DRAFT,
        }
        assert tasks["渣土车拦停检查"].checklist[0] == "车牌 渝A12345，无通行许可，首次"
    finally:
        store.close()


def test_two_gauges_are_one_kind_and_confirm_nothing(street: Street) -> None:
    street.read(27.0)
    street.read(29.0, "second-gauge")
    deep = street.alarm("depth")
    street.fuse()
    assert street.known(deep) is Verification.PROBABLE
    assert kinds(street.steps(deep)[0]) == ["gauge", "gauge"]


def test_evidence_counts_only_while_it_is_fresh(street: Street) -> None:
    street.look(0.8)
    street.alarm("road-lost", Priority.P3, value=0.8)
    street.wait(121)  # the camera's window is two minutes
    street.read(27.0)
    deep = street.alarm("depth")
    street.fuse()
    assert street.known(deep) is Verification.PROBABLE
    street.look(0.8)
    street.fuse()
    assert street.known(deep) is Verification.CONFIRMED


def test_a_citizen_beside_the_gauge_confirms(street: Street) -> None:
    street.read(16.0)
    deep = street.alarm("depth", Priority.P3, value=16.0)
    street.fuse()
    assert street.known(deep) is Verification.PROBABLE
    street.store.write(lambda writer: bring_in(writer, flood_report(street), Origin.CITIZEN, SYSTEM, street.now,
                                              settings=street.settings))  # fmt: skip
    street.fuse()
    assert kinds(street.steps(deep)[-1]) == ["gauge", "citizen"]
    assert street.known(deep) is Verification.CONFIRMED


def test_a_grid_member_on_the_spot_confirms_alone(street: Street) -> None:
    seen = street.alarm(
        "road-lost", Priority.P3, value=0.8
    )  # no reading of the gauge, none of the camera that is fresh
    member = Actor("drain-1", Role.RESPONDER)
    street.store.write(lambda writer: bring_in(writer, flood_report(street), Origin.GRID, member, street.now,
                                               settings=street.settings))  # fmt: skip
    street.fuse()
    assert kinds(street.steps(seen)[-1]) == ["human"]
    assert street.known(seen) is Verification.CONFIRMED


def test_a_shelved_alert_and_a_gauge_under_repair_send_nobody(street: Street) -> None:
    street.read(27.0)
    street.look(0.9)
    deep = street.alarm("depth")
    street.alarm("road-lost", Priority.P3, value=0.9)
    street.store.write(
        lambda w: take_out_of_service(w, deep.id, OFFICER, street.now, work_order="W-7", reason="清洗探头")
    )
    street.fuse()
    assert street.known(deep) is Verification.PROBABLE, "the camera alone"
    assert street.tasks() == {}


def test_an_open_rain_alert_of_the_gauge_up_the_hill_speaks_for_it(street: Street) -> None:
    street.read(16.0)
    deep = street.alarm("depth", Priority.P3, value=16.0)
    raised = Raised(AlertKey("rain-8", "accumulation", "", ""), "accumulation", Priority.P2, NOON, NOON, "rainfall",
                    value=55.0, unit="mm")  # fmt: skip
    street.store.write(lambda writer: raise_alert(writer, raised, None, NOON, street.settings))
    street.fuse()
    assert kinds(street.steps(deep)[-1]) == ["gauge", "forecast"]


def flood_report(street: Street) -> Report:
    return Report(kind="waterlogging", location=street.settings.site("dip-1").location, title="下穿道积水了")


def test_one_human_confirms_and_may_dismiss_with_a_reason_which_the_system_does_not_take_back(street: Street) -> None:
    street.read(27.0)
    deep = street.alarm("depth")
    street.fuse()
    street.store.write(lambda w: verify_alert(w, deep.id, Verification.DISMISSED, (), OFFICER, street.now, "洒水车"))
    street.look(0.8)
    street.alarm("road-lost", Priority.P3, value=0.8)
    street.fuse()
    assert street.known(deep) is Verification.DISMISSED


def test_confirmed_deep_water_sends_city_management_and_drainage_and_asks_before_a_road_is_closed(
    street: Street,
) -> None:
    street.read(16.0)
    street.look(0.8)
    deep = street.alarm("depth", Priority.P3, value=16.0)
    street.alarm("road-lost", Priority.P3, value=0.8)
    street.fuse()
    assert street.known(deep) is Verification.CONFIRMED
    assert street.tasks() == {}, "below 25 cm nobody is sent"
    street.wait(60)
    street.read(27.0)
    street.look(0.9)
    street.alarm("depth", Priority.P2)
    street.fuse()
    tasks = street.tasks()
    assert {title: task.offered_to for title, task in tasks.items()} == {
        "排水抢险": "drain-1",
        "现场疏导": "urban-1",
        "封闭道路": None,
    }
    assert tasks["封闭道路"].state is TaskState.DRAFT
    street.wait(30)
    street.fuse()
    assert len(street.tasks()) == 3, "asked twice, made once"
    closing = street.store.write(
        lambda w: dispatch(w, deep.id, OFFICER, street.now, roads=Roads(), settings=street.settings)
    )
    assert (closing.title, closing.offered_to) == ("封闭道路", "traffic-1")


def test_two_that_judge_at_the_same_time_say_and_do_everything_once(street: Street) -> None:
    street.read(27.0)
    street.look(0.8)
    deep = street.alarm("depth")
    street.alarm("road-lost", Priority.P3, value=0.8)
    others = [Fusion(street.store, street.settings, Roads()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: [one.poll(street.now) for _ in range(3)], others))
    assert [step.step for step in street.steps(deep)] == [AlertStep.CONFIRM]
    assert len(street.store.read(lambda reader: reader.tasks(TaskQuery(limit=100)))) == 3


def test_the_recession_verifies_the_work_that_was_reported(street: Street) -> None:
    street.read(27.0)
    street.look(0.9)
    street.alarm("depth")
    street.alarm("road-lost", Priority.P3, value=0.9)
    street.fuse()
    task = street.tasks()["排水抢险"]
    drain = Actor("drain-1", Role.RESPONDER)
    for step in (accept, en_route, on_scene):
        street.store.write(lambda writer, step=step: step(writer, task.id, drain, street.now))  # type: ignore[misc]
    street.wait(60)
    street.store.write(lambda writer: report(writer, task.id, drain, street.now, "已抽排", None))
    street.read(3.0)  # at the very moment of the report: before it, for all we know
    street.look(0.1)
    street.over("depth")
    street.over("road-lost")
    street.fuse()
    assert street.tasks()["排水抢险"].state is TaskState.REPORTED
    street.wait(30)
    street.read(2.0)
    street.fuse()
    done = street.tasks()["排水抢险"]
    assert (done.state, done.verified_by) == (TaskState.CLOSED, "system")
    (entry,) = [
        e for e in street.store.read(lambda r: r.audit(subject=f"task:{task.id}", limit=100)) if e.action == "verify"
    ]
    assert entry.detail["source"] == "dip-1/road-gauge/water_depth"
    assert (entry.detail["value"], entry.detail["unit"]) == (2.0, "cm")


def test_a_deep_gauge_and_a_dry_camera_raise_a_sensor_fault_task_and_hide_nothing(street: Street) -> None:
    street.read(40.0)
    street.look(0.05)
    deep = street.alarm("depth", value=40.0)
    street.store.write(lambda writer: ask_clip(writer, deep, street.now, street.now, street.settings))
    street.fuse()
    assert kinds(street.steps(deep)[-1]) == ["gauge", "not camera_water"]
    assert street.known(deep) is Verification.PROBABLE
    assert street.tasks() == {}
    street.wait(181)
    street.read(40.0)
    street.look(0.05)
    street.fuse()
    (fault,) = [a for a in open_alerts(street) if a.kind == "sensor_fault"]
    (task,) = street.tasks().values()
    assert task.alert_id == fault.id
    clips = street.store.read(lambda reader: reader.clips_of_alert(fault.id))
    assert [one.site for one in clips] == ["dip-1", "dip-1"], "that of the deep gauge's alert, and one of now"
    assert task.title == "下穿道 · 水位计与画面传感器互相矛盾"
    assert kinds(street.steps(fault)[-1]) == ["gauge", "not camera_water"]
    still = street.store.read(lambda reader: reader.alert(deep.id))
    assert still.is_open
    assert not still.is_suppressed(street.now)
    street.wait(5)
    street.look(0.8)
    street.fuse()
    street.alarm("road-lost", Priority.P3, value=0.8)
    street.fuse()
    assert [a.kind for a in open_alerts(street) if a.kind == "sensor_fault"] == []
    assert street.known(deep) is Verification.CONFIRMED


def test_what_was_confirmed_stays_so_when_the_camera_turns_dry_and_that_is_told(street: Street) -> None:
    street.read(27.0)
    street.look(0.8)
    deep = street.alarm("depth")
    street.alarm("road-lost", Priority.P3, value=0.8)
    street.fuse()
    street.over("road-lost")
    street.wait(30)
    street.read(27.0)
    street.look(0.05)
    street.fuse()
    street.fuse()
    assert street.known(deep) is Verification.CONFIRMED
    assert [kinds(step) for step in street.steps(deep)] == [["gauge", "camera_water"], ["gauge", "not camera_water"]]


def open_alerts(street: Street) -> list[Alert]:
    return list(street.store.read(lambda reader: reader.alerts(AlertQuery(open_only=True))))


def test_a_person_in_the_river_goes_out_on_probable_at_once(street: Street) -> None:
    street.now = datetime.now(UTC)
    swimmer = street.alarm("person", Priority.P1)
    street.fuse()
    Automatic(street.store, street.settings, Roads()).poll()
    assert street.known(swimmer) is Verification.PROBABLE
    assert kinds(street.steps(swimmer)[-1]) == ["camera_objects"]
    (task,) = street.tasks().values()
    assert task.state is TaskState.OFFERED


def test_alerts_about_gauges_are_no_evidence_of_water(street: Street) -> None:
    key = AlertKey("dip-1", "silence", "", "road-gauge/water_depth")
    raised = Raised(key, "silence", Priority.P4, street.now, street.now, "water_depth")
    silent = street.store.write(lambda writer: raise_alert(writer, raised, None, street.now, street.settings))
    assert silent is not None
    street.fuse()
    assert street.known(silent) is Verification.UNVERIFIED


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("rules: [depth, road-lost]", "rules: [deepth]", "fusion.places[0].rules[0]", "did you mean 'depth'"),
        ("rain: [rain-8]", "rain: [rain-9]", "fusion.places[0].rain[0]", "did you mean 'rain-8'"),
        ("    - id: dip-1\n      rules", "    - id: dip-2\n      rules", "fusion.places[0].id", "no site 'dip-2'"),
        ("ask: [{title: 封闭道路", "ask: [{title: 排水抢险", "fusion.places[0]", "two tasks are called 排水抢险"),
    ],
)
def test_what_is_fused_must_be_there(tmp_path: Path, old: str, new: str, where: str, said: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CITY.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, load_catalogue(), {})
    (problem,) = caught.value.problems
    assert problem.path == where
    assert problem.line > 0
    assert said in problem.message
