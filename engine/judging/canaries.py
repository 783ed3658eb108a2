"""Canary targets of one site: which cut-out is put where, and when a worker has time for it.

Everything here stands beside the pipeline. A target is put into a copy of a picture that only the detector is given;
what it finds there is compared with the target and then dropped. Nothing of it reaches a track, a rule, the kept
observations, evidence or a screen: only the count.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from alerts.live_recall import LiveRecall
from alerts.perspective import Perspective
from data.config.settings import SiteSettings
from data.model.alert import AlertKey, Signal
from data.model.frame import Frame, Image
from data.model.labels import family
from data.model.live_recall import CanaryTarget, Cutout, Subject, Trial
from data.model.observation import Detections
from data.ports.recipe import Detector, FindsCanaries

log = logging.getLogger(__name__)

KINDS = ("person", "vehicle")
AT_ONCE = 3  # targets in one picture
_TRIES = 25  # to find a free place
_ASSUMED = {"person": 0.3, "vehicle": 0.25}  # heights where nobody was seen yet: so large that it is no excuse
_MARGIN = 0.02  # of the picture, between targets and whatever was found in it
_OFF = 0.03  # of the picture, from where somebody stood
_FIRST_COST_S = 0.1
_SAVED_S = 60.0  # so long a budget is saved up


class CanaryBudget:
    """Processor time for canary targets: `share` of one worker process."""

    def __init__(self, share: float, now_s: float) -> None:
        self._share = share
        self._left_s, self._at_s = 0.0, now_s
        self._cost_s = _FIRST_COST_S

    def allows(self, now_s: float) -> bool:
        """Is there time for one picture? `now_s`: any clock that never goes back."""
        most_s = max(self._share * _SAVED_S, self._cost_s)
        self._left_s = min(most_s, self._left_s + self._share * max(0.0, now_s - self._at_s))
        self._at_s = now_s
        return self._share > 0 and self._left_s >= self._cost_s

    def spend(self, cost_s: float, *, whole: bool) -> None:
        """So much processor time was used. `whole`: for a picture with targets, by which the next is estimated."""
        self._left_s -= cost_s
        if whole:
            self._cost_s = 0.7 * self._cost_s + 0.3 * cost_s


@dataclass(slots=True)
class _Armed:
    """The picture before the one that gets the targets."""

    at: datetime
    picture: Image


class SiteCanaries:
    """Of one site whose detectors can be tried; on the worker's main thread only."""

    def __init__(self, site: SiteSettings, cutouts: Sequence[Cutout], chance: random.Random, state: Any = None) -> None:
        """`state`: what `snapshot` gave in an earlier process."""
        self._site = site
        self._cutouts = {kind: [one for one in cutouts if one.kind == kind] for kind in KINDS}
        self._chance = chance
        self._perspective = Perspective()
        self._recall = LiveRecall(site.live_recall, site.id)
        self._tried_s = float("-inf")
        self._armed: _Armed | None = None
        self._learned_at: datetime | None = None
        self._changed = False
        self.counted = (0, 0)  # targets since this process began, and those found
        if isinstance(state, Mapping):
            try:
                self._perspective.restore(state.get("sizes"))
                self._recall.restore(state)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                log.warning("%s: live recall is counted anew (%s)", site.id, error)

    def follow(self, site: SiteSettings, open_keys: Iterable[AlertKey]) -> None:
        """Go on by these settings, with the alerts that are open."""
        self._site, self._armed = site, None
        self._recall.follow(site.live_recall, open_keys)

    def learn(self, seen: Detections | None) -> None:
        """Learn the sizes of people and vehicles from a look; once a second is enough."""
        if seen is None or not len(seen):
            return
        if self._learned_at is not None and 0 <= (seen.at - self._learned_at).total_seconds() < 1.0:
            return
        self._learned_at = seen.at
        for detection in seen:
            self._perspective.learn(detection)

    def overdue_s(self, now_s: float) -> float:
        """How long ago it was tried; what found nothing then counts twice."""
        return (now_s - self._tried_s) * (2.0 if self._recall.all_missed() else 1.0)

    @property
    def is_armed(self) -> bool:
        """Does it wait for the picture that gets the targets?"""
        return self._armed is not None

    def disarm(self) -> None:
        """Forget the picture that was kept: no second one has come."""
        self._armed = None

    def arm(self, frame: Frame, detectors: Sequence[Detector]) -> None:
        """Keep a copy of this picture, to learn from the next one what passes before the camera."""
        looker = self._looker(detectors)
        if looker is not None:
            self._armed = _Armed(frame.at, looker.canary_picture(frame))

    def attempt(
        self, frame: Frame, detectors: Sequence[Detector], seen: Detections | None, now_s: float
    ) -> list[Signal]:
        """Put targets into a copy of this picture and judge what of them is found. `seen`: what it shows by itself."""
        looker, armed, self._armed = self._looker(detectors), self._armed, None
        self._tried_s = now_s
        if looker is None:
            return []
        targets = self.targets(seen, looker.kinds, frame.width / frame.height)
        if not targets:
            return []
        found = looker.find_canaries(frame, targets, None if armed is None else armed.picture)
        self._changed = True
        self.counted = (self.counted[0] + len(targets), self.counted[1] + sum(map(bool, found)))
        return self._recall.judge(
            [Trial(frame.at, one.subject, bool(is_found)) for one, is_found in zip(targets, found, strict=True)]
        )

    def newest(self) -> Mapping[Subject, tuple[int, int]]:
        """Found and tried, of the trials that count now."""
        return {subject: self._recall.recall(subject) for subject in self.subjects(frozenset(KINDS))}

    def subjects(self, kinds: Collection[str]) -> list[Subject]:
        """What rules want to see, and where: `kinds` are those that the detector looks for."""
        found: dict[Subject, None] = {}
        zones = {zone.id for zone in self._site.zones}
        for rule in self._site.rules:
            labels: Sequence[str] = getattr(rule, "labels", ())
            zone = getattr(rule, "zone", None) or ""
            for kind in dict.fromkeys(family(label) for label in labels):
                if kind in KINDS and kind in kinds and self._cutouts[kind] and (not zone or zone in zones):
                    found[Subject(zone, kind)] = None
        return list(found)

    def targets(self, seen: Detections | None, kinds: Collection[str], aspect: float) -> list[CanaryTarget]:
        """Some cut-outs, each in a place of its own that nothing else covers. `aspect`: of the picture."""
        taken = [] if seen is None else [detection.xyxy for detection in seen]
        placed: list[CanaryTarget] = []
        subjects = self.subjects(kinds)
        self._chance.shuffle(subjects)
        for subject in (subjects * AT_ONCE)[:AT_ONCE]:
            target = self._target(subject, taken, aspect)
            if target is not None:
                placed.append(target)
                taken.append(target.xyxy)
        return placed

    def _target(
        self, subject: Subject, taken: Sequence[tuple[float, float, float, float]], aspect: float
    ) -> CanaryTarget | None:
        cutout = self._chance.choice(self._cutouts[subject.kind])
        for _ in range(_TRIES):
            x, y = self._foot(subject)
            if not self._in_zone(subject.zone, x, y):
                continue
            height = self._perspective.height(subject.kind, x, y) or _ASSUMED[subject.kind]
            width = height * cutout.aspect / aspect
            box = (x - width / 2, y - height, x + width / 2, y)
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= 1 and box[3] <= 1
            if inside and not any(_touch(box, other) for other in taken):
                return CanaryTarget(cutout, box, subject.zone, mirrored=self._chance.random() < 0.5)
        return None

    def _foot(self, subject: Subject) -> tuple[float, float]:
        """Mostly near where such an object has stood; else anywhere within the zone's bounds."""
        feet = [foot for foot in self._perspective.feet(subject.kind) if self._in_zone(subject.zone, *foot)]
        if feet and self._chance.random() < 0.7:
            x, y = self._chance.choice(feet)
            return x + self._chance.uniform(-_OFF, _OFF), y + self._chance.uniform(-_OFF, _OFF)
        zone = next((zone for zone in self._site.zones if zone.id == subject.zone), None)
        corners = ((0.0, 0.0), (1.0, 1.0)) if zone is None else zone.polygon
        xs, ys = [corner[0] for corner in corners], [corner[1] for corner in corners]
        return self._chance.uniform(min(xs), max(xs)), self._chance.uniform(min(ys), max(ys))

    def _in_zone(self, zone_id: str, x: float, y: float) -> bool:
        zone = next((zone for zone in self._site.zones if zone.id == zone_id), None)
        return zone is None or bool(zone.contains(np.array([[x, y]], np.float32))[0])

    @staticmethod
    def _looker(detectors: Sequence[Detector]) -> FindsCanaries | None:
        return next((one for one in detectors if isinstance(one, FindsCanaries)), None)

    def changed(self) -> Any:
        """The snapshot since this was asked last, as JSON; None where nothing has changed."""
        if not self._changed:
            return None
        self._changed = False
        return {**self._recall.snapshot(), "sizes": self._perspective.snapshot()}


def _touch(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    apart = a[2] + _MARGIN < b[0] or b[2] + _MARGIN < a[0] or a[3] + _MARGIN < b[1] or b[3] + _MARGIN < a[1]
    return not apart
