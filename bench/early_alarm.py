"""Is somebody there in time? The early alarm against what really happened, on real gauges and generated floods.

python -m bench.early_alarm [--floods 1000] [--series FOLDER]

One line of JSON. A crossing is *told in time* when the alarm was raised at least the travel time before the level
reached the limit, and was still open then. It *can be told* when a ruler laid through the first and the last of the
four newest true levels shows it: at the last reading before it was time to leave, the line reaches the limit within
twice travel time and margin. Of what comes faster or creeps nobody knows in time. Of all crossings it is told as well.
An alarm is *false* when the level does not reach the limit before it ends, nor within an hour after. Both are judged by
the script that made the flood, without noise, or by the gauge's own series.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import exp
from pathlib import Path

from alerts.time_to_threshold import Recipe
from data.model.alert import Ended, Raised, Signal
from data.model.geo import Location
from data.model.observation import Reading, Tick
from data.model.place import Place
from data.ports.recipe import Context

BEGAN = datetime(2024, 7, 1, tzinfo=UTC)
CONTEXT = Context(site=Place(id="gauge-1", location=Location(lon=106.5, lat=29.6)))
TICK_S = 120.0
READINGS = 4  # that anybody needs to see a rise
RULER = 2.0
MARGIN_S = 300.0
MONTH_S = 30 * 86400.0
AFTER_S = 3600.0
FEET_M = 0.3048
LEAVES = 0.9  # a crossing is over when the level is below so much of the limit


@dataclass(frozen=True)
class Series:
    """What one gauge gave, and what was true: seconds since the beginning, and the level at each."""

    times_s: Sequence[float]
    measured: Sequence[float]
    truth: Sequence[float]
    limit: float
    travel_s: float
    quantity: str = "water_depth"


@dataclass
class Tally:
    """What came of one or many series."""

    series: int = 0
    crossings: int = 0
    tellable: int = 0
    told: int = 0
    told_at_all: int = 0  # of all crossings
    alarms: int = 0
    false: int = 0
    seconds: float = 0.0
    missed: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.series += other.series
        self.crossings += other.crossings
        self.tellable += other.tellable
        self.told += other.told
        self.told_at_all += other.told_at_all
        self.alarms += other.alarms
        self.false += other.false
        self.seconds += other.seconds
        self.missed += other.missed

    def report(self) -> dict[str, float | int]:
        months = self.seconds / MONTH_S
        return {
            "series": self.series,
            "gauge_months": round(months, 2),
            "crossings": self.crossings,
            "tellable": self.tellable,
            "told_in_time": round(self.told / self.tellable, 4) if self.tellable else 1.0,
            "told_in_time_of_all": round(self.told_at_all / self.crossings, 4) if self.crossings else 1.0,
            "alarms": self.alarms,
            "false": self.false,
            "false_per_month": round(self.false / months, 3) if months else 0.0,
        }


def flood(seed: int) -> Series:
    """Four days of one gauge: a storm that floods it or stops short of the limit, by its own shape, noise and pace."""
    rng = random.Random(seed)
    every_s = rng.choice((30.0, 60.0, 60.0, 120.0, 300.0))
    limit = rng.choice((15.0, 25.0, 30.0, 50.0))
    base = rng.uniform(0, 0.15) * limit
    peak = base + (limit - base) * rng.choice((rng.uniform(0.3, 0.97), rng.uniform(1.05, 2.0), rng.uniform(1.05, 2.0)))
    rise_s, fall_s = rng.uniform(15, 240) * 60, rng.uniform(60, 600) * 60
    begins_s, shape = rng.uniform(4, 72) * 3600, rng.choice(("ramp", "s", "concave", "convex", "steps"))
    noise, spikes = rng.uniform(0.02, 0.8), rng.choice((0.0, 0.0, 0.002))
    step, ripple = rng.choice((0.1, 0.5, 1.0)), rng.uniform(0, 0.03) * limit
    times_s: list[float] = []
    truth: list[float] = []
    measured: list[float] = []
    at = 0.0
    while at < 4 * 86400:
        level = (
            base
            + ripple * (0.5 + 0.5 * _wave(at))
            + (peak - base) * _risen(shape, (at - begins_s) / rise_s, fall_s / rise_s)
        )
        given = level + rng.gauss(0, noise)
        if rng.random() < spikes:
            given += rng.choice((-1, 1)) * rng.uniform(0.1, 0.6) * limit
        times_s.append(at)
        truth.append(level)
        measured.append(max(0.0, round(given / step) * step))
        at += every_s * (1 + (rng.random() < 0.01) * rng.randint(1, 5))  # now and then some are lost
    return Series(times_s, measured, truth, limit, rng.uniform(3, 20) * 60)


def _wave(at: float) -> float:
    """One a day, as of a tide or a pump's cycle."""
    share = at / 86400 % 1
    return 4 * abs(share - 0.5) - 1


def _risen(shape: str, share: float, fall: float) -> float:
    """0..1: how far the flood has risen, or is left; `share` of its rise is over."""
    if share <= 0:
        return 0.0
    if share >= 1:
        return exp(-3 * (share - 1) / fall)
    if shape == "s":
        return share * share * (3 - 2 * share)
    if shape == "concave":
        return 1 - (1 - share) ** 2
    if shape == "convex":
        return share**2
    if shape == "steps":
        return min(1.0, share / 0.45) * 0.5 if share < 0.55 else 0.5 + 0.5 * (share - 0.55) / 0.45
    return share


def crossings(series: Series) -> Iterator[tuple[float, bool]]:
    """When the true level came to the limit, and whether that could be told in time. Slow and plain.

    It comes anew when the level was below 90 % of the limit meanwhile.
    """
    beyond = series.truth[0] >= series.limit
    for i in range(1, len(series.truth)):
        level = series.truth[i]
        if beyond:
            beyond = level >= LEAVES * series.limit
        elif level >= series.limit:
            beyond = True
            yield series.times_s[i], _shown_by_a_ruler(series, series.times_s[i] - series.travel_s)


def _shown_by_a_ruler(series: Series, leave_s: float) -> bool:
    seen = [j for j in range(len(series.times_s)) if series.times_s[j] <= leave_s][-READINGS:]
    if len(seen) < READINGS:
        return False
    rise = (series.truth[seen[-1]] - series.truth[seen[0]]) / (series.times_s[seen[-1]] - series.times_s[seen[0]])
    return rise > 0 and (series.limit - series.truth[seen[-1]]) / rise <= RULER * (series.travel_s + MARGIN_S)


def judged(series: Series, recipe: Recipe | None = None) -> list[tuple[float, float]]:
    """From when to when the rule's alarm was open."""
    recipe = recipe or Recipe(
        quantity=series.quantity, above=series.limit, travel=timedelta(seconds=series.travel_s),
    )  # fmt: skip
    rule = recipe.make(CONTEXT)
    spans: list[tuple[float, float]] = []
    opened: float | None = None
    tick_s = 0.0
    for at_s, value in zip(series.times_s, series.measured, strict=True):
        signals: list[Signal] = []
        while tick_s < at_s:
            signals += rule.judge(Tick("gauge-1", BEGAN + timedelta(seconds=tick_s)))
            tick_s += TICK_S
        signals += rule.judge(Reading("gauge-1", "stage", series.quantity, value, BEGAN + timedelta(seconds=at_s)))
        for signal in signals:
            when = (signal.at - BEGAN).total_seconds()
            if isinstance(signal, Raised) and not signal.again:
                opened = when
            elif isinstance(signal, Ended) and opened is not None:
                spans.append((opened, when))
                opened = None
    return spans if opened is None else [*spans, (opened, float("inf"))]


def tally(series: Series, name: str) -> Tally:
    """The rule's alarms against what was true."""
    came, spans = list(crossings(series)), judged(series)
    result = Tally(series=1, crossings=len(came), alarms=len(spans), seconds=series.times_s[-1] - series.times_s[0])
    for at_s, tellable in came:
        in_time = any(opened <= at_s - series.travel_s and over >= at_s for opened, over in spans)
        result.tellable += tellable
        result.told += tellable and in_time
        result.told_at_all += in_time
        if tellable and not in_time:
            result.missed.append(f"{name} at {at_s:.0f} s")
    reached = [at for at, level in zip(series.times_s, series.truth, strict=True) if level >= series.limit]
    result.false = sum(not any(opened <= at <= over + AFTER_S for at in reached) for opened, over in spans)
    return result


def harvey(folder: Path) -> Iterator[tuple[str, Series]]:
    """Buffalo Bayou, August 2017 (WaterNet, MIT): each second foot from 6 to 26 is a limit, for four travel times."""
    with (folder / "harvey_buffalo_bayou_stage.csv").open(encoding="utf-8") as file:
        rows = [row for row in list(csv.reader(file))[1:] if row[0] and row[1]]
    known = {datetime.strptime(row[0], "%m/%d/%y %H:%M").replace(tzinfo=UTC): float(row[1]) * FEET_M for row in rows}
    yield from _real("harvey", known, [feet * FEET_M for feet in range(6, 27, 2)])


def usgs(folder: Path) -> Iterator[tuple[str, Series]]:
    """A year of USGS 10109000: limits from its 60 % to its 99.5 % quantile, for two travel times."""
    zone = {"MDT": timedelta(hours=6), "MST": timedelta(hours=7)}
    with (folder / "usgs_10109000_stage_15min.csv").open(encoding="utf-8") as file:
        rows = [row for row in list(csv.reader(file))[2:] if row[4]]
    known = {datetime.fromisoformat(row[2]).replace(tzinfo=UTC) + zone[row[3]]: float(row[4]) * FEET_M for row in rows}
    levels = sorted(known.values())
    shares = (0.6, 0.8, 0.95, 0.995)
    yield from _real("usgs", known, [levels[int(share * len(levels))] + 0.001 for share in shares])


def _real(name: str, known: dict[datetime, float], limits: Sequence[float]) -> Iterator[tuple[str, Series]]:
    at = sorted(known)
    times_s, levels = [(one - at[0]).total_seconds() for one in at], [known[one] for one in at]
    for limit in limits:
        for minutes in (5, 10, 20, 30) if name == "harvey" else (10, 30):
            yield (
                f"{name} {limit:.2f} m, {minutes} min",
                Series(times_s, levels, levels, limit, minutes * 60.0, "water_level"),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--floods", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first flood")
    parser.add_argument("--series", type=Path, default=Path("../shared/series"))
    parser.add_argument("--missed", action="store_true", help="tell each crossing that was not told in time")
    options = parser.parse_args()
    result: dict[str, object] = {}
    parts: dict[str, Iterator[tuple[str, Series]]] = {
        "generated": ((f"flood {seed}", flood(seed)) for seed in range(options.first, options.first + options.floods))
    }
    if options.series.is_dir():
        parts |= {"harvey": harvey(options.series), "usgs": usgs(options.series)}
    for part, many in parts.items():
        begun_s, whole = time.monotonic(), Tally()
        for name, series in many:
            whole.add(tally(series, name))
        result[part] = {**whole.report(), "seconds": round(time.monotonic() - begun_s, 1)}
        if options.missed:
            print(*whole.missed, sep="\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
