"""What the second look changes: `python -m bench.accuracy_looks [--data FOLDER]`.

Every recording with a truth file runs twice, with second looks and without, at 5 and at 2 pictures a second: events
right, false and missed both ways, how long alerts waited (time of the pictures, and of the looks of that picture), and
how many looks were made an hour. Ends with one line of JSON; exit status 1 when a right event is lost, or when alerts
wait too long.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.events import Event, EventScore, score_events
from bench.films import NOON, Film
from bench.footage import PER_SECOND, RATES, TRUTHS, Recording, recordings
from data.errors import YipingError
from data.model.alert import Raised, Signal
from data.model.observation import Tick
from data.model.sightings import LookVerdict
from engine.judging.pipeline import SitePipeline
from tests.conftest import ROOT, shared_folder

MOST_WAIT_MS = 700.0


@dataclass(slots=True)
class Run:
    """One recording at one rate, one way."""

    score: EventScore
    seconds: float = 0.0
    looks: int = 0
    look_s: list[float] = field(default_factory=list)  # of each picture in which there were some
    waited_ms: list[float] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    withdrawn: int = 0
    raised_s: dict[str, float] = field(default_factory=dict)


def run(recording: Recording, per_second: float, *, second_looks: bool) -> Run:
    """The rules of the recording over its film."""
    film = Film.of_clip(ROOT, recording.video, per_second=2 * PER_SECOND)
    shown = film.at_rate(per_second)
    update = {} if second_looks else {"second_look": False}
    rules = [rule.model_copy(update=update) for rule in recording.truth.recipes()]
    frames, site, context = film.replayed(shown, recording.truth.zones, rules)
    pipeline, made = SitePipeline(site, context), Run(EventScore())
    found: dict[Any, Event] = {}
    tick_at = NOON + timedelta(seconds=shown[0][1])
    for frame in frames:
        signals = list[Signal]()
        while tick_at + timedelta(seconds=1) <= frame.at:
            tick_at += timedelta(seconds=1)
            signals += pipeline.tick(Tick(site.id, tick_at))
        begun_s = time.perf_counter()
        seen = pipeline.see(frame)
        spent_s = time.perf_counter() - begun_s
        if seen.looks:
            made.looks += seen.looks
            made.look_s.append(spent_s)
        for signal in (*signals, *seen.signals):
            second = (signal.at - NOON).total_seconds()
            look = signal.second_look
            if not isinstance(signal, Raised):
                if signal.key in found:
                    one = found[signal.key]
                    found[signal.key] = Event(one.label, one.from_s, (signal.ended_at - NOON).total_seconds(), one.box)
                made.withdrawn += look is not None and look.verdict is LookVerdict.NOT_SEEN
            elif not signal.again:
                started_s = (signal.started_at - NOON).total_seconds()
                found[signal.key] = Event(signal.label, started_s, shown[-1][1], signal.xyxy)
                made.raised_s["/".join(signal.key[1:])] = second
                if look is not None:
                    made.verdicts.append(look.verdict.value)
                    made.waited_ms.append(1000 * (look.waited_s + (spent_s if seen.looks else 0.0)))
    for rule in rules:
        mine = [event for key, event in found.items() if key.rule == rule.name]
        true = [
            Event(one.label, one.from_s, shown[-1][1] if one.to_s is None else one.to_s, one.box)
            for one in recording.truth.events
            if one.rule == rule.name
        ]
        made.score += score_events(mine, true, shown[-1][1] - shown[0][1])
    made.seconds = shown[-1][1] - shown[0][1]
    return made


def told(score: EventScore) -> str:
    """Right, false, missed."""
    return f"{score.right} right, {score.false} false, {score.missed} missed"


def p95(values: Sequence[float]) -> float | None:
    """The smallest value that 95 % do not exceed."""
    ordered = sorted(values)
    return None if not ordered else ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def figures(footage: Sequence[Recording]) -> dict[str, Any]:
    """Prints a line for each run; all together."""
    waited, look_ms, lost, looks, seconds = list[float](), list[float](), list[str](), 0, 0.0
    total = {"with": EventScore(), "without": EventScore()}
    later = list[float]()
    for recording in footage:
        for rate in RATES:
            plain, looked = (run(recording, rate, second_looks=on) for on in (False, True))
            total["without"] += plain.score
            total["with"] += looked.score
            if looked.score.right < plain.score.right:
                lost.append(f"{recording.name} at {rate:g}")
            waited += looked.waited_ms
            look_ms += [1000 * one for one in looked.look_s]
            looks, seconds = looks + looked.looks, seconds + looked.seconds
            later += [at - plain.raised_s[key] for key, at in looked.raised_s.items() if key in plain.raised_s]
            print(
                f"{recording.name}, {rate:g}/s: {told(plain.score)} -> {told(looked.score)}; {looked.looks} looks, "
                f"verdicts {looked.verdicts}, withdrawn {looked.withdrawn}",
                flush=True,
            )
    wait, cost = p95(waited), p95(look_ms)
    return {
        "right": [total["without"].right, total["with"].right],
        "false": [total["without"].false, total["with"].false],
        "missed": [total["without"].missed, total["with"].missed],
        "lost": lost,
        "second_look_ms_p95": None if wait is None else round(wait, 1),
        "alerts_looked_at": len(waited),
        "picture_with_looks_ms_p95": None if cost is None else round(cost, 1),
        "alert_later_s_most": round(max(later, default=0.0), 2),
        "looks_an_hour": round(3600 * looks / max(1.0, seconds), 1),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.accuracy_looks", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of videos with truth files")
    options = parser.parse_args(arguments)
    shared = shared_folder()
    if shared is None:
        print("no reference material: set YIPING_SHARED to its folder", file=sys.stderr)
        return 2
    try:
        footage = recordings(TRUTHS, shared)
        footage += [] if options.data is None else recordings(options.data, options.data)
        found = figures(footage)
    except YipingError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(found))
    wait = found["second_look_ms_p95"]
    return int(bool(found["lost"]) or (wait is not None and wait > MOST_WAIT_MS))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
