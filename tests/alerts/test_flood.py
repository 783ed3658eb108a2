"""What comes one by one, what on one card, what in the log; when a flood begins and when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.flood import WINDOW, Arrival, FloodSpan, Screening, floods
from data.model.alert import Priority

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
P1, P2, P3, P4 = Priority


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def screened(*arrivals: tuple[str, Priority, float]) -> Screening:
    screening = Screening()
    for number, (grid, priority, seconds) in enumerate(arrivals, 1):
        screening.take(Arrival(number, grid, priority, at(seconds)))
    return screening


def test_ten_in_ten_minutes_are_no_flood_the_eleventh_begins_one() -> None:
    assert floods([at(i * 60) for i in range(10)], at(600)) == []
    assert floods([at(i * 59) for i in range(11)], at(600)) == [FloodSpan(at(590), None)]
    assert floods([at(i * 60) for i in range(11)], at(600)) == [], "the first was ten minutes before the eleventh"


def test_a_flood_ends_when_fewer_than_five_are_left_of_the_last_ten_minutes() -> None:
    times = [at(i) for i in range(20)]
    # The fifth newest came at second 15; from 615 on only four are left.
    assert floods(times, at(614)) == [FloodSpan(at(10), None)]
    assert floods(times, at(615)) == [FloodSpan(at(10), at(615))]
    assert floods([*times, at(10_000)], at(10_000)) == [FloodSpan(at(10), at(615))]


def test_without_a_flood_everything_comes_one_by_one() -> None:
    screening = screened(*[("g-1", P3, i * 60) for i in range(30)])
    assert screening.groups(range(1, 31)) == {}
    assert screening.logged == set()


def test_in_a_flood_p1_come_alone_p2_and_p3_on_one_card_for_a_grid_and_p4_in_the_log() -> None:
    first = [("g-1", P3, i) for i in range(6)]
    more = [("g-2", P2, 10), ("g-1", P2, 11), ("g-2", P3, 12), ("g-1", P1, 13), ("g-1", P4, 14), ("g-3", P3, 15)]
    screening = screened(*first, *more, ("g-3", P2, 16), ("g-3", P1, 17), ("g-1", P4, 18))
    # The flood begins with the eleventh: a P4 of g-1, which goes to the log like the last one.
    assert screening.logged == {11, 15}
    assert screening.groups(range(1, 16)) == {1: [1, 2, 3, 4, 5, 6, 8], 7: [7, 9], 12: [12, 13]}
    assert screening.card(10) == 10
    assert screening.card(14) == 14


def test_when_ten_cards_have_appeared_further_grids_join_the_card_opened_last() -> None:
    screening = screened(*[(f"g-{i}", P3, i) for i in range(14)])
    assert screening.groups(range(1, 15))[10] == [10, 11, 12, 13, 14]
    assert [screening.card(n) for n in range(1, 10)] == list(range(1, 10))


def test_after_ten_minutes_a_new_grid_has_a_card_of_its_own_again() -> None:
    beginning = [(f"g-{i}", P3, i) for i in range(14)]
    going_on = [("g-0", P3, 60 * minute) for minute in range(1, 12)]
    screening = screened(*beginning, *going_on, ("g-20", P3, 680))
    assert screening.card(26) == 26
    assert screening.card(25) == screening.card(15) == 1, "one card for the grid as long as the flood lasts"


def test_the_next_flood_has_cards_of_its_own() -> None:
    first = [("g-1", P3, i) for i in range(12)]
    second = [("g-1", P3, 4000 + i) for i in range(12)]
    screening = screened(*first, *second)
    assert screening.groups(range(1, 25)) == {1: list(range(1, 13)), 13: list(range(13, 25))}


def test_what_is_in_hand_keeps_its_card_when_the_rest_is_forgotten() -> None:
    screening = screened(*[("g-1", P3, i) for i in range(12)], ("g-1", P4, 20))
    screening.take(Arrival(14, "g-2", P3, at(9000)))
    screening.forget({3, 7})
    assert screening.groups(range(1, 15)) == {1: [3, 7]}
    assert screening.logged == set()


ARRIVALS = st.lists(
    st.tuples(st.sampled_from([f"g-{i}" for i in range(25)]), st.sampled_from(Priority), st.integers(0, 90)),
    min_size=1,
    max_size=150,
)


@settings(max_examples=120, deadline=None)
@given(ARRIVALS)
def test_never_more_than_ten_new_cards_in_ten_minutes_and_every_alert_is_somewhere(
    gaps: list[tuple[str, Priority, int]],
) -> None:
    screening, seconds = Screening(), 0
    opened: dict[int, datetime] = {}
    for number, (grid, priority, gap) in enumerate(gaps, 1):
        seconds += gap
        screening.take(Arrival(number, grid, priority, at(seconds)))
        if priority is P1:
            assert screening.card(number) == number
        elif number not in screening.logged:
            opened.setdefault(screening.card(number), at(seconds))
            assert priority is not P4 or screening.watch.since is None
        recent = [card for card, first in opened.items() if first > at(seconds) - WINDOW]
        assert len(recent) <= 10
    assert all(1 <= screening.card(number) <= number for number in range(1, len(gaps) + 1))


@settings(max_examples=60, deadline=None)
@given(ARRIVALS)
def test_beginning_after_a_pause_of_ten_minutes_gives_the_same_cards(gaps: list[tuple[str, Priority, int]]) -> None:
    before = [Arrival(n, "g-1", P3, at(-2000 + n)) for n in range(1, 30)]
    later, seconds = [], 0
    for number, (grid, priority, gap) in enumerate(gaps, 100):
        seconds += gap
        later.append(Arrival(number, grid, priority, at(seconds)))
    whole, part = Screening(), Screening()
    for arrival in [*before, *later]:
        whole.take(arrival)
    for arrival in later:
        part.take(arrival)
    asked = range(100, 100 + len(gaps))
    assert (whole.groups(asked), whole.watch.since) == (part.groups(asked), part.watch.since)
    assert {n for n in whole.logged if n >= 100} == part.logged
