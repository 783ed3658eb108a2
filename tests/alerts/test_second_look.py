"""The second look on literal timelines: whom it is asked for, when, and what becomes of the alert."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.axes import axes_of, axes_of_steps
from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from data.model.alert import Alert, Ended, Priority, Raised, Signal
from data.model.alert_life import AlertStep, Verification
from data.model.observation import Detection, Detections, Tick
from data.model.sightings import LookVerdict, SecondLook
from data.ports.recipe import AsksSecondLook, CloserSight, Rule, RuleRecipe
from data.ports.store import Store
from engine.judging.judgement import UnitOfWork, commit_unit
from engine.judging.second_looks import LookBudget
from tests.alerts.timelines import CONTEXT, NOON, at, restarted, seen
from tests.stores import new_store

SWIMMER = Intrusion(zone="lane", labels=("person",), pictures=2, of=3, keep_firing_for="5s")
URGENT = SWIMMER.model_copy(update={"priority": Priority.P1})
PARKING = Dwell(zone="lane", labels=("car",), at_least="10s")
SHY = 0.4  # as sure as the network is of what it is never sure of


@dataclass
class Street:
    """A rule, whoever looks for it, and what came of it. `score`: of a closer look at this second."""

    rule: Rule
    score: Callable[[float], float] = lambda _: 0.0
    at_most: int = 100
    signals: list[Signal] = field(default_factory=list)
    looked_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert isinstance(self.rule, AsksSecondLook)
        self.rule.offer_second_looks()

    def play(
        self, scene: Callable[[float], list[Detection]], until: float, since: float = 0.0, per_second: float = 5.0
    ) -> Street:
        assert isinstance(self.rule, AsksSecondLook)
        for i in range(round((until - since) * per_second) + 1):
            second = since + i / per_second
            self.signals += self.rule.judge(Detections.of("gate-3", at(second), scene(second), aspect=1.0))
            for wanted in list(self.rule.looks_wanted())[: self.at_most]:
                self.looked_s.append(second)
                sight = CloserSight(self.score(second), wanted.label, 2.0)
                self.signals += self.rule.looked(wanted.subject, sight, at(second))
            if i % max(1, round(per_second)) == 0:
                self.signals += self.rule.judge(Tick("gate-3", at(second)))
        return self

    @property
    def told(self) -> list[tuple[str, float, str]]:
        """What, decided at which second, and what the second look had said."""
        lines = []
        for signal in self.signals:
            word = ("again" if signal.again else "raised") if isinstance(signal, Raised) else "ended"
            verdict = "" if signal.second_look is None else signal.second_look.verdict.value
            lines.append((word, round((signal.at - NOON).total_seconds(), 3), verdict))
        return lines


def street(recipe: RuleRecipe, score: float | Callable[[float], float] = 0.0, at_most: int = 100) -> Street:
    return Street(recipe.make(CONTEXT), score if callable(score) else lambda _: score, at_most)


def somebody(second: float, since: float = 2.0, until: float = 1e9, confidence: float = SHY) -> list[Detection]:
    return [seen(0.5, label="person", confidence=confidence)] if since <= second < until else []


def parked(second: float, since: float = 2.0, confidence: float = SHY, track: int = 1) -> list[Detection]:
    """Was there all at once, as what the network only imagines is."""
    return [seen(0.5, confidence=confidence, track=track)] if second >= since else []


def driven_in(second: float, stop: float = 5.0) -> list[Detection]:
    """Comes from the left, one box height a second, never surely seen."""
    return [seen(0.5 - 0.1 * max(0.0, stop - second), confidence=SHY)] if second >= 2.0 else []


def test_who_is_surely_seen_is_not_looked_at_and_no_alert_is_later() -> None:
    sure = street(SWIMMER).play(lambda s: somebody(s, confidence=0.7), until=20)
    assert (sure.told, sure.looked_s) == ([("raised", 2.2, "")], [])
    car = street(PARKING).play(lambda s: parked(s, confidence=0.7), until=20)
    assert (car.told, car.looked_s) == ([("raised", 12.0, "")], [])


def test_a_doubtful_person_seen_again_is_told_a_picture_later_with_what_was_seen() -> None:
    found = street(SWIMMER, 0.71).play(somebody, until=20)
    assert found.told == [("raised", 2.4, "seen")]
    assert found.looked_s == [2.0, 2.2, 2.4]
    (raised,) = found.signals
    assert raised.second_look == SecondLook(LookVerdict.SEEN, "person", (0.71, 0.71, 0.71), 2.0, waited_s=0.2)


def test_looks_at_what_stands_begin_before_its_alert_so_that_it_is_no_later() -> None:
    found = street(PARKING, 0.5).play(parked, until=20)
    assert found.told == [("raised", 12.0, "seen")]
    assert found.looked_s == [9.0, 10.0, 11.0]


def test_what_is_not_seen_again_and_has_nothing_else_for_it_is_held_back_and_looked_at_ever_more_seldom() -> None:
    toy = street(SWIMMER, 0.02).play(lambda s: somebody(s, until=45.0), until=60)
    assert toy.told == []
    assert toy.looked_s == [2.0, 2.2, 2.4, 7.4, 17.4, 37.4]


def test_what_was_held_back_is_told_as_soon_as_two_of_three_looks_find_it() -> None:
    late = street(SWIMMER, lambda s: 0.6 if s > 6 else 0.02).play(somebody, until=30)
    assert late.told == [("raised", 17.4, "seen")]


def test_what_was_held_back_is_told_as_soon_as_it_is_surely_seen() -> None:
    nearer = street(SWIMMER, 0.02).play(lambda s: somebody(s, confidence=SHY if s < 5 else 0.8), until=10)
    assert nearer.told == [("raised", 5.4, "")]


def test_a_car_that_drove_in_is_told_however_little_the_look_sees() -> None:
    """A small car fills the enlarged picture without its street, and the network does not know it any more."""
    small = street(PARKING, 0.02).play(driven_in, until=30)
    assert [(word, verdict) for word, _, verdict in small.told] == [("raised", "unclear")]
    assert small.told[0][1] == pytest.approx(15.0, abs=0.4)
    assert street(PARKING, 0.02).play(parked, until=30).told == []


def passers_by(second: float, height: float) -> list[Detection]:
    """Six cars surely seen at this place before, one after the other, each of this height."""
    turn, within = divmod(second, 3.0)
    x = 0.45 + 0.1 * within
    return [seen(x, track=100 + int(turn), confidence=0.8, height=height)] if second < 18 and within < 2.8 else []


@pytest.mark.parametrize(
    ("usual", "score", "expected"),
    [
        (0.1, 0.02, [("raised", "unclear")]),  # as large as what drives there
        (0.25, 0.02, []),
        (0.35, 0.2, []),  # less than a third of it, and seen but faintly: no car
        (0.1, 0.2, [("raised", "unclear")]),
        (0.35, 0.6, [("raised", "seen")]),  # what the look sees counts more than the size
    ],
)
def test_its_size_against_what_drives_there_speaks_for_it_or_against_it(
    usual: float, score: float, expected: list[tuple[str, str]]
) -> None:
    one = street(PARKING, score)
    one.play(lambda s: [*passers_by(s, usual), *parked(s, since=20.0, track=7)], until=40)
    assert [(word, verdict) for word, _, verdict in one.told] == expected


def test_sizes_learnt_survive_a_restart() -> None:
    before = street(PARKING).play(lambda s: passers_by(s, 0.1), until=20)
    after = Street(restarted(PARKING, before.rule), lambda _: 0.02)
    after.play(lambda s: parked(s, since=30.0), until=60, since=30)
    assert [(word, verdict) for word, _, verdict in after.told] == [("raised", "unclear")]


def test_a_p1_alert_goes_out_at_once_as_probable_and_learns_what_was_seen() -> None:
    found = street(URGENT, 0.71).play(somebody, until=20)
    assert found.told == [("raised", 2.2, "asked"), ("again", 2.4, "seen")]


def test_a_p1_alert_that_is_not_seen_again_is_withdrawn_once() -> None:
    toy = street(URGENT, 0.02).play(lambda s: somebody(s, until=30.0), until=60)
    assert toy.told == [("raised", 2.2, "asked"), ("ended", 2.4, "not_seen")]


def test_an_alert_that_the_look_left_undecided_is_looked_at_again_and_withdrawn_or_believed() -> None:
    foam = street(SWIMMER, lambda s: 0.15 if s < 3 else 0.02).play(somebody, until=60)
    assert foam.told == [("raised", 2.4, "unclear"), ("ended", 17.4, "not_seen")]
    assert foam.looked_s[:5] == [2.0, 2.2, 2.4, 7.4, 17.4]
    nearer = street(SWIMMER, lambda s: 0.15 if s < 3 else 0.6).play(somebody, until=60)
    assert nearer.told == [("raised", 2.4, "unclear"), ("again", 17.4, "seen")]
    assert len(nearer.looked_s) == 5
    drove_in = street(PARKING, lambda s: 0.15 if s < 16 else 0.02).play(driven_in, until=60)
    assert ([word for word, *_ in drove_in.told], len(drove_in.looked_s)) == (["raised"], 3)


def test_who_leaves_before_the_look_is_over_is_told_without_a_verdict() -> None:
    gone = street(URGENT, 0.02).play(lambda s: somebody(s, until=2.3), until=20)
    assert gone.told == [("raised", 2.2, "asked"), ("ended", 7.4, "unclear")]


def test_who_was_seen_once_where_that_is_enough_is_looked_for_at_the_same_place() -> None:
    once = Intrusion(zone="lane", labels=("person",))
    brief = street(once, 0.5).play(lambda s: somebody(s, until=2.1), until=20)
    assert brief.told[0] == ("raised", 2.4, "seen")
    gone = street(once, 0.02).play(lambda s: somebody(s, until=2.1), until=20)
    assert gone.told == [("raised", 3.0, "asked"), ("ended", 7.2, "unclear")]  # that nobody is there now proves nothing
    assert len(gone.looked_s) <= 6


@pytest.mark.parametrize("per_second", [0.5, 1.0])
def test_where_pictures_are_rare_the_alert_waits_for_no_third_one(per_second: float) -> None:
    slow = street(SWIMMER, 0.71).play(somebody, until=30, per_second=per_second)
    first = 2.0 + 1 / per_second
    assert slow.told[0][0] == "raised"
    assert slow.told[0][1] - first <= 1.0 / per_second
    assert slow.told[-1][2] == "seen"


def test_without_time_for_looks_it_goes_out_as_probable_within_a_second() -> None:
    busy = street(SWIMMER, at_most=0).play(somebody, until=20)
    assert [(word, verdict) for word, _, verdict in busy.told] == [("raised", "asked")]
    assert busy.told[0][1] <= 2.2 + 0.8


def test_a_rule_that_wants_none_and_one_without_a_detector_that_looks_wait_for_nothing() -> None:
    plain = SWIMMER.model_copy(update={"second_look": False})
    assert street(plain).play(somebody, until=20).told == [("raised", 2.2, "")]
    rule, signals = SWIMMER.make(CONTEXT), list[Signal]()
    for i in range(20):
        signals += rule.judge(Detections.of("gate-3", at(i / 5), somebody(i / 5, since=0.0), aspect=1.0))
    assert [(signal.at - NOON).total_seconds() for signal in signals] == [0.2]


def test_the_budget_is_two_looks_a_second_with_three_seconds_saved_up() -> None:
    budget, made = LookBudget(2.0, 0.0), 0
    for tenth in range(600):
        looks = min(1, budget.left(tenth / 10))
        budget.spend(looks)
        made += looks
    assert made == pytest.approx(6 + 120, abs=1)
    assert LookBudget(0.0, 0.0).left(100.0) == 0


# ---- on the store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "alerts.db")
    yield store
    store.close()


def committed(store: Store, signals: Sequence[Signal]) -> list[Alert]:
    """Each signal as a unit of its own, as a worker sends it; how the alert was after each."""
    states = []
    for number, signal in enumerate(signals, start=1):
        now = signal.at + timedelta(milliseconds=120)
        unit = UnitOfWork("gate-3.camera", (signal,), signal.at, number=number)
        store.write(lambda writer, unit=unit, now=now: commit_unit(writer, unit, now))  # type: ignore[misc]
        states.append(store.read(lambda reader: reader.alert(1)))
    return states


def test_it_is_probable_with_its_first_commit_and_its_answer_calls_nobody_again(store: Store) -> None:
    out, answered = committed(store, street(URGENT, 0.71).play(somebody, until=20).signals)
    assert (out.verification, out.is_open) == (Verification.PROBABLE, True)
    assert out.second_look is not None
    assert out.second_look.verdict is LookVerdict.ASKED
    assert answered.second_look == SecondLook(LookVerdict.SEEN, "person", (0.71, 0.71, 0.71), waited_s=0.2)
    assert (answered.verification, answered.calls, answered.occurrence) == (Verification.PROBABLE, 1, 1)
    steps = store.read(lambda reader: reader.alert_steps(1))
    assert [taken.step for taken in steps] == [AlertStep.RAISE, AlertStep.SUSPECT, AlertStep.LOOK]
    assert steps[-1].detail["second_look"]["score"] == 0.71
    assert axes_of_steps(steps, at(60)) == axes_of(answered, at(60))


def test_withdrawn_it_is_over_and_says_why(store: Store) -> None:
    _, over = committed(store, street(URGENT, 0.02).play(somebody, until=20).signals)
    assert (over.is_open, over.ended_at) == (False, at(2.4))
    assert over.second_look is not None
    assert over.second_look.verdict is LookVerdict.NOT_SEEN
    steps = store.read(lambda reader: reader.alert_steps(1))
    assert (steps[-1].step, steps[-1].detail["second_look"]["verdict"]) == (AlertStep.END, "not_seen")
    assert axes_of_steps(steps, at(60)) == axes_of(over, at(60))


def test_an_answer_that_comes_after_the_end_opens_nothing(store: Store) -> None:
    raised, again = street(URGENT, 0.71).play(somebody, until=20).signals
    ended = Ended(raised.key, at(2.3), at(2.3))
    states = committed(store, [raised, ended, replace(again, at=at(2.5))])
    assert [one.is_open for one in states] == [True, False, False]


def test_how_long_it_stood_is_stored_with_the_alert_and_told_anew_at_its_end(store: Store) -> None:
    def scene(second: float) -> list[Detection]:
        return [seen(0.5 + 0.1 * max(0.0, second - 25.0))] if 5 <= second < 29 else []

    raised, ended = committed(store, street(PARKING).play(scene, until=40).signals)
    assert raised.dwell is not None
    assert ended.dwell is not None
    assert (raised.dwell.at_least_s, raised.dwell.at_most_s) == (10.0, 10.2)
    assert ended.dwell.at_least_s == pytest.approx(20.0, abs=0.3)
