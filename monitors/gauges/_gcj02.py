"""GCJ-02, the offset coordinates that maps and many terminals in mainland China give, to WGS-84.

The offset has no published definition; this is the approximation that all open software uses (eviltransform, 2013),
within a metre or two of what map services give. Its inverse is found by iteration, to less than a centimetre.
"""

from __future__ import annotations

import math

_SEMI_MAJOR_M = 6378245.0  # Krasovsky 1940
_ECCENTRICITY_2 = 0.00669342162296594323
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271  # outside, nothing is offset
_ENOUGH_DEGREES = 1e-8
_ROUNDS = 20


def wgs84_of(lon: float, lat: float) -> tuple[float, float]:
    """Longitude and latitude in WGS-84 of a place given in GCJ-02, degrees."""
    if not (_WEST <= lon <= _EAST and _SOUTH <= lat <= _NORTH):
        return lon, lat
    guess_lon, guess_lat = lon, lat
    for _ in range(_ROUNDS):
        there_lon, there_lat = gcj02_of(guess_lon, guess_lat)
        off_lon, off_lat = lon - there_lon, lat - there_lat
        guess_lon, guess_lat = guess_lon + off_lon, guess_lat + off_lat
        if max(abs(off_lon), abs(off_lat)) < _ENOUGH_DEGREES:
            break
    return guess_lon, guess_lat


def gcj02_of(lon: float, lat: float) -> tuple[float, float]:
    """Longitude and latitude in GCJ-02 of a place given in WGS-84, degrees."""
    if not (_WEST <= lon <= _EAST and _SOUTH <= lat <= _NORTH):
        return lon, lat
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    short = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + short
    d_lat += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    d_lat += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + short
    d_lon += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    d_lon += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    sine = math.sin(math.radians(lat))
    magic = 1 - _ECCENTRICITY_2 * sine * sine
    meridian = _SEMI_MAJOR_M * (1 - _ECCENTRICITY_2) / (magic * math.sqrt(magic))
    parallel = _SEMI_MAJOR_M / math.sqrt(magic) * math.cos(math.radians(lat))
    return lon + math.degrees(d_lon / parallel), lat + math.degrees(d_lat / meridian)
