"""Finding something in JSON by name: `timeseries.last.value` of the entry whose `name` is stage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import InputRejected

_NAMES = (
    "name", "shortname", "shortName", "longname", "longName", "label", "parameter", "variable", "quantity", "property",
    "observedProperty", "observed_property", "measurand", "sensor", "channel", "element", "名称", "参数", "要素",
)  # fmt: skip
"""Members that tell the entries of a list apart: where they do, a position means nothing for long."""


Select = Mapping[str, str | int]


class JsonObject(dict[str, Any]):
    """An object of a message. `twice`: names that stand in it more than once, so that nobody knows which one counts."""

    twice: frozenset[str] = frozenset()


def parse_json(text: str) -> Any:
    """Raises InputRejected."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise InputRejected("the message is not JSON") from None


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = JsonObject(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        made.twice = frozenset(name for name in made if names.count(name) > 1)
    return made


@dataclass(frozen=True, slots=True)
class Located:
    """What was found, under which name, and the objects around it, the nearest first."""

    value: Any
    name: str
    around: tuple[Mapping[str, Any], ...]


def locate(content: Any, path: str, select: Select | None = None, *, must_select: bool = False) -> Located:
    """What lies at `path`: names with dots between; in a list the entry that fits `select`, `last`, or a position.

    `select`: path within an entry, and the text that stands there. `must_select`: refuse where no list was met that it
    fits. Raises InputRejected, saying what there is instead.
    """
    chosen: set[str] = set()
    here, name, around = content, "", list[Mapping[str, Any]]()
    steps = path.split(".")
    done = 0
    while done < len(steps):
        if isinstance(here, list):
            where = ".".join(steps[:done]) or "the message"
            here, taken = _entry(here, steps[done], where, select or {}, chosen)
            done += taken
            continue
        if not isinstance(here, Mapping):
            raise InputRejected(f"the message has no {path!r}")
        name, taken = _member(here, steps[done:], path)
        around.insert(0, here)
        here = here[name]
        done += taken
    unused = [f"{key}: {wanted}" for key, wanted in (select or {}).items() if key not in chosen]
    if unused and must_select:
        raise InputRejected(f"no list on the way to {path!r} has entries with {unused[0]!r:.60} (`select`)")
    return Located(here, name, tuple(around))


def _member(here: Mapping[str, Any], steps: Sequence[str], path: str) -> tuple[str, int]:
    """Its name, which may hold dots itself, and how many steps that are."""
    for count in range(len(steps), 0, -1):
        name = ".".join(steps[:count])
        if name in here:
            if name in getattr(here, "twice", ()):
                raise InputRejected(f"the message names {name!r} twice in one object")
            return name, count
    raise InputRejected(f"the message has no {path!r}")


def _entry(entries: Sequence[Any], step: str, where: str, select: Select, chosen: set[str]) -> tuple[Any, int]:
    """One entry of a list, and how many steps of the path that takes. Notes in `chosen` what it was chosen by."""
    by = {key: wanted for key, wanted in select.items() if any(_text_at(one, key) is not None for one in entries)}
    if by:
        chosen.update(by)
        fitting = [one for one in entries if all(_text_at(one, key) == str(wanted) for key, wanted in by.items())]
        if len(fitting) != 1:
            key, wanted = next(iter(by.items()))
            there = ", ".join(sorted({str(_text_at(one, key)) for one in entries}))
            count = "no entry" if not fitting else f"{len(fitting)} entries"
            raise InputRejected(f"{where}: {count} with {key} {wanted!r:.40}; there are {there:.200}")
        return fitting[0], 0
    is_member = bool(entries) and all(isinstance(one, Mapping) and step in one for one in entries)
    if len(entries) > 1:
        _refuse_named(entries, where)
    if step.isdecimal() or (step in {"last", "first"} and not is_member):
        place = int(step) if step.isdecimal() else len(entries) - 1 if step == "last" else 0
        if not 0 <= place < len(entries):
            raise InputRejected(f"{where}: there is no entry {step}, the list has {len(entries)}")
        return entries[place], 1
    if len(entries) == 1:
        return entries[0], 0
    raise InputRejected(
        f"{where}: the list has {len(entries)} entries; choose one with `select: {{name: …}}`, `last` or a position"
    )


def _refuse_named(entries: Sequence[Any], where: str) -> None:
    """Raise InputRejected where entries have names of their own: which stands where may change with each message."""
    for key in _NAMES:
        names = [one[key] for one in entries if isinstance(one, Mapping) and isinstance(one.get(key), str)]
        if len(set(names)) > 1:
            raise InputRejected(
                f"{where}: the entries have names ({', '.join(names)[:200]}); choose by name, not by position: "
                f"`select: {{{key}: …}}`"
            )


def _text_at(entry: Any, path: str) -> str | None:
    """What stands in an entry, as text; None where there is no text or number."""
    here = entry
    for step in path.split("."):
        if isinstance(here, Mapping) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return None
    return str(here) if isinstance(here, str | int | float) else None
