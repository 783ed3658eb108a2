"""All that is published about accuracy: `python -m bench.accuracy_report` (`make accuracy`).

Runs over the reference material and over a folder of your own (`--data`, see docs/accuracy-data.md), prints tables,
with --write puts them into docs/ACCURACY.md, and ends with one line of JSON. Exit status 1 when a figure misses what
is asked of it. `--minutes` shortens the two measurements of false alerts (10 minutes of each footage).

A machine that is shared: `--part events` (persons, degraded, gauge, extent, model, empty-<a water> ...) measures
one part and keeps it in .cache/bench/accuracy; `--kept` then takes what was kept within a day for the whole report.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import exp
from pathlib import Path
from typing import Any

from bench import accuracy, degraded, water
from bench.events import EventScore, wilson
from bench.footage import PER_SECOND, RATES, TRUTHS, Recording, recordings, scored
from bench.page import write_section
from bench.swimmers import HEIGHTS_PX, Lifeguard, Water, drawn_waters, empty_waters, real_waters
from data.errors import YipingError
from data.model.place import InferenceSettings
from tests.conftest import ROOT, shared_folder

LEAST_RECALL, LEAST_PRECISION = 0.9, 0.9
MOST_DWELL_ERROR_S = 2.0
LEAST_PERSON_RECALL = 0.8
FROM_PX = 32
EACH = 8  # persons for every water and height
EMPTY = "empty-"
_DAY_S = 86_400.0

Scores = Mapping[str, EventScore]


def event_scores(footage: Sequence[Recording], per_second: float = PER_SECOND) -> dict[str, EventScore]:
    """By recording and rule."""
    return {
        f"{recording.name}, {rule}": score
        for recording in footage
        for rule, score in scored(ROOT, recording, per_second).items()
    }


def total(scores: Scores) -> EventScore:
    return sum(scores.values(), EventScore())


def event_page(scores: Scores) -> str:
    """One row for each recording and rule, and what all of them say with which certainty."""
    lines = [
        "| recording, rule | right | false | missed | precision | recall | error of the length, median / largest "
        "| beginning and end off by, at most |",
        "|---|---|---|---|---|---|---|---|",
    ]
    whole = total(scores)
    for name, one in [*scores.items(), ("**all**", whole)]:
        error = one.dwell_error_s
        lines.append(
            f"| {name} | {one.right} | {one.false} | {one.missed} "
            f"| {_share(one.right, one.right + one.false)} | {_share(one.right, one.right + one.missed)} "
            f"| {'' if error is None else f'{error[0]:.1f} / {error[1]:.1f} s'} "
            f"| {f'{max(one.edge_errors_s):.1f} s' if one.edge_errors_s else ''} |"
        )
    return "\n".join([*lines, "", *_certainty(whole)])


def _certainty(whole: EventScore) -> list[str]:
    hours = whole.footage_s / 3600
    found, true = whole.right + whole.false, whole.right + whole.missed
    return [
        f"{hours:.3f} hours of footage judged (each rule by itself), {true} events in it, {found} found. In brackets: "
        "where the true share lies with 95 % confidence (Wilson).",
        "",
        f"What this does not say: a false alert a day and camera would show in {hours:.3f} hours with a chance of "
        f"{100 * (1 - exp(-hours / 24)):.1f} % only. It holds for these cameras, hours and weathers; what the network "
        "does not know at all (vehicles from straight above, people under 40 px in infrared) is not in it.",
    ]


def left_out(footage: Sequence[Recording]) -> list[str]:
    """What the truth files of these recordings say and nothing here scores."""
    return [f"{one.name}: not scored: {', '.join(one.left_out)}" for one in footage if one.left_out]


def _share(right: int, of: int) -> str:
    """With the interval in which the true share lies."""
    interval = wilson(right, of)
    return "" if interval is None else f"{right / of:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"


def person_figures(shared: Path, each: int) -> dict[str, Any]:
    """Recall by size and kind of water, labelled persons."""
    lifeguard = Lifeguard.on_duty(ROOT)
    waters = {"drawn": drawn_waters(), "real": real_waters(shared)}
    found, labelled = lifeguard.labelled(shared)
    return {
        "recall": {kind: lifeguard.recall(some, each) for kind, some in waters.items()},
        "labelled_found": found,
        "labelled": labelled,
    }


def alerts_over(water: Water, minutes: float) -> int:
    """Alerts over an empty water."""
    return Lifeguard.on_duty(ROOT).alerts_over_empty(water, minutes)


def person_page(found: dict[str, Any]) -> str:
    lines = ["| height above water, px | drawn water | real water |", "|---|---|---|"]
    for height in HEIGHTS_PX:
        cells = [f"{hits} of {of} ({hits / of:.2f})" for hits, of in (one[height] for one in found["recall"].values())]
        lines.append(f"| {height} | {' | '.join(cells)} |")
    alerts, waters = sum(found["empty_alerts"].values()), len(found["empty_alerts"])
    lines += [
        "",
        f"Of the {found['labelled']} persons labelled in the water scenes of COCO val2017 {found['labelled_found']} "
        "are found.",
        "",
        f"Alerts over empty, moving water: {alerts} in {found['empty_minutes']:g} minutes of each of {waters} waters",
        "(2 s at the real rate in every 30 s).",
    ]
    return "\n".join(lines)


def parts_of(shared: Path, minutes: float) -> dict[str, Callable[[], Any]]:
    """Everything that is measured, by name; each part takes minutes."""
    empty = empty_waters(shared)
    return {
        "events": lambda: event_scores(recordings(TRUTHS, shared)),
        "persons": lambda: person_figures(shared, EACH),
        **{f"{EMPTY}{one.name}": partial(alerts_over, one, minutes) for one in empty},
        "degraded": lambda: degraded.measure(ROOT, shared, minutes),
        "gauge": lambda: water.gauge_figures(water.Evening.read(shared)),
        "extent": lambda: water.extent_figures(shared / "waterlogging"),
        "model": lambda: accuracy.measure(accuracy.photos(shared), InferenceSettings()),
    }


@dataclass(frozen=True, slots=True)
class Kept:
    """Parts that were measured, in a folder."""

    folder: Path
    minutes: float

    def measured(self, name: str, measure: Callable[[], Any], *, young_enough: bool) -> Any:
        """The part, measured unless one that was kept within a day will do."""
        path = self.folder / f"{name}-{self.minutes:g}.pickle"
        if young_enough and path.exists() and time.time() - path.stat().st_mtime < _DAY_S:
            return pickle.loads(path.read_bytes())
        begun_s = time.monotonic()
        found = measure()
        print(f"{name}: {time.monotonic() - begun_s:.0f} s", flush=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(found))
        return found


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything; `own`: the footage of `--data`, by pictures a second."""

    events: Scores
    own: Mapping[float, Scores]
    people: dict[str, Any]
    bad: dict[str, Any]
    gauge: dict[str, Any]
    extent: dict[str, Any]
    model: dict[str, Any]

    @classmethod
    def of(cls, parts: Mapping[str, Any], own: Sequence[Recording], minutes: float) -> Measured:
        """From all of `parts_of`."""
        empty = {name.removeprefix(EMPTY): alerts for name, alerts in parts.items() if name.startswith(EMPTY)}
        return cls(
            events=parts["events"],
            own={rate: event_scores(own, rate) for rate in RATES} if own else {},
            people={**parts["persons"], "empty_minutes": minutes, "empty_alerts": empty},
            bad=parts["degraded"],
            gauge=parts["gauge"],
            extent=parts["extent"],
            model=parts["model"],
        )

    @property
    def map_drop(self) -> float:
        """Points the exported model loses."""
        return float(accuracy.figures(self.model["scores"], self.model["auto"], 0)["map_drop"])

    def pages(self) -> dict[str, str]:
        """Tables by the name of their section."""
        return {
            "bench.events": event_page(self.events),
            "bench.persons": person_page(self.people),
            "bench.degraded": degraded.page(self.bad),
            "bench.water": water.page(self.gauge, self.extent),
        }

    def misses(self) -> list[str]:
        """What falls short of what is asked."""
        events = total(self.events)
        error = events.dwell_error_s
        small = [
            f"person recall at {height} px in {kind} water"
            for kind, one in self.people["recall"].items()
            for height, (hits, of) in one.items()
            if height >= FROM_PX and hits < LEAST_PERSON_RECALL * of
        ]
        holds = {
            "event precision": (events.precision or 0.0) >= LEAST_PRECISION,
            "event recall": (events.recall or 0.0) >= LEAST_RECALL,
            "dwell error": error is not None and error[1] <= MOST_DWELL_ERROR_S,
            "labelled persons in water": self.people["labelled_found"] == self.people["labelled"],
            "alerts over empty water": not any(self.people["empty_alerts"].values()),
            "false alerts in degraded footage": degraded.holds(self.bad),
            "water": water.holds(self.gauge, self.extent),
            "model": self.map_drop <= accuracy.MUST_DROP_POINTS,
        }
        return [*small, *(name for name, good in holds.items() if not good)]

    def summary(self) -> dict[str, Any]:
        """The line of JSON. False alerts are those of the clips, over empty water and in degraded footage."""
        events, kinds = total(self.events), self.bad["kinds"].values()
        empty = self.people["empty_alerts"].values()
        false = events.false + sum(empty) + sum(kind["false_alerts"] for kind in kinds)
        minutes = self.people["empty_minutes"] * len(empty) + sum(kind["minutes"] for kind in kinds)
        hours = events.footage_s / 3600 + minutes / 60
        return {
            "event_precision": events.precision,
            "event_recall": events.recall,
            "dwell_error_s": events.dwell_error_s,
            "waterline_error_px": [self.gauge["error_px_median"], self.gauge["error_px_max"]],
            "waterline_right": [self.gauge["right_on_board_least"], self.gauge["pictures"]],
            "false_alerts_per_hour": round(false / hours, 3),
            "hours": round(hours, 3),
            "person_recall": {
                kind: {height: round(hits / of, 3) for height, (hits, of) in one.items()}
                for kind, one in self.people["recall"].items()
            },
            "labelled_persons": [self.people["labelled_found"], self.people["labelled"]],
            "persons_lost": {name: kind["recall_lost"] for name, kind in self.bad["kinds"].items()},
            "map_drop": self.map_drop,
            "own": None if not self.own else own_figures(self.own),
            "misses": self.misses(),
        }


def own_figures(own: Mapping[float, Scores]) -> dict[str, list[float | None]]:
    """By pictures a second: precision, recall, false alerts an hour."""
    totals = {f"{rate:g}": total(scores) for rate, scores in own.items()}
    return {rate: [one.precision, one.recall, one.false_per_hour] for rate, one in totals.items()}


def own_page(folder: Path, footage: Sequence[Recording], own: Mapping[float, Scores]) -> str:
    """The tables of a folder of one's own, and what its files say that is not scored."""
    tables = [f"{folder}, {rate:g} pictures a second\n\n{event_page(scores)}\n" for rate, scores in own.items()]
    return "\n".join([*tables, *left_out(footage)])


def own_report(folder: Path) -> int:
    """Measures a folder of one's own and nothing else."""
    try:
        footage = recordings(folder, folder)
        own = {rate: event_scores(footage, rate) for rate in RATES}
    except YipingError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{own_page(folder, footage, own)}\n{json.dumps(own_figures(own))}")
    return 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.accuracy_report", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of videos with truth files")
    parser.add_argument("--only-data", action="store_true", help="measure nothing but the folder of --data")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each footage in which nothing happens")
    parser.add_argument("--part", help="measure this part only, and keep it")
    parser.add_argument("--kept", action="store_true", help="take parts that were measured within a day")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/ACCURACY.md")
    options = parser.parse_args(arguments)
    if options.only_data and options.data is None:
        parser.error("--only-data needs --data FOLDER")
    shared = shared_folder()
    if shared is None:
        print("no reference material: set YIPING_SHARED to its folder", file=sys.stderr)
        return 2
    kept = Kept(ROOT / InferenceSettings().cache_dir / "bench" / "accuracy", options.minutes)
    parts = parts_of(shared, options.minutes)
    if options.part is not None:
        if options.part not in parts:
            parser.error(f"--part: one of {', '.join(parts)}")
        print(kept.measured(options.part, parts[options.part], young_enough=False))
        return 0
    if options.only_data:
        return own_report(options.data)
    try:
        own = [] if options.data is None else recordings(options.data, options.data)
        found = {name: kept.measured(name, measure, young_enough=options.kept) for name, measure in parts.items()}
        measured = Measured.of(found, own, options.minutes)
    except YipingError as error:
        print(error, file=sys.stderr)
        return 2
    for name, text in measured.pages().items():
        print(f"{name}\n\n{text}\n")
        if options.write:
            write_section(name, text)
    print(f"model\n\n{accuracy.table(measured.model['scores'])}\n")
    if own:
        print(own_page(options.data, own, measured.own))
    print(json.dumps(measured.summary()))
    return int(bool(measured.misses()))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
