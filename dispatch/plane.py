"""A town's places as metres in a plane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.model.geo import EARTH_RADIUS_M

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plane:
    """A local plane in metres east and north of a centre; accurate enough for a city."""

    lon: float
    lat: float

    @classmethod
    def around(cls, lonlat: Floats) -> Plane:
        """The plane through the middle of the points, (n, 2) degrees."""
        west_south, east_north = lonlat.min(axis=0), lonlat.max(axis=0)
        middle = (west_south + east_north) / 2
        return cls(float(middle[0]), float(middle[1]))

    def project(self, lonlat: Floats) -> Floats:
        """(n, 2) degrees to (n, 2) metres."""
        return np.asarray(np.radians(lonlat - np.array([self.lon, self.lat])) * self._scale())

    def unproject(self, xy: Floats) -> Floats:
        """(n, 2) metres to (n, 2) degrees."""
        return np.asarray(np.degrees(xy / self._scale()) + np.array([self.lon, self.lat]))

    def _scale(self) -> Floats:
        return np.array([EARTH_RADIUS_M * math.cos(math.radians(self.lat)), EARTH_RADIUS_M])
