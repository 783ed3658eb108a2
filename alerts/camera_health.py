"""Judges a camera by its pictures and by the ticks without any: each fault is an alert of its own.

One picture a second is enough. Only the times of pictures and ticks count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.scene import Likeness, Scene, correlation, gradients, is_flat
from alerts.stillness import Stillness
from alerts.unlike import is_covered, is_other_view
from data.model.alert import Alert, AlertKey, Ended, Raised, Signal
from data.model.camera_health import CameraFault, Grid, HealthSettings, PictureFeatures
from data.model.observation import Tick

RULE = "camera_health"
"""The rule id and kind of these alerts; the fault is the alert's subject and label."""

_FIRST_PICTURE_S = 10.0  # longest time a camera may take to open
_FORGIVEN_S = 3.0  # a single good look does not clear a suspicion that is back within this time
_STEADY_S = (4.0, 12.0)  # a new view is compared with what the camera showed so long before
_OF_PICTURES = tuple(fault for fault in CameraFault if fault is not CameraFault.VIDEO_LOSS)
_BY_SCENE = frozenset({CameraFault.OCCLUSION, CameraFault.DEFOCUS, CameraFault.SCENE_CHANGE})


@dataclass(slots=True)
class _Fault:
    """`since`: first suspected then, and in `suspected` of `looks` pictures; `well_since`: absent from then on."""

    since: datetime | None = None
    suspected: int = 0
    looks: int = 0
    well_since: datetime | None = None
    open: bool = False


class CameraHealth:
    """The health of one site's camera. Feed it in the order of time."""

    def __init__(self, settings: HealthSettings, site: str) -> None:
        self._settings = settings
        self._site = site
        self._scene = Scene()
        self._stillness = Stillness(settings.bad_for.total_seconds())
        self._faults = {fault: _Fault() for fault in CameraFault}
        self._recent: deque[tuple[datetime, Grid]] = deque()
        self._began_at: datetime | None = None
        self._known_at: datetime | None = None
        self._had_picture = False

    @property
    def well(self) -> bool:
        """Is no alert of this camera open?"""
        return not any(fault.open for fault in self._faults.values())

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        """After a restart: those of this rule that are open in the store."""
        for alert in open_alerts:
            if alert.is_open and alert.key[:2] == (self._site, RULE) and alert.key.subject in set(CameraFault):
                self._faults[CameraFault(alert.key.subject)].open = True

    def snapshot(self) -> Any:
        """The scene the camera usually shows, as JSON; None before it is learned."""
        return self._scene.snapshot()

    def restore(self, state: Any) -> None:
        """Continue with the scene of an earlier process. Raises ValueError for a state that cannot be read."""
        self._scene = Scene.restored(state)

    def learn_anew(self) -> None:
        """Learn the scene anew: the camera was turned on purpose."""
        self._scene = Scene()

    def tick(self, tick: Tick) -> list[Signal]:
        """One second has passed: judge whether the camera gave a picture."""
        self._began_at = self._began_at or tick.at
        loss = self._faults[CameraFault.VIDEO_LOSS]
        if tick.observable:
            self._known_at = tick.at
            return self._good(CameraFault.VIDEO_LOSS, tick.at)
        for fault in _OF_PICTURES:
            self._faults[fault].since = self._faults[fault].well_since = None  # what was pending is unknown
        self._stillness.pause()
        patience_s = self._settings.lost_for.total_seconds() if self._had_picture else _FIRST_PICTURE_S
        since = self._known_at or self._began_at
        loss.well_since = None
        if loss.open or (tick.at - since).total_seconds() < patience_s:
            return []
        return [self._raised(loss, CameraFault.VIDEO_LOSS, since, tick.at)]

    def look(self, picture: PictureFeatures) -> list[Signal]:
        """Judge one picture."""
        self._had_picture = True
        self._known_at = picture.at
        likeness = self._scene.likeness(picture) if self._scene.learned else None
        suspected = self._suspect(picture, likeness)
        signals: list[Signal] = []
        for fault in _OF_PICTURES:
            if fault is suspected:
                frozen_since = self._stillness.since if fault is CameraFault.FROZEN else None
                signals += self._bad(fault, frozen_since or picture.at, picture.at)
            elif self._is_well(fault, picture, likeness):
                signals += self._good(fault, picture.at)
            else:
                self._faults[fault].looks += 1
                self._faults[fault].well_since = None
        return signals

    def _suspect(self, picture: PictureFeatures, likeness: Likeness | None) -> CameraFault | None:
        """The suspected faults of this picture, the most certain first."""
        still = self._stillness.look(picture)
        steady = self._is_steady(picture)
        if is_flat(picture.scene) and (likeness is None or likeness.match < 0.3):
            known = likeness is not None or self._faults[CameraFault.OCCLUSION].open
            return _flat_fault(float(picture.scene.mean()), known=known)
        if still and self._settings.frozen:
            return CameraFault.FROZEN
        if likeness is None:
            self._scene.learn(picture)
            return None
        fault = self._unlike(picture, likeness, steady=steady)
        if fault is None and self.well:
            self._scene.adapt(picture, likeness)
        return fault

    def _unlike(self, picture: PictureFeatures, likeness: Likeness, *, steady: bool) -> CameraFault | None:
        details = self._scene.details(picture) if likeness.match < 0.75 else None
        if steady and is_other_view(likeness, details):
            return CameraFault.SCENE_CHANGE
        if is_covered(likeness, details):
            return CameraFault.OCCLUSION
        if likeness.match >= 0.6 and self._is_blurred(picture, likeness):
            return CameraFault.DEFOCUS
        return None

    def _is_blurred(self, picture: PictureFeatures, likeness: Likeness) -> bool:
        """True when the coarse structure is that of the scene but fine edges are missing."""
        usual = self._scene.fine(picture)
        if usual.steepness is None:
            return False
        if picture.steepness is not None:
            return picture.steepness < 0.7 * usual.steepness
        soft = picture.edges < 0.2 * usual.edges and usual.edges >= 0.002
        return soft and likeness.contrast >= 0.6 and abs(likeness.brighter) < 25

    def _is_well(self, fault: CameraFault, picture: PictureFeatures, likeness: Likeness | None) -> bool:
        """True when this fault is surely absent; not where it needs a scene that is not learned yet or is hidden."""
        if fault not in _BY_SCENE:
            return True
        if likeness is None:
            return not self._faults[fault].open
        if fault is CameraFault.OCCLUSION:
            return likeness.match >= 0.5 and likeness.covered < 0.2
        if fault is CameraFault.DEFOCUS:
            return likeness.match >= 0.5 and not self._is_blurred(picture, likeness)
        return likeness.match >= 0.5

    def _is_steady(self, picture: PictureFeatures) -> bool:
        """True when the picture matches those of some seconds ago: not while the camera turns or a bus passes."""
        while self._recent and (picture.at - self._recent[0][0]).total_seconds() > _STEADY_S[1]:
            self._recent.popleft()
        now = gradients(picture.scene)
        before = [field for at, field in self._recent if (picture.at - at).total_seconds() >= _STEADY_S[0]]
        self._recent.append((picture.at, now))
        return any(correlation(now, field) >= 0.6 for field in before)

    def _bad(self, fault: CameraFault, since: datetime, at: datetime) -> list[Signal]:
        state = self._faults[fault]
        if state.since is None:
            state.since, state.suspected, state.looks = since, 0, 0
        state.suspected += 1
        state.looks += 1
        state.well_since = None
        pending = at - state.since < self._settings.bad_for
        if state.open or pending or 2 * state.suspected < state.looks:
            return []
        return [self._raised(state, fault, state.since, at)]

    def _good(self, fault: CameraFault, at: datetime) -> list[Signal]:
        state = self._faults[fault]
        state.looks += 1
        state.well_since = state.well_since or at
        well_s = (at - state.well_since).total_seconds()
        if well_s >= _FORGIVEN_S:
            state.since = None
        if not state.open or well_s < self._settings.well_for.total_seconds():
            return []
        state.open, state.since = False, None
        return [Ended(self._key(fault), ended_at=state.well_since, at=at)]

    def _raised(self, state: _Fault, fault: CameraFault, since: datetime, at: datetime) -> Raised:
        state.open = True
        return Raised(self._key(fault), RULE, self._settings.priority, since, at, label=fault.value)

    def _key(self, fault: CameraFault) -> AlertKey:
        return AlertKey(self._site, RULE, "", fault.value)


def _flat_fault(brightness: float, *, known: bool) -> CameraFault | None:
    """The fault of a picture without structure: black, white, or a covered lens where structure was seen before."""
    if brightness < 40:
        return CameraFault.BLACK
    if brightness > 200:
        return CameraFault.WHITE
    return CameraFault.OCCLUSION if known else None
