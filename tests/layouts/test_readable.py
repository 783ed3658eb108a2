"""Every text of a page can be read, at a desk's size and a telephone's (all pages and sizes: `make bench-screens`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from bench.screens import VIEWS, Findings, look_at, opened
from tests.layouts.busy_street import busy_settings, make_busy
from tests.layouts.readable import unreadable
from tests.layouts.station import Station, running_station

pytestmark = pytest.mark.browser
SHORT = ("wall", "wall-administrator", "duty", "events-chosen")
SIZES = ((1366, 768), (390, 844))


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """The street on a bad night."""
    with running_station(tmp_path_factory.mktemp("station"), busy_settings()) as running:
        make_busy(running)
        yield running


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 800, "height": 600})
    yield context.new_page()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_a_page_on_a_bad_night_can_be_read_and_reached_by_everybody(
    station: Station, browser: Browser, tmp_path: Path, name: str
) -> None:
    view = next(one for one in VIEWS if one.name == name)
    findings = Findings()
    with opened(browser, station, view, "en", findings) as page:
        look_at(page, name, findings, SIZES, (1.0,), tmp_path)
    assert [*findings.unreadable, *findings.serious, *findings.foreign, *findings.errors] == []


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        ('<p style="font-size: 11px">small</p>', "small"),
        ('<p style="width: 3em; overflow: hidden; white-space: nowrap">cut off by its box</p>', "clipped"),
        ('<div style="height: 20px; overflow: hidden"><p>one</p><p>two</p></div>', "clipped"),
        ('<p style="position: fixed; left: 790px; margin: 0">beyond</p>', "outside"),
        ('<p style="width: 900px">wide</p>', "sideways"),
        ('<p style="width: 1.2em; overflow-wrap: anywhere">望江隧道口</p>', "column"),
        ('<b style="position: absolute">one</b><i style="position: absolute; margin-left: 5px">two</i>', "overlap"),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_is_found(blank: Page, html: str, kind: str) -> None:
    blank.set_content(f"<!doctype html><body>{html}</body>")
    assert {one.kind for one in unreadable(blank)} == {kind}


@pytest.mark.parametrize(
    "html",
    [
        '<div style="height: 40px; overflow: auto"><p>one</p><p>two</p><p>three</p></div>',
        '<p style="position: absolute; clip-path: inset(50%); width: 1px; overflow: hidden">for readers</p>',
        '<p>below</p><p style="position: fixed; left: 0; top: 0; margin: 0; background: #fff">above what it covers</p>',
        '<div style="height: 2000px">long page</div><p>below the window</p>',
    ],
)
def test_what_scrolls_what_is_only_heard_and_what_covers_is_no_fault(blank: Page, html: str) -> None:
    blank.set_content(f"<!doctype html><body>{html}</body>")
    assert unreadable(blank) == []
