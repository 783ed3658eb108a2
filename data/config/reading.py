"""config.yaml and secrets.yaml, or a document of the store, read into settings, or every problem with its path."""

from __future__ import annotations

import logging
import os
import shlex
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from data.config.applications import ApplicationSettings, Pack, SiteTemplate, read_pack
from data.config.catalogue import Catalogue, UnknownKind, did_you_mean, near_to
from data.config.document import MACHINE_KEYS, NAME, named_files, with_machine_keys
from data.config.fusion_check import check_fusion
from data.config.inspection_files import with_inspections
from data.config.located import ConfigError, PathKeys, Problem, dotted, keyed, line_of, parse, plain, untagged, worded
from data.config.plan_files import with_plan_files
from data.config.settings import Settings, SiteSettings
from data.config.store import StoreSettings, mentions_store
from data.errors import InputRejected
from data.model.datum import LEVEL, Datums
from data.model.secrets import Credentials, Secrets
from data.ports.channel import ChannelRecipe
from data.ports.recipe import DetectorRecipe, MonitorRecipe, RecipeBase, RuleRecipe

__all__ = ["ConfigError", "DocumentReader", "Problem", "load_at_start", "load_secrets", "load_settings"]

log = logging.getLogger(__name__)

ENVIRONMENT_PREFIX = "YIPING_CREDENTIALS_"


class _Reader:
    """One pass over one configuration, collecting every problem.

    `tree`: as it was parsed, with line numbers, or plain. `path`: what problems are told of; relative paths start at
    its folder.
    """

    def __init__(self, tree: Any, path: Path, catalogue: Catalogue, secrets: Secrets) -> None:
        self.path = path
        self.name = path.name
        self.catalogue = catalogue
        self.secrets = secrets
        self.tree = tree
        self.problems: list[Problem] = []
        self.datums = Datums()
        self.packs: list[Pack] = []
        self.merged: dict[PathKeys, tuple[Pack, PathKeys]] = {}  # what came from a pack, by its place in the whole

    def problem(self, keys: PathKeys, message: str, key: str = "", **values: str | int | None) -> None:
        name, tree, keys = self._written(keys)
        self.problems.append(Problem(name, dotted(keys), line_of(tree, keys), message, key, values))

    def _written(self, keys: PathKeys) -> tuple[str, Any, PathKeys]:
        """The file, its tree and the place in it where these settings are written."""
        for length in range(len(keys), 0, -1):
            if keys[:length] in self.merged:
                pack, place = self.merged[keys[:length]]
                keys = (*place, *keys[length:])
                return (*pack.place(keys), keys)
        return self.name, self.tree, keys

    def read(self, raw: Any = None) -> Settings:
        """`raw`: a part of the tree, plain, that is read alone; all of it when left out. Raises ConfigError."""
        raw = plain(self.tree) if raw is None else raw
        if not isinstance(raw, dict):
            self.problem((), "must be a mapping of settings (name:, sites:, responders:, ...)", "setting.mapping")
            raise ConfigError(self.problems)
        applications = self._applications(raw)
        sites = raw.get("sites")
        for index, site in enumerate(sites if isinstance(sites, list) else []):
            if isinstance(site, dict):
                self._site_recipes(site, ("sites", index))
                self._from_template(raw, site, ("sites", index), applications)
        notices = raw.get("notices")
        if isinstance(notices, dict) and isinstance(notices.get("channels"), list):
            where: PathKeys = ("notices", "channels")
            channels = enumerate(notices["channels"])
            notices["channels"] = [self._recipe(value, "channel", (*where, index)) for index, value in channels]
        settings = self._validated(Settings, raw, ())
        if isinstance(settings, Settings):
            whole = not self.problems
            self._cross_check(settings)
            settings, wrong = with_plan_files(settings, self.path, self.tree, self.packs)
            self.problems += wrong
            settings, wrong = with_inspections(settings, self.path, self.tree, self.packs, whole=whole)
            self.problems += wrong
        if self.problems or not isinstance(settings, Settings):
            raise ConfigError(sorted(self.problems, key=lambda p: p.line))
        return settings

    def store(self, raw: Any) -> StoreSettings:
        """The setting `store` alone. Raises ConfigError."""
        settings = self._validated(StoreSettings, raw, ("store",))
        if isinstance(settings, StoreSettings):
            self._check_credentials(settings, ("store",))
        if self.problems or not isinstance(settings, StoreSettings):
            raise ConfigError(self.problems)
        return settings

    def _applications(self, raw: dict[str, Any]) -> list[ApplicationSettings]:
        """Put the packs in the place of their names; one with a mistake is left out, and its mistakes are told."""
        names = raw.get("applications")
        if not isinstance(names, list):
            return []
        found: list[ApplicationSettings] = []
        for index, name in enumerate(names):
            pack = self._pack(name, index)
            if pack is None:
                continue
            if pack.name in [other.id for other in found]:
                self.problem(("applications", index), f"an application {pack.name!r} stands there already")
                continue
            application = self._application(pack, {key: one.id for one in found for key in one.templates})
            if application is not None:
                found.append(application)
                self.packs.append(pack)
        raw["applications"] = found
        self._case_sources(raw, found)
        skills = raw.setdefault("dispatch", {}) if any(one.skills for one in found) else None
        if isinstance(skills, dict) and isinstance(skills.setdefault("skills", {}), dict):
            skills["skills"] = {key: value for one in found for key, value in one.skills.items()} | skills["skills"]
        return found

    def _case_sources(self, raw: dict[str, Any], found: list[ApplicationSettings]) -> None:
        """Add the sources of the packs to those of config.yaml, where none of that id stands."""
        if not any(one.case_sources for one in found):
            return
        own = raw.setdefault("case_sources", [])
        if not isinstance(own, list):
            return
        written = {one.get("id") for one in own if isinstance(one, dict)}
        for pack, application in zip(self.packs, found, strict=True):
            for number, source in enumerate(application.case_sources):
                if source.id not in written:
                    self.merged["case_sources", len(own)] = (pack, ("case_sources", number))
                    own.append(source)

    def _pack(self, name: Any, index: int) -> Pack | None:
        """The pack as it lies on the disk; None for one that cannot be read."""
        if not isinstance(name, str):
            self.problem(("applications", index), "write the name of a pack, or the path of its folder: ./my-pack")
            return None
        try:
            return read_pack(name, self.path.resolve().parent)
        except ConfigError as error:
            for one in error.problems:
                if one.path == "applications":
                    self.problem(("applications", index), one.message)
                else:
                    self.problems.append(one)
            return None

    def _application(self, pack: Pack, taken: Mapping[str, str]) -> ApplicationSettings | None:
        """None where anything in it is wrong. `taken`: by the name of each template the pack that has it."""
        before = len(self.problems)
        here: PathKeys = ("applications", pack.name)
        self.merged[here] = (pack, ())
        raw = pack.raw()
        templates = raw.get("templates")
        for name, template in templates.items() if isinstance(templates, dict) else ():
            if isinstance(template, dict):
                where = (*here, "templates", name)
                self._site_recipes(template, where)
                for kind in ("rules", "detectors"):
                    for index, recipe in enumerate(template.get(kind) or ()):
                        for file in sorted(named_files(recipe)) if isinstance(recipe, RecipeBase) else ():
                            # Weights can run code: whoever sets up a site names them there.
                            said = f"a pack names no files, but this names {file}: name it at the site"
                            self.problem((*where, kind, index), said)
        for key in taken.keys() & (templates if isinstance(templates, dict) else {}):
            self.problem((*here, "templates", key), f"a template {key!r} is in the pack {taken[key]} already")
        application = self._validated(ApplicationSettings, raw, here)
        if not isinstance(application, ApplicationSettings) or len(self.problems) > before:
            return None
        return application

    def _from_template(
        self, raw: dict[str, Any], site: dict[str, Any], keys: PathKeys, applications: list[ApplicationSettings]
    ) -> None:
        """Give the site what its template says and it does not say itself."""
        name = site.get("template")
        if not isinstance(name, str) or not name:
            return
        known = {key: number for number, one in enumerate(applications) for key in one.templates}
        if name not in known:
            if not self.problems:  # else the pack that has it may have been left out
                self.problem((*keys, "template"), f"no template {name!r}{did_you_mean(name, list(known))}")
            return
        pack, template = self.packs[known[name]], applications[known[name]].templates[name]
        for key in template.model_fields_set & {"profile", "health", "visible_to"}:
            site.setdefault(key, getattr(template, key))
        for kind in ("rules", "detectors"):
            own = site.setdefault(kind, [])
            if not isinstance(own, list):
                continue
            names = {_name_of(recipe) for recipe in own}
            for number, recipe in enumerate(getattr(template, kind)):
                if _name_of(recipe) not in names:
                    self.merged[*keys, kind, len(own)] = (pack, ("templates", name, kind, number))
                    own.append(recipe)
        self._respond(raw, site, template, (pack, ("templates", name, "respond")))

    def _respond(
        self, raw: dict[str, Any], site: dict[str, Any], template: SiteTemplate, origin: tuple[Pack, PathKeys]
    ) -> None:
        """Fuse at the site as its template says, unless config.yaml does so itself."""
        if template.respond is None or not isinstance(site.get("id"), str):
            return
        fusion = raw.setdefault("fusion", {})
        places = fusion.setdefault("places", []) if isinstance(fusion, dict) else None
        if not isinstance(places, list):
            return
        own = [one for one in places if isinstance(one, dict)]
        if any(site.get("id") == one.get("id") or site.get("id") in (one.get("sites") or ()) for one in own):
            return
        language = str(raw.get("language", "zh"))
        tasks = {
            kind: [
                {"title": task.of(language), "skills": task.skills, "checklist": task.checklist}
                for task in getattr(template.respond, kind)
            ]
            for kind in ("send", "ask")
        }
        self.merged["fusion", "places", len(places)] = origin
        places.append({"id": site.get("id"), **template.respond.model_dump(exclude={"send", "ask"}), **tasks})

    def _site_recipes(self, site: dict[str, Any], keys: PathKeys) -> None:
        """Replace every `{kind: ...}` by its recipe; an invalid one by a placeholder, so that the rest is checked."""
        if site.get("monitor") is not None:
            site["monitor"] = self._recipe(site["monitor"], "monitor", (*keys, "monitor"))
        for name, what in (("monitors", "monitor"), ("detectors", "detector"), ("rules", "rule")):
            if isinstance(site.get(name), list):
                site[name] = [self._recipe(value, what, (*keys, name, index)) for index, value in enumerate(site[name])]

    def _recipe(self, raw: Any, what: str, keys: PathKeys) -> RecipeBase:
        look_up: dict[str, tuple[Callable[[str], type[RecipeBase]], type[RecipeBase]]] = {
            "monitor": (self.catalogue.monitor, MonitorRecipe),
            "detector": (self.catalogue.detector, DetectorRecipe),
            "rule": (self.catalogue.rule, RuleRecipe),
            "channel": (self.catalogue.channel, ChannelRecipe),
        }
        find, base = look_up[what]
        nothing: dict[str, Any] = {"kind": "?", "id": ""}
        stand_in = base.model_construct(**nothing)
        if isinstance(raw, base):
            return raw
        if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str):
            example = self._an_example(what)
            self.problem(
                (*keys, "kind"), f"a {what} needs a kind, e.g. {{kind: {example}}}", "setting.kind", example=example
            )
            return stand_in
        try:
            recipe_class = find(raw["kind"])
        except UnknownKind as error:
            self.problem((*keys, "kind"), str(error.args[0]), "setting.kind.unknown", name=raw["kind"])
            return stand_in
        recipe = self._validated(recipe_class, raw, keys)
        return recipe if isinstance(recipe, RecipeBase) else stand_in

    def _an_example(self, what: str) -> str:
        kinds = {
            "monitor": self.catalogue.monitors,
            "detector": self.catalogue.detectors,
            "rule": self.catalogue.rules,
            "channel": self.catalogue.channels,
        }
        return min(kinds[what], default=what)

    def _validated(self, model: type[BaseModel], raw: Any, keys: PathKeys) -> BaseModel | None:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                where = untagged(tuple(found["loc"]))
                key, values = keyed(found["type"], found.get("ctx") or {}, where)
                self.problem((*keys, *where), worded(found["type"], found["msg"], model, where), key, **values)
            return None

    def _cross_check(self, settings: Settings) -> None:
        self.datums = Datums(settings.datums)
        if settings.accounts.oidc is not None:
            self._check_credentials(settings.accounts.oidc, ("accounts", "oidc"))
        if settings.store is not None:
            self._check_credentials(settings.store, ("store",))
        self._ids_once(("sites",), [site.id for site in settings.sites])
        self._ids_once(("responders",), [person.id for person in settings.responders])
        self._ids_once(("case_sources",), [source.id for source in settings.case_sources])
        self._ids_once(("desks",), [desk.id for desk in settings.desks])
        for index, site in enumerate(settings.sites):
            self._check_site(site, ("sites", index))
        self._check_notices(settings)
        check_fusion(settings, self.problem)

    def _check_notices(self, settings: Settings) -> None:
        """Check that policies name existing channels, and channels existing credentials."""
        channels = [channel.id for channel in settings.notices.channels]
        self._ids_once(("notices", "channels"), channels)
        self._ids_once(("notices", "policies"), [policy.id for policy in settings.notices.policies])
        for index, channel in enumerate(settings.notices.channels):
            self._check_credentials(channel, ("notices", "channels", index))
        for number, policy in enumerate(settings.notices.policies):
            for index, step in enumerate(policy.steps):
                self._channels_known(step.channels, channels, ("notices", "policies", number, "steps", index))
        for number, clock in enumerate(settings.notices.clocks):
            self._channels_known(clock.channels, channels, ("notices", "clocks", number))
        self._channels_known(settings.notices.roll_calls.channels, channels, ("notices", "roll_calls"))
        self._ids_once(
            ("notices", "roll_calls", "templates"), [one.id for one in settings.notices.roll_calls.templates]
        )

    def _channels_known(self, names: Sequence[str], channels: list[str], where: PathKeys) -> None:
        for place, name in enumerate(names):
            if name not in channels:
                hint = did_you_mean(name, channels) or "; there are no channels"
                said = f"no channel {name!r}{hint}"
                self.problem(
                    (*where, "channels", place), said, "setting.channel", name=name, near=near_to(name, channels)
                )

    def _ids_once(self, field: PathKeys, ids: list[str]) -> None:
        seen: dict[str, int] = {}
        for index, name in enumerate(ids):
            if seen.setdefault(name, index) != index:
                first = dotted((*field, seen[name]))
                said = f"id {name!r} is taken by {first}"
                self.problem((*field, index, "id"), said, "setting.taken", name=name, first=first)

    def _check_site(self, site: SiteSettings, keys: PathKeys) -> None:
        zones = [zone.id for zone in site.zones]
        self._ids_once((*keys, "zones"), zones)
        for index, rule in enumerate(site.rules):
            if rule.zone is not None and rule.zone not in zones:
                hint = did_you_mean(rule.zone, zones) or "; the site has no zones"
                said, near = f"no zone {rule.zone!r}{hint}", near_to(rule.zone, zones)
                self.problem((*keys, "rules", index, "zone"), said, "setting.zone", name=rule.zone, near=near)
        self._check_datums(site, keys)
        named: list[tuple[PathKeys, RecipeBase]] = [
            *([((*keys, "monitor"), site.monitor)] if site.monitor is not None else []),
            *(((*keys, "monitors", index), monitor) for index, monitor in enumerate(site.monitors)),
        ]
        for where, monitor in named:
            self._check_credentials(monitor, where)

    def _check_credentials(self, recipe: BaseModel, where: PathKeys) -> None:
        wanted = getattr(recipe, "credentials", None)
        if isinstance(wanted, str) and wanted not in self.secrets.credentials:
            known = list(self.secrets.credentials)
            said = f"no credentials {wanted!r}{did_you_mean(wanted, known) or '; secrets.yaml holds none'}"
            near = near_to(wanted, known)
            self.problem((*where, "credentials"), said, "setting.credentials", name=wanted, near=near)

    def _check_datums(self, site: SiteSettings, keys: PathKeys) -> None:
        """Check that a limit on a level has the datum of every gauge it judges, or one with a configured offset."""
        sources = [m for m in (*site.all_monitors, *site.detectors) if getattr(m, "quantity", None) == LEVEL]
        for index, rule in enumerate(site.rules):
            if getattr(rule, "quantity", None) != LEVEL or not hasattr(rule, "vertical_datum"):
                continue
            only = getattr(rule, "monitor", None)
            for source in sources:
                name = getattr(source, "name", source.kind)
                given = getattr(source, "vertical_datum", None)
                if only is None or only == name:
                    try:
                        self.datums.converted(0.0, given, rule.vertical_datum)
                    except InputRejected as error:
                        self.problem((*keys, "rules", index, "vertical_datum"), f"{error} (gauge {name!r})")


def _name_of(recipe: Any) -> str:
    """The name of a rule or detector: its id, by default its kind."""
    return str(getattr(recipe, "id", "") or getattr(recipe, "kind", ""))


def _check_readers(path: Path) -> None:
    """Secrets that every user of the machine can read are none. Raises ConfigError with the command that mends it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    mend = f"chmod 600 {shlex.quote(str(path))}"
    if mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        who = "others than its owner can read or change it"
        raise ConfigError([Problem(path.name, "", 0, f"{who} (mode {mode:04o}); run: {mend}")])
    if mode & stat.S_IRGRP:
        log.warning("%s: its group can read the secrets (mode %04o); unless that is meant, run: %s", path, mode, mend)


def load_secrets(path: Path | None, environment: Mapping[str, str]) -> Secrets:
    """Credentials from a YAML file (`name: {username: ..., password: ...}`) and from the environment.

    `YIPING_CREDENTIALS_GATE_CAMERAS=user:password` is `gate-cameras`. Raises ConfigError, never showing a value.
    """
    found: dict[str, Credentials] = {}
    if path is not None and path.exists():
        _check_readers(path)
        raw = plain(parse(path)) or {}
        if not isinstance(raw, dict):
            raise ConfigError([Problem(path.name, "", 0, "must map names to {username, password} or {token}")])
        for name, value in raw.items():
            try:
                found[name] = Credentials.model_validate(value)
            except ValidationError as error:
                problems = [
                    Problem(path.name, dotted((name, *e["loc"])), 0, e["msg"])
                    for e in error.errors(include_input=False)
                ]
                raise ConfigError(problems) from None  # the cause would show the value
    for variable, value in environment.items():
        if variable.startswith(ENVIRONMENT_PREFIX):
            name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("_", "-")
            username, _, password = value.partition(":")
            found[name] = Credentials.model_validate({"username": username, "password": password})
    return Secrets(credentials=found)


def load_settings(
    path: Path, catalogue: Catalogue, environment: Mapping[str, str] | None = None
) -> tuple[Settings, Secrets]:
    """Settings and secrets of a config file. Raises ConfigError with every problem found.

    Secrets stand in `secrets.yaml` beside it, or in the file that YIPING_SECRETS names.
    """
    secrets = _secrets_beside(path, environment)
    return _Reader(parse(path), path, catalogue, secrets).read(), secrets


def load_at_start(
    path: Path, catalogue: Catalogue, environment: Mapping[str, str] | None = None
) -> tuple[Settings, Secrets]:
    """As `load_settings`; with `config: screen` the keys of the machine alone: the others stand in the store."""
    secrets = _secrets_beside(path, environment)
    tree = parse(path)
    reader, raw = _Reader(tree, path, catalogue, secrets), plain(tree)
    if not isinstance(raw, dict) or raw.get("config") != "screen":
        return reader.read(), secrets
    own = {key: raw[key] for key in MACHINE_KEYS if key in raw}
    if isinstance(raw.get("dispatch"), dict) and "roads" in raw["dispatch"]:
        own["dispatch"] = {"roads": raw["dispatch"]["roads"]}
    return reader.read(own), secrets


def stored_at(path: Path, environment: Mapping[str, str] | None = None) -> str:
    """The URL of the store that a config file names, with its password: a secret. Empty for the SQLite of VAR.

    Reads nothing else, so that a password can be reset or a backup made beside a configuration with other mistakes.
    A file that is not there names none. Raises ConfigError.
    """
    if not path.is_file() or not mentions_store(path.read_text(encoding="utf-8", errors="replace")):
        return ""
    tree, secrets = parse(path), _secrets_beside(path, environment)
    raw = plain(tree)
    given = raw.get("store") if isinstance(raw, dict) else None
    if given is None:
        return ""
    return store_address(_Reader(tree, path, Catalogue({}, {}, {}), secrets).store(given), secrets)


def store_address(store: StoreSettings | None, secrets: Secrets) -> str:
    """Its URL with the password, a secret; empty for none."""
    return "" if store is None else store.address(secrets.get(store.credentials))


def _secrets_beside(path: Path, environment: Mapping[str, str] | None) -> Secrets:
    environment = os.environ if environment is None else environment
    return load_secrets(Path(environment.get("YIPING_SECRETS") or path.parent / "secrets.yaml"), environment)


@dataclass(frozen=True)
class DocumentReader:
    """Reads documents of the store on this machine. Picklable where its catalogue is.

    `machine`: the settings that config.yaml gave, for the keys that always come from there. `secrets`: their names
    are all that is looked at. `base_dir`: where relative paths start.
    """

    machine: Settings
    catalogue: Catalogue
    secrets: Secrets = field(default_factory=Secrets)
    base_dir: Path = Path()

    def read(self, document: Mapping[str, Any]) -> Settings:
        """The settings of a document. Raises ConfigError with every problem found."""
        return self.read_tree(dict(document), self.base_dir / NAME)

    def read_tree(self, tree: Any, path: Path) -> Settings:
        """As `read`, of a parsed file with its lines; `path` is what problems are told of. Raises ConfigError."""
        return with_machine_keys(_Reader(tree, path, self.catalogue, self.secrets).read(), self.machine)
