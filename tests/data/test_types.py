"""What the types of the ground promise."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from data.errors import Forbidden, InputRejected
from data.model.alert import Alert, AlertKey, AlertState, Priority
from data.model.durations import format_duration, parse_duration
from data.model.geo import Location, distance_m
from data.model.observation import Detection, Detections, Reading, Tick
from data.model.people import PERMITTED, Action, Actor, Role
from data.model.record import GENESIS, AuditEntry, broken_link
from data.model.secrets import Credentials, redact, with_credentials
from data.model.task import Task, TaskState
from data.model.units import convert
from data.model.zone import Zone

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)


def test_detections_refuse_parts_that_do_not_fit_and_name_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"xyxy: expected shape \(2, 4\), got \(1, 4\)"):
        Detections(
            "gate-3",
            NOON,
            np.zeros((1, 4), np.float32),
            np.zeros(2, np.float32),
            ("car", "bus"),
            np.zeros(2, np.int64),
        )


def test_detections_give_back_what_they_were_made_of() -> None:
    car = Detection((0.25, 0.5, 0.5, 0.75), 0.5, "car", 7)
    bus = Detection((0.0, 0.0, 1.0, 1.0), 0.25, "bus", None)
    seen = Detections.of("gate-3", NOON, [car, bus])
    assert list(seen) == [car, bus]
    assert seen.feet.tolist() == [[0.375, 0.75], [0.5, 1.0]]
    assert list(Detections.of("gate-3", NOON, [])) == []


def test_times_that_are_naive_or_not_utc_are_refused() -> None:
    with pytest.raises(ValueError, match="timezone-aware UTC"):
        Tick("gate-3", NOON.replace(tzinfo=None))
    with pytest.raises(ValueError, match="timezone-aware UTC"):
        Reading("gate-3", "m", "water_depth", 1.0, NOON.astimezone(timezone(timedelta(hours=8))))


def alert(**times: Any) -> Alert:
    key = AlertKey("gate-3", "dwell", "lane", "1")
    return replace(Alert(key, "dwell", Priority.P3, NOON, NOON), **times)


def test_an_alert_state_follows_from_its_times() -> None:
    assert alert().state is AlertState.FIRING
    assert alert(acknowledged_at=NOON).state is AlertState.ACKNOWLEDGED
    assert alert(ended_at=NOON).state is AlertState.RETURNED
    assert alert(ended_at=NOON, acknowledged_at=NOON).state is AlertState.CLOSED


def test_a_task_state_is_the_last_step_reached() -> None:
    task = Task(1, "move the car", Priority.P3, Location(lon=106.5, lat=29.6), NOON, "li")
    assert task.state is TaskState.DRAFT
    assert replace(task, offered_to="zhang").state is TaskState.OFFERED
    accepted = replace(task, offered_to="zhang", responder="zhang", accepted_at=NOON)
    assert accepted.state is TaskState.ACCEPTED
    assert replace(accepted, en_route_at=NOON, on_scene_at=NOON).state is TaskState.ON_SCENE
    assert replace(accepted, reported_at=NOON).state is TaskState.REPORTED
    assert not replace(accepted, verified_at=NOON, closed_at=NOON).is_open


def test_an_audit_chain_shows_where_it_was_changed() -> None:
    first = AuditEntry(NOON, "li", "operator", "acknowledge", "alert:1", {"说明": "看到了"})
    first = replace(first, previous_hash=GENESIS, hash=first.digest(GENESIS))
    second = AuditEntry(NOON, "wang", "responder", "accept", "task:1", {})
    second = replace(second, previous_hash=first.hash, hash=second.digest(first.hash))
    assert broken_link([first, second]) is None
    forged = replace(first, actor="somebody else")
    assert broken_link([forged, second]) is forged
    assert broken_link([second]) is second


@pytest.mark.parametrize(
    ("text", "seconds"), [("180s", 180), ("3min", 180), ("2h", 7200), ("1d", 86400), ("250ms", 0.25), ("1.5min", 90)]
)
def test_a_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", [180, 1.5, "180", "three minutes", "5 weeks", True])
def test_a_duration_without_a_known_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"duration"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**7))
def test_a_written_duration_reads_back_as_itself(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_units_convert_within_a_dimension_and_refuse_across() -> None:
    assert convert(1.5, "m", "water_depth") == pytest.approx(150.0)
    assert convert(20.0, "ft", "water_level") == pytest.approx(6.096)
    with pytest.raises(InputRejected, match=r"kept in cm; 'mm/h' cannot"):
        convert(3.0, "mm/h", "water_depth")
    with pytest.raises(InputRejected, match=r"cannot be converted"):
        convert(3.0, "bananas", "water_depth")
    with pytest.raises(InputRejected, match=r"no quantity 'wetness'"):
        convert(3.0, "m", "wetness")


@pytest.mark.parametrize(
    ("value", "unit", "quantity", "own"),
    [
        (10_000.0, "ppm", "methane", 20.0),
        (1.0, "%vol", "methane", 20.0),
        (20.0, "%lel", "methane", 20.0),
        (10.0, "mg/m³", "hydrogen_sulfide", 7.058),
        (30.0, "mg/m3", "carbon_monoxide", 25.764),
        (209_000.0, "ppm", "oxygen", 20.9),
        (7.0, "µmol/mol", "hydrogen_sulfide", 7.0),
    ],
)
def test_a_gas_is_told_as_a_part_of_the_air_or_as_a_mass_in_it(
    value: float, unit: str, quantity: str, own: float
) -> None:
    assert convert(value, unit, quantity) == pytest.approx(own, abs=0.001)


@pytest.mark.parametrize(
    ("unit", "quantity"),
    [("mg/m³", "methane"), ("%LEL", "hydrogen_sulfide"), ("%LEL", "gas_concentration"), ("m", "oxygen")],
)
def test_a_gas_is_not_told_in_a_unit_that_says_nothing_of_it(unit: str, quantity: str) -> None:
    with pytest.raises(InputRejected, match="cannot be converted"):
        convert(1.0, unit, quantity)


def test_a_zone_knows_which_points_lie_inside() -> None:
    lane = Zone(id="lane", polygon=((0.1, 0.1), (0.9, 0.1), (0.9, 0.5), (0.5, 0.5), (0.5, 0.9), (0.1, 0.9)))
    points = np.array([[0.2, 0.2], [0.7, 0.7], [0.3, 0.8], [0.95, 0.3]], np.float32)
    assert lane.contains(points).tolist() == [True, False, True, False]
    assert lane.contains(np.zeros((0, 2), np.float32)).tolist() == []


def test_a_zone_outside_the_picture_or_without_area_is_refused() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        Zone(id="lane", polygon=((0.1, 0.1), (1.2, 0.1), (0.5, 0.5)))
    with pytest.raises(ValidationError, match="no area"):
        Zone(id="lane", polygon=((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)))


def test_a_degree_of_latitude_is_111_km() -> None:
    assert distance_m(Location(lon=106.5, lat=29.0), Location(lon=106.5, lat=30.0)) == pytest.approx(111_195, rel=1e-3)


def test_every_role_stands_in_the_table_and_a_refusal_names_role_and_action() -> None:
    assert set(PERMITTED) == set(Role)
    with pytest.raises(Forbidden, match="role responder may not dispatch"):
        Actor("zhang", Role.RESPONDER).require(Action.DISPATCH)
    Actor("li", Role.OPERATOR).require(Action.DISPATCH)


def test_no_secret_is_printed() -> None:
    login = Credentials(username="admin", password=SecretStr("p@ss:word/1"))
    url = with_credentials("rtsp://10.0.0.5:554/main", login)
    assert url == "rtsp://admin:p%40ss%3Aword%2F1@10.0.0.5:554/main"
    assert "p@ss" not in repr(login)
    assert redact(f"[Errno 111] Connection refused: '{url}'") == (
        "[Errno 111] Connection refused: 'rtsp://***@10.0.0.5:554/main'"
    )


def test_domain_values_can_be_sent_to_another_process() -> None:
    seen = Detections.of("gate-3", NOON, [Detection((0, 0, 1, 1), 0.5, "car", 1)])
    assert list(pickle.loads(pickle.dumps(seen))) == list(seen)
    assert pickle.loads(pickle.dumps(alert())) == alert()
