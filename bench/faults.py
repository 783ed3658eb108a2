"""`make faults`: processes killed, calls on files that fail, flipped bits, histories, and what surrounds the system.

Ends with one line of JSON.

Exit status 1 when something acknowledged was lost, doubled or damaged unseen, or processes were back too late.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.faults_disturbances import run_disturbances
from bench.faults_flips import run_flips
from bench.faults_histories import run_histories
from bench.faults_io import run_io
from bench.faults_kills import run_kills

BACK_WITHIN_S = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--every", type=int, default=1, help="of the calls on files, each so-manieth fails")
    parser.add_argument("--flips", type=int, default=3000)
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--video-seconds", type=float, default=120.0, help="of flapping cameras; 0: none")
    parser.add_argument("--disturbed-seconds", type=float, default=30.0, help="that broker, disk and others fail")
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="yiping-faults-") as name:
        folder = Path(name)
        for part in ("histories", "kills", "flips", "disturbances"):
            (folder / part).mkdir()
        histories = run_histories(args.histories, args.seed, folder / "histories")
        _say(f"{histories.histories} histories, {histories.requests} requests, {histories.unknown} without an answer")
        flips = run_flips(args.flips, args.seed, folder / "flips")
        _say(f"{flips.bit_flips} flipped bits: {dict(flips.found)}")
        io = run_io(args.every)
        _say(f"{io.io_faults} calls failed: {io.by_mode}")
        kills = run_kills(args.kills, args.seed, folder / "kills", _say)
        _say(f"kills {dict(kills.kills)}, at {dict(kills.points)}, {kills.promised} promises")
        _say(f"back p95 by process, s: { {name: kills.back_p95(name) for name in kills.back_s} }")
        disturbed = run_disturbances(args.disturbed_seconds, folder / "disturbances", _say)
    wrong = [
        *disturbed.lost,
        *disturbed.wrong,
        *kills.lost,
        *kills.damage,
        *io.lost,
        *io.damage,
        *histories.violations,
        *flips.undetected,
    ]
    wrong += [f"{name} did not come back" for name in kills.gone] + kills.duplicates
    for line in wrong[:50]:
        _say(f"WRONG {line}")
    cameras_kept = args.video_seconds == 0 or _flap_cameras(args.video_seconds)
    answer = {
        "kills": sum(kills.kills.values()),
        "io_faults": io.io_faults,
        "bit_flips": flips.bit_flips,
        "histories": histories.histories,
        "lost": len(kills.lost) + len(kills.gone) + len(io.lost) + len(histories.violations) + len(disturbed.lost),
        "duplicates": len(kills.duplicates),
        "undetected_corruptions": len(flips.undetected) + len(io.damage) + len(kills.damage),
        "back_s_p95": kills.back_p95(),
        "disturbances": disturbed.as_json(),
    }
    print(json.dumps(answer), flush=True)
    return int(bool(wrong) or not cameras_kept or kills.back_p95() > BACK_WITHIN_S)


def _flap_cameras(seconds: float) -> bool:
    """Cameras that flap, for so long; `make faults-video` does it for half an hour. Were all promises kept?"""
    command = [sys.executable, "-m", "bench.faults_video", "--seconds", str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    _say(f"cameras: {(done.stdout.splitlines() or ['no answer'])[-1]}")
    return done.returncode == 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
