"""What moves or newly stands is found without a name; light, weather and what was always there are not."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from alerts.unknown_object import Recipe as UnknownObject
from data.config.settings import SiteSettings
from data.model.alert import Raised
from data.model.camera_health import HealthSettings
from data.model.frame import Image
from data.model.geo import Location
from data.model.observation import Detection
from data.model.picture import ArrayFrame
from data.ports.recipe import Context
from detectors.foreground import Recipe
from engine.judging.pipeline import SitePipeline

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
SITE = SiteSettings(id="gate-3", location=Location(lon=106.5, lat=29.6))
_ROUGH = cv2.resize(np.random.default_rng(1).normal(0, 1, (90, 160)).astype(np.float32), (640, 360))
YARD = np.clip(52 + np.linspace(-18, 18, 640)[None, :] + 5 * np.asarray(_ROUGH), 0, 255).astype(np.float32)
GRAINS = np.random.default_rng(2).normal(0, 4, (400, 700)).astype(np.float32)
WARM_S = 30.0

Drawn = Callable[[float, Image], None]
"""Paints into the clear grey picture (float32 levels) of this second."""


def frame(second: float, draw: Drawn, noise: float = 1.0) -> ArrayFrame:
    picture = YARD.copy()
    draw(second, picture)  # type: ignore[arg-type]
    place = np.random.default_rng(round(second * 1000))
    top, left = int(place.integers(0, 40)), int(place.integers(0, 60))
    picture += noise * GRAINS[top : top + 360, left : left + 640]
    return ArrayFrame("gate-3", NOON + timedelta(seconds=second), cv2.cvtColor(
        picture.clip(0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR))  # type: ignore[arg-type]  # fmt: skip


def watched(
    draw: Drawn, until: float, per_second: float = 5.0, noise: float = 1.0
) -> list[tuple[float, list[Detection]]]:
    detector = Recipe().make(Context(site=SITE.place))
    told = []
    for i in range(round(until * per_second)):
        (found,) = detector.find(frame(i / per_second, draw, noise))
        told.append((i / per_second, list(found)))  # type: ignore[arg-type]
    return told


def seconds(told: Sequence[tuple[float, list[Detection]]]) -> list[float]:
    return [second for second, found in told if found]


def body(picture: Image, x: float, y: float, height: int = 70) -> None:
    """Somebody in infrared: head, trunk and legs of different brightness."""
    wide, left, top = round(height * 0.36), round(x), round(y) - height
    for since, until, share, level in ((0.0, 0.16, 0.5, 96), (0.16, 0.55, 1.0, 74), (0.55, 1.0, 0.7, 30)):
        inset = round(wide * (1 - share) / 2)
        rows = slice(top + round(height * since), top + round(height * until))
        picture[rows, max(0, left + inset) : max(0, left + wide - inset)] = level


def comes_and_stands(second: float, picture: Image) -> None:
    if second >= WARM_S:
        body(picture, min(300.0, -25 + 45 * (second - WARM_S)), 250)


@pytest.mark.parametrize("per_second", [5.0, 2.0])
def test_who_walks_in_and_stands_is_followed_from_his_first_second_on_as_one(per_second: float) -> None:
    told = watched(comes_and_stands, WARM_S + 25, per_second)
    found = seconds(told)
    assert WARM_S < found[0] <= WARM_S + 3
    assert {one.track_id for _, some in told for one in some} == {told[round(found[0] * per_second)][1][0].track_id}
    assert {one.label for _, some in told for one in some} == {"unknown"}
    left, top, right, bottom = told[-1][1][0].xyxy
    assert (left, top, right, bottom) == pytest.approx((300 / 640, 180 / 360, 325 / 640, 250 / 360), abs=0.03)


def test_the_whole_way_raises_one_alert_within_ten_seconds() -> None:
    site = SITE.model_copy(
        update={"detectors": (Recipe(),), "rules": (UnknownObject(),), "health": HealthSettings(enabled=False)}
    )
    pipeline = SitePipeline(site, Context(site=site.place))
    raised = [
        signal
        for i in range(round((WARM_S + 25) * 5))
        for signal in pipeline.see(frame(i / 5, comes_and_stands)).signals
        if isinstance(signal, Raised)
    ]
    assert [(one.kind, one.label) for one in raised] == [("unknown_object", "unknown")]
    assert (raised[0].at - NOON).total_seconds() <= WARM_S + 10


def test_nothing_is_found_where_nothing_comes_whatever_the_noise() -> None:
    assert seconds(watched(lambda *_: None, WARM_S + 25, noise=3.0)) == []


def test_a_pool_of_light_that_wanders_is_no_object() -> None:
    y, x = np.mgrid[:360, :640].astype(np.float32)

    def lamp(second: float, picture: Image) -> None:
        if second >= WARM_S:
            middle = 80 + 30 * (second - WARM_S)
            picture += 120 * np.exp(-(((x - middle) / 50) ** 2) - ((y - 200) / 30) ** 2)

    assert seconds(watched(lamp, WARM_S + 15)) == []


def test_a_shadow_that_crosses_a_textured_ground_is_no_object() -> None:
    def shadow(second: float, picture: Image) -> None:
        if second >= WARM_S:
            left = round(60 + 25 * (second - WARM_S))
            picture[150:240, left : left + 60] = 0.55 * picture[150:240, left : left + 60]

    assert seconds(watched(shadow, WARM_S + 15, noise=0.3)) == []


def test_a_lamps_shine_under_the_noise_of_a_dark_night_is_no_object() -> None:
    y, x = np.mgrid[:360, :640].astype(np.float32)

    def lamp(second: float, picture: Image) -> None:
        picture[:] = 0.5 * picture
        if second >= WARM_S:
            middle = 80 + 40 * (second - WARM_S)
            picture += 90 * np.exp(-(((x - middle) / 40) ** 2) - ((y - 200) / 25) ** 2)

    assert seconds(watched(lamp, WARM_S + 12, noise=1.5)) == []


def test_who_hardly_differs_from_the_dark_ground_is_found_under_its_noise() -> None:
    """He is brighter by 4.5 levels; the sensor's noise is of 6 in each pixel."""

    def faint(second: float, picture: Image) -> None:
        picture[:] = 0.5 * picture
        if second >= WARM_S:
            left = round(-30 + 40 * (second - WARM_S))
            place = np.s_[160:250, max(0, left) : max(0, left + 32)]
            picture[place] = picture[place].mean() + 4.5 if picture[place].size else 0

    found = seconds(watched(faint, WARM_S + 10, noise=1.5))
    assert WARM_S < found[0] <= WARM_S + 5


def swinging(second: float, picture: Image, reach: float) -> None:
    """Six twigs, each about its own place and in its own time."""
    for number in range(6):
        middle = 60 + 100 * number + reach * np.sin(second * (0.8 + 0.15 * number) + number)
        top = 120 + 25 * number
        picture[top : top + 44, round(middle) : round(middle) + 26] = 20


def test_twigs_that_swing_farther_in_a_gust_than_they_did_before_are_no_objects() -> None:
    def gusts(second: float, picture: Image) -> None:
        swinging(second, picture, 12 if second < WARM_S + 10 else 36)

    assert seconds(watched(gusts, WARM_S + 35)) == []


def test_wind_that_rises_while_the_background_is_new_is_waited_for() -> None:
    def wind(second: float, picture: Image) -> None:
        swinging(second, picture, 1 if second < 10 else 30)

    assert seconds(watched(wind, WARM_S + 20)) == []


def test_streaks_that_are_elsewhere_in_every_picture_are_no_object() -> None:
    def rain(second: float, picture: Image) -> None:
        chance = np.random.default_rng(round(second * 100))
        for _ in range(40):
            column, row = int(chance.integers(0, 630)), int(chance.integers(0, 320))
            picture[row : row + 36, column : column + 2] += 50

    assert seconds(watched(rain, WARM_S + 20)) == []


def test_a_change_of_exposure_by_half_is_no_object() -> None:
    def hunting(second: float, picture: Image) -> None:
        picture[:] = (1.0, 0.5, 1.6)[int(second // 2) % 3] * picture

    assert seconds(watched(hunting, WARM_S + 20)) == []


def test_what_was_always_there_leaves_no_ghost_when_it_goes() -> None:
    def leaves(second: float, picture: Image) -> None:
        x = 300 if second < WARM_S + 8 else 300 + 60 * (second - WARM_S - 8)
        if x < 615:
            body(picture, x, 250)

    later = [second for second in seconds(watched(leaves, WARM_S + 40)) if second > WARM_S + 8 + 9]
    assert later == []


def test_the_same_pictures_give_the_same_observations() -> None:
    first, second = (watched(comes_and_stands, WARM_S + 6) for _ in range(2))
    assert first == second


def test_a_look_at_a_picture_640_wide_costs_a_few_milliseconds() -> None:
    detector = Recipe().make(Context(site=SITE.place))
    pictures = [frame(i / 5, comes_and_stands) for i in range(round((WARM_S + 6) * 5))]
    begun_s = time.process_time()
    for picture in pictures:
        detector.find(picture)
    assert (time.process_time() - begun_s) / len(pictures) < 0.02  # 2 ms on an idle machine
