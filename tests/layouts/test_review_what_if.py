"""The analyst's page: kept by its address, from alert to alert, with the map of that moment, and what if."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from data.config.settings import SiteSettings
from data.local.vault import FolderVault
from data.model.observation import Reading, Tick
from engine.catalogue import load_catalogue
from engine.process.options import RunOptions
from engine.reactions.answers import Answers
from tests.engine.kept import LiveSite
from tests.layouts.conftest import Seat
from tests.layouts.station import Station
from tests.layouts.street import flood, raise_one

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
CITY = timedelta(hours=8)


def local(at: datetime) -> str:
    return f"{at + CITY:%Y-%m-%dT%H:%M:%S}"


@contextmanager
def answering(station: Station, var_dir: Path) -> Iterator[None]:
    """What the clock's process does with requests."""
    options = RunOptions(settings=station.settings, var_dir=var_dir)
    answers = Answers(station.store, FolderVault(var_dir / "evidence"), options, load_catalogue())
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.1):
            for request in station.store.read(lambda reader: reader.unanswered_requests()):
                answers.answer(request)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


def a_quarter_of_an_hour_ago(station: Station) -> datetime:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=15)
    station.store.write(lambda writer: writer.add_readings(flood(datetime.now(UTC))))
    raise_one(station.store, station.vault, at, site="quay-1")
    raise_one(station.store, station.vault, at + timedelta(minutes=5), site="school")
    return at


def test_the_address_keeps_span_and_moment_and_opens_the_page_where_it_was_left(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    at = a_quarter_of_an_hour_ago(station)
    since, until, moment = (at + timedelta(minutes=m) for m in (-10, 12, 3))
    span = f"from={local(since)[:16]}&to={local(until)[:16]}"
    seat = sit_down(f"/review?{span}&at={local(moment)}", user="liuna")
    page = seat.page
    expect(page.locator("#review-now b")).to_have_text(f"{moment + CITY:%H:%M:%S}", timeout=20_000)
    assert page.input_value("#review-since")[:16] == local(since)[:16]
    expect(page.locator("#review-map")).to_have_attribute("data-alerts", "1")
    page.keyboard.press("n")
    expect(page.locator("#review-now b")).to_have_text(f"{at + timedelta(minutes=5) + CITY:%H:%M:%S}")
    expect(page.locator("#review-map")).to_have_attribute("data-alerts", "2")
    page.keyboard.press("p")
    expect(page.locator("#review-now b")).to_have_text(f"{at + CITY:%H:%M:%S}")
    page.wait_for_function(f"() => location.search.includes('at={local(at)}')")
    kept = parse_qs(urlsplit(page.url).query)
    assert (kept["from"], kept["to"]) == ([local(since)[:16]], [local(until)[:16]])
    page.screenshot(path=tmp_path / "review.png")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_contain_text("下一条、上一条预警")
    page.keyboard.press("Home")  # the list covers the page: its keys are off
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_have_count(0)
    assert page.locator("#review-map").get_attribute("data-alerts") == "1"
    page.locator("#review-play").focus()
    page.keyboard.press("Home")
    expect(page.locator("#review-map")).to_have_attribute("data-alerts", "0")
    assert seat.errors == []


@pytest.mark.paired
def test_a_span_is_on_the_screen_within_a_second(station: Station, sit_down: SitDown) -> None:
    """From the click until the cursor stands in the new span; the best of three, as the machine has other work."""
    at = a_quarter_of_an_hour_ago(station)
    page = sit_down("/review", user="liuna").page
    page.wait_for_function("() => yiping.review.span()", timeout=20_000)
    taken_s = []
    for minutes in (20, 25, 30):
        page.fill("#review-since", local(at - timedelta(minutes=minutes))[:16])
        taken_s.append(
            page.evaluate(
                """async () => {
                  await new Promise((later) => setTimeout(later, 200));
                  const before = yiping.review.span().since, begun = performance.now();
                  document.getElementById("review-read").click();
                  while (yiping.review.span().since === before && performance.now() - begun < 20000)
                    await new Promise((later) => setTimeout(later, 10));
                  return (performance.now() - begun) / 1000;
                }"""
            )
        )
    print(f"\nread and shown in {min(taken_s):.2f} s")
    assert min(taken_s) <= 1.0


def test_another_limit_is_told_in_words_and_one_click_seeks_there(
    station: Station, sit_down: SitDown, tmp_path: Path
) -> None:
    """25 cm is reached 10 min after the beginning, 12.5 cm five minutes earlier."""
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=20)
    market = station.settings.site("market")
    rules = tuple(rule for rule in market.rules if rule.kind == "threshold")
    live = LiveSite(tmp_path / "observations", SiteSettings(id="market", location=market.location, rules=rules))
    for i in range(700):
        now = at + timedelta(seconds=i)
        live.give(Reading("market", "mqtt_gauge", "water_depth", i / 24, now))
        live.give(Tick("market", now))
    live.log.close()
    span = f"from={local(at)[:16]}&to={local(at + timedelta(minutes=19))[:16]}"
    with answering(station, tmp_path):
        for language, words in (("zh", "提前 5:00"), ("en", "5:00 earlier")):
            seat = sit_down(f"/review?{span}", user="liuna", language=language)
            page = seat.page
            page.wait_for_selector("#what-if-rule", timeout=20_000)
            page.wait_for_function("() => yiping.review.span()?.until - yiping.review.span()?.since === 19 * 60000")
            page.select_option("#what-if-rule", label="农贸市场路口 · threshold")
            page.fill("#what-if-value", "12.5")
            page.press("#what-if-value", "Enter")
            first = page.locator("[data-what]").first
            expect(first).to_contain_text(words, timeout=60_000)
            expect(page.locator("[data-sent=market]")).to_have_count(1)
            first.locator("button").click()
            expect(page.locator("#review-now b")).to_have_text(f"{at + timedelta(minutes=5) + CITY:%H:%M:%S}")
            page.screenshot(path=tmp_path / f"what-if-{language}.png")
            assert seat.errors == []
