"""A camera's health judged from ticks and features alone: losses, blips, restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from alerts.camera_health import CameraHealth
from data.model.alert import Alert, Ended, Raised, Signal
from data.model.camera_health import GRID, CameraFault, HealthSettings, PictureFeatures
from data.model.observation import Tick
from layouts.words import TABLE

START = datetime(2024, 7, 12, 14, 0, tzinfo=UTC)


def picture(second: float, *, seed: int | None = None, level: float | None = None) -> PictureFeatures:
    """A chequered scene with noise of its own each second; a flat one of this level."""
    random = np.random.default_rng(round(second * 10) if seed is None else seed)
    scene = np.kron(np.array([[60, 160], [160, 60]] * 7), np.ones((2, 24))) if level is None else np.full(GRID, level)
    sample = random.integers(60, 66, (90, 160)).astype(np.uint8)
    return PictureFeatures("gate-1", START + timedelta(seconds=second), scene.astype(np.float32), sample, 0.02, 0.8)


def tick(second: float, *, seen: bool = True) -> Tick:
    return Tick("gate-1", START + timedelta(seconds=second), seen)


def told(signals: list[Signal]) -> list[tuple[str, str, float]]:
    return [(s.key.subject, type(s).__name__, (s.at - START).total_seconds()) for s in signals]


def live(health: CameraHealth, lost: range, until: int) -> list[Signal]:
    """A picture and a tick a second; in `lost` the tick is blind and there is no picture."""
    said: list[Signal] = []
    for second in range(until):
        if second not in lost:
            said += health.look(picture(second))
        said += health.tick(tick(second + 0.5, seen=second not in lost))
    return said


def judge() -> CameraHealth:
    return CameraHealth(HealthSettings(), "gate-1")


def test_a_source_that_dies_is_lost_after_a_second_and_back_after_three() -> None:
    said = live(judge(), range(10, 30), 60)
    assert told(said) == [("video_loss", "Raised", 10.5), ("video_loss", "Ended", 33.5)]
    assert isinstance(said[0], Raised)
    assert isinstance(said[1], Ended)
    assert (said[0].kind, said[0].label, said[0].priority.value) == ("camera_health", "video_loss", "P3")
    assert said[0].started_at == START + timedelta(seconds=9.5), "when it was last known to be there"
    assert said[1].ended_at == START + timedelta(seconds=30.5)


def test_a_blip_shorter_than_the_set_time_raises_nothing() -> None:
    health = CameraHealth(HealthSettings(lost_for=timedelta(seconds=4)), "gate-1")
    assert live(health, range(10, 13), 60) == []
    assert told(live(CameraHealth(HealthSettings(lost_for=timedelta(seconds=4)), "gate-1"), range(10, 15), 60)) == [
        ("video_loss", "Raised", 13.5),
        ("video_loss", "Ended", 18.5),
    ]


def test_an_outage_with_moments_of_life_is_one_outage() -> None:
    health = judge()
    said: list[Signal] = []
    for second in range(60):
        seen = second < 10 or second >= 40 or second % 7 in {0, 1}
        said += health.look(picture(second)) if seen else []
        said += health.tick(tick(second + 0.5, seen=seen))
    assert told(said) == [("video_loss", "Raised", 10.5), ("video_loss", "Ended", 43.5)]


def test_a_camera_that_needs_time_to_open_is_not_lost_but_one_that_never_comes_is() -> None:
    assert told(live(judge(), range(8), 30)) == []
    assert told(live(judge(), range(100), 30)) == [("video_loss", "Raised", 10.5)]


@pytest.mark.parametrize(
    ("level", "fault"), [(16.0, "video_black"), (235.0, "video_white"), (110.0, "video_occlusion")]
)
def test_a_picture_without_structure_is_named_by_its_brightness(level: float, fault: str) -> None:
    health = judge()
    said: list[Signal] = []
    for second in range(80):
        said += health.look(picture(second, level=level if 30 <= second < 60 else None))
        said += health.tick(tick(second + 0.5))
    assert told(said) == [(fault, "Raised", 45.0), (fault, "Ended", 63.0)]


def test_repeated_pictures_are_frozen_and_a_camera_that_is_often_still_gets_more_time() -> None:
    health = judge()
    said: list[Signal] = []
    for second in range(60):
        said += health.look(picture(second, seed=1 if 20 <= second < 50 else None))
    assert told(said) == [("video_frozen", "Raised", 35.0), ("video_frozen", "Ended", 53.0)]
    calm, said = judge(), []
    for second in range(300):
        said += calm.look(picture(second, seed=1 if second % 14 else None))
    assert said == []


def test_a_gap_between_pictures_counts_for_nothing() -> None:
    health = judge()
    said: list[Signal] = []
    for second in range(10):
        said += health.look(picture(second, level=16.0))
        said += health.tick(tick(second + 0.5))
    said += health.tick(tick(10.5, seen=False))
    for second in range(11, 25):
        said += health.look(picture(second, level=16.0))
        said += health.tick(tick(second + 0.5))
    assert [s for s in told(said) if s[0] == "video_black"] == []


def test_after_a_restart_an_open_loss_is_not_raised_again_and_ends_once() -> None:
    raised = live(judge(), range(5, 20), 10)[0]
    assert isinstance(raised, Raised)
    alert = Alert(raised.key, raised.kind, raised.priority, raised.started_at, raised.at, label=raised.label, id=3)
    health = judge()
    health.resume([alert])
    assert not health.well
    assert told(live(health, range(20), 40)) == [("video_loss", "Ended", 23.5)]
    assert health.well


def test_every_fault_has_its_words() -> None:
    assert {f"label.{fault}" for fault in CameraFault} | {"kind.camera_health"} <= TABLE.keys()


def test_where_pictures_are_drawn_stillness_can_be_allowed() -> None:
    health = CameraHealth(HealthSettings(frozen=False), "gate-1")
    assert [s for second in range(60) for s in health.look(picture(second, seed=1))] == []
