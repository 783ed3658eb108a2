"""Who stands and is covered by what slides in front is one stay, from whichever side, at whatever speed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from data.model.alert import Ended, Raised, Signal
from data.model.observation import Detection, Detections, Tick
from data.ports.recipe import Rule
from tests.alerts.timelines import CONTEXT, at

PARKED = (0.42, 0.40, 0.58, 0.60)
ASPECT = 16 / 9
SIDES = ("left", "above", "right", "below")
PARKING = Dwell(zone="lane", at_least="30s")
Box = tuple[float, float, float, float]


def left_over(whole: Box, side: str, share: float) -> Box:
    """What is to be seen when something covers this share of it, coming from that side."""
    left, top, right, bottom = whole
    across, down = share * (right - left), share * (bottom - top)
    return {
        "left": (left + across, top, right, bottom),
        "above": (left, top + down, right, bottom),
        "right": (left, top, right - across, bottom),
        "below": (left, top, right, bottom - down),
    }[side]


@dataclass(frozen=True)
class Cover:
    """Stands since 0 s; covered at `begin_s` within `over_s`, hidden, uncovered within `back_s`; gone at `gone_s`."""

    side: str
    over_s: float
    begin_s: float = 40.0
    hidden_s: float = 20.0
    back_side: str = "right"
    back_s: float = 1.0
    seen_until: float = 0.85  # share covered from which it is not found any more
    same_name: bool = False
    per_second: float = 5.0
    jitter: float = 0.0  # of the box, at every edge
    seed: int = 0

    @property
    def uncovered_s(self) -> float:
        return self.begin_s + self.over_s + self.hidden_s

    @property
    def gone_s(self) -> float:
        return self.uncovered_s + self.back_s + 35.0

    def box(self, second: float) -> Box | None:
        if second < self.uncovered_s:
            side, share = self.side, (second - self.begin_s) / self.over_s if self.over_s else float("inf")
        else:
            back = (second - self.uncovered_s) / self.back_s if self.back_s else float("inf")
            side, share = self.back_side, 1 - back
        share = min(max(share, 0.0), 1.0) if second >= self.begin_s else 0.0
        return None if share >= self.seen_until or second >= self.gone_s else left_over(PARKED, side, share)

    def played(self, rule: Rule) -> list[Signal]:
        signals: list[Signal] = []
        noise = np.random.default_rng(self.seed)
        for number in range(round((self.gone_s + 60) * self.per_second)):
            second = number / self.per_second
            if number % max(1, round(self.per_second)) == 0:
                signals += rule.judge(Tick("gate-3", at(second)))
            box = self.box(second)
            name = 2 if second < self.uncovered_s or self.same_name else 9
            found = []
            if box is not None:
                size = np.array([PARKED[2] - PARKED[0], PARKED[3] - PARKED[1]] * 2)
                off = noise.uniform(-self.jitter, self.jitter, 4) * size
                shaken = (box[0] + off[0], box[1] + off[1], box[2] + off[2], box[3] + off[3])
                found = [Detection(shaken, 0.6, "truck", name)]
            signals += rule.judge(Detections.of("gate-3", at(second), found, aspect=ASPECT))
        return signals


def once(signals: list[Signal], cover: Cover) -> None:
    """One alert, raised when it had stood for thirty seconds, ended when it had gone."""
    raised = [signal for signal in signals if isinstance(signal, Raised)]
    ended = [signal for signal in signals if isinstance(signal, Ended)]
    step_s = 1 / cover.per_second
    assert len(raised) == len(ended) == 1
    assert abs((raised[0].started_at - at(0)).total_seconds()) <= step_s
    assert abs((ended[0].ended_at - at(cover.gone_s)).total_seconds()) <= 2 * step_s
    assert raised[0].key == ended[0].key


@pytest.mark.parametrize("over_s", [0.0, 0.3, 0.5, 1.0, 4.0, 15.0])
@pytest.mark.parametrize("side", SIDES)
def test_covered_from_any_side_it_is_one_stay_and_one_alert(side: str, over_s: float) -> None:
    cover = Cover(side, over_s)
    once(cover.played(PARKING.make(CONTEXT)), cover)


covers = st.builds(
    Cover,
    side=st.sampled_from(SIDES),
    over_s=st.floats(0, 12),
    begin_s=st.floats(5, 45),
    hidden_s=st.floats(0, 26),
    back_side=st.sampled_from(SIDES),
    back_s=st.floats(0, 12),
    seen_until=st.floats(0.3, 0.95),
    same_name=st.booleans(),
    per_second=st.sampled_from([2.0, 5.0, 10.0]),
    jitter=st.sampled_from([0.0, 0.02, 0.04]),
    seed=st.integers(0, 1000),
)


@settings(max_examples=150, deadline=None)
@given(covers)
@example(Cover("below", 12.0, hidden_s=0.0, back_side="above", back_s=12.0, jitter=0.04))
def test_covered_from_any_side_at_any_speed_it_is_one_stay_and_one_alert(cover: Cover) -> None:
    unseen_s = (1 - cover.seen_until) * (cover.over_s + cover.back_s) + cover.hidden_s
    if unseen_s < 29:
        once(cover.played(PARKING.make(CONTEXT)), cover)


def test_half_covered_for_good_it_still_stands_there() -> None:
    half = Cover("right", 4.0, begin_s=10.0, hidden_s=60.0, seen_until=1.01, back_s=0.0)
    signals = half.played(PARKING.make(CONTEXT))
    assert [type(signal) for signal in signals] == [Raised, Ended]


def test_one_that_drives_out_of_the_picture_is_not_covered_by_its_edge() -> None:
    """Its right side comes nearer to the edge while its left one is at the edge: that is how leaving looks."""
    rule = Intrusion(keep_firing_for="2s").make(CONTEXT)
    signals: list[Signal] = []
    for number in range(200):
        second = number / 5
        share = min(max((second - 20) / 2, 0.0), 1.0)
        box = (0.0, 0.4, 0.16 - 0.16 * share, 0.6)
        found = [Detection(box, 0.6, "truck", 2)] if share < 0.85 else []
        signals += rule.judge(Detections.of("gate-3", at(second), found, aspect=ASPECT))
    ended = [signal for signal in signals if isinstance(signal, Ended)]
    assert [(signal.ended_at - at(0)).total_seconds() for signal in ended] == pytest.approx([21.7], abs=0.2)


@pytest.mark.parametrize(
    ("grow", "shift"),
    [(1.0, (0.10, 0.0)), (1.0, (0.0, 0.12)), (0.4, (0.0, -0.06)), (1.8, (0.0, 0.15))],
    ids=["across", "nearer", "away into the distance", "towards the camera"],
)
def test_one_that_drives_off_has_left_its_spot(grow: float, shift: tuple[float, float]) -> None:
    rule = Dwell(zone="lane", at_least="10s").make(CONTEXT)
    signals: list[Signal] = []
    left, top, right, bottom = PARKED
    for number in range(60 * 5):
        second = number / 5
        share = min(max((second - 8) / 1.5, 0.0), 1.0)
        size = 1 + share * (grow - 1)
        x, y = (left + right) / 2 + share * shift[0], bottom + share * shift[1]
        half, high = size * (right - left) / 2, size * (bottom - top)
        found = [Detection((x - half, y - high, x + half, y), 0.6, "truck", 2)] if second < 15 else []
        signals += rule.judge(Detections.of("gate-3", at(second), found, aspect=ASPECT))
    assert signals == [], "it stood for 8 s here and for 5 s there"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("over_s", [0.0, 1.0, 8.0])
def test_one_that_came_half_covered_and_is_uncovered_has_stood_since_it_came(side: str, over_s: float) -> None:
    rule = PARKING.make(CONTEXT)
    signals: list[Signal] = []
    for number in range(40 * 5):
        second = number / 5
        uncovered = (second - 10) / max(over_s, 0.01)
        share = 0.6 * (1 - min(max(uncovered, 0.0), 1.0))
        found = [Detection(left_over(PARKED, side, share), 0.6, "truck", 2)]
        signals += rule.judge(Detections.of("gate-3", at(second), found, aspect=ASPECT))
    assert [(type(s), s.at) for s in signals] == [(Raised, at(30.0))]
