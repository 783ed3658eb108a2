"""Merging of the inspections of config.yaml and of the packs; each problem has its file and line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data.config.applications import Pack
from data.config.catalogue import did_you_mean
from data.config.inspections import InspectedPlace, InspectionBook, InspectionType
from data.config.located import PathKeys, Problem, dotted, line_of
from data.config.settings import Settings
from data.errors import InputRejected
from data.model.category import Category

MOST_PLACES = 50_000
_COLUMNS = ("id", "name", "type", "lon", "lat")


@dataclass(frozen=True)
class _Source:
    """Where inspections are written. `folder`: where its files of places lie."""

    name: str
    tree: Any
    content: InspectionBook
    folder: Path
    pack: Pack | None = None
    categories: tuple[Category, ...] = ()

    def problem(self, keys: PathKeys, message: str) -> Problem:
        where: PathKeys = ("inspections", *keys)
        name, tree = (self.name, self.tree) if self.pack is None else self.pack.place(where)
        return Problem(name, dotted(where), line_of(tree, where), message)


@dataclass(frozen=True)
class _Row:
    """A place with where it is written: a place in the YAML, or a line of a CSV file."""

    place: InspectedPlace
    source: _Source
    keys: PathKeys
    written: str = ""


def with_inspections(
    settings: Settings, config: Path, tree: Any, packs: Sequence[Pack] = (), *, whole: bool = True
) -> tuple[Settings, list[Problem]]:
    """The settings with the types and places of every file and pack, and all that is wrong with them.

    A type of config.yaml counts more than a pack's of the same name. `packs`: of `settings.applications`, in order.
    `whole`: no pack was left out, so that a type which is not there is a mistake.
    """
    own = _Source(config.name, tree, settings.inspections, config.resolve().parent)
    sources = [
        _Source(pack.name, None, content.inspections, pack.folder.resolve(), pack, content.categories)
        for pack, content in zip(packs, settings.applications, strict=True)
    ]
    problems = list(_types_once(sources))
    sources.append(own)
    types = {name: kind for source in sources for name, kind in source.content.types.items()}
    rows: list[_Row] = []
    for source in sources:
        rows += [_Row(place, source, ("places", n)) for n, place in enumerate(source.content.places)]
        for number, file in enumerate(source.content.files):
            try:
                if source.pack is not None and not (source.folder / file).resolve().is_relative_to(source.folder):
                    raise InputRejected(f"{file} lies outside of the pack's folder")
                rows += [
                    _Row(place, source, ("files", number), f"{file}, line {line}: ")
                    for line, place in _read(source.folder / file)
                ]
            except InputRejected as error:
                problems.append(source.problem(("files", number), f"{file}: {error}"))
    problems += _wrong(rows, list(types) if whole else None)
    places = tuple(row.place for row in rows)
    merged = settings.inspections.model_copy(update={"types": types, "places": places})
    return settings.model_copy(update={"inspections": merged}), problems


def _types_once(sources: Sequence[_Source]) -> Iterator[Problem]:
    """A pack's types are its own, and the kinds of its hazards are among its categories."""
    seen: dict[str, str] = {}
    for source in sources:
        for name, kind in source.content.types.items():
            yield from _kinds_known(source, name, kind)
            if seen.setdefault(name, source.name) != source.name:
                yield source.problem(("types", name), f"a type {name!r} is in the pack {seen[name]} already")


def _kinds_known(source: _Source, name: str, kind: InspectionType) -> Iterator[Problem]:
    """A kind of event with a slip in it would be filed without its limit and lead."""
    known = [category.kind for category in source.categories]
    for number, item in enumerate(kind.checklist):
        if item.hazard is not None and item.hazard.kind not in known:
            hint = did_you_mean(item.hazard.kind, known) or "; the pack has no categories"
            where = ("types", name, "checklist", number, "hazard", "kind")
            yield source.problem(where, f"no category {item.hazard.kind!r} in the pack{hint}")


def _wrong(rows: Sequence[_Row], types: list[str] | None) -> Iterator[Problem]:
    """Types that are not there, each once for a file, and ids that are taken."""
    seen: set[str] = set()
    told: set[tuple[PathKeys, str]] = set()
    for row in rows:
        place = row.place
        if types is not None and place.type not in types and (row.keys, place.type) not in told:
            told.add((row.keys, place.type))
            hint = did_you_mean(place.type, types) or "; there are no types"
            yield row.source.problem(_at(row, "type"), f"{row.written}no type {place.type!r}{hint}")
        if place.id in seen:
            yield row.source.problem(_at(row, "id"), f"{row.written}id {place.id!r} is taken")
        seen.add(place.id)


def _at(row: _Row, key: str) -> PathKeys:
    return row.keys if row.written else (*row.keys, key)


def _read(file: Path) -> list[tuple[int, InspectedPlace]]:
    """Line and place of each row. Raises InputRejected, naming the line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRejected(f"cannot be read: {getattr(error, 'strerror', '') or error}") from error
    try:
        rows = csv.DictReader(io.StringIO(text))
        missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise InputRejected(f"has no column {missing[0]} in its first line")
        found = [(rows.line_num, _place(row, rows.line_num)) for row in rows]
    except csv.Error as error:
        raise InputRejected(f"is no CSV: {error}") from None
    if len(found) > MOST_PLACES:
        raise InputRejected(f"has more than {MOST_PLACES} places")
    return found


def _place(row: dict[str, str | None], line: int) -> InspectedPlace:
    values: dict[str, Any] = {name: (row.get(name) or "").strip() for name in ("id", "name", "type", "grid", "note")}
    values["location"] = {name: (row.get(name) or "").strip() for name in ("lon", "lat")}
    try:
        return InspectedPlace.model_validate(values)
    except ValidationError as error:
        why = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in why["loc"])
        raise InputRejected(f"line {line}: {where}: {why['msg'].removeprefix('Value error, ')}") from None
