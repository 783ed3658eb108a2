"""A camera's health beside its site's pipeline: one picture a second to judge, and what is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from alerts.camera_health import CameraHealth
from data.alert import Alert, Signal
from data.camera_health import HealthSettings
from data.frame import Frame
from data.observation import Tick
from detectors._picture_features import picture_features

_EVERY = timedelta(seconds=0.9)


class HealthWatch:
    """Looks at no more pictures than it needs."""

    def __init__(self, settings: HealthSettings, site: str, open_alerts: Sequence[Alert]) -> None:
        self._judge = CameraHealth(settings, site)
        self._judge.resume(open_alerts)
        self._looked_at: datetime | None = None

    @property
    def well(self) -> bool:
        """Can what the camera sees be believed?"""
        return self._judge.well

    def see(self, frame: Frame) -> list[Signal]:
        """Judge the picture if it is time to."""
        if self._looked_at is not None and frame.at - self._looked_at < _EVERY:
            return []
        self._looked_at = frame.at
        return self._judge.look(picture_features(frame))

    def tick(self, tick: Tick) -> list[Signal]:
        """Let a second pass."""
        return self._judge.tick(tick)
