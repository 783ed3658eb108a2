"""Judges from canary targets whether a camera can see people and vehicles: by zone, and in the whole picture.

An alert needs enough trials to be sure: the upper bound of the share found (Wilson, 1927) must be below the limit. It
ends when as many of the newest targets are found as the limit asks, and some more.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from data.model.alert import AlertKey, Ended, Raised, Signal
from data.model.live_recall import RecallSettings, Subject, Trial

RULE = "live_recall"
"""The rule id and kind of these alerts; the label is `person` or `vehicle`."""

LEAST_TRIALS = 5
LEAST_PICTURES = 3  # targets in one picture are found, or missed, together
LEAST_SPAN = timedelta(minutes=1)  # a gust of rain, or a process that has just begun, says little
_NEWEST = 20  # trials of a subject that are judged
_JUDGED_FOR = timedelta(hours=2)  # older ones say nothing about tonight
_CLEARED_BY = 6  # of the newest trials
_BETTER_BY = 0.1  # above the limit, so that an alert does not come and go
_Z = 1.2816  # one-sided 90 %
HOURS_KEPT = timedelta(days=7)


class LiveRecall:
    """Of one site. Feed it in the order of time."""

    def __init__(self, settings: RecallSettings, site: str) -> None:
        self._settings = settings
        self._site = site
        self._trials: dict[Subject, deque[Trial]] = {}
        self._hours: dict[tuple[datetime, Subject], list[int]] = {}  # tried, found
        self._open: set[AlertKey] = set()

    def follow(self, settings: RecallSettings, open_keys: Iterable[AlertKey]) -> None:
        """Go on by these settings, with those of this rule's alerts that are open."""
        self._settings = settings
        self._open = {key for key in open_keys if key[:2] == (self._site, RULE)}

    def judge(self, trials: Sequence[Trial]) -> list[Signal]:
        """What follows from the targets of one picture."""
        if not trials:
            return []
        for trial in trials:
            self._note(trial)
        at = trials[-1].at
        signals: list[Signal] = []
        for subject in sorted({s for trial in trials for s in self._counted_for(trial.subject)}):
            signals += self._judged(subject, at)
        return signals

    def recall(self, subject: Subject) -> tuple[int, int]:
        """Found and tried, of the trials that count now."""
        kept = self._trials.get(subject, ())
        return sum(trial.found for trial in kept), len(kept)

    def all_missed(self) -> bool:
        """Was none of the newest targets found? Then it is worth a look soon."""
        newest = [kept[-1] for kept in self._trials.values() if kept]
        return bool(newest) and not any(trial.found for trial in newest)

    def _counted_for(self, subject: Subject) -> tuple[Subject, ...]:
        """A target in a zone also says something of the whole picture, where there are several zones."""
        zones = {one.zone for one in self._trials if one.kind == subject.kind and one.zone}
        return (subject, Subject("", subject.kind)) if subject.zone and len(zones) > 1 else (subject,)

    def _note(self, trial: Trial) -> None:
        self._trials.setdefault(trial.subject, deque(maxlen=_NEWEST))
        for subject in self._counted_for(trial.subject):
            kept = self._trials.setdefault(subject, deque(maxlen=_NEWEST))
            kept.append(Trial(trial.at, subject, trial.found))
            while kept and trial.at - kept[0].at > _JUDGED_FOR:
                kept.popleft()
        hour = trial.at.replace(minute=0, second=0, microsecond=0)
        counted = self._hours.setdefault((hour, trial.subject), [0, 0])
        counted[0] += 1
        counted[1] += trial.found
        for old in [key for key in self._hours if trial.at - key[0] > HOURS_KEPT]:
            del self._hours[old]

    def _judged(self, subject: Subject, at: datetime) -> list[Signal]:
        key = AlertKey(self._site, RULE, subject.zone, subject.kind)
        kept = self._trials[subject]
        if key in self._open:
            newest = list(kept)[-_CLEARED_BY:]
            limit = min(1.0, self._settings.least_share + _BETTER_BY)
            if len(newest) < _CLEARED_BY or sum(trial.found for trial in newest) < limit * len(newest):
                return []
            self._open.discard(key)
            return [Ended(key, ended_at=newest[0].at, at=at)]
        found, tried = self.recall(subject)
        whole = AlertKey(self._site, RULE, "", subject.kind)
        if whole in self._open or not _enough(kept) or upper_bound(found, tried) >= self._settings.least_share:
            return []
        self._open.add(key)
        began = next(trial.at for trial in kept if not trial.found)
        return [Raised(key, RULE, self._settings.priority, began, at, label=subject.kind)]

    def snapshot(self) -> Any:
        """As JSON: the newest trials, for the next process, and the counts of each hour, for the screens."""
        return {
            "trials": [
                [*subject, [[trial.at.isoformat(), int(trial.found)] for trial in kept]]
                for subject, kept in self._trials.items()
                if kept
            ],
            "hours": [[hour.isoformat(), *subject, *counted] for (hour, subject), counted in self._hours.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a snapshot. Raises ValueError, TypeError or KeyError for anything else."""
        for zone, kind, kept in state["trials"]:
            subject = Subject(str(zone), str(kind))
            trials = [Trial(datetime.fromisoformat(at), subject, bool(found)) for at, found in kept]
            self._trials[subject] = deque(trials, maxlen=_NEWEST)
        for hour, zone, kind, tried, found in state["hours"]:
            self._hours[datetime.fromisoformat(hour), Subject(str(zone), str(kind))] = [int(tried), int(found)]


def _enough(kept: Sequence[Trial]) -> bool:
    """Are they enough for a judgement?"""
    if len(kept) < LEAST_TRIALS or kept[-1].at - kept[0].at < LEAST_SPAN:
        return False
    return len({trial.at for trial in kept}) >= LEAST_PICTURES


def upper_bound(found: int, tried: int) -> float:
    """Above the true share with 90 % certainty (Wilson's score interval, one-sided)."""
    share, z2 = found / tried, _Z * _Z
    middle = share + z2 / (2 * tried)
    half = _Z * math.sqrt(share * (1 - share) / tried + z2 / (4 * tried * tried))
    return (middle + half) / (1 + z2 / tried)
