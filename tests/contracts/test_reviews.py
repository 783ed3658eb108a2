"""Reviews in the store: one for each subject, versions that are only added, a signature that ends the editing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from data.errors import IllegalMove, NotFound, StaleVersion
from data.model.alert import Alert, AlertKey, Priority
from data.model.geo import Location, box_around
from data.model.review import Review, ReviewComment, ReviewState, ReviewTopic, ReviewVersion
from data.model.task import Event, Task, TaskTimes
from data.ports.store import Store, Writer
from tests.contracts.samples import NOON

WHERE = Location(lon=106.51, lat=29.58)


def about(number: int | None, topic: ReviewTopic = ReviewTopic.EVENT, site: str = "quay") -> Review:
    return Review(topic, number, "water on the road", "flood", site, Priority.P1, NOON, "system")


def version(review_id: int, number: int, text: str = "{}") -> ReviewVersion:
    return ReviewVersion(review_id, number, NOON, "zhou", "analyst", "first look", text, "ab" * 32)


def add(store: Store, review: Review) -> Review:
    added = store.write(lambda writer: writer.add_review(review))
    assert added is not None
    return added


def test_there_is_one_review_of_an_event_and_as_many_of_spans_as_are_made(store: Store) -> None:
    first = add(store, about(7))
    assert store.write(lambda writer: writer.add_review(about(7))) is None
    assert store.read(lambda reader: reader.review_about(ReviewTopic.EVENT, 7)) == first
    assert store.read(lambda reader: reader.review_about(ReviewTopic.ALERT, 7)) is None
    night = [add(store, about(None, ReviewTopic.SPAN)) for _ in range(2)]
    assert night[0].id != night[1].id
    assert [one.id for one in store.read(lambda reader: reader.reviews())] == [night[1].id, night[0].id, first.id]


def test_reviews_of_hidden_sites_are_left_out_of_the_list(store: Store) -> None:
    add(store, about(1, site="vault"))
    seen = add(store, about(2))
    assert store.read(lambda reader: reader.reviews(hidden=frozenset({"vault"}))) == [seen]


def test_a_version_follows_the_newest_and_is_read_back_as_it_was_saved(store: Store) -> None:
    review = add(store, about(7))
    saved = store.write(lambda writer: writer.add_review_version(version(review.id, 1, '{"facts": "水"}')))
    assert store.read(lambda reader: reader.review_version(review.id, 1)) == saved
    with pytest.raises(StaleVersion, match="version 0 is now 1"):
        store.write(lambda writer: writer.add_review_version(version(review.id, 1)))
    store.write(lambda writer: writer.add_review_version(version(review.id, 2)))
    listed = store.read(lambda reader: reader.review_versions(review.id))
    assert [(one.number, one.document) for one in listed] == [(2, ""), (1, "")]
    after = store.read(lambda reader: reader.review_versions_after(saved.id))
    assert [(one.number, one.document) for one in after] == [(2, "{}")]
    assert store.read(lambda reader: reader.review(review.id)).state is ReviewState.EDITED


def test_a_signature_names_the_newest_version_and_ends_the_editing(store: Store) -> None:
    review = add(store, about(7))
    store.write(lambda writer: writer.add_review_version(version(review.id, 1)))
    store.write(lambda writer: writer.add_review_version(version(review.id, 2)))
    later = NOON + timedelta(hours=1)
    with pytest.raises(StaleVersion):
        store.write(lambda writer: writer.sign_review(review.id, 1, "qian", later, None))
    signed = store.write(lambda writer: writer.sign_review(review.id, 2, "qian", later, None))
    assert (signed.state, signed.signed, signed.signed_by, signed.sha256) == (
        ReviewState.SIGNED, 2, "qian", "ab" * 32,
    )  # fmt: skip
    for late in (
        lambda writer: writer.add_review_version(version(review.id, 3)),
        lambda writer: writer.sign_review(review.id, 2, "sun", later, None),
    ):
        with pytest.raises(IllegalMove, match="signed"):
            store.write(late)
    assert store.read(lambda reader: reader.review(review.id)) == signed


def test_comments_are_added_to_a_review_that_there_is(store: Store) -> None:
    review = add(store, about(7))
    said = [
        ReviewComment(review.id, NOON, "zhou", "analyst", "handling", text)
        for text in ("why so late?", "the gate was locked")
    ]
    store.write(lambda writer: [writer.add_review_comment(one) for one in said])
    found = store.read(lambda reader: reader.review_comments(review.id))
    assert [one.text for one in found] == ["why so late?", "the gate was locked"]
    with pytest.raises(IllegalMove):
        store.write(lambda writer: writer.add_review_comment(ReviewComment(99, NOON, "zhou", "", "", "x")))
    with pytest.raises(NotFound):
        store.read(lambda reader: reader.review(99))


def test_alerts_that_held_in_a_span_are_found_also_those_that_began_before_it(store: Store) -> None:
    def raised(writer: Writer, subject: str, began: int, ended: int | None, kind: str = "silence") -> None:
        at = NOON + timedelta(days=began)
        key = AlertKey("quay", kind, "", subject)
        end = None if ended is None else NOON + timedelta(days=ended)
        writer.add_alert(Alert(key, kind, Priority.P3, at, at, ended_at=end))

    def work(writer: Writer) -> None:
        for subject, began, ended in (
            ("before", -3, -1), ("into", -3, 1), ("inside", 1, 2), ("lasts", -30, None), ("long ago", -30, 1),
            ("after", 8, None),
        ):  # fmt: skip
            raised(writer, subject, began, ended)
        raised(writer, "other", 1, 2, "dwell")

    store.write(work)
    span = (("silence",), NOON, NOON + timedelta(days=7))
    found = store.read(lambda reader: reader.alerts_standing(*span))
    assert [one.key.subject for one in found] == ["lasts", "into", "inside"]
    assert len(store.read(lambda reader: reader.alerts_standing(*span, site="quay", limit=2))) == 2
    assert store.read(lambda reader: reader.alerts_standing(*span, site="gate")) == []


def test_events_that_were_open_in_a_span_and_the_times_of_its_tasks_are_found_in_the_database(store: Store) -> None:
    def on(day: int) -> datetime:
        return NOON + timedelta(days=day)

    def work(writer: Writer) -> list[int]:
        ids = []
        for opened, closed, site in (
            (-9, -8, "quay"), (-9, 2, "quay"), (-9, None, "vault"), (3, None, "quay"), (8, 9, "quay"),
        ):  # fmt: skip
            ended = None if closed is None else on(closed)
            event = writer.add_event(Event("e", "flood", site, WHERE, Priority.P3, on(opened), closed_at=ended))
            accepted = on(opened) + timedelta(seconds=90)
            task = Task(event.id, "t", Priority.P3, WHERE, on(opened), "li", None, site, accepted_at=accepted)
            writer.add_task(replace(task, grid="g", unit="u"))
            ids.append(event.id)
        return ids

    _, lasted, hidden, new, _ = store.write(work)
    week = (NOON, on(7))
    assert [one.id for one in store.read(lambda r: r.events_in_hand(*week))] == [new, hidden, lasted]
    seen = store.read(lambda r: r.events_in_hand(*week, hidden=frozenset({"vault"}), limit=1))
    assert [one.id for one in seen] == [new]
    (times,) = store.read(lambda r: r.task_times(*week))
    assert times == TaskTimes(on(3), on(3) + timedelta(seconds=90), None, "u", "g")
    assert store.read(lambda r: r.task_times(*week, hidden=frozenset({"quay"}))) == []


def test_events_of_a_span_and_of_a_place_are_found_in_the_database(store: Store) -> None:
    def work(writer: Writer) -> list[int]:
        return [
            writer.add_event(Event("e", kind, "quay", place, priority, NOON + timedelta(days=day))).id
            for kind, place, priority, day in (
                ("flood", WHERE, Priority.P3, 0),
                ("flood", WHERE, Priority.P1, 1),
                ("flood", Location(lon=107.0, lat=29.58), Priority.P1, 1),
                ("dwell", WHERE, Priority.P2, 2),
                ("flood", WHERE, Priority.P1, 9),
            )
        ]

    first, second, far, other, _ = store.write(work)
    week = (NOON, NOON + timedelta(days=7))
    opened = store.read(lambda reader: reader.events_opened(*week))
    assert [one.id for one in opened] == [second, far, other, first]
    assert [one.id for one in store.read(lambda reader: reader.events_opened(*week, limit=1))] == [second]
    near = store.read(lambda reader: reader.events_nearby("flood", box_around(WHERE, 50), *week))
    assert [one.id for one in near] == [second, first]


def test_alerts_and_tasks_are_counted_by_site_within_a_span_and_what_is_open_whenever_it_began(store: Store) -> None:
    def fill(writer: Writer) -> None:
        for number, (site, at, ended) in enumerate(
            [
                ("quay", NOON, None),
                ("quay", NOON, NOON),
                ("quay", NOON - timedelta(days=40), None),
                ("gate", NOON, NOON),
            ]
        ):
            alert = Alert(
                key=AlertKey(site, "flood", "", str(number)),
                kind="threshold",
                priority=Priority.P2,
                started_at=at,
                raised_at=at,
                ended_at=ended,
            )
            writer.add_alert(alert)
        event = writer.add_event(Event("flood", "flood", "quay", WHERE, Priority.P2, NOON))
        for closed in (None, NOON + timedelta(hours=1)):
            task = Task(event.id, "pump", Priority.P2, WHERE, NOON, "li", site="quay", closed_at=closed)
            writer.add_task(task)

    store.write(fill)
    counts = store.read(lambda reader: reader.site_counts(NOON - timedelta(days=1), NOON + timedelta(days=1)))
    assert counts == {
        "quay": {"alerts": 2, "alerts_open": 2, "tasks": 2, "tasks_done": 1, "tasks_open": 1},
        "gate": {"alerts": 1},
    }
