"""What rules have decided, put into the store exactly once, and given back to them after a restart.

A site may be judged in two processes: what its camera sees in a worker, what its gauges read in the sensors'
process. Each side is a *stream* with a named value in the store: the number of its last unit of work, and the
keys of the alerts it holds open, so that after a restart each side resumes its own alerts only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from structlog.contextvars import bound_contextvars

from alerts.lifecycle import end_alert, note_condition, raise_alert
from data.config.settings import Settings
from data.model.alert import Alert, AlertKey, Raised, Signal, Standing
from data.model.alert_life import Condition
from data.model.observation import Position, Reading
from data.model.record import Change, Evidence
from data.ports.store import AlertQuery, Reader, Writer
from engine.recording.ask import ask_clip

CAMERA, GAUGES = "camera", "gauges"
SCENE = "scene"
"""Not a stream of signals: under this name the camera's usual scene is kept."""


def stream_of(site: str, side: str) -> str:
    return f"{site}.{side}"


def _value_name(stream: str) -> str:
    return f"stream:{stream}"


def _state_name(stream: str) -> str:
    return f"state:{stream}"


def last_number(reader: Reader, stream: str) -> int:
    """The number of the stream's last committed unit; 0 before the first."""
    return int((reader.value(_value_name(stream)) or {}).get("number", 0))


def _keys(kept: Mapping[str, Any], name: str) -> set[AlertKey]:
    return {AlertKey(*key) for key in kept.get(name, [])}


def held_keys(reader: Reader, stream: str) -> set[AlertKey]:
    """The alerts that the stream has raised and not ended."""
    return _keys(reader.value(_value_name(stream)) or {}, "open")


def pending_keys(reader: Reader, stream: str) -> set[AlertKey]:
    """What the stream has told to be pending."""
    return _keys(reader.value(_value_name(stream)) or {}, "pending")


def kept_state(reader: Reader, stream: str) -> Any:
    """What the stream's rules knew beyond their open alerts; None when nothing is kept."""
    return reader.value(_state_name(stream))


def keep_state(writer: Writer, stream: str, state: Any) -> None:
    """Put it in only when every earlier unit of the stream is in the store: it may rely on their alerts."""
    writer.put_value(_state_name(stream), state)


def keep_states(writer: Writer, states: Mapping[str, Any]) -> None:
    """Like `keep_state`, of several streams at once."""
    writer.put_values({_state_name(stream): state for stream, state in states.items()})


@dataclass(slots=True)
class UnitOfWork:
    """What one look, or one second, brought: committed together.

    `picture` (JPEG, taken `at`) becomes `evidence` once it is in the vault. `full`: the same in full resolution, waited
    for until `full_until_s` (monotonic); None comes of it when there is none. `number` counts the stream's units; 0: it
    has only readings or positions, which the store knows by themselves when they come again.
    `positions`: of vehicles; those of `of_track` are kept, of the others the newest.
    `standings`: what has become pending, clearing, stale. `received_s`: when the picture arrived (monotonic).
    `spooled`: a copy lies on the disk.
    """

    stream: str
    signals: tuple[Signal, ...]
    at: datetime
    readings: tuple[Reading, ...] = ()
    positions: tuple[Position, ...] = ()
    of_track: tuple[Position, ...] = ()
    news: tuple[Change, ...] = ()
    picture: bytes | None = None
    full: Future[bytes | None] | None = None
    full_until_s: float = 0.0
    evidence: Evidence | None = None
    received_s: float | None = None
    number: int = 0
    spooled: bool = False
    standings: tuple[Standing, ...] = ()


def unit_bound_to_log(unit: UnitOfWork) -> AbstractContextManager[None]:
    """Within it every record of the log names the unit and when its picture, or readings, were taken."""
    site = unit.stream.rpartition(".")[0]
    return bound_contextvars(site=site, unit=f"{unit.stream}/{unit.number}", observed_at=unit.at.isoformat())


def commit_unit(writer: Writer, unit: UnitOfWork, now: datetime, settings: Settings | None = None) -> tuple[Alert, ...]:
    """The alerts that were raised or ended. A unit that is in the store already changes nothing."""
    return commit_units(writer, [unit], now, settings)


def commit_units(
    writer: Writer, units: Sequence[UnitOfWork], now: datetime, settings: Settings | None = None
) -> tuple[Alert, ...]:
    """Like `commit_unit`, of several streams at once: all their readings go into the store together."""
    kept = dict(writer.values([_value_name(unit.stream) for unit in units if unit.number]))
    fresh: list[UnitOfWork] = []
    numbers = {name: int(value.get("number", 0)) for name, value in kept.items()}
    readings: list[Reading] = []
    for unit in units:
        name = _value_name(unit.stream)
        if unit.number and numbers.get(name, 0) >= unit.number:
            continue
        readings += unit.readings
        if unit.number:
            numbers[name] = unit.number
            fresh.append(unit)
    if readings:
        writer.add_readings(readings)
    positions = [position for unit in units for position in unit.positions]
    if positions:
        writer.add_positions(positions, of_track=[position for unit in units for position in unit.of_track])
    moved: list[Alert] = []
    changed: dict[str, Any] = {}
    for unit in fresh:
        name = _value_name(unit.stream)
        before = changed.get(name, kept.get(name, {}))
        with unit_bound_to_log(unit) if unit.signals else nullcontext():  # what they move is a line of the log
            committed = _commit_signals(writer, unit, before, now, settings)
        changed[name] = committed.state
        moved += committed.moved
    writer.put_values(changed)
    return tuple(moved)


class _Committed(NamedTuple):
    """The stream's value in the store after a unit, and the alerts that the unit has raised or ended."""

    state: dict[str, Any]
    moved: Sequence[Alert]


def _commit_signals(
    writer: Writer, unit: UnitOfWork, kept: Mapping[str, Any], now: datetime, settings: Settings | None
) -> _Committed:
    """Put in all of the unit but its readings. `kept`: the stream's value in the store so far."""
    moved: list[Alert] = []
    for change in unit.news:
        writer.publish(change)
    held = _keys(kept, "open")
    for signal in unit.signals:
        if isinstance(signal, Raised):
            alert = raise_alert(writer, signal, unit.evidence, now, settings)
            held.add(signal.key)
            if signal.again:
                continue
            if alert is not None and settings is not None:
                ask_clip(writer, alert, signal.at, now, settings)
        else:
            alert = end_alert(writer, signal, now, settings)
            held.discard(signal.key)
        if alert is not None:
            moved.append(alert)
    pending = _keys(kept, "pending") - {signal.key for signal in unit.signals}
    for standing in unit.standings:
        note_condition(writer, standing, now)
        pending = (pending | {standing.key}) if standing.condition is Condition.PENDING else pending - {standing.key}
    state = {"number": unit.number, "open": _listed(held)} | ({"pending": _listed(pending)} if pending else {})
    return _Committed(state, moved)


def _listed(keys: Iterable[AlertKey]) -> list[list[str]]:
    return sorted(list(key) for key in keys)


def alerts_to_resume(reader: Reader, site: str, side: str, *, other_side: bool) -> tuple[Alert, ...]:
    """The site's open alerts that this side holds; all of them when there is no other side."""
    alerts = tuple(reader.alerts(AlertQuery(site=site, open_only=True, limit=10_000)))
    if not other_side:
        return alerts
    own = held_keys(reader, stream_of(site, side))
    other = held_keys(reader, stream_of(site, GAUGES if side == CAMERA else CAMERA))
    side_of_box = {True: CAMERA, False: GAUGES}
    return tuple(
        alert
        for alert in alerts
        if alert.key in own or (alert.key not in other and side_of_box[alert.xyxy is not None] == side)
    )
