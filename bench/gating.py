"""`python -m bench.gating`: does a resting camera find what a fully decoded one finds?

Every film of `bench.gating_films`, by day and night, in constant and variable bit rate, with a key frame every 25 and
50 pictures, with and without a substream, against the full run of the same recording. Verdicts are kept, so that an
interrupted run goes on and `--variant` does one part after the other; the table is of all that is known of the present
code. Key frames every 250 pictures must be refused. Ends with one line of JSON; `--write` puts the table into
docs/GATING.md.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from alerts.dwell import Recipe as Dwell
from alerts.intrusion import Recipe as Intrusion
from bench.gating_films import FILMS, RATE, Film, Small, Variant, recorded
from bench.gating_run import RaisedAlert, RememberingModel, Replay, Run
from data.config.settings import SiteSettings
from data.model.geo import Location
from data.model.place import InferenceSettings
from data.ports.recipe import Context, Resources
from detectors.yolo import Recipe as Yolo
from tests.conftest import ROOT, shared_folder

START_OFF_S = 0.5
LATE_S = 1.5  # beyond the key frame interval
SOURCES = (
    "bench/gating_*.py",
    "engine/camera/gate.py",
    "engine/camera/movement.py",
    "engine/camera/watch.py",
    "monitors/video/_packets.py",
    "monitors/video/_packet_ring.py",
    "monitors/video/_decoder.py",
    "detectors/yolo.py",
    "detectors/_*.py",
    "alerts/*.py",
)
_SAME_S = 4.0  # an alert that begins further away is another one
VARIANTS = tuple(
    Variant(night, constant, gop) for night, constant, gop in itertools.product((False, True), (False, True), (25, 50))
)


@dataclass(frozen=True)
class Verdict:
    """One recording, gated against in full."""

    film: str
    variant: str
    substream: bool
    events: int
    found: int
    start_off_s: float
    late_s: float
    wakes: int
    false_wakes: int
    quiet_s: float
    length_s: float
    looks: int
    full_looks: int
    decoded_share: float
    failures: tuple[str, ...]


class Gating:
    """Runs and remembers. `cache`: where films and detections are kept."""

    def __init__(self, shared: Path, cache: Path, say: Callable[[str], None]) -> None:
        self._shared, self._cache, self._say = shared, cache, say
        self._inference = InferenceSettings(cache_dir=cache)
        self._resources = Resources()
        kept = cache / "gating" / "detections.sqlite"
        self._kept_file = cache / "gating" / f"verdicts-{way()}.jsonl"
        self._kept = {(v.film, v.variant, v.substream): v for v in _read(self._kept_file)}
        self._resources.share("yolo", lambda: RememberingModel(self._inference, ROOT, kept))

    def judge(self, film: Film, variant: Variant, substreams: Sequence[bool] = (False, True)) -> list[Verdict]:
        """The film in this variant, resting on key frames and on the substream."""
        kept = [self._kept[key] for s in substreams if (key := (film.name, variant.name, s)) in self._kept]
        if len(kept) == len(substreams):
            return kept
        main = recorded(film, variant, self._shared, self._cache)
        full = self._replay(film, main, None, full=True)
        found = []
        for substream in substreams:
            small = recorded(film, variant, self._shared, self._cache, small=True) if substream else None
            verdict = _verdict(film, variant, full, self._replay(film, main, small, full=False), substream=substream)
            found.append(verdict)
            with self._kept_file.open("a", encoding="utf-8") as kept_file:
                kept_file.write(json.dumps(asdict(verdict)) + "\n")
            self._say(as_text(verdict))
        return found

    def kept(self) -> list[Verdict]:
        """All that are known of the present code, in the order of variants and films."""
        names, films = [variant.name for variant in VARIANTS], list(FILMS)
        known = [v for v in _read(self._kept_file) if v.variant in names and v.film in films]
        once = {(v.film, v.variant, v.substream): v for v in known}
        return sorted(once.values(), key=lambda v: (names.index(v.variant), films.index(v.film), v.substream))

    def refuses(self, film: Film, variant: Variant) -> bool:
        """Is this camera decoded in full although nothing moves?"""
        main = recorded(film, variant, self._shared, self._cache)
        run = self._replay(film, main, None, full=False)
        return run.refused and run.decoded >= run.length_s * RATE

    def in_full(self, film: Film, variant: Variant, small: Small | None = None) -> Run:
        """Of a camera that never rests, looked at by its own stream or by this substream."""
        return self._replay(
            film, recorded(film, variant, self._shared, self._cache, small=small or False), None, full=True
        )

    def _replay(self, film: Film, main: Path, small: Path | None, *, full: bool) -> Run:
        rules = (
            Intrusion(id="there", labels=film.labels, pictures=3, of=5, keep_firing_for=timedelta(seconds=3)),
            Dwell(
                id="stays",
                labels=film.labels,
                at_least=timedelta(seconds=film.stays_s),
                motion="stationary" if film.standing else "any",
            ),
        )
        site = SiteSettings(
            id="gating", location=Location(lon=106.5, lat=29.5), detectors=(Yolo(labels=film.labels),), rules=rules
        )
        context = Context(site.place, self._inference, base_dir=ROOT, resources=self._resources)
        return Replay(site, context, main, small, full=full).play()


def way() -> str:
    """Changes with the code on which a verdict depends."""
    digest = hashlib.sha256()
    for name in SOURCES:
        for path in sorted(ROOT.glob(name)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def _read(path: Path) -> list[Verdict]:
    if not path.is_file():
        return []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Verdict(**line | {"failures": tuple(line["failures"])}) for line in lines]


def matched(full: Sequence[RaisedAlert], gated: Sequence[RaisedAlert]) -> list[tuple[RaisedAlert, RaisedAlert | None]]:
    """Each event of the full run with the gated one of the same rule that began next to it."""
    left = list(gated)
    pairs: list[tuple[RaisedAlert, RaisedAlert | None]] = []
    for event in full:
        near = [one for one in left if one.rule == event.rule and abs(one.started_s - event.started_s) <= _SAME_S]
        best = min(near, key=lambda one: abs(one.started_s - event.started_s), default=None)
        if best is not None:
            left.remove(best)
        pairs.append((event, best))
    return pairs


def _verdict(film: Film, variant: Variant, full: Run, gated: Run, *, substream: bool) -> Verdict:
    interval_s = variant.gop / RATE
    lasting = [event for event in full.alerts if (event.ended_s or full.length_s) - event.started_s >= interval_s]
    pairs = matched(lasting, gated.alerts)
    hits = [(event, other) for event, other in pairs if other is not None]
    failures = [f"{event.rule} at {event.started_s:.1f} s missed" for event, other in pairs if other is None]
    for event, other in hits:
        if abs(other.started_s - event.started_s) > START_OFF_S:
            failures.append(f"{event.rule} at {event.started_s:.1f} s recorded as {other.started_s:.1f} s")
        if other.told_s - event.told_s > interval_s + LATE_S:
            failures.append(f"{event.rule} at {event.started_s:.1f} s told {other.told_s - event.told_s:.1f} s later")
    busy = [(event.started_s - 1.0, (event.ended_s or full.length_s) + 1.0) for event in full.alerts]
    awake_in_vain = [at_s for at_s in gated.wakes_s if not any(start <= at_s <= end for start, end in busy)]
    quiet = sum(not any(start <= second <= end for start, end in busy) for second in range(int(full.length_s)))
    return Verdict(
        film=film.name,
        variant=variant.name,
        substream=substream,
        events=len(lasting),
        found=len(hits),
        start_off_s=max((abs(other.started_s - event.started_s) for event, other in hits), default=0.0),
        late_s=max((other.told_s - event.told_s for event, other in hits), default=0.0),
        wakes=len(gated.wakes_s),
        false_wakes=len(awake_in_vain),
        quiet_s=float(quiet),
        length_s=full.length_s,
        looks=gated.looks + gated.glances,
        full_looks=full.looks,
        decoded_share=gated.decoded / max(1, full.decoded),
        failures=tuple(failures),
    )


def as_text(verdict: Verdict) -> str:
    where = f"{verdict.film} {verdict.variant} {'substream' if verdict.substream else 'key frames'}"
    return (
        f"{where}: {verdict.found}/{verdict.events} events, start off ≤ {verdict.start_off_s:.2f} s, "
        f"told ≤ {verdict.late_s:.1f} s later, {verdict.wakes} wakes ({verdict.false_wakes} false), "
        f"{verdict.decoded_share:.0%} decoded, {verdict.looks}/{verdict.full_looks} inferences"
        + "".join(f"\n  FAILED {failure}" for failure in verdict.failures)
    )


def summary(verdicts: Sequence[Verdict], *, refused: bool) -> dict[str, float | int | bool]:
    quiet_h = sum(verdict.quiet_s for verdict in verdicts) / 3600
    return {
        "recordings": len(verdicts),
        "events": sum(verdict.events for verdict in verdicts),
        "found": sum(verdict.found for verdict in verdicts),
        "start_off_s_max": round(max(verdict.start_off_s for verdict in verdicts), 2),
        "late_s_max": round(max(verdict.late_s for verdict in verdicts), 2),
        "false_wakes_per_hour": round(sum(v.false_wakes for v in verdicts) / quiet_h, 1) if quiet_h else 0.0,
        "decoded_share": round(
            sum(v.decoded_share * v.length_s for v in verdicts) / sum(v.length_s for v in verdicts), 3
        ),
        "inference_share": round(sum(v.looks for v in verdicts) / sum(v.full_looks for v in verdicts), 3),
        "failures": sum(len(verdict.failures) for verdict in verdicts),
        "gop250_refused": refused,
    }


def as_far(verdicts: Sequence[Verdict]) -> str:
    """Which variants these are, and how much of each is there."""
    whole = 2 * len(FILMS)
    counts = ((variant.name, sum(v.variant == variant.name for v in verdicts)) for variant in VARIANTS)
    return "Variants: " + ", ".join(f"{name} {n} of {whole}" if n < whole else name for name, n in counts if n) + "."


def table(verdicts: Sequence[Verdict]) -> Iterable[str]:
    """One row for each film and way of resting, over all its variants."""
    titles = ("film", "rests on", "events found", "start off, at most", "told later, at most")
    yield f"| {' | '.join((*titles, 'false wakes an hour', 'decoded', 'inferred'))} |"
    yield "|---|---|---|---|---|---|---|---|"
    for film in FILMS.values():
        for substream in (False, True):
            rows = [v for v in verdicts if v.film == film.name and v.substream is substream]
            if not rows:
                continue
            quiet_h = sum(v.quiet_s for v in rows) / 3600
            false_wakes = f"{sum(v.false_wakes for v in rows) / quiet_h:.0f}" if quiet_h > 0 else "–"
            yield (
                f"| {film.name} | {'substream' if substream else 'key frames'} "
                f"| {sum(v.found for v in rows)} of {sum(v.events for v in rows)} "
                f"| {max(v.start_off_s for v in rows):.2f} s | {max(v.late_s for v in rows):.1f} s | {false_wakes} "
                f"| {sum(v.decoded_share for v in rows) / len(rows):.0%} "
                f"| {sum(v.looks for v in rows) / sum(v.full_looks for v in rows):.0%} |"
            )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.gating", description=__doc__)
    parser.add_argument("--film", choices=sorted(FILMS), action="append", help="only these (repeatable)")
    parser.add_argument(
        "--variant", choices=[v.name for v in VARIANTS], action="append", help="only these (repeatable)"
    )
    parser.add_argument("--kept", action="store_true", help="run nothing: the table of what is known by now")
    parser.add_argument("--write", action="store_true", help="put the table into docs/GATING.md")
    options = parser.parse_args()
    shared = shared_folder()
    if shared is None:
        print("no reference material: set YIPING_SHARED to its folder", file=sys.stderr)
        return 2
    began_s = time.process_time()
    gating = Gating(shared, ROOT / ".cache", lambda text: print(text, flush=True))
    for variant in VARIANTS:
        if not options.kept and (options.variant is None or variant.name in options.variant):
            for film in FILMS.values():
                if options.film is None or film.name in options.film:
                    gating.judge(film, variant)
    verdicts = gating.kept()
    if not verdicts:
        print("nothing is known of the present code yet", file=sys.stderr)
        return 1
    print(as_far(verdicts))
    refused = gating.refuses(FILMS["slow-walker"], Variant(night=False, constant=False, gop=250))
    found = summary(verdicts, refused=refused)
    print(f"{time.process_time() - began_s:.0f} s of processor time, {os.cpu_count()} processors")
    lines = [as_far(verdicts), "", *table(verdicts)]
    print("\n".join(lines))
    if options.write:
        _write(lines, found, [failure for v in verdicts for failure in v.failures and [as_text(v)]])
    print(json.dumps(found))
    return 0 if found["failures"] == 0 and refused else 1


def _write(lines: Sequence[str], found: dict[str, float | int | bool], failed: Sequence[str]) -> None:
    path = ROOT / "docs" / "GATING.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else "# Idle gating\n\n<!-- table -->\n"
    before = text.split("<!-- table -->")[0]
    parts = [before.rstrip(), "", "<!-- table -->", "", *lines, "", f"All together: `{json.dumps(found)}`", ""]
    if failed:
        parts += ["What fails:", "", "```", *failed, "```", ""]
    path.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
