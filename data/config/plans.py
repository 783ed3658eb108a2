"""Plans as written in YAML: their triggers, and their steps with places and people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from data.model.alert import Alert, Priority
from data.model.durations import Duration
from data.model.geo import ConfiguredLocation
from data.model.warning import WarningInfo, WarningLevel

LEVELS = (WarningLevel.BLUE, WarningLevel.YELLOW, WarningLevel.ORANGE, WarningLevel.RED)
LEVEL_OF: Mapping[Priority, WarningLevel] = MappingProxyType(
    {
        Priority.P1: WarningLevel.RED,
        Priority.P2: WarningLevel.ORANGE,
        Priority.P3: WarningLevel.YELLOW,
        Priority.P4: WarningLevel.BLUE,
    }
)
PRIORITY_OF: Mapping[WarningLevel, Priority] = MappingProxyType({level: one for one, level in LEVEL_OF.items()})

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Short name: a-z, 0-9, - and _.")]
Level = Literal["blue", "yellow", "orange", "red"]
Start = Annotated[
    Literal["at_once", "ask"], Field(description="at_once: in force by itself; ask: proposed on the screen.")
]
AtTheEnd = Literal["end", "keep"]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanPlace(_Settings):
    """A place that plans know and that is no site: a passage, a known waterlogging point without a gauge."""

    id: Id
    name: Annotated[str, Field(min_length=1, description="Name shown on the screens.")]
    location: Annotated[ConfiguredLocation, Field(description="Place on the ground.")]
    grid: Annotated[str, Field(description="Grid code; by the grids' outlines when left out.")] = ""
    marks: Annotated[
        tuple[str, ...],
        Field(description="What kind of place: waterlogging_point, passage ... A site's is its profile."),
    ] = ()


class Call(_Settings):
    """Somebody who has to be called."""

    name: Annotated[str, Field(min_length=1, max_length=80, description="Shop or household.")]
    phone: Annotated[str, Field(max_length=40, description="Telephone number.")] = ""
    grid: Annotated[str, Field(description="Grid code: its people call.")] = ""
    note: Annotated[str, Field(max_length=80, description="What to know: wheelchair, basement ...")] = ""

    @property
    def line(self) -> str:
        """The call as a line of a checklist."""
        return " · ".join(part for part in (self.name, self.phone, self.note) if part)


class CallList(_Settings):
    """Whom to call: from a CSV file with the columns name, phone, grid, note, or written here."""

    file: Annotated[Path | None, Field(description="CSV, UTF-8, relative to the file that names it.")] = None
    calls: Annotated[tuple[Call, ...], Field(description="Entries; those of `file` come after them.")] = ()


class WarningTrigger(_Settings):
    """An official warning (CAP) begins it. Messages of status Exercise or Test never start real work."""

    events: Annotated[
        tuple[str, ...], Field(description="Words of which the message's event must hold one; any event when empty.")
    ] = ()
    codes: Annotated[tuple[str, ...], Field(description="Or one of these event codes.")] = ()
    from_level: Annotated[Level, Field(description="Of this level or a higher one.")] = "blue"
    start: Start = "at_once"

    def fits_block(self, block: WarningInfo) -> bool:
        """True if this info block triggers the plan; not below `from_level`, and not an all-clear."""
        if block.over or block.level.rank < WarningLevel(self.from_level).rank:
            return False
        named = any(word.lower() in block.event.lower() for word in self.events)
        coded = any(code in self.codes for _, code in block.event_codes)
        return named or coded or not (self.events or self.codes)


class AlertTrigger(_Settings):
    """Open alerts of our own gauges begin it: rain bands, river stages. P1 to P4 are red to blue."""

    rules: Annotated[tuple[str, ...], Field(min_length=1, description="Rule ids.")]
    sites: Annotated[tuple[str, ...], Field(description="At these sites; at all when empty.")] = ()
    from_level: Annotated[Level, Field(description="Of this level or a higher one.")] = "blue"
    start: Start = "at_once"

    def fits(self, alert: Alert) -> bool:
        """True if this alert triggers the plan, whether open or not."""
        here = alert.key.rule in self.rules and (not self.sites or alert.key.site in self.sites)
        return here and LEVEL_OF[alert.priority].rank >= WarningLevel(self.from_level).rank


class _Step(_Settings):
    id: Id
    levels: Annotated[
        tuple[Level, ...], Field(min_length=1, description="At which levels it applies. Upgrades make the difference.")
    ] = ("blue", "yellow", "orange", "red")

    def applies(self, level: WarningLevel) -> bool:
        """True if the step applies at this level."""
        return level.value in self.levels


class TaskStep(_Step):
    """A task at each of the places, once however often the trigger comes."""

    do: Annotated[Literal["task"], Field(description="A task; what a step is when nothing is said.")] = "task"
    zh: Annotated[str, Field(min_length=1, description="Title in Chinese.")]
    en: Annotated[str, Field(min_length=1, description="Title in English.")]
    marks: Annotated[tuple[str, ...], Field(description="At every site and place with one of these marks.")] = ()
    places: Annotated[tuple[str, ...], Field(description="And at these sites and places, by id.")] = ()
    calls: Annotated[str, Field(description="Or a call list: one task for each grid in it, the entries to tick.")] = ""
    to: Annotated[
        str,
        Field(
            description="grid: the grid that owns the place; nearest: who is nearest and free; or a unit's id. "
            "A unit in which nobody works is passed over for the nearest."
        ),
    ] = "grid"
    checklist: Annotated[
        tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=50, description="What to do, to be ticked.")
    ] = ()
    skills: Annotated[
        tuple[str, ...], Field(description="Skills without which nobody is offered it; with `to: nearest`.")
    ] = ()
    only_alerting: Annotated[
        bool,
        Field(
            description="Where alerts begin the plan: only at sites that have such an alert themselves, at its level. "
            "By an order or a warning everywhere."
        ),
    ] = False
    photo: Annotated[bool, Field(description="No report without a picture (of the lock, of the inlet).")] = False
    priority: Annotated[Priority | None, Field(description="By the level (blue P4 ... red P1) when left out.")] = None
    every: Annotated[
        Duration | None, Field(description="Again after so long, while the plan is in force: a patrol.")
    ] = None

    @field_validator("every")
    @classmethod
    def _not_all_the_time(cls, every: timedelta | None) -> timedelta | None:
        if every is not None and every < timedelta(seconds=1):
            raise ValueError("it must be 1s or more")
        return every

    @model_validator(mode="after")
    def _somewhere(self) -> TaskStep:
        if bool(self.calls) == bool(self.marks or self.places):
            raise ValueError("give `marks` or `places`, or else `calls`")
        if self.skills and self.to != "nearest":
            raise ValueError("skills: belong to `to: nearest`; a grid's or a unit's people share its tasks themselves")
        return self

    def is_titled(self, title: str) -> bool:
        """True for the title of a task that this step has made, in whichever language."""
        return any(title == name or title.startswith(f"{name} · ") for name in (self.zh, self.en))


class NoticeStep(_Step):
    """A message on channels of `notices`, once."""

    do: Annotated[Literal["notice"], Field(description="A message.")]
    channels: Annotated[tuple[str, ...], Field(min_length=1, description="Ids of channels.")]
    to: Annotated[tuple[str, ...], Field(description="Telephone numbers, addresses or user names.")] = ()
    text: Annotated[
        str, Field(min_length=1, description="What is said; {plan}, {level} and {headline} stand for the facts.")
    ]


class PinStep(_Step):
    """Cameras that come first on the wall while the plan is in force."""

    do: Annotated[Literal["pin"], Field(description="Cameras first.")]
    marks: Annotated[tuple[str, ...], Field(description="Cameras of sites with one of these profiles.")] = ()
    sites: Annotated[tuple[str, ...], Field(description="And of these sites.")] = ()


def _what(step: Any) -> str:
    """The kind of the step; a task by default."""
    found = step.get("do", "task") if isinstance(step, Mapping) else getattr(step, "do", "task")
    return str(found)


STEP_KINDS = ("task", "notice", "pin")
PlanStep = Annotated[
    Annotated[TaskStep, Tag("task")] | Annotated[NoticeStep, Tag("notice")] | Annotated[PinStep, Tag("pin")],
    Discriminator(
        _what,
        custom_error_type="step_kind",
        custom_error_message="do: is none of task, notice, pin",
    ),
]


class PlanSettings(_Settings):
    """A plan: what begins it, and its steps. People with the right can begin and end every plan by order."""

    id: Id
    zh: Annotated[str, Field(min_length=1, description="Name in Chinese.")]
    en: Annotated[str, Field(min_length=1, description="Name in English.")]
    mode: Annotated[
        str, Field(description="Mode of the city that is on while the plan is in force; rules follow it (`in_mode`).")
    ] = ""
    warnings: Annotated[tuple[WarningTrigger, ...], Field(description="Official warnings that begin it.")] = ()
    alerts: Annotated[tuple[AlertTrigger, ...], Field(description="Open alerts that begin it.")] = ()
    order_level: Annotated[Level, Field(description="Level of an order that names none.")] = "red"
    when_cancelled: Annotated[
        AtTheEnd, Field(description="A Cancel ends it and cancels what nobody has started; keep: only an order does.")
    ] = "end"
    when_expired: Annotated[
        AtTheEnd, Field(description="The same when the warning expires or the alerts are over.")
    ] = "end"
    kind: Annotated[str, Field(description="Kind of its events in the category table.")] = "plan"
    steps: Annotated[tuple[PlanStep, ...], Field(min_length=1, description="What is done.")]

    @property
    def has_alerting_steps(self) -> bool:
        """True if its work depends on which sites alert."""
        return any(isinstance(step, TaskStep) and step.only_alerting for step in self.steps)

    @model_validator(mode="after")
    def _steps_once(self) -> PlanSettings:
        names = [step.id for step in self.steps]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"step ids must differ; {', '.join(twice)} stands there twice")
        return self


class PlanFile(_Settings):
    """What a plan file may hold."""

    plans: Annotated[tuple[PlanSettings, ...], Field(description="Plans.")] = ()
    places: Annotated[tuple[PlanPlace, ...], Field(description="Places that are no sites.")] = ()
    call_lists: Annotated[dict[str, CallList], Field(description="Call lists, by name.")] = Field(default_factory=dict)


class PlansSettings(PlanFile):
    """Plans, the places they know and whom to call; written here or in files of their own."""

    files: Annotated[
        tuple[Path, ...], Field(description="More plans, places and call lists: YAML files with the same settings.")
    ] = ()

    @property
    def tell(self) -> bool:
        """True if any plan sends notices."""
        return any(isinstance(step, NoticeStep) for plan in self.plans for step in plan.steps)

    def plan(self, plan_id: str) -> PlanSettings | None:
        """The plan with this id; None if there is none (any more)."""
        return next((plan for plan in self.plans if plan.id == plan_id), None)

    def skills_for(self, kind: str, title: str) -> frozenset[str]:
        """Skills of the task of this title in an event of this kind; none for one that no plan has made."""
        steps = (step for plan in self.plans if plan.kind == kind for step in plan.steps if isinstance(step, TaskStep))
        return frozenset(skill for step in steps if step.skills and step.is_titled(title) for skill in step.skills)

    def of_mode(self, mode: str) -> PlanSettings | None:
        """The plan that switches this mode on."""
        return next((plan for plan in self.plans if plan.mode == mode), None)
