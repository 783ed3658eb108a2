"""`python -m bench`: the whole table; `python -m bench --quick`: each configuration once, at the number it must reach.

Ends with one line of JSON. Rows that cannot be run are null there, with the reason printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from bench.report import complete, last_line, table
from bench.rows import QUICK, ROWS
from bench.runs import Bench, estimates, part_of
from tests.conftest import ROOT, shared_folder

SMOKE_S = 4.0
QUICK_S = 25.0
FULL_S = 45.0
NAIVE_S = 20.0
LATENCY = ("all_ticks", "active30")


def quick(bench: Bench) -> None:
    """Each configuration once at its must number, and twice that of the first."""
    bench.calibrate()
    bench.run_naive(bench.seconds / 2)
    for name in QUICK:
        bench.row_at(name, ROWS[name].must)
    bench.overload(2 * ROWS["all_ticks"].must)
    bench.run_best(bench.seconds / 2)
    bench.latency({name: ROWS[name].must for name in LATENCY})
    bench.system(bench.seconds / 2)
    bench.accuracy()


def full(bench: Bench, soak_s: float) -> None:
    """The greatest numbers; three runs of the naive loop between them."""
    start = estimates(bench.calibrate())
    bench.run_naive(NAIVE_S)
    bench.search_row("all_ticks", start["all_ticks"])
    bench.flat_cost()
    bench.overload(2 * max(1, bench.figures.get("all_ticks_cameras") or 0))
    bench.run_naive(NAIVE_S)
    bench.search_row("active30", start["active30"])
    bench.run_best(NAIVE_S)
    bench.run_naive(NAIVE_S)
    for name in ("active10", "substream30", "all_ticks_h265", "active30_h265"):
        bench.search_row(name, start[name])
    bench.sub(start["sub_all_ticks"], search=True)
    bench.sub_events()
    carried = bench.figures.get("active30_cameras") or 1
    bench.latency({name: bench.figures.get(f"{name}_cameras") or 1 for name in LATENCY})
    bench.rtsp(min(ROWS["all_ticks"].must, bench.figures.get("all_ticks_cameras") or 1))
    bench.system(bench.seconds)
    bench.accuracy()
    if soak_s > 0:
        bench.soak(part_of(carried), soak_s)


def smoke(bench: Bench) -> None:
    """Each measurement once, for seconds and with hardly any cameras: does it run to its end?"""
    bench.run_naive(bench.seconds)
    for name, row in ROWS.items():
        if row.small is None:
            bench.row_at(name, 2)
    bench.flat_cost()
    bench.overload(2)
    bench.run_best(bench.seconds)
    bench.latency(dict.fromkeys(LATENCY, 2))
    bench.rtsp(1)
    bench.sub(1, search=False)
    bench.system(bench.seconds)
    bench.soak(1, 3 * bench.seconds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each configuration once for 25 s at its must number")
    parser.add_argument("--smoke", action="store_true", help="each measurement for some seconds: do they all run?")
    parser.add_argument("--seconds", type=float, default=None, help="measured time of one trial")
    parser.add_argument("--soak", type=float, default=600.0, help="length of the long run at 80 %% load, seconds")
    parser.add_argument("--row", choices=sorted(ROWS), action="append", help="one trial of this row only (repeatable)")
    parser.add_argument("--cameras", type=int, default=None, help="with --row: how many")
    parser.add_argument("--overload", action="store_true", help="only: --cameras at five looks a second, too many")
    parser.add_argument("--naive", action="store_true", help="with --row: the baselines as well")
    args = parser.parse_args()
    shared = shared_folder()
    if shared is None:
        print("no reference material (YIPING_SHARED): nothing measured")
        return 0
    usual = SMOKE_S if args.smoke else QUICK_S if args.quick or args.row else FULL_S
    seconds = args.seconds or usual
    began_s = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began_s:6.0f} s] {text}", flush=True)

    bench = Bench(Path(shared), ROOT / ".cache", seconds, say)
    if args.overload:
        bench.calibrate()
        bench.overload(args.cameras or 2 * ROWS["all_ticks"].must)
    elif args.row:
        if args.naive:
            bench.run_naive(seconds)
            bench.run_best(seconds)
        for name in args.row:
            if ROWS[name].small is not None:
                bench.sub(args.cameras or 1, search=False)
                continue
            bench.row_at(name, args.cameras or max(1, ROWS[name].must))
    elif args.smoke:
        smoke(bench)
    elif args.quick:
        quick(bench)
    else:
        full(bench, args.soak)
    figures = complete(bench.figures)
    print(f"\n{table(figures)}\n")
    print(last_line(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
