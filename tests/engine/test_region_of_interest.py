"""Real footage, looked at in full and only where something moved: the same objects, the same tracks, the same alert."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.dwell import Recipe as Dwell
from bench.films import NOON, SITE, clip_frames
from data.local.stages import StageClock
from data.model.observation import Detections
from data.model.place import InferenceSettings
from data.ports.recipe import Context, Resources, SupportsRegionOfInterest
from detectors._backend import BySize, Model, load
from detectors._tracker import iou
from detectors.yolo import Recipe as Yolo
from engine.analyze import analyze_frames
from engine.camera.movement import Movement

LABELS = ("person", "bicycle", "car", "truck", "bus")


def ready_model(root: Path) -> Model:
    model = load(InferenceSettings(threads=2), root)
    assert isinstance(model, BySize)
    model.take_up()
    return model


def looks(root: Path, clip: Path, since_s: float, until_s: float) -> tuple[list[Detections], list[Detections], float]:
    """Of five pictures a second: in full, near, and the share of the near ones that were of a part."""
    model, movement = ready_model(root), Movement()
    contexts = [Context(site=SITE.place, base_dir=root, resources=Resources()) for _ in range(2)]
    for context in contexts:
        context.resources.share("yolo", lambda: model)
    full, near = (Yolo(labels=LABELS).make(context) for context in contexts)
    assert isinstance(near, SupportsRegionOfInterest)
    seen: tuple[list[Detections], list[Detections]] = ([], [])
    due_s = since_s
    for frame in clip_frames(root, clip, since_s, until_s):
        if movement.due(frame.at):
            movement.see(frame)
        if (frame.at - NOON).total_seconds() + 1e-3 < due_s:
            continue
        due_s += 0.2
        for found, told in zip((full.find(frame), near.find_near(frame, movement)), seen, strict=True):
            told += [one for one in found if isinstance(one, Detections)]
    return *seen, StageClock.of(contexts[1]).parts().get(SITE.id, 0) / len(seen[0])


def found_of(these: Detections, those: Detections) -> int:
    """How many of these are among those."""
    if not len(these) or not len(those):
        return 0
    return int((iou(these.xyxy.astype(float), those.xyxy.astype(float)) >= 0.5).any(axis=1).sum())


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("clip", "span_s", "parts"),
    [("intel_one-by-one-person", (4.0, 24.0), 0.5), ("intel_person-bicycle-car", (20.0, 32.0), 0.15)],
)
def test_looks_at_a_part_find_what_looks_at_the_whole_find(
    root: Path, shared: Path, clip: str, span_s: tuple[float, float], parts: float
) -> None:
    full, near, share = looks(root, shared / "clips" / f"{clip}.mp4", *span_s)
    assert share >= parts
    boxes = sum(len(one) for one in full)
    assert boxes > 20
    assert sum(found_of(a, b) for a, b in zip(full, near, strict=True)) >= 0.98 * boxes
    assert sum(len(b) - found_of(b, a) for a, b in zip(full, near, strict=True)) <= 0.02 * boxes, "and nothing else"
    tracks = [len({int(track) for one in seen for track in one.track_id}) for seen in (full, near)]
    assert abs(tracks[0] - tracks[1]) <= 1


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.timeout(300)
def test_a_visit_is_as_long(root: Path, shared: Path) -> None:
    """Who comes at 6.2 s and goes at 19.6 s, ± 0.7 s."""
    rule = Dwell(labels=("person",), at_least="10s", motion="any", keep_firing_for="2s")
    site = SITE.model_copy(update={"detectors": (Yolo(labels=LABELS),), "rules": (rule,)})
    context, model = Context(site=site.place, base_dir=root), ready_model(root)
    context.resources.share("yolo", lambda: model)
    frames = clip_frames(root, shared / "clips" / "intel_one-by-one-person.mp4", 4.0, 23.0)
    (line,) = analyze_frames(frames, site, context, NOON, near=True)
    assert line["started_s"] == pytest.approx(6.2, abs=0.7)
    assert line["ended_s"] == pytest.approx(19.6, abs=0.7)
