"""Decisions as alerts in a canonical form: the same decisions give the same bytes, and two lists can be compared.

What makes an alert of a replay the same alert is its site, rule, zone, subject and when its condition began: all of
them come from what the rules were given. Its number in the store, and when it was committed, do not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from data.model.alert import AlertKey, Ended, Raised, Signal

RULE_SPAN = tuple[str, str, str]
"""Site, rule, zone."""


@dataclass(slots=True)
class Occurrence:
    """One time that an alert was raised. `ended_at` None: it was still open. `changes`: it became worse, or better."""

    raised: Raised
    changes: list[Raised] = field(default_factory=list)
    ended_at: datetime | None = None
    end_decided_at: datetime | None = None

    @property
    def key(self) -> AlertKey:
        return self.raised.key

    @property
    def gravest(self) -> str:
        """The gravest priority that it had."""
        return min(one.priority.value for one in (self.raised, *self.changes))

    def canonical(self) -> dict[str, Any]:
        """As JSON, complete."""
        raised = self.raised
        return {
            "site": self.key.site,
            "rule": self.key.rule,
            "zone": self.key.zone,
            "subject": self.key.subject,
            "kind": raised.kind,
            "label": raised.label,
            "priority": raised.priority.value,
            "started_at": exact(raised.started_at),
            "raised_at": exact(raised.at),
            "value": raised.value,
            "unit": raised.unit,
            "confidence": raised.confidence,
            "xyxy": None if raised.xyxy is None else list(raised.xyxy),
            "gaps": [[exact(since), exact(until)] for since, until in raised.gaps],
            "changes": [
                {"at": exact(one.at), "priority": one.priority.value, "value": one.value} for one in self.changes
            ],
            "ended_at": exact(self.ended_at),
            "end_decided_at": exact(self.end_decided_at),
        }


def exact(at: datetime | None) -> str | None:
    """`2024-07-12T00:10:00.123456+00:00`, or None."""
    return None if at is None else at.isoformat(timespec="microseconds")


def occurrences(
    signals: Iterable[Signal], since: datetime, until: datetime, already: Collection[AlertKey] = ()
) -> list[Occurrence]:
    """What was raised from `since` to `until`, by what was decided until then, in the order of raising.

    `already`: alerts that were open before the first signal; what becomes of them is no new alert.
    """
    found: list[Occurrence] = []
    open_now: dict[AlertKey, Occurrence] = {}
    earlier = set(already)
    for signal in signals:
        if signal.at > until:
            continue
        known = open_now.get(signal.key)
        if signal.key in earlier:
            if isinstance(signal, Ended):
                earlier.discard(signal.key)
        elif isinstance(signal, Raised):
            if known is None:
                known = open_now[signal.key] = Occurrence(signal)
                found.append(known)
            elif signal.priority is not (known.changes[-1] if known.changes else known.raised).priority:
                known.changes.append(signal)
        elif known is not None:
            known.ended_at, known.end_decided_at = signal.ended_at, signal.at
            del open_now[signal.key]
    inside = [one for one in found if one.raised.at >= since]
    return sorted(inside, key=lambda one: (one.raised.at, one.key, one.raised.started_at))


def as_text(found: Sequence[Occurrence]) -> str:
    """One line of JSON for each."""
    return "".join(canonical_json(one.canonical()) + "\n" for one in found)


def canonical_json(value: Any) -> str:
    """Sorted, compact, the same bytes for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Pair:
    """The same alert in both lists, or one that only one of them has."""

    before: Occurrence | None
    after: Occurrence | None

    @property
    def one(self) -> Occurrence:
        """The later judgement's, else the earlier one's."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def key(self) -> AlertKey:
        return self.one.key

    @property
    def what(self) -> str:
        """new, gone, earlier, later, graver, milder, longer, shorter, or same."""
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        moved = self.after.raised.at - self.before.raised.at
        if moved:
            return "earlier" if moved.total_seconds() < 0 else "later"
        if self.after.gravest != self.before.gravest:
            return "graver" if self.after.gravest < self.before.gravest else "milder"
        if self.after.ended_at != self.before.ended_at:
            ends_later = self.after.ended_at is None or (
                self.before.ended_at is not None and self.after.ended_at > self.before.ended_at
            )
            return "longer" if ends_later else "shorter"
        return "same"

    def described(self) -> dict[str, Any]:
        """As JSON. `by_s`: how much later it was raised; negative for earlier."""
        told: dict[str, Any] = {"what": self.what, **self.key._asdict()}
        for name, side in (("before", self.before), ("after", self.after)):
            if side is not None:
                told[name] = {
                    "started_at": exact(side.raised.started_at), "raised_at": exact(side.raised.at),
                    "ended_at": exact(side.ended_at), "priority": side.gravest, "value": side.raised.value,
                    "unit": side.raised.unit,
                }  # fmt: skip
        if self.before is not None and self.after is not None:
            told["by_s"] = (self.after.raised.at - self.before.raised.at).total_seconds()
        return told


def paired(before: Sequence[Occurrence], after: Sequence[Occurrence]) -> list[Pair]:
    """Each occurrence once, in the order of time.

    Of one site, rule and zone the same is: the same subject and beginning; else the first whose span overlaps.
    """
    left = list(after)
    pairs: list[Pair] = []
    identical = {(one.key, one.raised.started_at): one for one in after}
    certain = {id(one): identical.get((one.key, one.raised.started_at)) for one in before}
    left = [one for one in left if not any(one is other for other in certain.values())]
    for one in before:
        other = certain[id(one)] or next((o for o in left if _overlaps(one, o)), None)
        left = [o for o in left if o is not other]
        pairs.append(Pair(one, other))
    pairs += [Pair(None, one) for one in left]
    return sorted(pairs, key=_order)


def _overlaps(one: Occurrence, other: Occurrence) -> bool:
    if one.key[:3] != other.key[:3]:
        return False
    return _begins_before_end(one, other) and _begins_before_end(other, one)


def _begins_before_end(one: Occurrence, other: Occurrence) -> bool:
    return other.ended_at is None or one.raised.started_at <= other.ended_at


def _order(pair: Pair) -> tuple[datetime, AlertKey]:
    return pair.one.raised.at, pair.key
