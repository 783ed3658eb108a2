"""How certainly a camera saw the object of an alert: the least and most time it stayed, and the second look.

Both are stored with the alert and shown to officers as they are. Times are UTC, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class DwellTime:
    """How long an object has stood, or stayed, until `as_of`.

    at_least_s: the time in which it was certainly there: from its first detection on, without unseen spans. at_most_s:
    from the last picture without it, with all unseen spans; None if it was there when watching began. unseen: start and
    end of each unseen span, oldest first.
    """

    at_least_s: float
    at_most_s: float | None
    as_of: datetime
    unseen: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def unseen_s(self) -> float:
        """Total of all unseen spans, seconds."""
        return sum((end - start).total_seconds() for start, end in self.unseen)


class LookVerdict(StrEnum):
    """Result of the second look."""

    ASKED = "asked"  # the alert went out before the look was over
    SEEN = "seen"  # the same kind of object is there
    UNCLEAR = "unclear"  # neither of the two
    NOT_SEEN = "not_seen"  # nothing of the kind is there: the alert is withdrawn


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A second look at one object, enlarged, over several pictures.

    scores: for each look, 0..1, the confidence in the same class of object at the same place; 0 where none was found.
    magnify: scale relative to the first detection. label: the class seen. instead: another class that was detected
    there with certainty; empty for none. waited_s: seconds from when the alert was due until this result.
    """

    verdict: LookVerdict
    label: str
    scores: tuple[float, ...] = ()
    magnify: float = 2.0
    instead: str = ""
    waited_s: float = 0.0

    @property
    def score(self) -> float:
        """The median score (the higher one of two middle scores); 0 without scores."""
        return sorted(self.scores)[len(self.scores) // 2] if self.scores else 0.0


class Sighted(Protocol):
    """A signal or an alert with dwell time and second look, both optional."""

    @property
    def dwell(self) -> DwellTime | None: ...
    @property
    def second_look(self) -> SecondLook | None: ...


def answers(before: SecondLook | None, now: SecondLook | None) -> bool:
    """True if the looks now give a result that differs from an earlier, pending or undecided one."""
    open_ended = before is not None and before.verdict in {LookVerdict.ASKED, LookVerdict.UNCLEAR}
    if before is None or now is None or not open_ended:
        return False
    return now.verdict not in {before.verdict, LookVerdict.ASKED}


def at_the_end(before: SecondLook | None, now: SecondLook | None) -> SecondLook | None:
    """The second look of an alert that has ended: undecided if it was requested and is not finished."""
    last = now or before
    return replace(last, verdict=LookVerdict.UNCLEAR) if last and last.verdict is LookVerdict.ASKED else last


def sighting_values(signal: Sighted) -> dict[str, Any]:
    """Dwell time and second look of the signal as JSON; only those it has."""
    told = {"dwell": dwell_values(signal.dwell), "second_look": look_values(signal.second_look)}
    return {name: value for name, value in told.items() if value is not None}


def dwell_values(dwell: DwellTime | None) -> dict[str, Any] | None:
    """As JSON, in the store, REST and the screens."""
    if dwell is None:
        return None
    return {
        "at_least_s": round(dwell.at_least_s, 1),
        "at_most_s": None if dwell.at_most_s is None else round(dwell.at_most_s, 1),
        "as_of": dwell.as_of.isoformat(timespec="milliseconds"),
        "unseen_s": round(dwell.unseen_s, 1),
        "unseen": [[_iso(start), _iso(end)] for start, end in dwell.unseen],
    }


def dwell_of(values: Mapping[str, Any] | None) -> DwellTime | None:
    """Back from `dwell_values`."""
    if values is None:
        return None
    unseen = tuple((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in values["unseen"])
    return DwellTime(values["at_least_s"], values["at_most_s"], datetime.fromisoformat(values["as_of"]), unseen)


def look_values(look: SecondLook | None) -> dict[str, Any] | None:
    """As JSON, in the store, REST and the screens."""
    if look is None:
        return None
    return {
        "verdict": look.verdict.value,
        "label": look.label,
        "score": round(look.score, 2),
        "scores": [round(score, 3) for score in look.scores],
        "magnify": round(look.magnify, 2),
        "instead": look.instead,
        "waited_s": round(look.waited_s, 2),
    }


def look_of(values: Mapping[str, Any] | None) -> SecondLook | None:
    """Back from `look_values`."""
    if values is None:
        return None
    known = {name: values[name] for name in ("label", "magnify", "instead", "waited_s")}
    return SecondLook(verdict=LookVerdict(values["verdict"]), scores=tuple(values["scores"]), **known)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
