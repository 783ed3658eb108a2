"""The dwell rule against a reference that knows the script of the scene and needs no tracking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.dwell import Recipe
from data.model.alert import Alert, Ended, Raised, Signal
from data.model.observation import Detection, Detections, Tick
from data.ports.recipe import Rule
from tests.alerts.timelines import CONTEXT, at, restarted, seen, stored, told

LIMIT_S = 10.0
STEP_S = 0.2
MARGIN_S = 0.5  # closer to the limit than this the reference does not say
COLOURS = tuple(np.array(shares, np.float32) for shares in ((0.9, 0.1, 0.0), (0.0, 0.2, 0.8)))
RECIPE = Recipe(zone="lane", at_least=f"{LIMIT_S:g}s")


@dataclass(frozen=True)
class Visit:
    """A car drives in for 2 s, stands, drives out for 2 s. All in steps of a fifth of a second."""

    empty: int
    stand: int
    renamed: frozenset[int]  # steps after which the tracker calls it something else
    unseen: frozenset[int]  # steps of standing at which it is not detected, three at most in a row
    hidden: int  # steps it is hidden by something, three seconds and a half after it stopped
    blind: int  # steps the camera is blind, a second after the car stopped
    restart: int  # steps the process is away, four fifths of a second after the car stopped
    exchanged: bool  # nobody sees the last one leave and this one come; it has another colour


DRIVE = 10  # steps
RESTART = "restart"
Step = list[Detection] | None | str


def _not_long(steps: frozenset[int]) -> frozenset[int]:
    return frozenset(s for s in steps if not {s - 1, s - 2, s - 3} <= steps)


visits = st.builds(
    Visit,
    empty=st.integers(20, 60),
    stand=st.integers(20, 90),
    renamed=st.frozensets(st.integers(0, 90), max_size=6),
    unseen=st.frozensets(st.integers(0, 90), max_size=25).map(_not_long),
    hidden=st.sampled_from([0, 0, 0, 20, 100]),
    blind=st.sampled_from([0, 0, 0, 15, 100]),
    restart=st.sampled_from([0, 0, 0, 5, 40]),
    exchanged=st.sampled_from([False, False, False, True]),
)


def steps_of(visit: Visit, number: int, *, arrives: bool, leaves: bool) -> list[Step]:
    """What each look shows, from the empty spot until the car has gone."""
    shown: list[Step] = [[] for _ in range(visit.empty)]
    track, colour = 100 * number, COLOURS[number % 2]
    if arrives:
        shown += [[seen(0.3 + 0.02 * i, track=track, looks=colour)] for i in range(DRIVE)]
    for i in range(visit.stand):
        track += i in visit.renamed
        certain = 3 < i < 20 or i < 2  # around what happens to it, so that the script is true to the second
        shown.append([seen(0.5, track=track, looks=colour)] if certain or i not in visit.unseen else [])
        if i == 4 and visit.restart:
            shown += [RESTART, *([None] * visit.restart)]
        if i == 5:
            shown += [None] * visit.blind
        if i == 17:  # a restart and a blind time each hide some of the two seconds that make it a standing car
            shown += [[] for _ in range(visit.hidden)]
            track += 10 if visit.hidden else 0
    if leaves:
        shown += [[seen(0.5 + 0.02 * (i + 1), track=track, looks=colour)] for i in range(DRIVE)]
    return shown


def scene_of(script: Sequence[Visit]) -> list[Step]:
    shown: list[Step] = []
    for n, visit in enumerate(script):
        last = n == len(script) - 1
        arrives = n == 0 or not visit.exchanged
        shown += steps_of(visit, n, arrives=arrives, leaves=last or not script[n + 1].exchanged)
    return [*shown, *([[]] * 180)]  # half a minute, until who went unseen is given up


def reference(script: Sequence[Visit]) -> tuple[int, int]:
    """Fewest and most alerts: a visit whose known standing time reaches the limit is one.

    Hidden for more than ten seconds it may have been exchanged: that is not known.
    """
    known = [visit.hidden if visit.hidden * STEP_S <= 10.0 else 0 for visit in script]
    stood = [(visit.stand + hidden) * STEP_S for visit, hidden in zip(script, known, strict=True)]
    return sum(s >= LIMIT_S + MARGIN_S for s in stood), sum(s >= LIMIT_S - MARGIN_S for s in stood)


def again(rule: Rule, signals: Sequence[Signal]) -> Rule:
    """A new process: what is open, and the state by way of JSON."""
    ended = {signal.key for signal in signals if isinstance(signal, Ended)}
    still: list[Alert] = [stored(s) for s in signals if isinstance(s, Raised) and s.key not in ended]
    return restarted(RECIPE, rule, *still)


def run(steps: Sequence[Step]) -> list[Signal]:
    rule, signals = RECIPE.make(CONTEXT), list[Signal]()
    second = 0.0
    for step in steps:
        if isinstance(step, str):
            rule = again(rule, signals)
            continue
        if step is None:
            signals += rule.judge(Tick("gate-3", at(second), observable=False))
        else:
            signals += rule.judge(Detections.of("gate-3", at(second), step, aspect=1.0))
        second += STEP_S
    return signals


@settings(max_examples=80, deadline=None)
@given(st.lists(visits, min_size=1, max_size=4))
def test_alerts_are_as_many_as_visits_that_stood_too_long(script: list[Visit]) -> None:
    signals = run(scene_of(script))
    raised = [s for s in signals if isinstance(s, Raised)]
    fewest, most = reference(script)
    assert fewest <= len(raised) <= most, told(signals)
    assert len({s.key for s in raised}) == len(raised)
    assert sorted(s.key for s in signals if isinstance(s, Ended)) == sorted(s.key for s in raised)
