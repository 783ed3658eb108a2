"""A picture that does not match its camera's scene: another view, a covered lens, or only other light?

Where enough fine structure can be compared, it decides: a lamp changes coarse gradients as much as a cover does.
"""

from __future__ import annotations

from alerts.details import Details
from alerts.scene import Likeness

_FEW, _MANY = 12, 40  # blocks with structure: too few to decide; enough to cover the picture
_LIGHT = 30.0  # levels of mean brightness: a larger change may be a switched light


def is_other_view(likeness: Likeness, details: Details | None) -> bool:
    """True if a steady picture shows another view: the camera was turned, moved, mirrored or exchanged."""
    known = details is not None and details.comparable >= _FEW
    if known and details is not None and details.same >= 0.5:
        return False
    moved = likeness.turned >= 0.65 and likeness.turned - likeness.match >= 0.25
    if known and details is not None:
        lost = details.same < 0.35 and likeness.match < 0.35
        own = likeness.new >= 0.55 or (likeness.new >= 0.45 and details.plain < 0.5)
        return moved or (lost and own and likeness.contrast >= 0.1)
    other = likeness.match < 0.3 and likeness.new >= 0.55 and likeness.contrast >= 0.35
    return moved or (other and abs(likeness.brighter) < _LIGHT and not likeness.dark)


def is_covered(likeness: Likeness, details: Details | None) -> bool:
    """True if a part of the scene is gone while the rest is visible."""
    if likeness.covered < 0.26 or likeness.match >= 0.75:
        return False
    if details is not None and details.comparable >= _MANY:
        return details.gone >= 0.3
    return likeness.brighter < _LIGHT and not likeness.dark
