"""The second look: before an alert about an object of low confidence, the detector runs again on an enlarged crop.

A second look is requested only in doubt, early enough that the alert need not wait, and over several pictures. It may
hold an alert back only where nothing else supports the object: a small car that the network recognises by its
surroundings is often missed when it fills the crop, so a low score alone proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from alerts.stays import Look, Stay
from alerts.usual_sizes import UsualSizes
from data.model.sightings import LookVerdict, SecondLook
from data.ports.recipe import CloserSight, LookWanted

LEAST_LOOKS = 3  # different pictures
SURE = 0.5  # the third-best score of a stay that needs no second look
MOST_WAIT_S = 0.7  # after that the alert goes out as probable, and the second look decides later
_SEEN = 0.3  # the confidence from which the tracker begins a track
_NOTHING = 0.1  # the lowest confidence that the detector reports
_LEAD_S = 3.0  # the looks begin at most so long before the alert
_AGAIN_AFTER_S = (5.0, 10.0, 20.0, 40.0, 60.0)  # pauses between looks at an object that was held back


@dataclass(slots=True)
class SecondLooks:
    """Requests second looks and judges their results, for one rule at one site."""

    offered: bool = False
    sizes: UsualSizes = field(default_factory=UsualSizes)

    def learn(self, stays: Sequence[Stay], aspect: float) -> None:
        """Learn the sizes of objects seen with certainty. Called after each picture."""
        for stay in stays:
            seen = stay.misses == 0 and stay.detection.confidence >= SURE
            if seen and is_sure(stay) and stay.moved_since_learnt(aspect):
                stay.learnt_at = stay.detection
                self.sizes.learn(stay.detection)

    def doubts(self, stay: Stay) -> bool:
        """True if second looks are offered and the object was never seen with certainty."""
        return self.offered and stay.awaited is None and not is_sure(stay)

    def wanted(self, stay: Stay, now: datetime, due_in_s: float, lead_s: float) -> LookWanted | None:
        """The second look wanted in this picture, or None."""
        look = stay.look
        waits = look is not None and look.waits  # then its place is looked at even if it is not detected now
        if not (stay.in_sight or waits) or not self.doubts(stay) or due_in_s > lead_s:
            return None
        answered = look is not None and len(look.scores) >= LEAST_LOOKS
        if look is not None and answered and not (look.held_back or look.asked):
            return None  # the results so far are enough
        if look is not None and look.looked_at is not None:
            waited_s = (now - look.looked_at).total_seconds()
            hurried = due_in_s <= 0 and not answered
            pause_s = _pause_s(look) if answered else lead_s / LEAST_LOOKS
            if not hurried and waited_s < pause_s - 1e-3:
                return None
        return LookWanted(stay.id, stay.detection.label, stay.detection.xyxy, due_in_s)

    def note(self, stay: Stay, sight: CloserSight, now: datetime) -> None:
        """Add the result of one look."""
        look = stay.look = stay.look or Look()
        look.looked_at = now
        if not stay.in_sight and sight.score < _SEEN:
            return  # it is hidden now: no evidence against it
        look.scores.append(sight.score)
        look.magnify, look.label = sight.magnify, sight.label or look.label
        look.instead.append(sight.instead)
        if look.held_back:
            look.held_back += 1
        elif look.asked and len(look.scores) >= LEAST_LOOKS:
            look.tried += 1

    def verdict(self, stay: Stay) -> LookVerdict:
        """The verdict of at least three looks; ASKED before that."""
        look = stay.look
        if look is None or len(look.scores) < LEAST_LOOKS:
            return LookVerdict.ASKED
        score, fits = median(look.scores), self.sizes.fits(stay.detection)
        if score >= _SEEN:
            return LookVerdict.SEEN
        if fits is False:
            return LookVerdict.NOT_SEEN  # not seen again, and of an impossible size
        return LookVerdict.NOT_SEEN if score < _NOTHING and not self.believed(stay) else LookVerdict.UNCLEAR

    def believed(self, stay: Stay) -> bool:
        """True if something besides the network's score supports the object."""
        return stay.drove_in or bool(self.sizes.fits(stay.detection))

    def decided(self, stay: Stay, verdict: LookVerdict) -> bool:
        """True if this verdict on an alert that is out is final."""
        return verdict is LookVerdict.SEEN or (verdict is LookVerdict.UNCLEAR and self.believed(stay))

    def told(self, stay: Stay, verdict: LookVerdict, now: datetime) -> SecondLook | None:
        """The second look as the alert shows it; None where none was requested."""
        look = stay.look
        if look is None:
            return None
        waited_s = 0.0 if look.due_at is None else (now - look.due_at).total_seconds()
        others = [one for one in look.instead if one]
        instead = max(others, key=others.count) if 2 * len(others) > len(look.instead) else ""
        return SecondLook(verdict, look.label or stay.label, tuple(look.scores), look.magnify, instead, waited_s)


def is_sure(stay: Stay) -> bool:
    """True if its three best detections (all, while there are fewer) reached the score that needs no second look."""
    return not stay.best or min(stay.best) >= SURE


def lead_s(limit_s: float, picture_s: float) -> float:
    """Seconds before the alert at which the looks at a stay begin. `picture_s`: seconds between two pictures."""
    return max(min(_LEAD_S, limit_s / 2), (LEAST_LOOKS - 1) * picture_s)


def _pause_s(look: Look) -> float:
    made = look.held_back or look.tried + 1
    return _AGAIN_AFTER_S[min(made, len(_AGAIN_AFTER_S)) - 1]


def waits_until(due_at: datetime) -> datetime:
    """The time until which an alert that was due then waits for its second look."""
    return due_at + timedelta(seconds=MOST_WAIT_S)
