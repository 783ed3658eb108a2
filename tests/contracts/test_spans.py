"""Pages and thinned spans, on both databases: what is asked for is given once, in order, and nothing else is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import TookTooLong
from data.model.observation import Quality, Reading
from data.model.organisation import Shift, Unit, UnitKind
from data.model.record import Evidence
from data.model.spans import EvidenceKey, ReadingKey, ShiftKey
from data.ports.store import Reader, Store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def reading(monitor: str, quantity: str, minute: float, value: float, quality: Quality = Quality.GOOD) -> Reading:
    return Reading("quay", monitor, quantity, value, NOON + timedelta(minutes=minute), quality)


def walked(store: Store, quantity: str | None, size: int) -> list[Reading]:
    """Every page of an hour, one after the other."""
    found: list[Reading] = []
    after: ReadingKey | None = None
    while True:

        def look(reader: Reader, after: ReadingKey | None = after) -> list[Reading]:
            return list(reader.readings("quay", quantity, since=NOON, until=NOON + HOUR, after=after, limit=size))

        page = store.read(look)
        found += page
        if len(page) < size:
            return found
        after = ReadingKey(page[-1].at, page[-1].monitor, page[-1].quantity)


@pytest.mark.parametrize("quantity", [None, "water_level"])
def test_pages_of_readings_that_share_their_time_are_whole_and_without_repeats(
    store: Store, quantity: str | None
) -> None:
    given_readings = [
        reading(monitor, name, minute, 1.0)
        for minute in (0, 1, 1.5, 2)
        for monitor in ("a", "b", "c")
        for name in ("water_level", "water_depth")
    ]
    store.write(lambda writer: writer.add_readings(given_readings))
    for size in (1, 2, 5, 100):
        found = walked(store, quantity, size)
        keys = [(one.at, one.monitor, one.quantity) for one in found]
        assert keys == sorted(set(keys))
        assert len(found) == (24 if quantity is None else 12)


def test_a_span_is_thinned_to_lowest_highest_and_sum_and_bad_readings_do_not_count(store: Store) -> None:
    given_readings = [
        reading("a", "water_level", 0, 1.0),
        reading("a", "water_level", 4, 9.0),
        reading("a", "water_level", 9, 2.0),
        reading("a", "water_level", 9.5, 99.0, Quality.BAD),
        reading("a", "water_level", 10, 3.0),  # the first of the next bucket
        reading("rain", "rainfall", 1, 0.2),
        reading("rain", "rainfall", 2, 0.4),
    ]
    store.write(lambda writer: writer.add_readings(given_readings))
    ten = timedelta(minutes=10)
    found = store.read(lambda reader: reader.reading_buckets(["quay"], NOON, NOON + HOUR, ten))
    told = [(one.quantity, one.start, one.low, one.high, one.total, one.count) for one in found]
    assert told == [
        ("water_level", NOON, 1.0, 9.0, 12.0, 3),
        ("water_level", NOON + ten, 3.0, 3.0, 3.0, 1),
        ("rainfall", NOON, 0.2, 0.4, pytest.approx(0.6), 2),
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offsets=st.lists(st.integers(0, 3_599_999), min_size=1, max_size=30, unique=True),
    buckets=st.integers(1, 40),
)
def test_no_reading_of_a_span_is_lost_or_put_before_its_time(store: Store, offsets: list[int], buckets: int) -> None:
    width = HOUR / buckets
    values = {NOON + timedelta(milliseconds=offset): float(offset) for offset in offsets}
    site = f"site-{hash((tuple(offsets), buckets))}"
    store.write(
        lambda writer: writer.add_readings([Reading(site, "m", "flow", value, at) for at, value in values.items()])
    )
    found = store.read(lambda reader: reader.reading_buckets([site], NOON, NOON + HOUR, width))
    assert sum(one.count for one in found) == len(offsets)
    assert max(one.high for one in found) == max(values.values())
    assert min(one.low for one in found) == min(values.values())
    slack = timedelta(milliseconds=1)
    for one in found:
        inside = [value for at, value in values.items() if one.start - slack <= at < one.start + width + slack]
        assert {one.low, one.high} <= set(inside)


def test_pictures_come_in_pages_and_thinned_with_the_newest_of_each_camera_and_span(store: Store) -> None:
    pictures = [
        Evidence(f"{camera}{minute:02}", f"{camera}{minute}", "image/jpeg", NOON + timedelta(minutes=minute), 9, camera)
        for minute in range(30)
        for camera in ("east", "west")
    ]

    for picture in pictures:
        store.write(lambda writer, picture=picture: writer.add_evidence(picture))  # type: ignore[misc]
    after: EvidenceKey | None = None
    ids: list[str] = []
    while True:

        def look(reader: Reader, after: EvidenceKey | None = after) -> list[Evidence]:
            return list(reader.evidence_between(None, NOON, NOON + HOUR, after=after, limit=7))

        page = store.read(look)
        ids += [one.id for one in page]
        if len(page) < 7:
            break
        after = EvidenceKey(page[-1].at, page[-1].id)
    assert ids == sorted(ids, key=lambda one: (one[4:], one))
    assert len(ids) == 60
    thin = store.read(lambda reader: reader.evidence_thinned(NOON, NOON + HOUR, timedelta(minutes=10)))
    assert [one.id for one in thin] == ["east09", "west09", "east19", "west19", "east29", "west29"]
    newest = store.read(lambda reader: reader.evidence_thinned(NOON, NOON + HOUR, timedelta(minutes=10), limit=2))
    assert {one.id for one in newest} == {"east29", "west29"}
    some = store.read(lambda reader: reader.evidence_of(["west02", "unknown", "east01"]))
    assert [one.id for one in some] == ["east01", "west02"]


def test_shifts_come_in_pages_and_old_ones_can_be_left_out(store: Store) -> None:
    store.write(lambda writer: writer.put_unit(Unit("team", UnitKind.SECTION, "Team")))
    for n in range(10):
        shift = Shift("team", f"p{n}", NOON + n * HOUR, NOON + (n + 1) * HOUR)
        store.write(lambda writer, shift=shift: writer.add_shift(shift))  # type: ignore[misc]
    first = store.read(lambda reader: reader.shifts(limit=4))
    rest = store.read(lambda reader: reader.shifts(after=ShiftKey(first[-1].begins, first[-1].id)))
    assert [one.person for one in (*first, *rest)] == [f"p{n}" for n in range(10)]
    left = store.read(lambda reader: reader.shifts(since=NOON + 8 * HOUR))
    assert [one.person for one in left] == ["p8", "p9"]


def test_a_question_that_takes_too_long_is_given_up_and_the_next_one_is_answered(store: Store) -> None:
    def endless(reader: Reader) -> object:
        connection = reader._connection  # type: ignore[attr-defined]
        series = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
        return connection.exec_driver_sql(series).scalar()

    with pytest.raises(TookTooLong, match=r"given up after 0\.3 s"):
        store.read(endless, within_s=0.3)
    assert store.read(lambda reader: reader.last_change(), within_s=5.0) == 0
