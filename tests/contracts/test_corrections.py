"""The Store's contract: another value for the same time corrects a reading, and nothing that was said is lost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.model.observation import Quality, Reading
from data.ports.store import Store
from tests.contracts.samples import NOON, a_reading, after


def stored(store: Store, quantity: str | None = None) -> list[Reading]:
    return list(store.read(lambda reader: reader.readings("dip-1", quantity, since=NOON, until=after(3600))))


def versions_at(store: Store, second: int) -> list[Reading]:
    return list(store.read(lambda reader: reader.reading_versions("dip-1", [after(second)])))


def add(store: Store, *readings: Reading) -> int:
    return store.write(lambda writer: writer.add_readings(readings))


def test_the_newest_value_of_a_time_counts_and_the_first_stays_beside_it(store: Store) -> None:
    assert add(store, a_reading(176.31, at_s=0), a_reading(176.4, at_s=60)) == 2
    assert add(store, a_reading(180.99, at_s=0)) == 1
    corrected, untouched = stored(store)
    assert (corrected.value, corrected.first_value, corrected.corrections) == (180.99, 176.31, 1)
    assert (untouched.value, untouched.first_value, untouched.corrections) == (176.4, None, 0)
    assert add(store, a_reading(180.99, at_s=0)) == 0, "the same message again is no correction"
    assert add(store, a_reading(177.0, at_s=0)) == 1
    again = stored(store)[0]
    assert (again.value, again.first_value, again.corrections) == (177.0, 176.31, 2)
    versions = store.read(lambda reader: reader.reading_versions("dip-1", [NOON, after(60)]))
    assert [version.value for version in versions] == [176.31, 180.99, 177.0, 176.4]
    shown = store.read(lambda reader: reader.corrected_readings(["dip-1"], since=NOON, until=after(60)))
    assert [reading.value for reading in shown] == [177.0]
    assert list(store.read(lambda reader: reader.corrected_readings(["dip-1"], since=after(1), until=after(60)))) == []


def test_a_value_and_its_correction_may_come_together(store: Store) -> None:
    assert add(store, a_reading(10.0), a_reading(60.0), a_reading(60.0), a_reading(55.0, at_s=1)) == 3
    first, second = stored(store)
    assert (first.value, first.first_value, second.value) == (60.0, 10.0, 55.0)


def test_the_newest_reading_of_a_gauge_is_corrected_too_and_only_that_one(store: Store) -> None:
    add(store, a_reading(1.0, at_s=0), a_reading(2.0, at_s=60))
    add(store, a_reading(9.0, at_s=0))
    assert [r.value for r in store.read(lambda reader: reader.latest_readings())] == [2.0]
    add(store, a_reading(3.0, at_s=60))
    (newest,) = store.read(lambda reader: reader.latest_readings())
    assert (newest.value, newest.first_value, newest.corrections) == (3.0, 2.0, 1)
    add(store, a_reading(4.0, at_s=120))
    (newest,) = store.read(lambda reader: reader.latest_readings())
    assert (newest.value, newest.first_value, newest.corrections) == (4.0, None, 0)


def test_quality_and_datum_may_be_corrected_and_other_gauges_are_left_alone(store: Store) -> None:
    add(store, a_reading(5.0), a_reading(5.0, quantity="rainfall"), replace(a_reading(5.0), monitor="other"))
    assert add(store, replace(a_reading(5.0), quality=Quality.BAD, vertical_datum="wusong")) == 1
    by_gauge = {(r.monitor, r.quantity): r for r in stored(store)}
    corrected = by_gauge["gauge", "water_depth"]
    assert (corrected.quality, corrected.vertical_datum, corrected.first_value) == (Quality.BAD, "wusong", 5.0)
    assert by_gauge["other", "water_depth"].corrections == by_gauge["gauge", "rainfall"].corrections == 0


def test_no_newest_reading_lies_behind_a_clock_that_was_put_back(store: Store) -> None:
    add(store, a_reading(1.0, at_s=0), a_reading(2.0, at_s=3600), a_reading(3.0, at_s=10, quantity="rainfall"))
    store.write(lambda writer: writer.forget_newest_after(after(60)))
    assert sorted(r.value for r in store.read(lambda reader: reader.latest_readings())) == [1.0, 3.0]
    add(store, a_reading(4.0, at_s=30))
    assert sorted(r.value for r in store.read(lambda reader: reader.latest_readings())) == [3.0, 4.0]


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8), max_size=6))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_value_is_kept_in_its_order(store: Store, batches: list[list[tuple[int, int]]]) -> None:
    quantity = f"q{next(NUMBERS)}"
    said: dict[int, list[float]] = {}
    for batch in batches:
        new = 0
        for second, value in batch:
            values = said.setdefault(second, [])
            if not values or values[-1] != value:
                values.append(float(value))
                new += 1
        assert add(store, *(a_reading(float(value), at_s=second, quantity=quantity) for second, value in batch)) == new
    kept = {r.at: r for r in stored(store, quantity)}
    assert {at: (r.value, r.first_value, r.corrections) for at, r in kept.items()} == {
        after(second): (values[-1], values[0] if len(values) > 1 else None, len(values) - 1)
        for second, values in said.items()
    }
    for second, values in said.items():
        versions = versions_at(store, second)
        assert [v.value for v in versions if v.quantity == quantity] == values


NUMBERS = iter(range(10_000))  # each example has a quantity of its own in the one store


def test_after_a_clock_was_put_back_the_newest_is_the_last_reading_before_and_nothing_is_hidden(store: Store) -> None:
    add(store, a_reading(176.3, at_s=0), a_reading(176.4, at_s=60), a_reading(176.5, at_s=3000))
    store.write(lambda writer: writer.forget_newest_after(after(600)))
    (newest,) = store.read(lambda reader: reader.latest_readings())
    assert (newest.value, newest.at) == (176.4, after(60))
    assert [reading.value for reading in stored(store, newest.quantity)] == [176.3, 176.4, 176.5]
    add(store, a_reading(176.6, at_s=660))
    (newest,) = store.read(lambda reader: reader.latest_readings())
    assert newest.value == 176.6
