"""The clocks of an event reach the people of the chain, each once, though clock and notifier are killed on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from data.config.notices import ClockSettings, NoticeSettings
from data.config.settings import ResponderSettings
from data.model.case import Origin, TimeKind
from data.model.category import Category
from data.model.people import Actor, Role, User
from data.ports.store import Writer
from dispatch.case_table import EventStep
from dispatch.case_work import dispatch_units
from dispatch.cases import take
from dispatch.intake import Report, bring_in
from dispatch.tasks import accept
from notices.http_message import Recipe as Gateway
from tests.dispatch.case_walk import PLACE, UNITS
from tests.engine.city import Cities, City
from tests.servers.http_peer import Peer, Received, http_peer

LI, QIAN = Actor("li", Role.OPERATOR), Actor("qian", Role.SECTION_HEAD)
BODY = {"to": "{to}", "title": "{title}", "id": "{delivery_id}"}
LIMIT = timedelta(seconds=6)


@pytest.fixture
def gateway() -> Iterator[Peer]:
    with http_peer() as peer:
        yield peer


def begun(one: City) -> int:
    """An event whose limit is six seconds, dispatched now and accepted by u1, whose telephone is known."""
    settings, now = one.options.settings, datetime.now(UTC)

    def work(writer: Writer) -> int:
        for unit in UNITS:
            writer.put_unit(unit)
        for name, role in (("zhao", Role.DUTY_OFFICER), ("qian", Role.SECTION_HEAD), ("sun", Role.COMMANDER)):
            writer.add_user(User(name, role))
        litter = Category(kind="litter", zh="垃圾", en="Litter", lead="urban", section="safety", limit=LIMIT)
        writer.put_category(litter.model_copy(update={"time": TimeKind.CALENDAR}))
        report = Report("litter", PLACE, "占道垃圾", grid="500998001001001")
        event = bring_in(writer, report, Origin.OPERATOR, LI, now, settings=settings)
        take(writer, event.id, EventStep.FILE, LI, now)
        dispatch_units(writer, event.id, QIAN, now, settings=settings)
        accept(writer, 1, Actor("u1", Role.RESPONDER), now)
        return event.id

    return one.store.write(work)


def said(got: Received) -> tuple[str, str]:
    """(to whom, how far the clock is)"""
    return got.json["to"], got.json["title"].split("：")[0].removeprefix("处置时限已用 ")


@pytest.mark.slow
def test_at_50_80_100_and_150_percent_the_next_of_the_chain_are_told_once_though_processes_die(
    city: Cities, gateway: Peer
) -> None:
    notices = NoticeSettings(
        channels=(Gateway(id="sms", url=gateway.url(), body=BODY, each=True),),
        clocks=(ClockSettings(channels=("sms",)),),
    )
    one = city(
        responders=(ResponderSettings(id="u1", name="u1", phone="13800000001", location=PLACE),), notices=notices
    )
    running = one.start()
    for name in ("clock", "notifier"):
        one.wait_for((one.options.run_dir / f"{name}.lock").exists)
    begun(one)
    one.wait_for(lambda: gateway.received)
    running.signal("clock")
    running.signal("notifier")
    told = {
        ("13800000001", "50 %（将超时）"), ("13800000001", "80 %（将超时）"), ("wu", "80 %（将超时）"),
        ("qian", "100 %（已超时）"), ("zhao", "100 %（已超时）"),
        ("sun", "150 %（已超时）"), ("qingshi", "150 %（已超时）"),
    }  # fmt: skip
    one.wait_for(lambda: {said(got) for got in gateway.received} >= told)
    time.sleep(1.5)  # nothing more comes, nothing comes twice: what is sent again has the same name
    # Whose delivery the kill cut off is told again, under the same name, when its lease has run out.
    one.wait_for(lambda: all(notice.delivered_at is not None for notice in one.store.read(lambda r: r.notices())))
    assert {said(got) for got in gateway.received} == told
    assert len({(got.json["id"], got.json["to"]) for got in gateway.received}) == len(told)
    kept = one.store.read(lambda reader: reader.notices())
    assert {notice.subject for notice in kept} == {"event:1"}
