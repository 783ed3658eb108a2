"""Reports draft themselves: for what was grave and has ended, once, by following the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings, SiteSettings
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.model.case import Recorded
from data.model.people import SYSTEM
from data.model.plan import PlanRun
from data.model.record import AuditEntry
from data.model.task import Event
from data.model.warning import WarningLevel
from data.ports.store import Store, Writer
from data.stored.trail import event_step
from engine.reactions.review_drafts import ReviewDrafts
from tests.engine.city import CHONGQING
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
SETTINGS = Settings(sites=(SiteSettings(id="gate-3", location=CHONGQING),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "yiping.db")
    yield opened
    opened.close()


def event_that_closes(store: Store, priority: Priority) -> int:
    def work(writer: Writer) -> int:
        steps = (Recorded("close", "closed", NOON, "li"),)
        event = writer.add_event(
            Event("water", "flood", "gate-3", CHONGQING, priority, NOON, closed_at=NOON, steps=steps)
        )
        event_step(writer, event, SYSTEM, "close", NOON)
        return event.id

    return store.write(work)


def alert_that_ends(store: Store, priority: Priority) -> None:
    key = AlertKey("gate-3", "river", "", priority)
    store.write(lambda writer: raise_alert(writer, Raised(key, "intrusion", priority, NOON, NOON), None, NOON))
    ended = NOON + timedelta(minutes=1)
    store.write(lambda writer: end_alert(writer, Ended(key, ended, ended), ended, SETTINGS))


def plan_that_ends(store: Store) -> None:
    def work(writer: Writer) -> None:
        steps = (Recorded("begin", "in_force", NOON, "zhao"), Recorded("end", "ended", NOON, "zhao"))
        run = writer.add_plan_run(PlanRun("flood-crest", "order:1", WarningLevel.ORANGE, NOON, steps))
        writer.record(AuditEntry(NOON, "zhao", "duty_officer", "plan_end", f"plan:{run.id}", {"plan": run.plan}))

    store.write(work)


def subjects(store: Store) -> list[str]:
    return sorted(one.subject for one in store.read(lambda reader: reader.reviews()))


def test_what_was_grave_and_has_ended_gets_one_draft_and_nothing_else_does(store: Store) -> None:
    drafts = ReviewDrafts(store, SETTINGS)
    for priority in Priority:
        event_that_closes(store, priority)
        alert_that_ends(store, priority)
    plan_that_ends(store)
    assert drafts.poll(NOON) == 5
    assert subjects(store) == ["alert:1", "alert:2", "event:1", "event:2", "plan_run:1"]
    assert drafts.poll(NOON) == 0
    event_that_closes(store, Priority.P1)
    assert drafts.poll(NOON) == 1
    entry = store.read(lambda reader: reader.audit(newest_first=True, limit=1))[0]
    assert (entry.actor, entry.action, entry.detail) == ("system", "draft_review", {"subject": "event:5"})


def test_a_restarted_clock_drafts_what_ended_meanwhile_and_nothing_twice(store: Store) -> None:
    ReviewDrafts(store, SETTINGS)
    event_that_closes(store, Priority.P1)
    assert ReviewDrafts(store, SETTINGS).poll(NOON) == 1
    again = ReviewDrafts(store, SETTINGS)
    assert again.poll(NOON) == 0
    assert subjects(store) == ["event:1"]


def test_what_ended_before_the_first_start_gets_no_draft(store: Store) -> None:
    event_that_closes(store, Priority.P1)
    assert ReviewDrafts(store, SETTINGS).poll(NOON) == 0
    assert subjects(store) == []
