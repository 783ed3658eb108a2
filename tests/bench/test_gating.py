"""The gating matrix in short: a slow walker on key frames; at length also the substream, and key frames too rare."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bench.gating import Gating, Verdict, as_far, matched
from bench.gating_films import FILMS, Variant
from bench.gating_run import RaisedAlert

LONG = pytest.mark.skipif(
    os.environ.get("YIPING_GATING") != "1", reason="makes its films first, two minutes: make gating-short"
)


def told(rule: str, started_s: float) -> RaisedAlert:
    return RaisedAlert(rule, "person", started_s, started_s + 1)


def test_an_event_is_matched_once_and_only_with_one_of_its_own_rule_that_began_next_to_it() -> None:
    full = [told("there", 10.0), told("there", 12.0), told("stays", 30.0)]
    gated = [told("there", 12.3), told("stays", 34.5), told("stays", 10.0)]
    assert [(event.started_s, other and other.started_s) for event, other in matched(full, gated)] == [
        (10.0, 12.3),
        (12.0, None),
        (30.0, None),
    ]


def test_the_table_says_how_much_of_each_variant_is_known() -> None:
    def verdict(variant: str, film: str, substream: bool) -> Verdict:
        return Verdict(film, variant, substream, 1, 1, 0.0, 0.0, 1, 0, 5.0, 10.0, 20, 50, 0.5, ())

    whole = [verdict("day-vbr-gop25", film, substream) for film in FILMS for substream in (False, True)]
    part = verdict("night-cbr-gop50", "slow-walker", False)
    assert as_far([*whole, part]) == f"Variants: day-vbr-gop25, night-cbr-gop50 1 of {2 * len(FILMS)}."


def rests_and_finds_everything(verdict: Verdict) -> None:
    assert verdict.events >= 2
    assert verdict.failures == ()
    assert verdict.found == verdict.events
    assert verdict.decoded_share < 0.9, "it has rested"


@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_resting_camera_finds_a_slow_walker_in_the_first_half_minute(shared: Path, root: Path) -> None:
    """Half a minute of one film, which is made for it: somebody comes in at the pace of two percent a second."""
    film = replace(FILMS["slow-walker"], name="slow-walker-start", seconds=32)
    (verdict,) = Gating(shared, root / ".cache", print).judge(
        film, Variant(night=False, constant=False, gop=25), [False]
    )
    rests_and_finds_everything(verdict)


@LONG
@pytest.mark.model
@pytest.mark.shared
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("film", "variant", "substreams"),
    [
        ("slow-walker", Variant(night=True, constant=True, gop=25), [False]),
        ("stopping-vehicle", Variant(night=False, constant=False, gop=50), [True]),
    ],
)
def test_a_resting_camera_finds_what_a_fully_decoded_one_finds(
    shared: Path, root: Path, film: str, variant: Variant, substreams: list[bool]
) -> None:
    gating = Gating(shared, root / ".cache", print)
    (verdict,) = gating.judge(FILMS[film], variant, substreams)
    rests_and_finds_everything(verdict)


@LONG
@pytest.mark.model
@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_key_frames_every_ten_seconds_are_refused(shared: Path, root: Path) -> None:
    gating = Gating(shared, root / ".cache", print)
    assert gating.refuses(FILMS["slow-walker"], Variant(night=False, constant=False, gop=250))
