"""Bands of one alert: each has its limit, the value at which it clears, and its priority.

The highest active band gives the alert its priority. When the value rises into a higher band the same alert is raised
again with a higher priority, when it falls with a lower one; when the lowest band has cleared, the alert ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.seen_time import Mark, SeenTime
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised, Signal, Standing
from data.model.alert_life import Condition
from data.model.observation import Tick

CLEAR_SHARE = 0.8  # share of the limit, the default at which a band clears
SAMPLES, PENDING_FOR = 3, timedelta(seconds=60)  # whichever comes first
KEEP_FIRING_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Rung:
    """One band: alarming from `limit` on, normal again at `clear`, both in the quantity's own unit."""

    limit: float
    clear: float
    priority: Priority


@dataclass(frozen=True, slots=True)
class Delays:
    """On after `samples` in a row or `pending_for`, at once when both are None; off after `keep_firing_for`."""

    pending_for: timedelta | None = None
    samples: int | None = None
    keep_firing_for: timedelta = timedelta(0)


@dataclass(slots=True)
class _Latch:
    """State of one band. `beyond_since`: beyond the limit since then; `normal_since`: normal again since then."""

    on: bool = False
    beyond_since: Mark | None = None
    normal_since: Mark | None = None
    samples: int = 0

    @property
    def pending(self) -> Mark | None:
        return self.normal_since if self.on else self.beyond_since


@dataclass(frozen=True, slots=True)
class Cause:
    """The value that is judged, and the label and unit that the alert shows with it."""

    label: str
    value: float
    unit: str


class Ladder:
    """The bands of one alert, least urgent first. Feed `note` one value per rung, and `tick`, in the order of time."""

    def __init__(self, key: AlertKey, kind: str, rungs: Sequence[Rung], delays: Delays, *, upwards: bool) -> None:
        self._key = key
        self._kind = kind
        self._rungs = tuple(rungs)
        self._delays = delays
        self._upwards = upwards
        self._time = SeenTime()
        self._latches = [_Latch() for _ in self._rungs]
        self._level = -1
        self._causes: tuple[Cause, ...] = ()
        self._noted_at: tuple[datetime, datetime] | None = None

    @property
    def rungs(self) -> int:
        """How many bands there are."""
        return len(self._rungs)

    @property
    def level(self) -> int:
        """The highest band that holds; -1 while none does."""
        return self._level

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        """Take up the open alert: the lowest band of its priority, and the bands below it, are active."""
        for alert in open_alerts:
            if alert.is_open and alert.key == self._key:
                alike = [i for i, rung in enumerate(self._rungs) if rung.priority == alert.priority]
                self._level = alike[0] if alike else 0
                for latch in self._latches[: self._level + 1]:
                    latch.on = True

    def tick(self, tick: Tick) -> list[Signal]:
        """One second has passed."""
        self._time.tick(tick)
        return self._decide(tick.at) if tick.observable else []

    def note(self, causes: Sequence[Cause], at: datetime, *, own: tuple[datetime, float] | None = None) -> list[Signal]:
        """Judge a new value for each rung; the values differ where each rung has a window of its own.

        A value for the same time as before, changed by a late row, does not count as a further sample. `own`: time and
        value of the reading itself, where the worst of several gauges is judged as of the newest reading (`at`). It
        counts as a sample only for the limits that it passed itself, and only those begin at its time: the time of a
        late gauge is never used for a limit that another gauge passed.
        """
        self._time.look(at)
        measured_at, value = (at, None) if own is None else own
        more = 0 if (at, measured_at) == self._noted_at else 1
        self._noted_at = at, measured_at
        for latch, rung, cause in zip(self._latches, self._rungs, causes, strict=True):
            passed = value is None or self._is_beyond(rung, value)
            self._see(latch, rung, cause.value, measured_at if passed else at, more if passed else 0)
        self._causes = tuple(causes)
        return self._decide(at)

    def _is_beyond(self, rung: Rung, value: float) -> bool:
        return value >= rung.limit if self._upwards else value <= rung.limit

    def _see(self, latch: _Latch, rung: Rung, value: float, at: datetime, more: int) -> None:
        beyond = self._is_beyond(rung, value)
        normal = not beyond and (value <= rung.clear if self._upwards else value >= rung.clear)
        latch.samples = max(1, latch.samples + more) if beyond else 0
        latch.beyond_since = (latch.beyond_since or self._time.mark(at)) if beyond else None
        latch.normal_since = (latch.normal_since or self._time.mark(at)) if normal else None

    def _decide(self, at: datetime) -> list[Signal]:
        cleared: list[datetime] = []
        for latch in self._latches:
            if not latch.on and latch.beyond_since is not None and self._confirmed(latch, latch.beyond_since, at):
                latch.on = True
            elif latch.on and latch.normal_since is not None and self._cleared(latch.normal_since, at):
                latch.on = False
                cleared.append(latch.normal_since.at)
        before, self._level = self._level, max((i for i, latch in enumerate(self._latches) if latch.on), default=-1)
        if self._level == before:
            return []
        if self._level < 0:
            return [Ended(self._key, ended_at=max(cleared), at=at)]
        if before >= 0 and self._rungs[before].priority == self._rungs[self._level].priority:
            return []
        return [self._raised(at)]

    def _confirmed(self, latch: _Latch, since: Mark, at: datetime) -> bool:
        pending_for, samples = self._delays.pending_for, self._delays.samples
        if pending_for is None and samples is None:
            return True
        long = pending_for is not None and self._time.since(since, at) >= pending_for.total_seconds()
        return long or (samples is not None and latch.samples >= samples)

    def _cleared(self, since: Mark, at: datetime) -> bool:
        return self._time.since(since, at) >= self._delays.keep_firing_for.total_seconds()

    def _raised(self, at: datetime) -> Raised:
        latch, rung, cause = self._latches[self._level], self._rungs[self._level], self._causes[self._level]
        return Raised(
            key=self._key,
            kind=self._kind,
            priority=rung.priority,
            started_at=at if latch.beyond_since is None else latch.beyond_since.at,
            at=at,
            label=cause.label,
            value=cause.value,
            unit=cause.unit,
        )

    def standings(self) -> list[Standing]:
        """PENDING while a band is passed and none is active yet; CLEARING while every active band is normal again."""
        if self._level < 0:
            waiting = [(i, latch.beyond_since) for i, latch in enumerate(self._latches) if latch.beyond_since]
            if not waiting:
                return []
            priority = self._rungs[waiting[-1][0]].priority
            since = min(mark.at for _, mark in waiting)
            return [Standing(self._key, Condition.PENDING, since, self._kind, priority)]
        held = [latch.normal_since for latch in self._latches if latch.on]
        if not all(held):
            return []
        since = max(mark.at for mark in held if mark is not None)
        return [Standing(self._key, Condition.CLEARING, since, self._kind, self._rungs[self._level].priority)]

    def snapshot(self) -> Any:
        """The bands that are passed, or normal again, but not yet for long enough; None when there are none."""
        if not any(latch.pending for latch in self._latches):
            return None
        causes = [[cause.label, cause.value, cause.unit] for cause in self._causes]
        latches = [_kept(latch) for latch in self._latches]
        return {"time": self._time.snapshot(), "latches": latches, "causes": causes}

    def restore(self, state: Any) -> None:
        """Restore a snapshot; where the open alert and the snapshot differ the alert counts. Raises ValueError."""
        try:
            time = SeenTime.restored(state["time"])
            kept = [(bool(on), _mark(since), int(samples)) for on, since, samples in state["latches"]]
            causes = tuple(Cause(str(label), float(value), str(unit)) for label, value, unit in state["causes"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"the state cannot be read: {error!r}") from error
        if len(kept) != len(self._latches) or len(causes) != len(self._latches):
            return
        self._time, self._causes = time, causes
        for latch, (on, since, samples) in zip(self._latches, kept, strict=True):
            if on != latch.on:
                continue
            if on:
                latch.normal_since = since
            else:
                latch.beyond_since, latch.samples = since, samples


def _kept(latch: _Latch) -> list[Any]:
    since = latch.pending
    return [latch.on, None if since is None else [since.at.isoformat(), since.unknown_s], latch.samples]


def _mark(kept: Any) -> Mark | None:
    return None if kept is None else Mark(datetime.fromisoformat(kept[0]), float(kept[1]))
