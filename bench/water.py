"""How well water is read off pictures: `python -m bench.water` (the section "Water" of docs/ACCURACY.md with --write).

Staff gauge: the 24 pictures of GRIME2's evening of 31 May 2012, at upright lines all over the picture; right within
4 px, wrong beyond 10 px, everything else is "cannot see". Flood index: the three street cameras. Prints the tables and
one line of JSON; exit status 1 when a figure misses what is asked of it.
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.page import write_section
from data.model.frame import Image
from detectors._waterline import Unseen
from detectors.staff_gauge import Mark, Recipe, StaffGauge
from tests.conftest import shared_folder
from tests.detectors.waterlogging import DAY, NIGHT, TUNNEL, camera, index, live, picture

BOARD = range(340, 681, 40)  # columns of the white board and its marks, in 800 px
EVERYWHERE = range(20, 800, 40)
MUST_BE_RIGHT = 22


@dataclass(frozen=True, slots=True, eq=False)
class Evening:
    """Brightness of the pictures, uint8 (600, 800), and the true rows."""

    pictures: tuple[Image, ...]
    rows: tuple[int, ...]

    @classmethod
    def read(cls, shared: Path) -> Evening:
        folder = shared / "water_level" / "grime2_2012-05"
        with (folder / "gt.csv").open(encoding="utf-8") as file:
            truth = list(csv.DictReader(file))
        pictures = [cv2.cvtColor(picture(folder / row["file"]), cv2.COLOR_BGR2GRAY) for row in truth]
        return cls(tuple(np.asarray(one, np.uint8) for one in pictures), tuple(int(r["waterline_y_px"]) for r in truth))


def row_seen(grey: Image, column: int, top: int, bottom: int) -> float | None:
    """Row of the waterline on an upright line; None for "cannot see". All in pixels."""
    height, width = grey.shape
    line = ((column / width, top / height), (column / width, bottom / height))
    marks = (Mark(row=top / height, cm=100), Mark(row=bottom / height, cm=0))
    seen = StaffGauge(Recipe(line=line, marks=marks), "river-1").look(grey)
    return None if isinstance(seen, Unseen) else seen[0] * height


def gauge_figures(evening: Evening) -> dict[str, Any]:
    """Counts over all lines and pictures."""
    errors = {
        x: [
            None if (row := row_seen(grey, x, 60, 560)) is None else row - truth
            for grey, truth in zip(evening.pictures, evening.rows, strict=True)
        ]
        for x in EVERYWHERE
    }
    right = {x: sum(e is not None and abs(e) <= 4 for e in one) for x, one in errors.items()}
    seen = [e for one in errors.values() for e in one if e is not None]
    lines = EVERYWHERE[::2]
    above = [
        row_seen(grey, x, 60, truth - by)
        for x, by, (grey, truth) in itertools.product(lines, (10, 60), zip(evening.pictures, evening.rows, strict=True))
    ]
    dark = [row_seen(grey // np.uint8(50), x, 60, 560) for x in lines for grey in evening.pictures]
    soft = [np.asarray(cv2.GaussianBlur(grey, (0, 0), 8), np.uint8) for grey in evening.pictures]
    blurred = [row_seen(grey, x, 60, 560) for x in lines for grey in soft]
    on_board = [e for x in BOARD for e in errors[x] if e is not None]
    return {
        "pictures": len(evening.rows),
        "right_on_board_least": min(right[x] for x in BOARD),
        "right_on_board_median": float(np.median([right[x] for x in BOARD])),
        "right_on_thin_staff": right[300],
        "error_px_median": float(np.median(np.abs(on_board))),
        "error_px_max": float(np.abs(on_board).max()),
        "lines": len(errors),
        "wrong_anywhere": sum(abs(e) > 10 for e in seen),
        "looks_anywhere": sum(len(one) for one in errors.values()),
        "levels_above_water": sum(row is not None for row in above),
        "looks_above_water": len(above),
        "levels_dark_or_blurred": sum(row is not None for row in (*dark, *blurred)),
        "looks_dark_or_blurred": len(dark) + len(blurred),
    }


def indices(folder: Path, name: str, dry: Sequence[str], flooded: Sequence[str]) -> dict[str, list[float | None]]:
    """With any two of three dry pictures as references: the third's index, and all of the flooded ones'."""
    found: dict[str, list[float | None]] = {"dry": [], "flooded": []}
    for third in dry:
        detector = live(camera(folder, name, [one for one in dry if one != third]))
        found["dry"].append(index(detector, picture(folder / name / f"not_flooded_{third}.jpg")))
        found["flooded"] += [index(detector, picture(folder / name / f"flooded_{one}.jpg")) for one in flooded]
    return found


def extent_figures(folder: Path) -> dict[str, Any]:
    """Indices of the street cameras. The tunnel has no dry picture: flooded ones are held against flooded ones."""
    night = indices(folder, NIGHT, ("163", "208", "220"), ("192", "202", "222", "239"))
    day = indices(folder, DAY, ("136", "140", "212"), ())
    names = ("114", "116", "139", "142")
    tunnel = []
    for one in names:
        detector = live(camera(folder, TUNNEL, [other for other in names if other != one], prefix="flooded_"))
        tunnel.append(index(detector, picture(folder / TUNNEL / f"flooded_{one}.jpg")))
    other_framing = index(live(camera(folder, DAY, ("136", "140"))), picture(folder / DAY / "not_flooded_124.jpg"))
    return {
        "night_dry": night["dry"],
        "night_flooded": night["flooded"],
        "day_dry": day["dry"],
        "day_other_framing": other_framing,
        "tunnel_among_flooded": tunnel,
    }


def span(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    refused = len(values) - len(known)
    text = f"{min(known):.2f} to {max(known):.2f}" if known else "none"
    return text + (f", {refused} refused" if refused else "")


def page(gauge: dict[str, Any], extent: dict[str, Any]) -> str:
    return f"""| staff gauge, GRIME2, {gauge["pictures"]} pictures from dusk to infrared | figure |
|---|---|
| within ± 4 px, lines on the board: least / median of {len(BOARD)} lines | {gauge["right_on_board_least"]} / \
{gauge["right_on_board_median"]:.0f} |
| within ± 4 px, line on the thin wooden staff at the board's left | {gauge["right_on_thin_staff"]} |
| error where seen, median / largest | {gauge["error_px_median"]:.0f} / {gauge["error_px_max"]:.0f} px |
| wrong by more than 10 px, {gauge["lines"]} lines all over the picture | {gauge["wrong_anywhere"]} of \
{gauge["looks_anywhere"]} looks |
| level given though the line ends 10 or 60 px above the water | {gauge["levels_above_water"]} of \
{gauge["looks_above_water"]} looks |
| level given in 50 × darker or blurred (sigma 8 px) pictures | {gauge["levels_dark_or_blurred"]} of \
{gauge["looks_dark_or_blurred"]} looks |

| flood index | wet or dry | flooded |
|---|---|---|
| night camera, any two of three wet pictures as references | {span(extent["night_dry"])} | \
{span(extent["night_flooded"])} |
| day camera with cars, any two of three as references | {span(extent["day_dry"])} | |
| day camera, another framing | {span([extent["day_other_framing"]])} | |
| tunnel, flooded pictures against each other (no dry one exists; reported only) | | \
{span(extent["tunnel_among_flooded"])} |
"""


def holds(gauge: dict[str, Any], extent: dict[str, Any]) -> bool:
    wrong = ("wrong_anywhere", "levels_above_water", "levels_dark_or_blurred")
    dry = [v for v in (*extent["night_dry"], *extent["day_dry"], extent["day_other_framing"]) if v is not None]
    return (
        gauge["right_on_board_least"] >= MUST_BE_RIGHT
        and all(gauge[name] == 0 for name in wrong)
        and max(dry) < 0.5
        and all(value is not None and value > 0.5 for value in extent["night_flooded"])
    )


def main(arguments: Sequence[str]) -> int:
    shared = shared_folder()
    if shared is None:
        print("no reference material: set YIPING_SHARED to its folder", file=sys.stderr)
        return 2
    gauge, extent = gauge_figures(Evening.read(shared)), extent_figures(shared / "waterlogging")
    text = page(gauge, extent)
    print(text)
    print(json.dumps({**gauge, **extent}))
    if "--write" in arguments:
        write_section("bench.water", text)
    return 0 if holds(gauge, extent) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
