"""升级 by hand: the next of the ladder is named, and gets a notice as from the clocks, once on each channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from data.config.notices import ClockSettings, NoticeSettings
from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove, InputRejected
from data.model.notice import Notice, NoticeState
from data.model.people import Actor, Role
from data.ports.store import Store
from dispatch.case_clocks import clocks_due
from dispatch.clocks import calendar_of
from dispatch.escalating import escalate
from dispatch.tasks import accept
from notices.case_clocks import follow
from notices.http_message import Recipe as Gateway
from tests.dispatch.case_walk import MORNING, UNITS
from tests.dispatch.test_case_clocks import QIAN, begun
from tests.stores import new_store

ZHAO, SUN = Actor("zhao", Role.DUTY_OFFICER), Actor("sun", Role.COMMANDER)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
NOTICES = NoticeSettings(
    channels=(Gateway(id="sms", url="http://localhost:1/", body={"to": "{to}"}),),
    clocks=(ClockSettings(channels=("sms",)),),
)
SETTINGS = Settings(timezone="Asia/Shanghai", notices=NOTICES)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "city.db")
    yield opened
    opened.close()


def up(store: Store, event_id: int, actor: Actor, now: datetime, reason: str = "协调不动") -> dict[str, list[str]]:
    """Who is told."""
    event = store.write(lambda writer: escalate(writer, event_id, actor, now, reason))
    to: dict[str, list[str]] = event.steps[-1].detail["to"]
    return to


def notices(store: Store, now: datetime) -> list[Notice]:
    """What the notifier has written by now, the oldest first."""
    store.write(lambda writer: follow(writer, SETTINGS, now))
    return sorted(store.read(lambda reader: reader.notices()), key=lambda notice: notice.id)


def test_each_escalation_goes_one_post_higher_from_who_asks_and_ends_at_the_highest(store: Store) -> None:
    number = begun(store)
    assert up(store, number, QIAN, MORNING + SECOND) == {"duty_officer": ["zhao"]}
    assert up(store, number, QIAN, MORNING + 2 * SECOND) == {"commander": ["sun"]}
    assert up(store, number, ZHAO, MORNING + 3 * SECOND) == {"district": ["qingshi"]}
    assert up(store, number, QIAN, MORNING + 4 * SECOND) == {"district": ["qingshi"]}, "the highest once more"


def test_whom_the_clock_has_told_is_passed_over_and_nobody_escalates_to_himself(store: Store) -> None:
    number = begun(store)
    store.write(lambda writer: accept(writer, 1, Actor("u1", Role.RESPONDER), MORNING))
    late = MORNING + 4 * HOUR + SECOND
    store.write(lambda writer: clocks_due(writer, MORNING + 24 * HOUR, calendar=calendar_of(SETTINGS)))
    assert up(store, number, QIAN, late + 24 * HOUR) == {"district": ["qingshi"]}
    with_sun = replace(UNITS[0], leader="sun")
    store.write(lambda writer: writer.put_unit(replace(with_sun, version=writer.unit("qingshi").version)))
    with pytest.raises(IllegalMove, match="nobody holds a post above sun"):
        up(store, number, SUN, late + 25 * HOUR)


def test_the_next_of_the_ladder_gets_one_notice_with_the_reason(store: Store) -> None:
    number = begun(store)
    assert notices(store, MORNING) == []
    up(store, number, ZHAO, MORNING + SECOND, "跨区，街道协调不动")
    (notice,) = notices(store, MORNING + 2 * SECOND)
    assert (notice.channel, notice.recipients, notice.state) == ("sms", ("sun",), NoticeState.WAITING)
    assert notice.title == "升级，请接手：垃圾"
    assert "zhao：跨区，街道协调不动" in notice.text
    assert notice.delivery_id == f"event:{number}/case-escalation.0/{_steps(store, number) - 1}/sms"
    up(store, number, QIAN, MORNING + 3 * SECOND)
    first, second = notices(store, MORNING + 4 * SECOND)
    assert (first.id, second.recipients) == (notice.id, ("qingshi",)), "the earlier one is not sent again"


def _steps(store: Store, number: int) -> int:
    return len(store.read(lambda reader: reader.event(number)).steps)


def test_who_may_not_or_gives_no_reason_tells_nobody(store: Store) -> None:
    number = begun(store)
    with pytest.raises(Forbidden):
        up(store, number, Actor("li", Role.OPERATOR), MORNING)
    with pytest.raises(InputRejected, match="reason"):
        up(store, number, QIAN, MORNING, " ")
    assert notices(store, MORNING + SECOND) == []
