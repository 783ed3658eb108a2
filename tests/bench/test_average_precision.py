"""The scorer by hand-made cases, and against ultralytics' own on the same predictions."""

from __future__ import annotations

import numpy as np
import pytest

from bench.average_precision import OVERLAPS, Found, Objects, average_precision, hits, score

BOX = [10.0, 10.0, 110.0, 110.0]


def objects(*boxes: list[float], classes: list[int] | None = None) -> Objects:
    return Objects(np.array(boxes).reshape(-1, 4), np.array(classes or [0] * len(boxes), dtype=np.int64))


def seen(*boxes: list[float], confidence: list[float], classes: list[int] | None = None) -> Found:
    kinds = np.array(classes or [0] * len(boxes), dtype=np.int64)
    return Found.ranked(np.array(boxes).reshape(-1, 4), kinds, np.array(confidence))


def test_the_exact_box_scores_one() -> None:
    result = score([(seen(BOX, confidence=[0.9]), objects(BOX))])
    assert (result.map50_95, result.map50, result.classes, result.objects) == (1.0, 1.0, 1, 1)


def test_a_box_of_overlap_0_82_is_right_up_to_0_80() -> None:
    lower = [10.0, 10.0, 110.0, 92.0]
    assert hits(seen(lower, confidence=[0.9]), objects(BOX))[0].tolist() == [True] * 7 + [False] * 3
    assert score([(seen(lower, confidence=[0.9]), objects(BOX))]).map50_95 == pytest.approx(0.7)


def test_the_second_box_on_one_object_is_wrong() -> None:
    twice = seen(BOX, BOX, confidence=[0.6, 0.9])
    assert hits(twice, objects(BOX))[:, 0].tolist() == [True, False]


def test_another_class_is_wrong() -> None:
    assert not hits(seen(BOX, confidence=[0.9], classes=[2]), objects(BOX)).any()


def test_precision_at_a_recall_is_the_best_from_there_on() -> None:
    """Right, wrong, right of 2 objects: 1 up to recall 0.5 (51 of the 101), 2/3 beyond (50)."""
    right = np.array([True, False, True])
    assert average_precision(right, 2) == pytest.approx((51 * 1.0 + 50 * 2 / 3) / 101)


def test_objects_never_found_count_as_zero() -> None:
    assert average_precision(np.array([True]), 4) == pytest.approx(26 / 101)
    assert average_precision(np.array([], dtype=np.bool_), 4) == 0.0


def test_a_picture_without_objects_only_adds_false_ones() -> None:
    right, false = (seen(BOX, confidence=[0.5]), objects(BOX)), (seen(BOX, confidence=[0.9]), objects())
    assert score([right]).map50 == 1.0
    assert score([right, false]).map50 == pytest.approx(0.5)
    with pytest.raises(ValueError, match="no object"):
        score([false])


def random_pictures(count: int) -> list[tuple[Found, Objects]]:
    """Crowded pictures of 3 classes; detections are jittered objects, doubles and inventions."""
    random = np.random.default_rng(7)
    pictures = []
    for _ in range(count):
        corner, size = random.uniform(0, 400, (25, 2)), random.uniform(20, 200, (25, 2))
        truth = np.concatenate([corner, corner + size], axis=1)
        classes = random.integers(0, 3, 25)
        boxes = np.concatenate([truth, truth[:10], truth[::-1][:10] + 150])
        boxes = boxes + random.normal(0, 7, boxes.shape)
        kinds = np.concatenate([classes, classes[:10], random.integers(0, 3, 10)])
        found = Found.ranked(boxes, kinds, random.uniform(0.001, 1, len(boxes)))
        pictures.append((found, Objects(truth, classes)))
    return pictures


def test_it_agrees_with_ultralytics_on_the_same_predictions() -> None:
    """The same detections are right; the mean differs by its way to integrate (trapezoids), < 0.2 points here."""
    torch = pytest.importorskip("torch")
    from ultralytics.engine.validator import BaseValidator
    from ultralytics.utils.metrics import ap_per_class, box_iou

    validator = object.__new__(BaseValidator)
    validator.iouv = torch.tensor(OVERLAPS)
    pictures = random_pictures(40)
    theirs = []
    for found, truth in pictures:
        overlap = box_iou(torch.tensor(truth.xyxy), torch.tensor(found.xyxy))
        right = validator.match_predictions(torch.tensor(found.classes), torch.tensor(truth.classes), overlap).numpy()
        assert (right == hits(found, truth)).all()
        theirs.append(right)
    confidence = np.concatenate([found.confidence for found, _ in pictures])
    kinds = np.concatenate([found.classes for found, _ in pictures])
    present = np.concatenate([truth.classes for _, truth in pictures])
    ap = ap_per_class(np.concatenate(theirs), confidence, kinds, present)[5]
    ours = score(pictures)
    assert 0.2 < ours.map50_95 < 0.6
    assert ours.map50_95 == pytest.approx(float(ap.mean()), abs=0.002)
    assert ours.map50 == pytest.approx(float(ap[:, 0].mean()), abs=0.002)
