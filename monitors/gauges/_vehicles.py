"""Positions of vehicles as gateways give them in JSON (GB/T 32960, JT/T 808), read, checked and converted to WGS-84."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from data.errors import InputRejected
from data.model.durations import Duration
from data.model.geo import Location, is_null_island
from data.model.moments import EARLIEST
from data.model.observation import Position, Rejected
from data.model.vehicle import LONGEST_PLATE, plate_of
from data.ports.recipe import MonitorRecipe
from monitors.gauges._gcj02 import wgs84_of
from monitors.gauges._json_path import JsonObject, locate
from monitors.gauges._times import instant

MOST_AT_ONCE = 1000
MOST_KMH = 300.0
_LONGEST_EXCERPT = 200

_NAMES: Mapping[str, tuple[str, ...]] = {
    "vehicle": (
        "plate", "plateNo", "plate_no", "licensePlate", "vehicleNo", "车牌", "vehicle", "vehicleId", "vin", "terminal",
        "simNo",
    ),
    "longitude": ("lon", "lng", "longitude", "经度"),
    "latitude": ("lat", "latitude", "纬度"),
    "speed": ("speed", "speedKmh", "velocity", "速度"),
    "heading": ("heading", "direction", "course", "bearing", "方向"),
    "time": ("time", "gpsTime", "gps_time", "locationTime", "at", "timestamp", "时间"),
    "fix": ("fix", "located", "valid", "positioned"),
}  # fmt: skip
"""Members that are looked for where the settings name none, in this order."""

_NO_FIX = frozenset({False, "0", "false", "invalid", "A0", "V"})


@dataclass(frozen=True, slots=True)
class Taken:
    """What a message gave. `without_fix`: vehicles that did not know where they are, which is no news."""

    given: tuple[Position | Rejected, ...]
    without_fix: int = 0


class VehicleSource(MonitorRecipe):
    """Positions of vehicles. Names of members may be paths with dots, e.g. `body.location.lng`."""

    vehicle: Annotated[
        str, Field(description="Where the plate, or the terminal's id, is; plate, plateNo, vin ... when left out.")
    ] = ""
    longitude: Annotated[str, Field(description="Where the longitude is; lon, lng, longitude when left out.")] = ""
    latitude: Annotated[str, Field(description="Where the latitude is; lat, latitude when left out.")] = ""
    speed: Annotated[str, Field(description="Where the speed is, km/h; speed, velocity when left out.")] = ""
    heading: Annotated[
        str,
        Field(description="Where the direction is, degrees clockwise from north; heading, direction when left out."),
    ] = ""
    time: Annotated[
        str,
        Field(
            description="Where the time of the position is (ISO 8601, or seconds or milliseconds since 1970); time, "
            "gpsTime, timestamp when left out. A position without a time is refused."
        ),
    ] = ""
    items: Annotated[
        str, Field(description="Where the list of positions is in the message; the message itself when left out.")
    ] = ""
    coordinates: Annotated[
        Literal["wgs84", "gcj02"],
        Field(description="gcj02: the source gives the offset coordinates of Chinese maps; they are converted."),
    ] = "wgs84"
    degree_scale: Annotated[
        float, Field(gt=0, le=1, description="Factor to degrees: 0.000001 where a terminal's numbers come undecoded.")
    ] = 1.0
    speed_scale: Annotated[
        float, Field(gt=0, le=10, description="Factor to km/h: 0.1 for undecoded numbers, 3.6 for m/s.")
    ] = 1.0
    timezone: Annotated[
        str | None, Field(description="IANA time zone of times that come without offset, e.g. Asia/Shanghai.")
    ] = None
    history_after: Annotated[
        Duration,
        Field(
            gt=timedelta(0),
            description="A position older than this when it comes belongs to the track and is not judged.",
        ),
    ] = timedelta(minutes=10)
    future: Annotated[
        Duration, Field(ge=timedelta(0), description="A position further ahead of our clock than this is rejected.")
    ] = timedelta(seconds=60)
    keep_every: Annotated[
        Duration,
        Field(
            ge=timedelta(0),
            description="Of one vehicle's track no more is kept than one position in so long, and one in 10 min while "
            "it stands. All are judged.",
        ),
    ] = timedelta(seconds=10)

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        try:
            ZoneInfo(name or "UTC")
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone {name!r}; write an IANA name such as Asia/Shanghai") from None
        return name

    @property
    def history_limit(self) -> timedelta | None:
        return self.history_after

    def read(self, site: str, sent: Any, now: datetime) -> Taken:
        """The positions in a message: one object, a list, or a list under `items`, `positions` or `value`.

        What is wrong with one of several becomes a reject; the others are taken. Raises InputRejected where the
        message is no such thing, or its only position is wrong.
        """
        entries = self._entries(sent)
        given: list[Position | Rejected] = []
        without_fix = 0
        for number, entry in enumerate(entries, 1):
            try:
                position = self._position(site, entry, now)
            except InputRejected as error:
                if len(entries) == 1:
                    raise
                excerpt = json.dumps(entry, ensure_ascii=False, default=str)[:_LONGEST_EXCERPT]
                given.append(Rejected(site, self.name, now, f"position {number}: {error}", excerpt))
                continue
            if position is None:
                without_fix += 1
            else:
                given.append(position)
        return Taken(tuple(given), without_fix)

    def _entries(self, sent: Any) -> Sequence[Any]:
        found = locate(sent, self.items).value if self.items else sent
        if isinstance(found, Mapping):
            found = next((found[name] for name in ("positions", "value") if isinstance(found.get(name), list)), [found])
        if not isinstance(found, list) or not 1 <= len(found) <= MOST_AT_ONCE:
            count = f"these are {len(found)}" if isinstance(found, list) else "this is none"
            raise InputRejected(f"1 to {MOST_AT_ONCE} positions are taken at once, {count}")
        return found

    def _position(self, site: str, entry: Any, now: datetime) -> Position | None:
        """None where the vehicle has no fix."""
        if not isinstance(entry, Mapping):
            raise InputRejected("a position is a JSON object")
        if self._member(entry, "fix", "") in _NO_FIX:
            return None
        written_lon, written_lat = self._member(entry, "longitude"), self._member(entry, "latitude")
        lon, lat = _number(written_lon, "longitude"), _number(written_lat, "latitude")
        lon, lat = lon * self.degree_scale, lat * self.degree_scale
        if not (abs(lon) <= 180 and abs(lat) <= 90):
            raise InputRejected(
                f"lon {lon:.10g}, lat {lat:.10g} is no place on earth: are they swapped, or is `degree_scale` missing?"
            )
        if is_null_island(Location(lon=lon, lat=lat)):
            return None
        if self.coordinates == "gcj02":
            lon, lat = wgs84_of(lon, lat)
        speed, heading = self._member(entry, "speed", None), self._member(entry, "heading", None)
        return Position(
            site=site,
            monitor=self.name,
            vehicle=_plate(self._member(entry, "vehicle")),
            lon=lon,
            lat=lat,
            at=self._time(self._member(entry, "time"), now),
            speed_kmh=None if speed is None else _speed(_number(speed, "speed") * self.speed_scale),
            heading_deg=None if heading is None else _number(heading, "heading") % 360,
        )

    def _member(self, entry: Mapping[str, Any], what: str, *default: Any) -> Any:
        """Raises InputRejected, saying which member is missing, where there is no default."""
        path: str = getattr(self, what, "")
        twice = entry.twice if isinstance(entry, JsonObject) else frozenset[str]()
        if path and default:
            try:
                return locate(entry, path).value
            except InputRejected:
                return default[0]
        if path:
            return locate(entry, path).value
        for name in _NAMES[what]:
            if entry.get(name) is not None:
                if name in twice:
                    raise InputRejected(f"{name} stands twice in one object")
                return entry[name]
        if default:
            return default[0]
        raise InputRejected(f"no {what}: none of {', '.join(_NAMES[what][:4])} is there; name it in the settings")

    def _time(self, given: Any, now: datetime) -> datetime:
        zone: tzinfo | None = ZoneInfo(self.timezone) if self.timezone else None
        try:
            at = instant(given, zone)
        except InputRejected as error:
            raise InputRejected(f"time: {error}") from None
        if at - now > self.future:
            raise InputRejected(f"time: it is {(at - now).total_seconds():.0f} s from the future ({at.isoformat()})")
        if at < EARLIEST:
            raise InputRejected(f"time: {at.isoformat()} is one of a clock that was never set")
        return at


def _number(given: Any, what: str) -> float:
    try:
        number = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputRejected(f"{what}: {given!r:.40} is no number")
    return number


def _speed(kmh: float) -> float:
    if not 0 <= kmh <= MOST_KMH:
        raise InputRejected(f"speed: {kmh:g} km/h cannot be; is `speed_scale` right?")
    return kmh


def _plate(given: Any) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise InputRejected(f"vehicle: {given!r:.40} is no plate or number")
    plate = plate_of(str(given))
    if not 1 <= len(plate) <= LONGEST_PLATE or not plate.isprintable():
        raise InputRejected(f"vehicle: {str(given)[:40]!r} is no plate: 1 to {LONGEST_PLATE} signs that can be seen")
    return plate
