"""The reference of config.yaml, generated from the settings themselves so that it is always true."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from data.config.accounts import AccountSettings, OidcSettings
from data.config.alarms import AlarmSettings, FlappingSettings, GroupingSettings, InhibitionSettings
from data.config.applications import ApplicationSettings, Bilingual, Response, SiteTemplate, TemplateTask
from data.config.audit import AuditSettings
from data.config.case_sources import CallOut, CallOutTo, CaseSource, PersonalField, PriorityMapping, TextField
from data.config.catalogue import Catalogue
from data.config.dispatch import AutomaticSettings, ClosureSettings, CostSettings, DispatchSettings
from data.config.drill import DrillLimits, DrillSettings
from data.config.fusion import FusedPlace, FusionSettings, SendSettings
from data.config.heartbeat import HeartbeatSettings
from data.config.inspections import (
    BeforeRain,
    ChecklistItem,
    HazardSettings,
    InspectedPlace,
    InspectionBook,
    InspectionSettings,
    InspectionType,
    Season,
)
from data.config.log import LogSettings
from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.config.plans import (
    AlertTrigger,
    Call,
    CallList,
    NoticeStep,
    PinStep,
    PlanPlace,
    PlanSettings,
    PlansSettings,
    TaskStep,
    WarningTrigger,
)
from data.config.settings import CaseSettings, ResponderSettings, Settings, SiteSettings
from data.config.store import StoreSettings
from data.config.web import WebSettings
from data.model.camera_health import HealthSettings
from data.model.category import Category
from data.model.durations import format_duration
from data.model.geo import Location
from data.model.live_recall import RecallSettings
from data.model.observing import ObservationSettings
from data.model.place import InferenceSettings
from data.model.recording import RecordingSettings
from data.model.secrets import Credentials
from data.model.zone import Zone
from data.ports.recipe import RecipeBase

HEAD = """# config.yaml, setting by setting

*Made by `make docs` from the settings' own descriptions.* Durations are written with their unit (`180s`, `3min`,
`2h`), places as `{lon, lat}` in WGS-84 degrees, zones in fractions of the picture, so that they hold for any
resolution. Relative paths start at the folder of config.yaml; `var:` in front of a path means the folder given by
`--var`. Passwords never stand in config.yaml: see *Credentials*.
"""


def _default(field: Any) -> str:
    if field.is_required():
        return "**required**"
    value = field.default_factory() if field.default_factory is not None else field.default
    return "" if value is PydanticUndefined else _written(value)


def _written(value: Any) -> str:
    if hasattr(value, "total_seconds"):
        return f"`{format_duration(value)}`"
    if isinstance(value, BaseModel):
        return "see there"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_bare(key)}: {_written(inner).strip('`')}" for key, inner in value.items())
        return f"`{{{pairs}}}`" if pairs else "none"
    if value is None or value in ((), ""):
        return "none"
    return f"`{_bare(value)}`"


def _bare(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list | frozenset):
        return f"[{', '.join(_bare(inner) for inner in value)}]"
    return str(value)


_NAMES = ("kind", "id")


def _table(model: type[BaseModel], names: Sequence[str] | None = None) -> str:
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name in names or model.model_fields:
        field = model.model_fields[name]
        description = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{name}` | {_default(field).replace('|', chr(92) + '|')} | {description} |")
    return "\n".join(rows)


def _kinds(title: str, kinds: Mapping[str, Callable[[], type[RecipeBase]]]) -> str:
    parts = [f"## {title}"]
    for kind in sorted(kinds):
        recipe = kinds[kind]()
        fields = recipe.model_fields
        # Required settings come first, whichever class declares them; the rest in order of declaration.
        names = sorted(fields, key=lambda name: (name not in _NAMES, not fields[name].is_required()))
        parts.append(f"### `{kind}`\n{(recipe.__doc__ or '').strip()}\n\n{_table(recipe, names)}")
    return "\n\n".join(parts)


def settings_markdown(catalogue: Catalogue) -> str:
    """The whole of docs/config.md."""
    plain: tuple[tuple[str, type[BaseModel]], ...] = (
        ("The file", Settings),
        ("`inference`", InferenceSettings),
        ("`accounts`", AccountSettings),
        ("`accounts.oidc`", OidcSettings),
        ("`recording`", RecordingSettings),
        ("`observations`", ObservationSettings),
        ("`drill`", DrillSettings),
        ("`drill.limits`", DrillLimits),
        ("`audit`", AuditSettings),
        ("`heartbeat`", HeartbeatSettings),
        ("`log`", LogSettings),
        ("`store`", StoreSettings),
        ("`web`", WebSettings),
        ("`alarms`", AlarmSettings),
        ("`alarms.flapping`", FlappingSettings),
        ("`alarms.inhibitions[]`", InhibitionSettings),
        ("`alarms.grouping`", GroupingSettings),
        ("`dispatch`", DispatchSettings),
        ("`cases`", CaseSettings),
        ("`case_sources[]`", CaseSource),
        ("`case_sources[].priority`", PriorityMapping),
        ("`case_sources[].description[]`", TextField),
        ("`case_sources[].personal[]`", PersonalField),
        ("`case_sources[].call_out[]`", CallOut),
        ("`case_sources[].call_out[].to[]`", CallOutTo),
        ("`dispatch.cost`", CostSettings),
        ("`dispatch.closures[]`", ClosureSettings),
        ("`dispatch.automatic`", AutomaticSettings),
        ("`sites[]`", SiteSettings),
        ("`sites[].zones[]`", Zone),
        ("`sites[].health`", HealthSettings),
        ("`sites[].live_recall`", RecallSettings),
        ("`fusion`", FusionSettings),
        ("`fusion.places[]`", FusedPlace),
        ("`fusion.places[].send[]`, `ask[]`", SendSettings),
        ("An application pack: `data/applications/<name>/*.yaml`", ApplicationSettings),
        ("A pack's `about`", Bilingual),
        ("A pack's `templates.<name>`", SiteTemplate),
        ("A pack's `templates.<name>.respond`", Response),
        ("A pack's `templates.<name>.respond.send[]`, `ask[]`", TemplateTask),
        ("A pack's `categories[]`", Category),
        ("A pack's `inspections`", InspectionBook),
        ("`inspections`", InspectionSettings),
        ("`inspections.types.<name>`", InspectionType),
        ("`inspections.types.<name>.checklist[]`", ChecklistItem),
        ("`inspections.types.<name>.checklist[].hazard`", HazardSettings),
        ("`inspections.types.<name>.seasons[]`", Season),
        ("`inspections.types.<name>.before_rain`", BeforeRain),
        ("`inspections.places[]`", InspectedPlace),
        ("`location`", Location),
        ("`responders[]`", ResponderSettings),
        ("`notices`", NoticeSettings),
        ("`notices.policies[]`", PolicySettings),
        ("`notices.policies[].steps[]`", StepSettings),
        ("`plans`", PlansSettings),
        ("`plans.plans[]`", PlanSettings),
        ("`plans.plans[].warnings[]`", WarningTrigger),
        ("`plans.plans[].alerts[]`", AlertTrigger),
        ("`plans.plans[].steps[]`, `do: task`", TaskStep),
        ("`plans.plans[].steps[]`, `do: notice`", NoticeStep),
        ("`plans.plans[].steps[]`, `do: pin`", PinStep),
        ("`plans.places[]`", PlanPlace),
        ("`plans.call_lists.<name>`", CallList),
        ("`plans.call_lists.<name>.calls[]`", Call),
    )
    parts = [HEAD.strip()]
    parts += [f"## {title}\n{(model.__doc__ or '').strip()}\n\n{_table(model)}" for title, model in plain]
    parts.append(
        "## Credentials\nIn `secrets.yaml` beside config.yaml (or the file that `YIPING_SECRETS` names), by name:\n"
        "`gate-cameras: {username: viewer, password: ...}`. Or in the environment:\n"
        f"`YIPING_CREDENTIALS_GATE_CAMERAS=viewer:...`. Keep the file readable by its owner only.\n\n"
        f"{_table(Credentials)}"
    )
    parts.append(_kinds("Monitors", catalogue.monitors))
    parts.append(_kinds("Detectors", catalogue.detectors))
    parts.append(_kinds("Rules", catalogue.rules))
    parts.append(_kinds("Channels", catalogue.channels))
    return "\n\n".join(parts) + "\n"
