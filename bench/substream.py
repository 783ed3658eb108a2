"""`python -m bench.substream`: are the events of the main stream found in looks at the substream?

Every film of `bench.gating_films`, by day and night, with a key frame every 25 and 50 pictures, is judged twice as by a
camera that never rests: by its main stream, and by substreams 640 pixels wide (what the model sees of a picture) of 300
and 600 kb/s. An event counts as found when the same rule has raised it within four seconds; where the object is less
than 24 pixels high in the substream, that is told apart. Verdicts are kept, so that an interrupted run
goes on. Ends with a table and one line of JSON.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import av

from bench.gating import START_OFF_S, Gating, matched, way
from bench.gating_films import FILMS, Film, Small, Variant, recorded
from bench.gating_run import RaisedAlert, Run
from tests.conftest import ROOT, shared_folder

SMALLS = (Small(640, 300_000), Small(640, 600_000))
VARIANTS = tuple(Variant(night, constant=True, gop=gop) for night, gop in itertools.product((False, True), (25, 50)))
SEEN_FROM_PX = 24  # an object's height in the substream, from which every event must be found


@dataclass(frozen=True)
class Looked:
    """One film by one substream against its main stream. `small_*`: of objects less than 24 pixels high in it.

    `more`: events that only the looks at the substream have raised.
    """

    film: str
    variant: str
    small: str
    events: int
    found: int
    small_events: int
    small_found: int
    more: int
    start_off_s: float
    late_s: float
    missed: tuple[str, ...]


def looked(film: Film, variant: Variant, main: Run, sub: Run, *, small: Small, picture_height: int) -> Looked:
    """`picture_height`: of the substream, pixels."""
    pairs = matched(main.alerts, sub.alerts)
    large = [pair for pair in pairs if _pixels(pair[0], picture_height) >= SEEN_FROM_PX]
    little = [pair for pair in pairs if pair not in large]
    hits = [(event, other) for event, other in pairs if other is not None]
    return Looked(
        film=film.name,
        variant=variant.name,
        small=small.name,
        events=len(large),
        found=sum(other is not None for _, other in large),
        small_events=len(little),
        small_found=sum(other is not None for _, other in little),
        more=len(sub.alerts) - len(hits),
        start_off_s=max((abs(other.started_s - event.started_s) for event, other in hits), default=0.0),
        late_s=max((other.told_s - event.told_s for event, other in hits), default=0.0),
        missed=tuple(
            f"{event.rule}, {event.label} at {event.started_s:.1f} s, {_pixels(event, picture_height):.0f} pixels high"
            for event, other in pairs
            if other is None
        ),
    )


def _pixels(event: RaisedAlert, picture_height: int) -> float:
    return SEEN_FROM_PX if event.height is None else event.height * picture_height


def summary(found: Sequence[Looked]) -> dict[str, float | int]:
    """`sub_events_recall`: of events whose object is at least 24 pixels high in the substream."""
    events = sum(one.events for one in found)
    return {
        "recordings": len(found),
        "sub_events": events,
        "sub_events_recall": round(sum(one.found for one in found) / events, 4) if events else 1.0,
        "sub_small_events": sum(one.small_events for one in found),
        "sub_small_found": sum(one.small_found for one in found),
        "sub_more_events": sum(one.more for one in found),
        "start_off_s_max": round(max(one.start_off_s for one in found), 2),
        "late_s_max": round(max(one.late_s for one in found), 2),
    }


def table(found: Sequence[Looked]) -> Iterable[str]:
    """One row for each film and substream, over all variants."""
    yield "| film | substream | events found | smaller ones found | others | start off, at most | told later, at most |"
    yield "|---|---|---|---|---|---|---|"
    for film, small in itertools.product(FILMS, SMALLS):
        rows = [one for one in found if one.film == film and one.small == small.name]
        if rows:
            yield (
                f"| {film} | {small.width} wide, {small.bit_rate // 1000} kb/s "
                f"| {sum(v.found for v in rows)} of {sum(v.events for v in rows)} "
                f"| {sum(v.small_found for v in rows)} of {sum(v.small_events for v in rows)} "
                f"| {sum(v.more for v in rows)} "
                f"| {max(v.start_off_s for v in rows):.2f} s | {max(v.late_s for v in rows):.1f} s |"
            )


def _kept(path: Path) -> list[Looked]:
    if not path.is_file():
        return []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Looked(**line | {"missed": tuple(line["missed"])}) for line in lines]


def _height(path: Path) -> int:
    with av.open(str(path)) as container:
        return container.streams.video[0].height


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.substream", description=__doc__)
    parser.add_argument("--film", choices=sorted(FILMS), action="append", help="only these (repeatable)")
    parser.add_argument("--variant", choices=[v.name for v in VARIANTS], action="append", help="only these")
    parser.add_argument("--kept", action="store_true", help="run nothing: the table of what is known by now")
    options = parser.parse_args()
    shared = shared_folder()
    if shared is None:
        print("no reference material: set YIPING_SHARED to its folder", file=sys.stderr)
        return 2
    cache = ROOT / ".cache"
    kept = cache / "gating" / f"substream-{way()}.jsonl"
    gating = Gating(shared, cache, print)
    known = {(one.film, one.variant, one.small) for one in _kept(kept)}
    for variant, film in () if options.kept else itertools.product(VARIANTS, FILMS.values()):
        chosen = (options.variant is None or variant.name in options.variant) and (
            options.film is None or film.name in options.film
        )
        wanted = [small for small in SMALLS if (film.name, variant.name, small.name) not in known]
        if not chosen or not wanted:
            continue
        full = gating.in_full(film, variant)
        for small in wanted:
            height = _height(recorded(film, variant, shared, cache, small=small))
            one = looked(film, variant, full, gating.in_full(film, variant, small), small=small, picture_height=height)
            with kept.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(one)) + "\n")
            print(json.dumps(asdict(one)), flush=True)
    found = _kept(kept)
    if not found:
        print("nothing is known of the present code yet", file=sys.stderr)
        return 1
    text = "\n".join(table(found))
    missed = [f"- {one.film} {one.variant} {one.small}: {what}" for one in found for what in one.missed]
    print(text, *missed, sep="\n")
    print(json.dumps(summary(found)))
    return 0 if all(one.found == one.events and one.start_off_s <= START_OFF_S for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
