"""Reads clips that were marked by hand as they come: polygons in pixels, what stands from which frame to which.

A folder holds `NAME.mp4` (or another video) and `NAME.gt.json`, see docs/accuracy-data.md. What the file says becomes
zones, rules and the events that these rules should tell; keys that say nothing about stays are named, not guessed at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputRejected
from data.model.zone import Zone

SUFFIX = ".gt.json"
STANDS_FROM_S = 5.0  # a vehicle that stands for less is no event
VEHICLES = ("car", "truck", "bus")
_VIDEOS = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".ts")
_SCALE = {"size", "fps", "frames", "tol_f"}
_ALIKE_TO_THE_END_F = 2  # a stay until one of the last frames lasts until the end
_POLYGON = "polygon"
_PERSON_KEYS = {"persons", "person_count", "person_f", "no_person_f", "person_box"}


@dataclass(frozen=True, slots=True)
class MarkedClip:
    """A clip as `bench.footage.Truth` describes it. `left_out`: keys that say nothing about stays."""

    video: Path
    zones: tuple[Zone, ...]
    rules: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    left_out: tuple[str, ...]


def is_marked(path: Path) -> bool:
    """Does the file's name say that it is one of these?"""
    return path.name.endswith(SUFFIX)


def read_marks(path: Path) -> MarkedClip:
    """Raises InputRejected, naming the file and the key, for what cannot be understood."""
    try:
        marks = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputRejected(f"{path}: {error}") from error
    if not isinstance(marks, Mapping):
        raise InputRejected(f"{path}: an object with size, fps and frames is expected")
    try:
        return _Marks(path, marks).clip()
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputRejected(f"{path}: {what}") from error


@dataclass(frozen=True, slots=True)
class _Marks:
    path: Path
    marks: Mapping[str, Any]

    def clip(self) -> MarkedClip:
        zones = tuple(self._zones())
        standing = {key: self._vehicles(value) for key, value in self.marks.items()}
        vehicle_keys = {key for key, found in standing.items() if found}
        stays = [one for key in sorted(vehicle_keys) for one in standing[key]]
        persons = self._persons()
        rules, events = list[dict[str, Any]](), list[dict[str, Any]]()
        places: tuple[Zone | None, ...] = zones or (None,)
        for place in places:
            if vehicle_keys:
                rules.append(_rule("parking", place, labels=VEHICLES, at_least=f"{STANDS_FROM_S:g}s"))
                events += [_event(rules[-1], "car", one) for one in stays if _stands_in(one, place)]
            if persons:
                rules.append(_rule("person", place, labels=("person",), kind="intrusion", pictures=2, of=3))
                events += [_event(rules[-1], "person", one) for one in persons if _stands_in(one, place)]
        if persons == []:  # then nowhere, also beside the zones
            rules.append(_rule("person", None, labels=("person",), kind="intrusion", pictures=2, of=3))
        polygons = {key for key in self.marks if key.endswith(_POLYGON) or _POLYGON in key.split("_")}
        known = {*_SCALE, *vehicle_keys, *polygons, *(_PERSON_KEYS if persons is not None else ())}
        left_out = tuple(sorted(key for key in self.marks if key not in known))
        return MarkedClip(self._video(), zones, tuple(rules), tuple(events), left_out)

    @property
    def fps(self) -> float:
        fps = float(self.marks["fps"])
        if fps <= 0:
            raise ValueError(f"fps: {fps:g} is not above 0")
        return fps

    def _video(self) -> Path:
        stem = self.path.name.removesuffix(SUFFIX)
        for suffix in _VIDEOS:
            video = self.path.with_name(stem + suffix)
            if video.is_file():
                return video
        raise ValueError(f"no video {stem} beside it ({', '.join(_VIDEOS)})")

    def _fractions(self, pixels: Iterable[float]) -> list[float]:
        width, height = (float(side) for side in self.marks["size"])
        size = (width, height) * 2
        return [min(1.0, max(0.0, float(one) / side)) for one, side in zip(pixels, size, strict=False)]

    def _zones(self) -> Iterable[Zone]:
        for key, corners in self.marks.items():
            parts = key.split("_")
            if _POLYGON in parts:
                name = "_".join(part for part in parts if part != _POLYGON) or "zone"
                points = tuple((x, y) for x, y in (self._fractions(corner) for corner in corners))
                yield Zone(id=name, polygon=points)

    def _vehicles(self, value: Any) -> list[dict[str, Any]]:
        """What stands long enough, of a list of vehicles with `stationary_f` or `stationary_s`."""
        if not isinstance(value, list) or not value or not all(isinstance(one, Mapping) for one in value):
            return []
        stays = []
        for one in value:
            if "stationary_f" in one:
                stay = self._span(one["stationary_f"])
            elif "stationary_s" in one:
                stay = self._span([float(second) * self.fps for second in one["stationary_s"]])
            else:
                continue
            if stay["to_s"] is None or stay["to_s"] - stay["from_s"] >= STANDS_FROM_S:
                stays.append({**stay, **self._boxed(one.get("box_while_stopped", one.get("box")))})
        return stays

    def _persons(self) -> list[dict[str, Any]] | None:
        """The spans in which a person is there; None where the file does not say whether there is any."""
        box = self._boxed(self.marks.get("person_box"))
        if "person_f" in self.marks:
            spans = self.marks["person_f"]
            spans = spans if not spans or isinstance(spans[0], list) else [spans]
            return [{**self._span(span), **box} for span in spans]
        count = self.marks.get("persons")
        if count == 0:
            return []
        if count == 1 and box:
            return [{"from_s": 0.0, "to_s": None, **box}]
        return None

    def _span(self, frames: Iterable[float]) -> dict[str, Any]:
        """The last frame is one in which it is still so."""
        first, last = (float(frame) for frame in frames)
        if last < first:
            raise ValueError(f"frames {first:g} to {last:g}: the end comes first")
        until_end = last >= float(self.marks["frames"]) - _ALIKE_TO_THE_END_F
        return {"from_s": first / self.fps, "to_s": None if until_end else last / self.fps}

    def _boxed(self, pixels: Iterable[float] | None) -> dict[str, Any]:
        return {} if pixels is None else {"box": tuple(self._fractions(pixels))}


def _rule(name: str, place: Zone | None, *, kind: str = "dwell", **settings: Any) -> dict[str, Any]:
    where = {} if place is None else {"zone": place.id}
    return {"kind": kind, "id": name if place is None else f"{name}-{place.id}", **where, **settings}


def _event(rule: Mapping[str, Any], label: str, stay: Mapping[str, Any]) -> dict[str, Any]:
    return {"rule": rule["id"], "label": label, **stay}


def _stands_in(stay: Mapping[str, Any], place: Zone | None) -> bool:
    """Is the foot of its box in the zone? A stay without a box is in every zone."""
    box = stay.get("box")
    if place is None or box is None:
        return True
    foot = np.array([[(box[0] + box[2]) / 2, box[3]]], np.float32)
    return bool(place.contains(foot)[0])
