"""What stands at one site between the signals of its rules: pending, clearing, stale. Told once, when it changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from data.model.alert import Alert, AlertKey, Priority, Raised, Signal, Standing
from data.model.alert_life import Condition
from data.model.observation import Tick
from data.ports.recipe import ReportsPending, Rule

_KNOW_THEMSELVES = frozenset({"camera_health", "live_recall", "silence"})
"""Kinds of alerts that are about silence or blindness itself: they are never stale."""


@dataclass(frozen=True, slots=True)
class _Open:
    kind: str
    label: str
    priority: Priority


class Conditions:
    """Pure: knows only the rules, their signals and the ticks. `pending`: what the store was told of before."""

    def __init__(
        self,
        rules: Sequence[Rule],
        stale_after: timedelta,
        open_alerts: Sequence[Alert] = (),
        pending: Iterable[AlertKey] = (),
    ) -> None:
        self._rules = tuple(rule for rule in rules if isinstance(rule, ReportsPending))
        self._stale_after = stale_after
        self._open = {a.key: _Open(a.kind, a.label, a.priority) for a in open_alerts if a.is_open}
        self._told = {alert.key: alert.condition for alert in open_alerts if alert.is_open}
        self._told |= dict.fromkeys(pending, Condition.PENDING)
        self._seen_at: datetime | None = None

    @property
    def open_keys(self) -> frozenset[AlertKey]:
        """Of the alerts that are open."""
        return frozenset(self._open)

    def after(self, rules: Sequence[Rule], stale_after: timedelta) -> Conditions:
        """The same for these rules: what is open and what was told of goes on."""
        following = Conditions(rules, stale_after)
        following._open, following._told = dict(self._open), dict(self._told)
        following._seen_at = self._seen_at
        return following

    def note(self, signals: Iterable[Signal]) -> None:
        """These go to the store by themselves."""
        for signal in signals:
            if isinstance(signal, Raised):
                self._open[signal.key] = _Open(signal.kind, signal.label, signal.priority)
                self._told[signal.key] = Condition.ACTIVE
            else:
                self._open.pop(signal.key, None)
                self._told.pop(signal.key, None)

    def saw(self, at: datetime) -> None:
        """A picture or a reading that can be believed."""
        if self._seen_at is None or at > self._seen_at:
            self._seen_at = at

    def changes(self, tick: Tick) -> tuple[Standing, ...]:
        """What has changed since this was asked last. `tick.observable`: can what is seen be believed?"""
        if tick.observable or self._seen_at is None:
            self.saw(tick.at)
        now = {standing.key: standing for standing in self._standing(tick.at)}
        gone = [key for key, told in self._told.items() if told is Condition.PENDING and key not in now]
        changed = [one for key, one in now.items() if self._told.get(key, Condition.NORMAL) is not one.condition]
        for key in gone:
            del self._told[key]
        self._told |= {one.key: one.condition for one in changed}
        normal = [Standing(key, Condition.NORMAL, tick.at) for key in gone if key not in self._open]
        return (*normal, *changed)

    def _standing(self, at: datetime) -> Iterator[Standing]:
        by_rule: Mapping[AlertKey, Standing] = {one.key: one for rule in self._rules for one in rule.standings()}
        for key, one in by_rule.items():
            if key not in self._open and one.condition is Condition.PENDING:
                yield one
        for key, alert in self._open.items():
            silent_since = self._silent_since(alert, at)
            told = by_rule.get(key)
            if silent_since is not None:
                yield Standing(key, Condition.STALE, silent_since, alert.kind, alert.priority)
            elif told is not None and told.condition is Condition.CLEARING:
                yield told
            else:
                yield Standing(key, Condition.ACTIVE, at, alert.kind, alert.priority)

    def _silent_since(self, alert: _Open, at: datetime) -> datetime | None:
        """Since when nobody can tell whether it holds; None while somebody can."""
        if alert.kind in _KNOW_THEMSELVES or self._seen_at is None:
            return None
        if at - self._seen_at >= self._stale_after:
            return self._seen_at
        mute = any(one.kind == "silence" and one.label in {"", alert.label} for one in self._open.values())
        return at if mute and alert.label else None
