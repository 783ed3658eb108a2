"""Application packs: folders of YAML with a site's template, rules, plans, categories and checklists. Data, never code.

Every `*.yaml` of the folder is read and each top-level key may stand in one of them, so that a small pack is one file.
Named in `applications` of config.yaml: by its name under `data/applications/`, or by a path beside config.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

from data.config.case_sources import CaseSource
from data.config.inspections import InspectionBook
from data.config.located import ConfigError, PathKeys, Problem, line_of, parse, plain
from data.config.plans import Id, PlanFile
from data.model.alert import Priority
from data.model.camera_health import HealthSettings
from data.model.category import Category
from data.model.people import Role
from data.ports.recipe import DetectorRecipe, RuleRecipe

OURS = Path(__file__).parent.parent / "applications"
"""The packs that come with the program."""
MOST_FILES = 20


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bilingual(_Settings):
    """A text in both languages of the screens."""

    zh: Annotated[str, Field(min_length=1, max_length=400, description="In Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=400, description="In English.")]

    def of(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class TemplateTask(Bilingual):
    """A task of the first response; its title in both languages."""

    zh: Annotated[str, Field(min_length=1, max_length=100, description="Title in Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=100, description="Title in English.")]
    skills: Annotated[tuple[str, ...], Field(description="Skills without which nobody is sent.")] = ()
    checklist: Annotated[
        tuple[Annotated[str, Field(max_length=200)], ...],
        Field(max_length=50, description="What is to be seen to on the spot."),
    ] = ()


class Response(_Settings):
    """What follows from alerts of these rules at a site of the template, as `fusion.places[]` says of one place."""

    rules: Annotated[tuple[str, ...], Field(min_length=1, description="Ids of rules of the template.")]
    tasks_when: Annotated[
        Literal["confirmed", "probable"],
        Field(description="confirmed: by a second kind of evidence or a human; probable: at once, by one kind alone."),
    ] = "confirmed"
    from_priority: Annotated[
        Priority, Field(description="Tasks follow from alerts of this priority or a higher one.")
    ] = Priority.P2
    send: Annotated[tuple[TemplateTask, ...], Field(description="Tasks that are offered.")] = ()
    ask: Annotated[tuple[TemplateTask, ...], Field(description="Tasks prepared for a human's decision.")] = ()


class SiteTemplate(_Settings):
    """What every site with this `template` has; what the site says itself counts more."""

    profile: Annotated[str, Field(description="What kind of place; the plans' `marks`.")] = ""
    rules: Annotated[
        tuple[SerializeAsAny[RuleRecipe], ...],
        Field(description="What is alarming; the site's own of that id instead."),
    ] = ()
    detectors: Annotated[
        tuple[SerializeAsAny[DetectorRecipe], ...], Field(description="What is looked for in a camera's pictures.")
    ] = ()
    health: Annotated[HealthSettings | None, Field(description="When the site's camera is alarming.")] = None
    visible_to: Annotated[tuple[Role, ...], Field(description="Roles that may know of the sites.")] = ()
    respond: Annotated[Response | None, Field(description="Which tasks follow from its alerts.")] = None

    @model_validator(mode="after")
    def _rules_known(self) -> SiteTemplate:
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rule ids must differ; give an `id` to the rules called {', '.join(twice)}")
        for name in self.respond.rules if self.respond is not None else ():
            if name not in names:
                raise ValueError(
                    f"respond.rules: the template has no rule {name!r}; it has {', '.join(names) or 'none'}"
                )
        return self


class ApplicationSettings(PlanFile):
    """One application, as its pack says. `id` is the name of the pack's folder."""

    id: Annotated[str, Field(description="Name of the pack's folder.")]
    zh: Annotated[str, Field(min_length=1, max_length=80, description="Name in Chinese.")]
    en: Annotated[str, Field(min_length=1, max_length=80, description="Name in English.")]
    about: Annotated[Bilingual, Field(description="What it is for, in a sentence or two.")]
    owner: Annotated[str, Field(description="Unit of the organisation that answers for it: its id, or a name.")] = ""
    templates: Annotated[dict[Id, SiteTemplate], Field(description="What its sites have in common, by name.")] = Field(
        default_factory=dict
    )
    skills: Annotated[
        dict[str, tuple[str, ...]],
        Field(description="Skills without which nobody is sent, as `dispatch.skills`, which counts more."),
    ] = Field(default_factory=dict)
    categories: Annotated[
        tuple[Category, ...], Field(description="Rows of the category table; rows that are known stay as they are.")
    ] = ()

    case_sources: Annotated[
        tuple[CaseSource, ...],
        Field(description="Other systems whose messages become events, as in config.yaml, which counts more."),
    ] = ()
    inspections: Annotated[
        InspectionBook, Field(description="Types of places that are inspected, with calendar and checklist.")
    ] = InspectionBook()

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules of its templates."""
        return tuple(rule.name for template in self.templates.values() for rule in template.rules)


@dataclass(frozen=True)
class Pack:
    """A pack as it lies in its folder. `parts`: by top-level key the file's name and its parsed tree."""

    name: str
    folder: Path
    parts: Mapping[str, tuple[str, Any]] = field(default_factory=dict)

    def raw(self) -> dict[str, Any]:
        """Its content as plain values, not checked yet."""
        return {"id": self.name} | {key: plain(tree[key]) for key, (_, tree) in self.parts.items()}

    def place(self, keys: PathKeys) -> tuple[str, Any]:
        """File and tree of a place in the pack; of the file with its name where nothing is written there."""
        first = next(iter(self.parts.values()), (f"{self.name}/application.yaml", None))
        return self.parts.get(str(keys[0]) if keys else "zh") or self.parts.get("zh") or first


def read_pack(named: str, base: Path) -> Pack:
    """The pack of this name or path; `base`: the folder of config.yaml. Raises ConfigError."""
    folder = _folder(named, base)
    files = sorted(folder.glob("*.yaml"))[: MOST_FILES + 1]
    if not files or len(files) > MOST_FILES:
        why = "holds no .yaml file" if not files else f"holds more than {MOST_FILES} .yaml files"
        raise ConfigError([Problem(folder.name, "", 0, why)])
    parts: dict[str, tuple[str, Any]] = {}
    problems: list[Problem] = []
    for file in files:
        name = f"{folder.name}/{file.name}"
        try:
            tree = parse(file)
        except ConfigError as error:
            problems += [Problem(name, one.path, one.line, one.message) for one in error.problems]
            continue
        if tree is not None and not isinstance(tree, Mapping):
            problems.append(Problem(name, "", 1, "must be a mapping of settings (zh:, en:, templates:, plans:, ...)"))
            continue
        for key in tree or {}:
            if key in parts:
                line = line_of(tree, (key,))
                problems.append(Problem(name, str(key), line, f"stands in {parts[key][0]} already: keep one of them"))
            parts.setdefault(str(key), (name, tree))
    if problems:
        raise ConfigError(problems)
    return Pack(folder.name, folder, parts)


def _folder(named: str, base: Path) -> Path:
    """Raises ConfigError. A path may not leave the folder of config.yaml: screens may name packs, too."""
    written = PurePosixPath(named)
    if "/" not in named:
        if (OURS / named).is_dir() and named not in {"", ".", ".."}:
            return OURS / named
        known = ", ".join(sorted(one.name for one in OURS.iterdir() if one.is_dir() and one.name[0] not in "._"))
        said = f"no application {named!r}; those that come with the program: {known}; a folder of your own: ./{named}"
        raise ConfigError([Problem("config.yaml", "applications", 0, said)])
    folder = (base / written).resolve()
    if written.is_absolute() or ".." in written.parts or not folder.is_relative_to(base.resolve()):
        raise ConfigError(
            [Problem("config.yaml", "applications", 0, f"{named} lies outside of the folder of config.yaml")]
        )
    if not folder.is_dir():
        raise ConfigError([Problem("config.yaml", "applications", 0, f"there is no folder {named}")])
    return folder


def titles_of_ours() -> dict[str, Mapping[str, Any]]:
    """Names and purposes (`zh`, `en`, `about`) of the packs that come with the program, as written, by their ids."""
    found: dict[str, Mapping[str, Any]] = {}
    for folder in sorted(OURS.iterdir()):
        if folder.is_dir() and folder.name[0] not in "._":
            raw = read_pack(folder.name, OURS).raw()
            found[folder.name] = {key: raw[key] for key in ("zh", "en", "about")}
    return found
