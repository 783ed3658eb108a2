"""The dwell rule against a reference that knows the script of the scene and needs no tracking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.dwell import Recipe
from data.alert import Ended, Raised
from data.observation import Detection
from tests.alerts.timelines import CONTEXT, play, seen, told

LIMIT_S = 10.0
STEP_S = 0.2
MARGIN_S = 0.5  # closer to the limit than this the reference does not say


@dataclass(frozen=True)
class Visit:
    """A car drives in for 2 s, stands, drives out for 2 s. All in steps of a fifth of a second."""

    empty: int
    stand: int
    renamed: frozenset[int]  # steps after which the tracker calls it something else
    unseen: frozenset[int]  # steps of standing at which it is not detected, three at most in a row
    blind: int  # steps the camera is blind, a second after the car stopped


DRIVE = 10  # steps


def _not_long(steps: frozenset[int]) -> frozenset[int]:
    return frozenset(s for s in steps if not {s - 1, s - 2, s - 3} <= steps)


visits = st.builds(
    Visit,
    empty=st.integers(20, 60),
    stand=st.integers(6, 90),
    renamed=st.frozensets(st.integers(0, 90), max_size=6),
    unseen=st.frozensets(st.integers(0, 90), max_size=25).map(_not_long),
    blind=st.sampled_from([0, 0, 0, 15, 100]),
)


def steps_of(visit: Visit, first_track: int) -> list[list[Detection] | None]:
    """What each look shows, from the empty spot until the car has gone."""
    shown: list[list[Detection] | None] = [[] for _ in range(visit.empty)]
    track = first_track
    for i in range(DRIVE):
        shown.append([seen(0.3 + 0.02 * i, track=track)])
    for i in range(visit.stand):
        track += i in visit.renamed
        shown.append([] if i in visit.unseen else [seen(0.5, track=track)])
        if i == 5:
            shown += [None] * visit.blind
    for i in range(DRIVE):
        shown.append([seen(0.5 + 0.02 * (i + 1), track=track)])
    return shown


def reference(script: Sequence[Visit]) -> tuple[int, int]:
    """Fewest and most alerts: a visit whose known standing time reaches the limit is one."""
    stood = [visit.stand * STEP_S for visit in script]
    return sum(s >= LIMIT_S + MARGIN_S for s in stood), sum(s >= LIMIT_S - MARGIN_S for s in stood)


@settings(max_examples=60, deadline=None)
@given(st.lists(visits, min_size=1, max_size=4))
def test_alerts_are_as_many_as_visits_that_stood_too_long(script: list[Visit]) -> None:
    shown: list[list[Detection] | None] = []
    for n, visit in enumerate(script):
        shown += steps_of(visit, 100 * n)
    shown += [[]] * 20
    rule = Recipe(zone="lane", at_least=f"{LIMIT_S:g}s").make(CONTEXT)
    signals = play(rule, lambda s: shown[round(s / STEP_S)], until=(len(shown) - 1) * STEP_S)
    raised = [s for s in signals if isinstance(s, Raised)]
    fewest, most = reference(script)
    assert fewest <= len(raised) <= most, told(signals)
    assert len({s.key for s in raised}) == len(raised)
    assert [s.key for s in signals if isinstance(s, Ended)] == [s.key for s in raised]
