"""The analyst's page: a camera's small pictures at the cursor and under the pointer, and movement in a rectangle."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from data.local import motion_maps, previews
from data.local.motion_maps import SEEN, packed
from data.local.previews import Preview
from tests.layouts.conftest import Seat
from tests.layouts.station import Station
from tests.layouts.street import scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
CITY = timedelta(hours=8)
LEFT, RIGHT = slice(8, 16), slice(60, 68)  # columns of 80


def local(at: datetime) -> str:
    return f"{at + CITY:%Y-%m-%dT%H:%M:%S}"


def remember(var: Path) -> datetime:
    """At quay-1 something moved on the left for 4 s after three minutes, on the right for 9 s after seven."""
    begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=20)
    first = int(begin.timestamp())
    for minute in range(10):
        seconds: dict[int, tuple[int, np.ndarray | None]] = {}
        for n in range(60 * minute, 60 * minute + 60):
            moved = np.zeros((45, 80), np.bool_)
            if 180 <= n < 184:
                moved[20:26, LEFT] = True
            if 420 <= n < 429:
                moved[20:26, RIGHT] = True
            seconds[first + n] = (SEEN, moved)
        start = first + 60 * minute
        motion_maps.append(var / "motion" / "quay-1", start, packed(start, seconds, 45, 80))
        pictures = [Preview((start + n) * 1000, scene("river", (start + n) % 5)) for n in range(60)]
        previews.append(var / "previews" / "quay-1", pictures)
    return begin


def test_a_rectangle_drawn_on_the_picture_gives_its_moments_and_one_click_goes_there(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    begin = remember(tmp_path)
    span = f"from={local(begin)[:16]}&to={local(begin + timedelta(minutes=10))[:16]}&at={local(begin)}"
    for language, found_words in (("zh", "变动 1 处"), ("en", "moments of movement: 1")):
        seat = sit_down(f"/review?{span}", user="liuna", language=language)
        page = seat.page
        picture = page.locator("#motion-picture")
        expect(picture).to_have_attribute("data-taken", f"{begin:%Y-%m-%dT%H:%M:%S}.000+00:00", timeout=30_000)
        box = picture.bounding_box()
        assert box is not None
        # The pointer draws around the left; the search begins by itself.
        page.mouse.move(box["x"] + 0.08 * box["width"], box["y"] + 0.4 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.22 * box["width"], box["y"] + 0.62 * box["height"], steps=4)
        page.mouse.up()
        expect(page.locator("#motion-told")).to_contain_text(found_words, timeout=30_000)
        expect(page.locator("[data-moment]")).to_have_count(1)
        expect(page.locator(".motion-mark")).to_have_count(1)
        page.locator(".motion-mark").click()
        expect(page.locator("#review-now b")).to_have_text(f"{begin + timedelta(minutes=3) + CITY:%H:%M:%S}")
        taken = f"{begin + timedelta(minutes=3):%Y-%m-%dT%H:%M:%S}.000+00:00"
        expect(picture).to_have_attribute("data-taken", taken, timeout=30_000)
        page.screenshot(path=tmp_path / f"motion-{language}.png")
        assert seat.errors == []


def test_all_of_it_goes_by_the_keyboard(station: Station, sit_down: SitDown, tmp_path: Path) -> None:
    begin = remember(tmp_path)
    span = f"from={local(begin)[:16]}&to={local(begin + timedelta(minutes=10))[:16]}&at={local(begin)}"
    page = sit_down(f"/review?{span}", user="liuna").page
    picture = page.locator("#motion-picture")
    expect(picture).to_have_attribute("data-taken", f"{begin:%Y-%m-%dT%H:%M:%S}.000+00:00", timeout=30_000)
    picture.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-moment]")).to_have_count(2, timeout=30_000)
    for key in ("ArrowRight", *["ArrowRight"] * 14, "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(picture).to_have_attribute("data-rectangle", "0.700,0.350,1.000,0.675")
    assert page.inner_text("#review-now b") == f"{begin + CITY:%H:%M:%S}", "these arrows are the rectangle's"
    page.keyboard.press("Enter")
    expect(page.locator("[data-moment]")).to_have_count(1, timeout=30_000)
    page.keyboard.press("Escape")
    expect(picture).to_have_attribute("data-rectangle", "0.000,0.000,1.000,1.000")
    page.locator("[data-moment]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#review-now b")).to_have_text(f"{begin + timedelta(minutes=7) + CITY:%H:%M:%S}")
    # Under the pointer the axis shows the picture of that moment, and hides it where the pointer leaves.
    axis = page.locator("#review-graph .nsewdrag").first.bounding_box()
    assert axis is not None
    page.mouse.move(axis["x"] + axis["width"] / 2, axis["y"] + 30)
    page.mouse.move(axis["x"] + axis["width"] / 2 + 2, axis["y"] + 30)
    expect(page.locator(".scrub")).to_be_visible(timeout=30_000)
    taken = datetime.fromisoformat(page.locator(".scrub").get_attribute("data-taken") or "")
    assert abs((taken - begin).total_seconds() - 300) < 30
    page.screenshot(path=tmp_path / "scrub.png")
    page.mouse.move(axis["x"] + axis["width"] / 2, 5)
    expect(page.locator(".scrub")).to_be_hidden()


def test_an_address_names_camera_and_rectangle_and_whoever_opens_it_sees_what_moved_there(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    begin = remember(tmp_path)
    span = f"from={local(begin)[:16]}&to={local(begin + timedelta(minutes=10))[:16]}&at={local(begin)}"
    page = sit_down(f"/review?{span}&camera=quay-1&box=0.05,0.4,0.25,0.65", user="liuna").page
    expect(page.locator("#motion-picture")).to_have_attribute("data-rectangle", "0.050,0.400,0.250,0.650")
    expect(page.locator("[data-moment]")).to_have_count(1, timeout=30_000)
    assert page.locator("#motion-camera").input_value() == "quay-1"
    # What is chosen on the page is in its address, for the next one.
    page.locator("[data-moment]").click()
    at = local(begin + timedelta(minutes=3)).replace(" ", "T")
    expect(page).to_have_url(re.compile(rf"at={at}.*camera=quay-1&box=0\.05,0\.4,0\.25,0\.65$"))
    page.focus("#motion-picture")
    page.keyboard.press("Shift+ArrowRight")
    expect(page).to_have_url(re.compile(r"box=0\.05,0\.4,0\.275,0\.65$"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"at=[^&]*(&camera=quay-1)?$"))


@pytest.mark.parametrize(
    "wrong", ["camera=nowhere&box=0.1,0.1,0.9,0.9", "camera=quay-1&box=0.9,0.1,0.1,0.9", "box=<b>"]
)
def test_an_address_with_no_camera_or_no_rectangle_opens_the_whole_picture(
    station: Station, sit_down: SitDown, tmp_path: Path, wrong: str
) -> None:
    begin = remember(tmp_path)
    span = f"from={local(begin)[:16]}&to={local(begin + timedelta(minutes=10))[:16]}&at={local(begin)}"
    seat = sit_down(f"/review?{span}&{wrong}", user="liuna")
    expect(seat.page.locator("#motion-picture")).to_have_attribute("data-rectangle", "0.000,0.000,1.000,1.000")
    expect(seat.page.locator("#motion-told")).not_to_be_empty()
    assert seat.errors == []


def test_a_key_goes_one_picture_on_or_back_and_pauses(station: Station, sit_down: SitDown, tmp_path: Path) -> None:
    begin = remember(tmp_path)
    at = local(begin + timedelta(minutes=2))
    span = f"from={local(begin)[:16]}&to={local(begin + timedelta(minutes=10))[:16]}&at={at}"
    page = sit_down(f"/review?{span}", user="liuna").page
    expect(page.locator("#review-now b")).to_have_text(at[11:], timeout=30_000)
    before = page.evaluate("yiping.review.cursor()")
    page.keyboard.press(".")
    page.keyboard.press(".")
    page.keyboard.press(",")
    assert page.evaluate("yiping.review.cursor()") - before == 40
    page.locator("#review-frame-back").click()
    assert page.evaluate("yiping.review.cursor()") - before == 0
