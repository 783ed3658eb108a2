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
from pathlib import Path
from typing import Any

from bench import accuracy, degraded, water
from bench.events import EventScore
from bench.footage import TRUTHS, Recording, recordings, scored
from bench.page import write_section
from bench.swimmers import HEIGHTS_PX, Lifeguard, Water, drawn_waters, empty_waters, real_waters
from data.errors import YipingError
from data.place import InferenceSettings
from tests.conftest import ROOT, shared_folder

LEAST_RECALL, LEAST_PRECISION = 0.9, 0.9
MOST_DWELL_ERROR_S = 2.0
LEAST_PERSON_RECALL = 0.8
FROM_PX = 32
EACH = 8  # persons for every water and height
EMPTY = "empty-"
_DAY_S = 86_400.0

Scores = Mapping[str, EventScore]


def event_scores(footage: Sequence[Recording]) -> dict[str, EventScore]:
    """By recording and rule."""
    return {
        f"{recording.name}, {rule}": score for recording in footage for rule, score in scored(ROOT, recording).items()
    }


def total(scores: Scores) -> EventScore:
    return sum(scores.values(), EventScore())


def event_page(scores: Scores) -> str:
    lines = [
        "| recording, rule | right | false | missed | precision | recall | error of the length, median / largest |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in [*scores.items(), ("**all**", total(scores))]:
        error = one.dwell_error_s
        lines.append(
            f"| {name} | {one.right} | {one.false} | {one.missed} | {_share(one.precision)} | {_share(one.recall)} "
            f"| {'' if error is None else f'{error[0]:.1f} / {error[1]:.1f} s'} |"
        )
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


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
    """Everything; `own` is the footage of `--data`."""

    events: Scores
    own: Scores
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
            own=event_scores(own),
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
        events, own, kinds = total(self.events), total(self.own), self.bad["kinds"].values()
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
            "own": None if not self.own else [own.precision, own.recall, own.false_per_hour],
            "misses": self.misses(),
        }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.accuracy_report", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of videos with truth files")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each footage in which nothing happens")
    parser.add_argument("--part", help="measure this part only, and keep it")
    parser.add_argument("--kept", action="store_true", help="take parts that were measured within a day")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/ACCURACY.md")
    options = parser.parse_args(arguments)
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
        print(f"{options.data}\n\n{event_page(measured.own)}\n")
    print(json.dumps(measured.summary()))
    return int(bool(measured.misses()))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
