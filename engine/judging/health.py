"""A camera's health beside its site's pipeline: one picture a second to judge, and what is open."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from alerts.camera_health import CameraHealth
from data.model.alert import Alert, Signal
from data.model.camera_health import HealthSettings
from data.model.frame import Frame
from data.model.observation import Tick
from detectors._picture_features import picture_features

log = logging.getLogger(__name__)

_EVERY = timedelta(seconds=0.9)
_KEPT_EVERY = timedelta(minutes=10)
_LEARNS_FOR = timedelta(seconds=20)


class HealthWatch:
    """Looks at no more pictures than it needs."""

    def __init__(
        self,
        settings: HealthSettings,
        site: str,
        open_alerts: Sequence[Alert],
        *,
        camera: str = "",
        view: str = "",
        scene: Any = None,
    ) -> None:
        """`scene`: what `scene` gave in an earlier process, of use only where camera and view have the same names."""
        self._judge = CameraHealth(settings, site)
        self._judge.resume(open_alerts)
        self._looked_at: datetime | None = None
        self._camera, self._view = camera, view
        self._keep_at: datetime | None = None
        if isinstance(scene, Mapping) and (scene.get("camera"), scene.get("view")) == (camera, view):
            try:
                self._judge.restore(scene.get("scene"))
            except ValueError as error:
                log.warning("%s: the camera's scene is learned anew (%s)", site, error)

    @property
    def well(self) -> bool:
        """Can what the camera sees be believed?"""
        return self._judge.well

    def see(self, frame: Frame) -> list[Signal]:
        """Judge the picture if it is time to."""
        if self._looked_at is not None and frame.at - self._looked_at < _EVERY:
            return []
        self._looked_at = frame.at
        self._keep_at = self._keep_at or frame.at + _LEARNS_FOR
        return self._judge.look(picture_features(frame))

    def scene(self) -> Any:
        """What the camera usually shows, for the next process: once it is learned, then now and then; else None."""
        if self._keep_at is None or self._looked_at is None or self._looked_at < self._keep_at:
            return None
        known = self._judge.snapshot()
        self._keep_at = self._looked_at + (_KEPT_EVERY if known is not None else _LEARNS_FOR)
        return None if known is None else {"camera": self._camera, "view": self._view, "scene": known}

    def turned(self, view: str) -> None:
        """Another name of the view than before: the camera was turned on purpose."""
        if view != self._view:
            self._view, self._keep_at = view, None
            self._judge.learn_anew()

    def tick(self, tick: Tick) -> list[Signal]:
        """Let a second pass."""
        return self._judge.tick(tick)
