"""Tasks that nobody accepts, on the wall and the duty page, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest
from playwright.sync_api import expect

from data.model.people import Actor, Role
from data.model.task import Task, TaskState
from data.ports.store import TaskQuery, Writer
from dispatch.offers import end_offer, offer_next
from dispatch.routing import Roads
from dispatch.tasks import accept, cancel, dispatch
from tests.layouts.conftest import Seat
from tests.layouts.station import Station, running_station
from tests.layouts.street import raise_one

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SitDown = Callable[..., Seat]
OTHER = Actor("other", Role.DUTY_OFFICER)
SUBJECTS = count()
COUNT_BEEPS = """() => {
  window.beeps = 0;
  const real = AudioContext.prototype.createOscillator;
  AudioContext.prototype.createOscillator = function () { window.beeps += 1; return real.call(this); };
}"""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with running_station(tmp_path_factory.mktemp("station")) as running:

        def give_numbers(writer: Writer) -> None:
            for one in writer.responders():
                writer.put_responder(replace(one, phone=f"1390000{one.id[1:]:0>4}"))

        running.store.write(give_numbers)
        yield running


@pytest.fixture(autouse=True)
def nothing_left(station: Station) -> Iterator[None]:
    yield
    for task in station.store.read(lambda reader: reader.tasks(TaskQuery(open_only=True, limit=1000))):
        station.store.write(lambda writer, task=task: cancel(writer, task.id, OTHER, now()))  # type: ignore[misc]


def nobody_accepts(station: Station, site: str = "quay-1") -> Task:
    """A task whose every offer has ended without an answer."""
    alert = raise_one(station.store, station.vault, now(), site=site, subject=f"n{next(SUBJECTS)}")
    settings, roads = station.settings, Roads()
    task = station.store.write(lambda w: dispatch(w, alert.id, OTHER, now(), roads=roads, settings=settings))
    while task.state is TaskState.OFFERED:

        def let_expire(writer: Writer, task: Task = task) -> Task:
            for offer in writer.offers(task.id):
                if offer.is_open:
                    end_offer(writer, task, replace(offer, expired_at=now()), now())
            return offer_next(writer, writer.task(task.id), now(), roads=roads, settings=settings)

        task = station.store.write(let_expire)
    assert task.unaccepted_since is not None
    return task


def beeps(seat: Seat, n: int) -> None:
    """Wait until so many tones were played."""
    deadline = time.monotonic() + 25
    while seat.page.evaluate("window.beeps") < n:
        assert time.monotonic() < deadline, "no sound"
        seat.page.wait_for_timeout(100)


def stored(station: Station, task: Task) -> Task:
    return station.store.read(lambda reader: reader.task(task.id))


@pytest.mark.parametrize("path", ["/", "/duty"])
def test_it_stands_above_everything_with_words_until_somebody_accepts(
    station: Station, sit_down: SitDown, path: str
) -> None:
    seat = sit_down(path)
    expect(seat.page.locator("#unaccepted")).to_be_hidden()
    task = nobody_accepts(station)
    card = seat.page.locator(f'#unaccepted [data-task="{task.id}"]')
    expect(card).to_be_visible()
    expect(card).to_contain_text("无人接单 0:0")
    expect(card).to_contain_text("未应答 18")
    top = seat.page.evaluate("document.getElementById('unaccepted').getBoundingClientRect().top")
    below = "#alert-list" if path == "/" else "#duty-alerts"
    assert top < seat.page.evaluate(f"document.querySelector('{below}').getBoundingClientRect().top")
    seat.page.click(f'[data-task="{task.id}"] [data-do="again"]')
    expect(card).to_contain_text("正在再问")
    expect(card).not_to_have_class("loud")
    asked = stored(station, task)
    assert asked.offered_to is not None
    who = Actor(asked.offered_to, Role.RESPONDER)
    station.store.write(lambda writer: accept(writer, task.id, who, now()))
    expect(seat.page.locator("#unaccepted")).to_be_hidden()
    assert seat.errors == []


def test_it_sounds_like_a_p1_until_somebody_acts(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/duty")
    seat.page.evaluate(COUNT_BEEPS)
    seat.page.click("#sound-slot button")
    beeps(seat, 2)  # the sound tells that it is on
    task = nobody_accepts(station, "school")  # P3: shown, silent
    expect(seat.page.locator(f'[data-task="{task.id}"]')).to_be_visible()
    urgent = nobody_accepts(station, "quay-1")
    alert_id = urgent.alert_id or 0
    assert station.store.read(lambda reader: reader.alert(alert_id)).acknowledged_at is not None, (
        "no sound comes from the alert itself"
    )
    beeps(seat, 4)
    seat.page.wait_for_selector("body[data-urgent]")
    beeps(seat, 6)  # it repeats
    seat.page.click(f'[data-task="{urgent.id}"] [data-do="again"]')
    seat.page.wait_for_selector("body:not([data-urgent])")


def test_anyone_is_found_by_name_with_every_reason_and_sent_by_keyboard(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/")
    task = nobody_accepts(station)
    seat.page.wait_for_selector(f'[data-task="{task.id}"]')
    seat.page.keyboard.press("n")
    seat.page.keyboard.press("Enter")
    dialog = seat.page.locator("dialog#assign")
    expect(dialog.locator("li")).to_have_count(20)
    seat.page.keyboard.type("罗兰")
    expect(dialog.locator("li")).to_have_count(1)
    expect(dialog.locator("li .why")).to_have_text("不在岗")
    expect(dialog.locator("li a")).to_have_attribute("href", "tel:13900000020")
    seat.page.keyboard.press("Enter")  # to the button
    seat.page.keyboard.press("Enter")  # asks back
    expect(dialog.locator("li button")).to_have_text("再按一次：仍派 罗兰")
    assert stored(station, task).state is TaskState.DRAFT
    seat.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert stored(station, task).offered_to == "r20"
    assert stored(station, task).steps[-1].detail["despite"] == ["off shift"]


def test_a_call_is_recorded_and_keeps_the_sound_off_for_a_minute(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/")
    task = nobody_accepts(station)
    seat.page.click(f'[data-task="{task.id}"] [data-do="assign"]')
    seat.page.route("tel:**", lambda route: route.abort())
    seat.page.evaluate(
        "document.addEventListener('click', (e) => e.target.closest('a[href^=tel]') && e.preventDefault())"
    )
    seat.page.locator('dialog#assign li:has-text("张伟") a').click()
    expect(seat.page.locator(".message")).to_contain_text("已记录：电话联系 张伟 13900000001")
    assert stored(station, task).steps[-1].step == "call"
    seat.page.keyboard.press("Escape")
    expect(seat.page.locator(f'[data-task="{task.id}"]')).to_contain_text("陈明 已处理")


def test_somebody_who_only_looks_sees_the_state_but_no_steps(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/", user="liuna")
    task = nobody_accepts(station)
    card = seat.page.locator(f'#unaccepted [data-task="{task.id}"]')
    expect(card).to_contain_text("无人接单")
    expect(card.locator("button")).to_have_count(0)
    assert seat.errors == []


def test_of_many_the_most_urgent_is_first_and_the_alerts_stay_in_sight(station: Station, sit_down: SitDown) -> None:
    seat = sit_down("/", width=1366, height=768)
    made = [nobody_accepts(station, site) for site in ("school", "market", "quay-1", "quay-2", "bridge")]
    expect(seat.page.locator("#unaccepted article")).to_have_count(5)
    order = seat.page.eval_on_selector_all(
        "#unaccepted article", "all => all.map((one) => one.className.split(' ')[1])"
    )
    assert order == ["P1", "P1", "P1", "P3", "P3"]
    assert len(made) == 5
    box = seat.page.locator("#alert-list").bounding_box()
    assert box is not None
    assert box["height"] > 150
