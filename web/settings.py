"""The settings in force for every page, route and scope of the server, and what is proposed to be others.

`CurrentSettings` follows the versions in the store and puts the newest into `ServerDeps.settings` and into the screens'
context, on the event loop. Handlers read them there each time.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from data.config.catalogue import Catalogue, UnknownKind
from data.config.difference import differences
from data.config.document import document_of, forbidden_files, foreign_keys, named_files, of_text
from data.config.masked import masks_left, shown, unmasked
from data.config.reading import ConfigError, DocumentReader, Problem
from data.config.settings import Settings, SiteSettings
from data.errors import InputRejected, NotFound, UnusableRow
from data.model.masking import mask_log_also, secret_mask
from data.model.record import Change
from data.model.secrets import Secrets
from data.model.settings_version import SettingsVersion
from data.model.views import iso
from data.stored.settings_versions import TOPIC, InForce, NewVersion, SettingsFollower, assigned, proposed, told
from dispatch.clocks import calendar_problems
from web.deps import ServerDeps

_CAUGHT_UP_S = 2.0


class SettingsRefused(InputRejected):
    """A document that cannot be used; `problems` says where and why."""

    def __init__(self, problems: Sequence[Problem], document: Mapping[str, Any]) -> None:
        n = len(problems)
        super().__init__(f"{n} things are wrong; nothing was saved: {problems[0]}", key="settings.wrong", n=n)
        self.errors = [problem_view(one, document) for one in problems]


def document_reader(deps: ServerDeps) -> DocumentReader:
    """What reads documents here: with the keys of this machine, and credentials known by their names alone."""
    catalogue = deps.catalogue or Catalogue({}, {}, {})
    return DocumentReader(deps.settings, catalogue, deps.credentials, deps.base_dir)


class CurrentSettings:
    """Keeps the settings of one server those in force.

    `taken` is called on the event loop, with what was and what is in force, whenever that has changed.
    """

    def __init__(self, deps: ServerDeps, taken: Callable[[Settings, Settings], None]) -> None:
        self._deps = deps
        self._taken = taken
        self.reader = document_reader(deps)
        workers = assigned(deps.settings, deps.workers)
        start = InForce(deps.settings, deps.settings_version, workers, deps.settings_version)
        self._follower = SettingsFollower(deps.store, self.reader, start)
        self._follower.tell(self._learn_secrets)

    @property
    def now(self) -> InForce:
        return self._follower.now

    async def start(self) -> None:
        """Look once, then follow."""
        if not self._follower.follows:
            return
        self._take(await self._deps.lanes.heavy.run(self._follower.settle))
        loop = asyncio.get_running_loop()
        self._follower.tell(lambda found: _on_loop(loop, self._take, found))
        self._follower.start()

    async def stop(self) -> None:
        await asyncio.to_thread(self._follower.close)

    def see(self, change: Change) -> None:
        """A change of the outbox: a new version is looked at without waiting for the next poll."""
        if change.topic == TOPIC:
            self._follower.wake()

    async def catch_up(self, version: int) -> None:
        """Wait until this version is in force here, two seconds at most: whoever has saved sees what they saved."""
        await asyncio.to_thread(self._follower.wait_for, version, _CAUGHT_UP_S)

    def _learn_secrets(self, found: InForce) -> None:
        """On the follower's thread: keys in addresses that are new are kept out of log and store, too."""
        mask = secret_mask(found.settings, Secrets())
        self._deps.mask.learn(mask)
        mask_log_also(mask)

    def _take(self, found: InForce) -> None:
        before = self._deps.settings
        self._deps.in_force = found
        if found.settings is not before:
            self._deps.settings = found.settings
            self._taken(before, found.settings)


def _on_loop(loop: asyncio.AbstractEventLoop, take: Callable[[InForce], None], found: InForce) -> None:
    loop.call_soon_threadsafe(take, found)


def checked(deps: ServerDeps, current: CurrentSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong in a document, and what differs from the settings in force. Blocks: run it in a thread."""
    problems = list(foreign_keys(given, deps.file))
    found: list[dict[str, Any]] = []
    try:
        document, left = _whole(deps, current.now.version, given)
        problems += left
        settings = current.reader.read(document)
        found = told(differences(deps.settings, settings, deps.credentials))
        problems += _unusable(deps, current, settings, given)
    except ConfigError as error:
        problems += error.problems
    return {"problems": [problem_view(one, given) for one in problems], "difference": found}


def propose(
    deps: ServerDeps,
    current: CurrentSettings,
    base: int,
    given: Mapping[str, Any],
    *,
    note: str = "",
    restored: int | None = None,
) -> NewVersion:
    """A new version on top of `base`. Blocks. Raises SettingsRefused with every problem, NotFound.

    `restored`: the earlier version whose document is given, as it is stored.
    """
    problems = list(foreign_keys(given, deps.file))
    now = current.now
    try:
        # What is stored holds its keys; and the version it comes after may be one that cannot even be parsed.
        document, left = (given, ()) if restored is not None else _whole(deps, base, given)
        problems += left
        new = proposed(deps.store, current.reader, base, document, note=note, restored=restored)
    except ConfigError as error:
        raise SettingsRefused([*problems, *error.problems], given) from None
    problems += _unusable(deps, current, new.settings, given, any_file=restored is not None)
    if problems:
        raise SettingsRefused(problems, given)
    # Who has seen the version in force has seen all there is to see of newer ones that cannot be read.
    return replace(new, before=now.newest) if now.trouble and base == now.version else new


def _unusable(
    deps: ServerDeps, current: CurrentSettings, new: Settings, given: Mapping[str, Any], *, any_file: bool = False
) -> Iterator[Problem]:
    """What reads well and yet cannot be used: files that the version in force does not name, and that nobody may name
    here (unless `any_file`); a country without a calendar, with which neither clock nor server would start."""
    yield from calendar_problems(new)
    names = frozenset() if any_file else named_files(new) - named_files(current.now.settings)
    if names:
        yield from forbidden_files(given, names, deps.base_dir.resolve(), deps.var_dir.resolve())


def _whole(deps: ServerDeps, base: int, given: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[Problem]]:
    """What was given, with the keys that were masked in what its sender had seen, and masks for which there is none.

    Raises ConfigError, NotFound, and UnusableRow where `base` is damaged.
    """
    seen = (
        document_in(deps.store.read(lambda reader: reader.settings_version(base))) if base else document_of(deps.file)
    )
    masked = shown(seen)
    whole: Mapping[str, Any] = unmasked(document_of(given), masked, seen)
    return whole, tuple(masks_left(whole, masked, seen))


def drafted_parts(deps: ServerDeps, current: CurrentSettings, given: Mapping[str, Any]) -> dict[str, Any]:
    """Zones and rules, by site, of the sites in force where a draft has others; as `engine.replay.answer` takes them.

    Raises SettingsRefused with every problem.
    """
    try:
        document, left = _whole(deps, current.now.version, given)
        drafted = current.reader.read(document)
    except ConfigError as error:
        raise SettingsRefused(error.problems, given) from None
    if left:
        raise SettingsRefused(left, given)
    wanted = {site.id: _judging(site) for site in drafted.sites}
    parts = {site.id: (_judging(site), wanted.get(site.id, {"zones": [], "rules": []})) for site in deps.settings.sites}
    return {site: after for site, (before, after) in parts.items() if before != after}


def _judging(site: SiteSettings) -> dict[str, Any]:
    """What a site is judged by, only as it was written: some rules ask whether a setting was."""
    rules = [{"kind": rule.kind, **rule.model_dump(mode="json", exclude_unset=True)} for rule in site.rules]
    return {"zones": [zone.model_dump(mode="json") for zone in site.zones], "rules": rules}


def with_site(document: Mapping[str, Any], site: str, parts: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The document with parts of one site replaced; a part that is None goes. Raises NotFound.

    `camera` stands for the monitor that gives pictures, wherever the site has it.
    """
    changed = copy.deepcopy(dict(document))
    found = next((one for one in _sites(changed) if one.get("id") == site), None)
    if found is None:
        raise NotFound(f"there is no site {site!r}")
    for name, value in parts.items():
        if name == "camera":
            _put_camera(found, value, catalogue)
        elif value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return changed


def without_site(document: Mapping[str, Any], site: str) -> dict[str, Any]:
    """The document without this site. Raises NotFound."""
    changed = copy.deepcopy(dict(document))
    kept = [one for one in changed.get("sites") or [] if not (isinstance(one, Mapping) and one.get("id") == site)]
    if len(kept) == len(changed.get("sites") or []):
        raise NotFound(f"there is no site {site!r}")
    changed["sites"] = kept
    return changed


def _sites(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    sites = document.get("sites")
    yield from (one for one in sites if isinstance(one, dict)) if isinstance(sites, list) else ()


def _put_camera(site: dict[str, Any], camera: Any, catalogue: Catalogue) -> None:
    if _gives_frames(site.get("monitor"), catalogue):
        site.pop("monitor")
    monitors = [one for one in site.get("monitors") or [] if not _gives_frames(one, catalogue)]
    if camera is not None:
        if "monitor" in site:
            monitors.insert(0, site.pop("monitor"))
        site["monitor"] = camera
    site["monitors"] = monitors
    if not monitors:
        site.pop("monitors")


def _gives_frames(monitor: Any, catalogue: Catalogue) -> bool:
    kind = monitor.get("kind") if isinstance(monitor, Mapping) else None
    try:
        return isinstance(kind, str) and catalogue.monitor(kind).gives == "frames"
    except UnknownKind:
        return False


def problem_view(problem: Problem, document: Mapping[str, Any]) -> dict[str, Any]:
    """A problem as a screen shows it: `words` in English, `key` and `values` for its own language, `site` by id."""
    path = problem.path
    site = None
    if path.startswith("sites["):
        number, sites = path[6:].partition("]")[0], document.get("sites")
        if number.isdecimal() and isinstance(sites, list) and int(number) < len(sites):
            one = sites[int(number)]
            site = one.get("id") if isinstance(one, Mapping) and isinstance(one.get("id"), str) else None
    return {
        "path": path, "site": site, "words": problem.message, "key": problem.key, "values": dict(problem.values),
    }  # fmt: skip


def document_in(version: SettingsVersion) -> dict[str, Any]:
    """The document of a stored version. Raises UnusableRow for one that is damaged."""
    try:
        return of_text(version.document)
    except (ValueError, RecursionError):
        raise UnusableRow(f"version {version.number} of the settings cannot be read") from None


def version_view(version: SettingsVersion) -> dict[str, Any]:
    """A version without its document."""
    return {
        "version": version.number,
        "at": iso(version.at),
        "who": version.who,
        "note": version.note,
        "restored": version.restored,
        "hash": version.hash,
        "difference": [dict(one) for one in version.difference],
    }
