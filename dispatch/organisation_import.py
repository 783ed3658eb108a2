"""Import of the organisation and the category table from files: YAML, CSV and GeoJSON.

Problems are named with their row or entry; a file is imported as a whole or not at all (InputRejected).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from data.config.located import ConfigError, parse_text, plain
from data.errors import InputRejected
from data.model.calendar import EARLIEST, LATEST
from data.model.category import Category
from data.model.geo import Location
from data.model.organisation import Shift, Unit, UnitKind
from data.model.people import Actor
from data.model.record import AuditEntry, Change
from data.ports.store import Writer
from dispatch.grids import bounded_outline

LARGEST_CHARACTERS = 20_000_000
MOST_POSTS = 100_000
MOST_UNITS = 10_000
MOST_DAYS = 31  # ahead for which a daily shift is entered
_LISTS = ("people", "powers", "vehicles")
_FIELDS = frozenset(field.name for field in fields(Unit)) - {"version"}
_TRUE = frozenset({"1", "true", "yes", "是"})


@dataclass(frozen=True, slots=True)
class DailyShift:
    """The same shift every day from the day of the import on, on the city's clock; until the next day if `ends` is
    not after `begins`."""

    unit: str
    person: str
    begins: time
    ends: time
    days: int
    duty: str = ""

    def shifts(self, now: datetime, zone: tzinfo) -> list[Shift]:
        """Those of the next `days` days, with the one of yesterday if it still lasts; none that has ended."""
        today = now.astimezone(zone).date()
        found = [self._on(today + timedelta(days=n), zone) for n in range(-1, self.days)]
        return [shift for shift in found if shift.ends > now]

    def _on(self, day: date, zone: tzinfo) -> Shift:
        last = day if self.ends > self.begins else day + timedelta(days=1)
        begins, ends = datetime.combine(day, self.begins, zone), datetime.combine(last, self.ends, zone)
        return Shift(self.unit, self.person, begins.astimezone(UTC), ends.astimezone(UTC), self.duty)


@dataclass(frozen=True, slots=True)
class Organisation:
    """The content of a file."""

    units: tuple[Unit, ...] = ()
    shifts: tuple[Shift, ...] = ()
    daily: tuple[DailyShift, ...] = ()

    def shifts_from(self, now: datetime, timezone: str) -> tuple[Shift, ...]:
        """The shifts with their dates, and the daily ones of the days from `now` on in this time zone."""
        zone = ZoneInfo(timezone)
        return (*self.shifts, *(shift for one in self.daily for shift in one.shifts(now, zone)))


def read_file(path: Path) -> Organisation:
    """Read a file by its suffix: .yaml, .yml, .csv, .geojson or .json. Raises InputRejected."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRejected(f"{path.name}: cannot be read: {error}") from error
    return read_text(text, path.suffix.lower().lstrip("."), path.name)


def read_text(text: str, form: str, name: str = "the file") -> Organisation:
    """`form`: yaml, csv or geojson. Raises InputRejected."""
    if len(text) > LARGEST_CHARACTERS:
        raise InputRejected(f"{name} is larger than {LARGEST_CHARACTERS // 1_000_000} million characters")
    try:
        return _read(text, form, name)
    except RecursionError as error:
        raise InputRejected(f"{name} is nested too deeply") from error


def _read(text: str, form: str, name: str) -> Organisation:
    if form in ("yaml", "yml"):
        whole = _yaml(text, name)
        entries = _entries(whole.get("units", []), name)
        listed = whole.get("shifts", [])
        if not isinstance(listed, list):
            raise InputRejected(f"{name}: `shifts` is a list of mappings")
        planned = [_shift(entry, f"{name}, shift {n}") for n, entry in enumerate(listed, 1)]
    elif form == "csv":
        entries, planned = _rows(text, name), []
    elif form in ("geojson", "json"):
        entries, planned = _features(text, name), []
    else:
        raise InputRejected(f"{name}: {form!r} is not yaml, csv or geojson")
    if len(entries) > MOST_UNITS:
        raise InputRejected(f"{name} holds {len(entries)} units, {MOST_UNITS} are taken at most")
    units = tuple(_unit(entry, where) for entry, where in entries)
    _check_once(units, name)
    shifts = tuple(one for one in planned if isinstance(one, Shift))
    return Organisation(units, shifts, tuple(one for one in planned if isinstance(one, DailyShift)))


def _rows(text: str, name: str) -> list[tuple[Mapping[str, Any], str]]:
    try:
        return [(row, f"{name}, line {n}") for n, row in enumerate(csv.DictReader(io.StringIO(text)), 2)]
    except csv.Error as error:
        raise InputRejected(f"{name} is no CSV: {error}") from error


def read_categories(text: str, name: str = "the table") -> tuple[Category, ...]:
    """The `categories: [...]` of a YAML file. Raises InputRejected."""
    entries = _yaml(text, name).get("categories", [])
    found = []
    for n, entry in enumerate(entries, 1):
        try:
            found.append(Category.model_validate(entry))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            raise InputRejected(f"{name}, category {n}, {place}: {first['msg']}") from error
    return tuple(found)


def bring_in_units(
    writer: Writer, units: Iterable[Unit], shifts: Iterable[Shift], actor: Actor, now: datetime, *, only_new: bool
) -> dict[str, int]:
    """Store units and shifts; with `only_new`, known units stay as an administrator has left them.

    The result is checked as a whole: each parent and section must exist.
    """
    known = {unit.id: unit for unit in writer.units()}
    added = changed = 0
    for unit in units:
        before = known.get(unit.id)
        if before is not None and only_new:
            continue
        stored = replace(unit, version=0 if before is None else before.version)
        if before is not None and stored == before:
            continue
        known[unit.id] = writer.put_unit(stored)
        added, changed = added + (before is None), changed + (before is not None)
    for unit in known.values():
        for wanted in (unit.parent, unit.section):
            if wanted and wanted not in known:
                raise InputRejected(f"unit {unit.id}: there is no unit {wanted!r}")
    planned = {(one.unit, one.person, one.begins) for one in writer.shifts()}
    new = [shift for shift in shifts if (shift.unit, shift.person, shift.begins) not in planned]
    for shift in new:
        writer.add_shift(shift)
    counts = {"added": added, "changed": changed, "shifts": len(new)}
    if any(counts.values()):
        role = "" if actor.role is None else actor.role.value
        writer.record(AuditEntry(now, actor.name, role, "import", "organisation", counts))
        writer.publish(Change("organisation", "organisation", now, counts))
    return counts


def bring_in_categories(writer: Writer, table: Sequence[Category], actor: Actor, now: datetime) -> int:
    """Store the kinds that are not known yet; returns how many."""
    known = {one.category.kind for one in writer.categories()}
    new = [category for category in table if category.kind not in known]
    for category in new:
        writer.put_category(category)
    if new:
        role = "" if actor.role is None else actor.role.value
        detail = {"kinds": [category.kind for category in new]}
        writer.record(AuditEntry(now, actor.name, role, "import", "categories", detail))
    return len(new)


def _yaml(text: str, name: str) -> Mapping[str, Any]:
    try:
        whole = plain(parse_text(text, name))
    except ConfigError as error:
        raise InputRejected(str(error)) from error
    if not isinstance(whole, Mapping):
        raise InputRejected(f"{name}: a mapping with `units:` or `categories:` is expected")
    return whole


def _entries(found: Any, name: str) -> list[tuple[Mapping[str, Any], str]]:
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise InputRejected(f"{name}: `units` is a list of mappings")
    return [(entry, f"{name}, unit {n}") for n, entry in enumerate(found, 1)]


def _features(text: str, name: str) -> list[tuple[Mapping[str, Any], str]]:
    try:
        whole = json.loads(text)
        features = whole["features"]
        return [
            (dict(feature["properties"]) | {"geometry": feature["geometry"]}, f"{name}, feature {n}")
            for n, feature in enumerate(features, 1)
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputRejected(f"{name} is no GeoJSON FeatureCollection with properties: {error}") from error


def _unit(entry: Mapping[str, Any], where: str) -> Unit:
    values = {key: value for key, value in entry.items() if key is not None and value not in (None, "")}
    geometry = values.pop("geometry", None)
    unknown = sorted(set(values) - _FIELDS - {"lon", "lat"})
    if unknown:
        raise InputRejected(f"{where}: unknown {', '.join(unknown)}")
    try:
        for name in _LISTS:
            values[name] = _list(values.get(name, ()))
        lon, lat = values.pop("lon", None), values.pop("lat", None)
        if isinstance(values.get("location"), Mapping):
            values["location"] = Location(**values["location"])
        elif lon is not None and lat is not None:
            values["location"] = Location(lon=float(lon), lat=float(lat))
        values["posts"] = int(values.get("posts", 0))
        if not 0 <= values["posts"] <= MOST_POSTS:
            raise InputRejected(f"posts: 0 to {MOST_POSTS}")
        values["platform"] = str(values.get("platform", "")).strip().lower() in _TRUE
        values["kind"] = UnitKind(values.get("kind", ""))
        contact = values.get("contact", {})
        values["contact"] = dict(contact) if isinstance(contact, Mapping) else {"phone": str(contact)}
        for name in ("id", "name", "parent", "code", "section", "leader"):
            values[name] = str(values.get(name, "")).strip()
        unit = _with_geometry(Unit(**values), geometry)
    except (InputRejected, ValidationError, ValueError, TypeError, OverflowError) as error:
        raise InputRejected(f"{where}: {str(error).splitlines()[0]}") from error
    return bounded_outline(unit)


def _with_geometry(unit: Unit, geometry: Any) -> Unit:
    if geometry is None:
        return unit
    if not isinstance(geometry, Mapping):
        raise InputRejected("geometry: a GeoJSON geometry is expected")
    if geometry.get("type") == "Point":
        lon, lat = _point(geometry)
        return replace(unit, location=Location(lon=lon, lat=lat))
    return replace(unit, outline=geometry)


def _point(geometry: Mapping[str, Any]) -> Sequence[Any]:
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list) or len(coordinates) < 2:
        raise InputRejected("geometry: a point has the coordinates [lon, lat]")
    return coordinates[:2]


def _list(value: Any) -> tuple[str, ...]:
    """A list, or text with `;` between its parts (CSV)."""
    parts = value.split(";") if isinstance(value, str) else value
    return tuple(str(part).strip() for part in parts if str(part).strip())


def _shift(entry: Any, where: str) -> Shift | DailyShift:
    """`begins` and `ends` are moments; or, with `days`, times of the day: so many days from the import on."""
    try:
        if "days" in entry:
            return _daily(entry)
        begins, ends = (datetime.fromisoformat(str(entry[name])) for name in ("begins", "ends"))
        if begins.tzinfo is None or ends.tzinfo is None:
            raise InputRejected("a shift's times need their offset: 2026-07-12T08:00+08:00")
        if not all(EARLIEST <= at.astimezone(UTC) <= LATEST for at in (begins, ends)):
            raise InputRejected(f"a shift lies between {EARLIEST.year} and {LATEST.year}")
        return Shift(str(entry["unit"]), str(entry["person"]), begins, ends, str(entry.get("duty", "")))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, InputRejected) as error:
        raise InputRejected(f"{where}: {error}") from error


def _daily(entry: Mapping[str, Any]) -> DailyShift:
    days = entry["days"]
    if not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise InputRejected(f"`days` is a whole number from 1 to {MOST_DAYS}")
    begins, ends = (time.fromisoformat(str(entry[name])) for name in ("begins", "ends"))
    if begins.tzinfo is not None or ends.tzinfo is not None:
        raise InputRejected("the times of a daily shift are the city's, without an offset: 08:00")
    return DailyShift(str(entry["unit"]), str(entry["person"]), begins, ends, days, str(entry.get("duty", "")))


def _check_once(units: Sequence[Unit], name: str) -> None:
    seen: set[str] = set()
    for unit in units:
        if unit.id in seen:
            raise InputRejected(f"{name}: unit {unit.id} stands there twice")
        seen.add(unit.id)
    codes = [unit.code for unit in units if unit.kind is UnitKind.GRID]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise InputRejected(f"{name}: grid code {twice[0]} stands there twice")


def sync_cases(  # noqa: PLR0917 - what is taken in, by whom, and when on which clock
    writer: Writer, files: Sequence[Path], table: Path | None, actor: Actor, now: datetime, timezone: str
) -> None:
    """Import what is not known yet of the files that config.yaml names. Idempotent. Raises InputRejected.

    `timezone`: the city's, for shifts that are the same every day.
    """
    for path in files:
        found = read_file(path)
        bring_in_units(writer, found.units, found.shifts_from(now, timezone), actor, now, only_new=True)
    if table is not None:
        try:
            text = table.read_text("utf-8")
        except OSError as error:
            raise InputRejected(f"{table.name}: cannot be read: {error.strerror}") from error
        bring_in_categories(writer, read_categories(text, table.name), actor, now)
