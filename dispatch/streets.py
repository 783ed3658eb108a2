"""Streets by their names: where one is, and which ones a place lies on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data.model.geo import EARTH_RADIUS_M, Location
from dispatch.geojson import RoadLine
from dispatch.plane import Plane


class Streets:
    """The named lines of a road network."""

    def __init__(self, lines: Sequence[RoadLine] = ()) -> None:
        named = [line for line in lines if line.name and len(line.points) > 1]
        self.names: tuple[str, ...] = tuple(sorted({line.name for line in named}))
        number = {name: n for n, name in enumerate(self.names)}
        ends = [np.stack([points[:-1], points[1:]], axis=1) for points in (np.array(line.points) for line in named)]
        self._ends: npt.NDArray[np.float64] = np.concatenate(ends) if ends else np.empty((0, 2, 2))
        self._of = np.repeat([number[line.name] for line in named], [len(part) for part in ends]).astype(np.intp)

    def places(self) -> list[tuple[str, Location]]:
        """Each street with the point of it that is nearest to its middle. Streets of one name count as one."""
        middles = self._ends.mean(axis=1)
        counts = np.maximum(np.bincount(self._of, minlength=len(self.names)), 1)
        sums = [np.bincount(self._of, weights=middles[:, axis], minlength=len(self.names)) for axis in (0, 1)]
        centre = np.stack(sums, axis=1) / counts[:, None]
        away = np.sum((middles - centre[self._of]) ** 2, axis=1)
        nearest = {int(street): int(piece) for piece, street in enumerate(self._of)}
        for piece in np.argsort(-away, kind="stable"):  # the last one that is put in is the nearest
            nearest[int(self._of[piece])] = int(piece)
        return [
            (name, Location(lon=float(middles[nearest[n], 0]), lat=float(middles[nearest[n], 1])))
            for n, name in enumerate(self.names)
        ]

    def near(self, place: Location, within_m: float) -> list[tuple[str, float]]:
        """The streets that come this close, each with its distance (m), the nearest first."""
        d_lat = math.degrees(within_m / EARTH_RADIUS_M)
        d_lon = d_lat / max(math.cos(math.radians(place.lat)), 0.01)
        low, high = self._ends.min(axis=1), self._ends.max(axis=1)
        inside = np.all(low <= (place.lon + d_lon, place.lat + d_lat), axis=1)
        inside &= np.all(high >= (place.lon - d_lon, place.lat - d_lat), axis=1)
        if not inside.any():
            return []
        plane = Plane(place.lon, place.lat)
        a, b = (plane.project(self._ends[inside, end]) for end in (0, 1))
        along = b - a
        length2 = np.maximum(np.sum(along * along, axis=1), 1e-9)
        foot = a + np.clip(-np.sum(a * along, axis=1) / length2, 0, 1)[:, None] * along
        found: dict[int, float] = {}
        for street, metres in zip(self._of[inside], np.hypot(*foot.T), strict=True):
            found[int(street)] = min(float(metres), found.get(int(street), math.inf))
        close = sorted((metres, self.names[street]) for street, metres in found.items() if metres <= within_m)
        return [(name, metres) for metres, name in close]
