"""Alerts about what passes by: each is open until nothing more was seen of it for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from data.model.alert import Alert, AlertKey, Ended, Signal
from data.model.observation import Observation, Tick


class Passages:
    """The open alerts of one rule, by subject. Knows no clock, only the times of what it is given."""

    def __init__(self, site: str, rule: str, keep_firing_for: timedelta) -> None:
        self._site = site
        self._rule = rule
        self._keep = keep_firing_for
        self._now: datetime | None = None
        self._open: dict[str, tuple[datetime, datetime | None]] = {}  # last seen, and until when it is kept open

    def key(self, subject: str) -> AlertKey:
        return AlertKey(self._site, self._rule, "", subject)

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(self._open)

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        """How long ago they were seen last is not known: they are kept open from the first time that comes."""
        self._open = {alert.key.subject: (alert.raised_at, None) for alert in open_alerts}

    def seen(self, subject: str, at: datetime) -> bool:
        """What passes was seen then. True: it has no alert yet, and gets one now."""
        self._now = at if self._now is None else max(self._now, at)
        known = self._open.get(subject)
        self._open[subject] = (at if known is None else max(at, known[0]), self._now + self._keep)
        return known is None

    def over(self, seen: Observation | Tick) -> list[Signal]:
        """The ends of alerts of which nothing was seen for long enough. Called with everything that comes."""
        now = self._now = seen.at if self._now is None else max(self._now, seen.at)
        ends: list[Signal] = []
        for subject, (last_at, until) in tuple(self._open.items()):
            if until is None:
                self._open[subject] = (last_at, now + self._keep)
            elif now >= until:
                del self._open[subject]
                ends.append(Ended(self.key(subject), ended_at=last_at, at=now))
        return ends

    def snapshot(self) -> Any:
        """As JSON."""
        return {
            subject: [last_at.isoformat(), None if until is None else until.isoformat()]
            for subject, (last_at, until) in self._open.items()
        }

    def restore(self, state: Any) -> None:
        """Of those that are open in the store. Raises ValueError, TypeError, AttributeError."""
        for subject, (last_at, until) in state.items():
            if subject in self._open:
                ends = None if until is None else datetime.fromisoformat(until)
                self._open[subject] = (datetime.fromisoformat(last_at), ends)
