"""The Store's contract: clips, the alerts that they belong to, and which of them may be deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from data.model.clip import Clip, ClipState
from data.model.review import Review, ReviewTopic, ReviewVersion
from data.ports.store import Store, Writer
from tests.contracts.samples import NOON, after, an_alert, an_event

SHA = "ab" * 32


def a_clip(since_s: float = -10, until_s: float = 20, site: str = "gate-3") -> Clip:
    return Clip(site, after(since_s), after(until_s), NOON)


def kept(clip: Clip, sha256: str = SHA, size: int = 1000) -> Clip:
    return replace(
        clip, state=ClipState.READY, sha256=sha256, path=f"2024/{sha256}.mp4", codec="h264", size=size, from_at=NOON
    )


def test_a_clip_is_pending_until_it_is_settled_and_then_found_by_its_content(store: Store) -> None:
    def work(writer: Writer) -> tuple[Clip, int]:
        alert = writer.add_alert(an_alert())
        return writer.add_clip(a_clip(), alert.id), alert.id

    clip, alert = store.write(work)
    assert store.read(lambda reader: list(reader.pending_clips(("gate-3", "quay")))) == [clip]
    assert store.read(lambda reader: list(reader.pending_clips(("quay",)))) == []
    assert store.write(lambda writer: writer.settle_clip(kept(clip), was=ClipState.PENDING))
    assert not store.write(lambda writer: writer.settle_clip(kept(clip, "cd" * 32), was=ClipState.PENDING))
    assert store.read(lambda reader: reader.clip(SHA)) == kept(clip)
    assert store.read(lambda reader: reader.clip("cd" * 32)) is None
    assert store.read(lambda reader: list(reader.clips_of_alert(alert))) == [kept(clip)]
    assert store.read(lambda reader: list(reader.alerts_of_clip(clip.id))) == [alert]
    assert store.read(lambda reader: list(reader.pending_clips())) == []
    assert store.read(lambda reader: reader.clip_bytes()) == 1000


def test_a_clip_that_was_extended_meanwhile_is_not_settled_as_it_was(store: Store) -> None:
    clip = store.write(lambda writer: writer.add_clip(a_clip(), writer.add_alert(an_alert()).id))
    assert store.write(lambda writer: writer.extend_clip(clip.id, after(35), after(15)))
    assert not store.write(lambda writer: writer.settle_clip(kept(clip), was=ClipState.PENDING))
    longer = replace(clip, until=after(35), asked_at=after(15))
    assert store.read(lambda reader: list(reader.pending_clips())) == [longer]
    assert store.write(lambda writer: writer.settle_clip(kept(longer), was=ClipState.PENDING))
    assert not store.write(lambda writer: writer.extend_clip(clip.id, after(60), after(40)))


def test_of_two_clips_of_one_content_the_one_that_is_there_is_found(store: Store) -> None:
    def work(writer: Writer) -> Clip:
        alert = writer.add_alert(an_alert()).id
        old, new = (kept(writer.add_clip(a_clip(), alert)) for _ in range(2))
        assert writer.settle_clip(old, was=ClipState.PENDING)
        assert writer.settle_clip(replace(new, state=ClipState.EXPIRED), was=ClipState.PENDING)
        return old

    there = store.write(work)
    assert store.read(lambda reader: reader.clip(SHA)) == there


def test_an_alert_is_linked_to_a_clip_once(store: Store) -> None:
    def work(writer: Writer) -> tuple[int, list[int]]:
        first, second = writer.add_alert(an_alert("1")).id, writer.add_alert(an_alert("2")).id
        clip = writer.add_clip(a_clip(), first)
        writer.link_clip(clip.id, second)
        writer.link_clip(clip.id, second)
        return clip.id, [first, second]

    clip, alerts = store.write(work)
    assert store.read(lambda reader: list(reader.alerts_of_clip(clip))) == alerts


def test_what_belongs_to_an_open_alert_or_event_cannot_be_deleted_and_the_oldest_goes_first(store: Store) -> None:
    def work(writer: Writer) -> list[int]:
        closed: dict[str, Any] = {"ended_at": after(60), "acknowledged_at": after(30), "acknowledged_by": "li"}
        open_event, done_event = writer.add_event(an_event()), writer.add_event(an_event())
        writer.save_event(replace(done_event, closed_at=after(90), closed_by="li"))
        alerts = [
            an_alert("open"),
            replace(an_alert("unacknowledged"), ended_at=after(60)),
            replace(an_alert("closed late"), **closed),
            replace(an_alert("of an open event"), event_id=open_event.id, **closed),
            replace(an_alert("of a closed event"), event_id=done_event.id, **closed),
        ]
        numbers = []
        for n, alert in enumerate(alerts):
            clip = writer.add_clip(a_clip(until_s=100 - n), writer.add_alert(alert).id)
            writer.settle_clip(kept(clip, f"{n:064x}"), was=ClipState.PENDING)
            numbers.append(clip.id)
        return numbers

    numbers = store.write(work)
    assert [one.id for one in store.read(lambda reader: reader.deletable_clips())] == [numbers[4], numbers[2]]
    before = after(97.5)
    assert [one.id for one in store.read(lambda reader: reader.deletable_clips(before))] == [numbers[4]]
    protected = store.read(lambda reader: [reader.is_protected_clip(number) for number in numbers])
    assert protected == [True, True, False, True, False]


def test_the_clips_of_an_event_are_kept_while_a_report_about_it_is_written_and_not_signed(store: Store) -> None:
    def closed(writer: Writer, subject: str, event_id: int | None) -> tuple[int, int]:
        over: dict[str, Any] = {
            "ended_at": after(60),
            "acknowledged_at": after(30),
            "acknowledged_by": "li",
            "event_id": event_id,
        }
        alert = writer.add_alert(replace(an_alert(subject), **over))
        clip = writer.add_clip(a_clip(), alert.id)
        writer.settle_clip(kept(clip, f"{alert.id:064x}"), was=ClipState.PENDING)
        return alert.id, clip.id

    def work(writer: Writer) -> list[tuple[int, int, int]]:
        event = writer.add_event(an_event())
        writer.save_event(replace(event, closed_at=after(90), closed_by="li"))
        made = []
        for topic, (alert, clip) in (
            (ReviewTopic.EVENT, closed(writer, "of the event", event.id)),
            (ReviewTopic.ALERT, closed(writer, "alone", None)),
        ):
            number = event.id if topic is ReviewTopic.EVENT else alert
            review = writer.add_review(Review(topic, number, "", "dwell", "gate-3", None, NOON, "system"))
            assert review is not None
            made.append((review.id, alert, clip))
        return made

    made = store.write(work)
    clips = [clip for _, _, clip in made]
    assert store.read(lambda reader: [reader.is_protected_clip(one) for one in clips]) == [False, False]  # drafts
    for review, _, _ in made:
        version = ReviewVersion(review, 1, NOON, "zhou", "analyst", "", "{}", "ab")
        store.write(lambda writer, version=version: writer.add_review_version(version))  # type: ignore[misc]
    assert store.read(lambda reader: [reader.is_protected_clip(one) for one in clips]) == [True, True]
    assert store.read(lambda reader: reader.deletable_clips()) == []
    store.write(lambda writer: writer.sign_review(made[0][0], 1, "qian", NOON, None))
    assert store.read(lambda reader: [reader.is_protected_clip(one) for one in clips]) == [False, True]


def test_clips_are_found_by_the_span_they_touch_page_by_page(store: Store) -> None:
    def work(writer: Writer) -> list[int]:
        alert = writer.add_alert(an_alert()).id
        return [writer.add_clip(a_clip(n * 60, n * 60 + 30), alert).id for n in range(4)]

    numbers = store.write(work)
    found = store.read(lambda reader: reader.clips_between("gate-3", after(80), after(130)))
    assert [one.id for one in found] == numbers[1:3]
    rest = store.read(lambda reader: reader.clips_between(None, NOON, NOON + timedelta(days=1), after_id=numbers[1]))
    assert [one.id for one in rest] == numbers[2:]
