"""Single impossible jumps of a gauge: kept from the rules about the place until the next reading confirms them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from data.model.datum import LEVEL
from data.model.observation import Quality, Reading
from data.model.plausible import JUMPS
from data.model.units import UNIT_OF

_EXACTLY = 1e-7  # relative: a value that was converted is still the same
_MOST_HELD = 3  # so many in a row on the same side are believed, although each is far from the one before
_ZERO_STEP_M = 0.3  # a level that falls by more to exactly 0 looks like a gauge without a value
_KEPT_FOR = timedelta(minutes=10)  # the snapshot's last reading is at most so much older than the last one


class Limit(Protocol):
    """How far a value can change between two readings."""

    @property
    def step(self) -> float:
        """A change that is always possible, in the quantity's own unit."""
        ...

    def allows(self, change: float, passed: timedelta) -> bool: ...


@dataclass(frozen=True, slots=True)
class GaugeLimits:
    """Of one monitor. `limit` None: any change is possible. `doubtful`: values that are none at other gauges."""

    limit: Limit | None
    doubtful: tuple[float, ...] = ()

    def is_doubtful(self, value: float) -> bool:
        """Is this perhaps no value?"""
        return any(math.isclose(value, fill, rel_tol=_EXACTLY) for fill in self.doubtful)


def usual_limits(quantity: str) -> GaugeLimits:
    """Of a quantity, where the monitor has no setting of its own."""
    return GaugeLimits(JUMPS.get(quantity))


@dataclass(frozen=True, slots=True)
class Taken:
    """What the rules about the place may judge now, in order, and what they never will, with the reason."""

    judged: tuple[Reading, ...]
    dropped: tuple[tuple[Reading, str], ...] = ()


@dataclass(slots=True)
class _Gauge:
    last: Reading | None = None  # the newest that is believed
    before: Reading | None = None  # the believed one of an earlier time
    held: list[Reading] = field(default_factory=list)  # newer than `last`, not yet believed
    kept: Reading | None = None  # `last` as the snapshot has it


class JumpFilter:
    """The gauges of one site. Pure: knows no clock, and the same readings give the same result."""

    def __init__(self, limits: Callable[[Reading], GaugeLimits]) -> None:
        self._limits = limits
        self.gauges: dict[str, _Gauge] = {}
        """What is known, by gauge."""
        self._written: dict[str, tuple[Reading | None, Any]] = {}  # what is kept, as JSON: it is asked for often

    def take(self, reading: Reading) -> Taken:
        """What becomes of a reading, and of those that were held before it."""
        limits = self._limits(reading)
        if reading.quality is Quality.BAD or limits.limit is None:
            return Taken((reading,))
        gauge = self.gauges.setdefault(_name(reading), _Gauge())
        newest = gauge.held[-1] if gauge.held else gauge.last
        if newest is not None and reading.at <= newest.at:
            return _late(gauge, reading, limits)
        if gauge.last is None:
            return _first(gauge, reading, limits)
        return _next(gauge, gauge.last, reading, limits)

    def is_held(self, reading: Reading) -> bool:
        """Does this reading wait for the next one?"""
        gauge = self.gauges.get(_name(reading))
        return gauge is not None and reading in gauge.held

    def snapshot(self) -> Any:
        """As JSON; None before the first reading. Changes seldom: it is put into the store with each change."""
        state = {}
        for name, gauge in self.gauges.items():
            last, kept = gauge.last, gauge.kept
            limit = None if last is None else self._limits(last).limit
            if last is not None and limit is not None and (
                kept is None or last.at - kept.at > _KEPT_FOR or abs(last.value - kept.value) > limit.step / 4
            ):  # fmt: skip
                gauge.kept = last
            written, kept_json = self._written.get(name, (None, None))
            if written is not gauge.kept:
                kept_json = _as_json(gauge.kept)
                self._written[name] = gauge.kept, kept_json
            state[name] = [kept_json, [_as_json(one) for one in gauge.held]]
        return state or None

    def restore(self, state: Any, site: str) -> None:
        """Raises ValueError."""
        try:
            for name, (kept, held) in state.items():
                last = None if kept is None else _of_json(kept, site, name)
                gauge = _Gauge(last=last, kept=last, held=[_of_json(one, site, name) for one in held])
                self.gauges[name] = gauge
        except (AttributeError, TypeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error


def _first(gauge: _Gauge, reading: Reading, limits: GaugeLimits) -> Taken:
    """Nothing is known yet but perhaps doubtful values."""
    if limits.is_doubtful(reading.value):
        gauge.held.append(reading)
        return Taken((), _too_many(gauge))
    confirmed = bool(gauge.held) and _can_follow(gauge.held[-1], reading, limits)
    return _believe(gauge, reading, gauge.held[-1:] if confirmed else [])


def _next(gauge: _Gauge, last: Reading, reading: Reading, limits: GaugeLimits) -> Taken:
    """A reading after one that is believed."""
    held = gauge.held[-1] if gauge.held else None
    doubtful = limits.is_doubtful(reading.value)
    follows_held = held is not None and not doubtful and _can_follow(held, reading, limits)
    if _can_follow(last, reading, limits):
        nearer = held is not None and abs(reading.value - held.value) < abs(reading.value - last.value)
        return _believe(gauge, reading, gauge.held[-1:] if follows_held and nearer else [])
    if follows_held:
        return _believe(gauge, reading, gauge.held[-1:])
    gauge.held.append(reading)
    sides = {one.value > last.value for one in gauge.held}
    if len(gauge.held) >= _MOST_HELD and len(sides) == 1 and not any(limits.is_doubtful(r.value) for r in gauge.held):
        return _believe(gauge, reading, gauge.held[:-1])
    return Taken((), _too_many(gauge))


def _late(gauge: _Gauge, reading: Reading, limits: GaugeLimits) -> Taken:
    """A reading that is not newer than the newest: late, or a correction of the newest."""
    if gauge.held and reading.at == gauge.held[-1].at:
        gauge.held.pop()  # corrected before it was believed
        return _next(gauge, gauge.last, reading, limits) if gauge.last else _first(gauge, reading, limits)
    last = gauge.last
    if last is None:
        return Taken((), ((reading, _reason(reading, last)),))
    if reading.at > last.at:  # between the last that is believed and those that are held
        if not _can_follow(last, reading, limits):
            return Taken((), ((reading, _reason(reading, last)),))
        gauge.before, gauge.last = last, reading
        return Taken((reading,))
    if reading.at == last.at:
        if gauge.before is None or _can_follow(gauge.before, reading, limits):
            gauge.last = reading
            return Taken((reading,))
        return Taken((), ((reading, _reason(reading, gauge.before)),))
    near = [one for one in (gauge.before, last) if one is not None]
    if any(_is_near(one, reading, limits) for one in near):
        return Taken((reading,))
    return Taken((), ((reading, _reason(reading, last)),))


def _believe(gauge: _Gauge, reading: Reading, confirmed: Sequence[Reading]) -> Taken:
    """The reading is right, and those of the held ones that it confirms."""
    believed = (*confirmed, reading)
    dropped = tuple((one, _reason(one, gauge.last)) for one in gauge.held if one not in believed)
    earlier = [one for one in (gauge.last, *believed[:-1]) if one is not None and one.at < reading.at]
    gauge.before = earlier[-1] if earlier else None
    gauge.last, gauge.held = reading, []
    return Taken(believed, dropped)


def _too_many(gauge: _Gauge) -> tuple[tuple[Reading, str], ...]:
    """Drop the oldest of those that are held."""
    gone, gauge.held = gauge.held[: -(_MOST_HELD - 1)], gauge.held[-(_MOST_HELD - 1) :]
    return tuple((one, _reason(one, gauge.last)) for one in gone)


def _can_follow(before: Reading, reading: Reading, limits: GaugeLimits) -> bool:
    """Can the value have come about since the reading before?"""
    falls_to_zero = reading.quantity == LEVEL and reading.value == 0.0 and abs(before.value) > _ZERO_STEP_M
    return not falls_to_zero and _is_near(before, reading, limits)


def _is_near(one: Reading, other: Reading, limits: GaugeLimits) -> bool:
    return limits.limit is None or limits.limit.allows(other.value - one.value, other.at - one.at)


def _reason(reading: Reading, last: Reading | None) -> str:
    unit = UNIT_OF[reading.quantity]
    shown = f"{reading.value:.10g} {unit} of {reading.at.isoformat()}"
    if last is None:
        return f"{shown} is no value at other gauges, and no other reading was near it: stored as suspect, not judged"
    off = f"{reading.value - last.value:+.10g} {unit} off the reading of {last.at.isoformat()}"
    return f"{shown} is {off} and the next one did not confirm it: stored as suspect, not judged (`jump`)"


def _name(reading: Reading) -> str:
    return f"{reading.monitor}/{reading.quantity}/{reading.vertical_datum or ''}"


def _as_json(reading: Reading | None) -> Any:
    if reading is None:
        return None
    return [
        reading.value, reading.at.isoformat(), reading.quality.value, reading.uncertainty, reading.monitor,
        reading.quantity, reading.vertical_datum,
    ]  # fmt: skip


def _of_json(fields: Any, site: str, name: str) -> Reading:
    """Raises TypeError, ValueError."""
    value, at, quality, uncertainty, monitor, quantity, datum = fields
    if f"{monitor}/{quantity}/{datum or ''}" != name:
        raise ValueError(f"{name} holds a reading of another gauge")
    when = datetime.fromisoformat(at)
    return Reading(site, monitor, quantity, float(value), when, Quality(quality), uncertainty, datum)
