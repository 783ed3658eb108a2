"""Reading and checking of plan files, their call lists, and the names they use; each problem has its place."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data.config.applications import Pack
from data.config.catalogue import did_you_mean
from data.config.located import ConfigError, PathKeys, Problem, dotted, line_of, parse, plain, untagged, worded
from data.config.plans import Call, CallList, NoticeStep, PinStep, PlanFile, PlanSettings, PlansSettings, TaskStep
from data.config.settings import Settings
from data.errors import InputRejected

MOST_CALLS = 10_000
MOST_IN_ONE_TASK = 50  # items of a checklist


@dataclass(frozen=True)
class _Source:
    """A YAML file, a part of one, or a pack that holds plans. `folder`: where its call lists' files lie."""

    name: str
    tree: Any
    prefix: PathKeys
    content: PlanFile
    folder: Path
    pack: Pack | None = None

    def problem(self, keys: PathKeys, message: str) -> Problem:
        where = (*self.prefix, *keys)
        name, tree = (self.name, self.tree) if self.pack is None else self.pack.place(where)
        return Problem(name, dotted(where), line_of(tree, where), message)


def with_plan_files(
    settings: Settings, config: Path, tree: Any, packs: Sequence[Pack] = ()
) -> tuple[Settings, list[Problem]]:
    """The settings with the plans of every file and pack, their call lists read, and all that is wrong with them.

    `packs`: of `settings.applications`, in their order.
    """
    folder = config.resolve().parent
    problems: list[Problem] = []
    sources = [_Source(config.name, tree, ("plans",), settings.plans, folder)]
    for index, file in enumerate(settings.plans.files):
        try:
            sources.append(_source(folder / file))
        except ConfigError as error:
            problems += error.problems
            problems.append(sources[0].problem(("files", index), f"{file} cannot be used"))
    for pack, content in zip(packs, settings.applications, strict=True):
        sources.append(_Source(pack.name, None, (), content, pack.folder, pack))
    lists: dict[str, CallList] = {}
    for source in sources:
        for name, calls in source.content.call_lists.items():
            lists[name] = calls
            try:
                if source.pack is not None and calls.file is not None and not _lies_in(calls.file, source.folder):
                    raise InputRejected(f"{calls.file} lies outside of the pack's folder")
                lists[name] = _filled(calls, source.folder)
            except InputRejected as error:
                problems.append(source.problem(("call_lists", name), str(error)))
    merged = PlansSettings(
        plans=tuple(plan for source in sources for plan in source.content.plans),
        places=tuple(place for source in sources for place in source.content.places),
        call_lists=lists,
        files=settings.plans.files,
    )
    settings = settings.model_copy(update={"plans": merged})
    return settings, [*problems, *_cross_check(settings, sources)]


def _source(path: Path) -> _Source:
    """Read one file. Raises ConfigError with every problem of the file."""
    tree = parse(path)
    try:
        return _Source(path.name, tree, (), PlanFile.model_validate(plain(tree) or {}), path.parent)
    except ValidationError as error:
        found = []
        for one in error.errors(include_url=False, include_input=False):
            where = untagged(tuple(one["loc"]))
            text = worded(one["type"], one["msg"], PlanFile, where)
            found.append(Problem(path.name, dotted(where), line_of(tree, where), text))
        raise ConfigError(found) from None


def _lies_in(file: Path, folder: Path) -> bool:
    return (folder / file).resolve().is_relative_to(folder.resolve())


def _filled(calls: CallList, folder: Path) -> CallList:
    """The call list with the rows of its CSV file. Raises InputRejected, naming the line."""
    if calls.file is None:
        return calls
    try:
        text = (folder / calls.file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRejected(f"{calls.file} cannot be read: {getattr(error, 'strerror', '') or error}") from error
    try:
        return _with_rows(calls, csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise InputRejected(f"{calls.file} is no CSV: {error}") from None


def _with_rows(calls: CallList, rows: csv.DictReader[str]) -> CallList:
    """Raises InputRejected, naming the line, and csv.Error."""
    if "name" not in (rows.fieldnames or ()):
        raise InputRejected(f"{calls.file} has no column `name` in its first line")
    found = list(calls.calls)
    for row in rows:
        values = {name: (row.get(name) or "").strip() for name in Call.model_fields}
        try:
            found.append(Call(**values))
        except ValidationError as error:
            why = error.errors()[0]
            where = ".".join(str(part) for part in why["loc"])
            raise InputRejected(f"{calls.file}, line {rows.line_num}: {where}: {why['msg']}") from None
    if len(found) > MOST_CALLS:
        raise InputRejected(f"{calls.file} has more than {MOST_CALLS} rows")
    return calls.model_copy(update={"calls": tuple(found)})


def _cross_check(settings: Settings, sources: Sequence[_Source]) -> Iterator[Problem]:
    """Check that ids are unique and that every name exists."""
    sites = [site.id for site in settings.sites]
    seen: dict[str, set[str]] = {"plans": set(), "places": set(sites), "modes": set()}
    for source in sources:
        for index, place in enumerate(source.content.places):
            if place.id in seen["places"]:
                yield source.problem(("places", index, "id"), f"id {place.id!r} is taken")
            seen["places"].add(place.id)
        for index, plan in enumerate(source.content.plans):
            for kind, name, key in (("plans", plan.id, "id"), ("modes", plan.mode, "mode")):
                if name and name in seen[kind]:
                    yield source.problem(("plans", index, key), f"{key} {name!r} is taken")
                seen[kind].add(name)
    for source in sources:
        for index, plan in enumerate(source.content.plans):
            yield from _check_plan(settings, source, plan, ("plans", index))


def _check_plan(settings: Settings, source: _Source, plan: PlanSettings, keys: PathKeys) -> Iterator[Problem]:
    sites = [site.id for site in settings.sites]
    places = [*sites, *(place.id for place in settings.plans.places)]
    channels = [channel.id for channel in settings.notices.channels]
    rules = [rule.name for site in settings.sites for rule in site.rules]
    rules += [name for application in settings.applications for name in application.rules]
    for number, trigger in enumerate(plan.alerts):
        yield from _unknown(source, (*keys, "alerts", number, "rules"), trigger.rules, rules, "rule")
        yield from _unknown(source, (*keys, "alerts", number, "sites"), trigger.sites, sites, "site")
    for number, step in enumerate(plan.steps):
        here = (*keys, "steps", number)
        match step:
            case TaskStep():
                yield from _unknown(source, (*here, "places"), step.places, places, "site or place")
                if step.calls and step.calls not in settings.plans.call_lists:
                    hint = did_you_mean(step.calls, list(settings.plans.call_lists)) or "; there are no call lists"
                    yield source.problem((*here, "calls"), f"no call list {step.calls!r}{hint}")
            case NoticeStep():
                yield from _unknown(source, (*here, "channels"), step.channels, channels, "channel")
            case PinStep():
                yield from _unknown(source, (*here, "sites"), step.sites, sites, "site")


def _unknown(
    source: _Source, keys: PathKeys, named: Sequence[str], known: Collection[str], what: str
) -> Iterator[Problem]:
    for index, name in enumerate(named):
        if name not in known:
            yield source.problem((*keys, index), f"no {what} {name!r}{did_you_mean(name, list(known))}")
