"""config.yaml as objects. Every setting has a description, from which `docs/config.md` and the set-up page are made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, WithJsonSchema, field_validator, model_validator

from data.config.accounts import AccountSettings
from data.config.alarms import AlarmSettings
from data.config.applications import ApplicationSettings
from data.config.audit import AuditSettings
from data.config.case_sources import CaseSource
from data.config.dispatch import DispatchSettings
from data.config.drill import DrillSettings
from data.config.fusion import FusionSettings
from data.config.heartbeat import HeartbeatSettings
from data.config.inspections import InspectionSettings
from data.config.log import LogSettings
from data.config.notices import NoticeSettings
from data.config.plans import PlansSettings
from data.config.store import StoreSettings
from data.config.vehicles import VehicleSettings
from data.config.web import WebSettings
from data.model.camera_health import HealthSettings
from data.model.desk import DeskSettings
from data.model.durations import Duration
from data.model.geo import ConfiguredLocation
from data.model.live_recall import RecallSettings
from data.model.observing import ObservationSettings
from data.model.people import Role, User
from data.model.place import InferenceSettings, Place
from data.model.recording import RecordingSettings
from data.model.watching import WatchSettings, is_limited_by_visible_to, watched_by
from data.ports.recipe import DetectorRecipe, MonitorRecipe, RuleRecipe


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SiteSettings(Place):
    """A place that is watched: by what, for what, and what is alarming there."""

    template: Annotated[
        str, Field(description="A template of one of the `applications`: what it says, the site has.")
    ] = ""
    monitor: Annotated[SerializeAsAny[MonitorRecipe] | None, Field(description="The site's camera or sensor.")] = None
    monitors: Annotated[
        tuple[SerializeAsAny[MonitorRecipe], ...],
        Field(description="More sensors of the same site; at most one of all may be a camera."),
    ] = ()
    detectors: Annotated[
        tuple[SerializeAsAny[DetectorRecipe], ...], Field(description="What is looked for in the camera's pictures.")
    ] = ()
    rules: Annotated[tuple[SerializeAsAny[RuleRecipe], ...], Field(description="What is alarming here.")] = ()
    visible_to: Annotated[
        tuple[Role, ...],
        Field(
            description="Roles that may know of this site: its place, readings, alerts, events, pictures. Whoever "
            "may look at all, when left out. Administrators always may, and whoever has a task there sees that task."
        ),
    ] = ()
    health: Annotated[
        HealthSettings,
        Field(description="When the camera itself is alarming: lost, black, frozen, covered, moved."),
    ] = HealthSettings()
    live_recall: Annotated[
        RecallSettings,
        Field(description="When the camera cannot see people or vehicles, tried with canary targets."),
    ] = RecallSettings()

    def is_hidden_from(self, role: Role) -> bool:
        """True if people of this role may not know of the site."""
        return bool(self.visible_to) and role not in self.visible_to and is_limited_by_visible_to(role)

    @property
    def all_monitors(self) -> tuple[MonitorRecipe, ...]:
        return (*((self.monitor,) if self.monitor is not None else ()), *self.monitors)

    @property
    def camera(self) -> MonitorRecipe | None:
        """The one monitor that gives frames."""
        return next((m for m in self.all_monitors if m.gives == "frames"), None)

    @property
    def sensors(self) -> tuple[MonitorRecipe, ...]:
        """The monitors that give readings, positions of vehicles or official warnings."""
        return tuple(m for m in self.all_monitors if m.gives != "frames")

    @property
    def place(self) -> Place:
        """The site without its recipes."""
        return Place(**{name: getattr(self, name) for name in Place.model_fields})

    @model_validator(mode="after")
    def _one_camera_and_names_once(self) -> SiteSettings:
        cameras = [m.kind for m in self.all_monitors if m.gives == "frames"]
        if len(cameras) > 1:
            raise ValueError(f"a site has one camera, this one has {len(cameras)} ({', '.join(cameras)})")
        monitors = [monitor.name for monitor in self.all_monitors]
        alike = sorted({name for name in monitors if monitors.count(name) > 1})
        if alike:
            raise ValueError(f"give an `id` to the monitors called {', '.join(alike)}: readings are kept by that name")
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rule ids must differ at one site; give an `id` to the rules called {', '.join(twice)}")
        for taken in ("camera_health", "live_recall"):
            if taken in names:
                raise ValueError(f"rule id {taken} is taken by the camera's own alerts; give the rule another `id`")
        return self


class ResponderSettings(_Settings):
    """Somebody who can be sent."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Short name, also the login name.")]
    name: Annotated[str, Field(description="Name shown on the screens.")]
    team: Annotated[str, Field(description="Grid member, drainage crew, traffic police, ...")] = ""
    grid: Annotated[str, Field(description="Home grid code.")] = ""
    skills: Annotated[tuple[str, ...], Field(description="What they may and can do.")] = ()
    phone: Annotated[str, Field(description="Telephone number.")] = ""
    travel: Annotated[Literal["walk", "e-bike", "car"], Field(description="How they move.")] = "walk"
    on_shift: Annotated[bool, Field(description="Can they be sent now?")] = True
    location: Annotated[ConfiguredLocation | None, Field(description="Where they are until their phone says more.")] = (
        None
    )


class CaseSettings(_Settings):
    """Events: the organisation, the category table, working time, recurrence."""

    organisation: Annotated[
        tuple[Path, ...],
        Field(description="Units and shifts to begin with: YAML, CSV or GeoJSON files. Edited on the screen later."),
    ] = ()
    categories: Annotated[
        Path | None, Field(description="YAML table of event kinds to begin with: conditions, limits, sections, leads.")
    ] = None
    country: Annotated[
        str, Field(description="Country code of the public holidays and make-up days; empty: Monday to Friday.")
    ] = "CN"
    working_hours: Annotated[
        tuple[tuple[time, time], ...], Field(min_length=1, description="From, to on the wall clock, in order.")
    ] = ((time(9), time(12)), (time(13, 30), time(17, 30)))
    recurrence_within: Annotated[
        Duration, Field(description="An event of the same kind that ended so recently is taken up again.")
    ] = timedelta(days=7)
    recurrence_radius_m: Annotated[
        float, Field(ge=0, le=5000, description="So near, in metres, it is the same place.")
    ] = 50.0
    reports_per_hour: Annotated[
        int, Field(ge=1, le=10_000, description="Citizens' reports taken from one address in an hour (Open311).")
    ] = 20
    photos_per_hour: Annotated[
        int, Field(ge=1, le=100_000, description="Reports with photos taken from one person in an hour.")
    ] = 120
    reads_per_minute: Annotated[
        int,
        Field(ge=1, le=100_000, description="Questions about citizens' reports answered to one address in a minute."),
    ] = 60

    @field_validator("working_hours")
    @classmethod
    def _in_order(cls, hours: tuple[tuple[time, time], ...]) -> tuple[tuple[time, time], ...]:
        moments = [moment for span in hours for moment in span]
        if moments != sorted(set(moments)):
            raise ValueError("working hours must rise: from before to, and each span after the one before")
        return hours


class Settings(_Settings):
    """The whole config.yaml."""

    config: Annotated[
        Literal["file", "screen"],
        Field(
            description="Where the settings are changed. file: in this file, which is read at the start. screen: on "
            "the page Set-up and by REST, without a restart; this file is read into the store once, and afterwards "
            "only its keys of the machine count (docs/operations.md)."
        ),
    ] = "file"
    name: Annotated[str, Field(description="Name of the district, shown on the screens.")] = "Yiping 一屏"
    demo: Annotated[bool, Field(description="This is the demo city: simulate responders, mark screens 演示.")] = False
    timezone: Annotated[str, Field(description="IANA time zone of the screens, e.g. Asia/Shanghai.")] = "UTC"
    language: Annotated[Literal["zh", "en"], Field(description="Language of the screens at first sight.")] = "zh"
    applications: Annotated[
        tuple[ApplicationSettings, ...],
        WithJsonSchema({"type": "array", "items": {"type": "string"}}),
        Field(
            description="Application packs: names of folders under data/applications, or paths of folders of your own "
            "beside this file, as in `[septic_tanks, ./packs/our-own]` (docs/applications.md)."
        ),
    ] = ()
    inference: Annotated[InferenceSettings, Field(description="How pictures are looked at.")] = InferenceSettings()
    dispatch: Annotated[DispatchSettings, Field(description="Offers and their time limits.")] = DispatchSettings()
    datums: Annotated[
        dict[str, dict[str, float]],
        Field(
            description="Offsets between vertical datums, metres: `{yellow_sea: {wusong: 1.64}}` where 181.00 above "
            "Yellow Sea is 182.64 above Wusong. A level is held against a limit of another datum only with its offset."
        ),
    ] = Field(default_factory=dict)
    notices: Annotated[NoticeSettings, Field(description="Who is told of alerts besides the screen.")] = (
        NoticeSettings()
    )
    alarms: Annotated[
        AlarmSettings, Field(description="The life of alerts: repeats, shelves, flapping, inhibition.")
    ] = AlarmSettings()
    desks: Annotated[
        tuple[DeskSettings, ...],
        Field(description="Operators' desks 席位; without any, everybody looks after everything."),
    ] = ()
    watch: Annotated[
        tuple[WatchSettings, ...],
        Field(description="Who may watch which cameras; without any, whoever may look watches them all."),
    ] = ()
    district_codes: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(\d{2,15}|[A-Za-z0-9_.-]{1,40}:\S{1,40})$")], ...],
        Field(
            description="Codes of the district in official warnings: GB/T 2260 (`500105`), of another scheme with its "
            "name (`UGC:TXZ192`). By the codes of the grids when left out."
        ),
    ] = ()
    base_map: Annotated[
        Path | None, Field(description="Folder of GeoJSON drawn under the map: roads, river, blocks. No foreign tiles.")
    ] = None
    workers: Annotated[int | None, Field(ge=1, le=256, description="Camera processes; one per core when left out.")] = (
        None
    )
    cases: Annotated[
        CaseSettings, Field(description="Events: organisation, kinds of events, working time, recurrence.")
    ] = CaseSettings()
    case_sources: Annotated[
        tuple[CaseSource, ...],
        Field(description="Other systems whose messages become events (docs/case-sources.md)."),
    ] = ()
    plans: Annotated[
        PlansSettings, Field(description="Plans: what is done when a warning comes, a river rises, an order is given.")
    ] = PlansSettings()
    inspections: Annotated[
        InspectionSettings, Field(description="Inspections 巡查: which places, how often, what is looked at.")
    ] = InspectionSettings()
    fusion: Annotated[
        FusionSettings, Field(description="Which streams are evidence for each other, and what follows.")
    ] = FusionSettings()
    accounts: Annotated[AccountSettings, Field(description="How people log in: second factors.")] = AccountSettings()
    recording: Annotated[
        RecordingSettings, Field(description="Video of the cameras: the newest minutes, and clips of alerts.")
    ] = RecordingSettings()
    observations: Annotated[
        ObservationSettings, Field(description="What the rules were given, kept so that it can be replayed.")
    ] = ObservationSettings()
    drill: Annotated[DrillSettings, Field(description="Drills 演练: limits of the score, virtual responders.")] = (
        DrillSettings()
    )
    vehicles: Annotated[
        VehicleSettings, Field(description="Positions of vehicles: how long tracks are kept, what counts as a repeat.")
    ] = VehicleSettings()
    audit: Annotated[AuditSettings, Field(description="Signed checkpoints of the audit trail.")] = AuditSettings()
    web: Annotated[WebSettings, Field(description="How browsers reach the server: names, proxy, limits.")] = (
        WebSettings()
    )
    log: Annotated[LogSettings, Field(description="How the log is written.")] = LogSettings()
    store: Annotated[
        StoreSettings | None,
        Field(description="The database; SQLite in the folder `--var` when left out (docs/operations.md, PostgreSQL)."),
    ] = None
    heartbeat: Annotated[
        HeartbeatSettings | None, Field(description="A sign of life to a service outside; none when left out.")
    ] = None
    sites: Annotated[tuple[SiteSettings, ...], Field(description="What is watched.")] = ()
    responders: Annotated[tuple[ResponderSettings, ...], Field(description="Who can be sent.")] = ()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {name!r}; write an IANA name such as Asia/Shanghai") from error
        return name

    @property
    def zone_info(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def cameras(self) -> frozenset[str]:
        """Sites with a camera."""
        return frozenset(site.id for site in self.sites if site.camera is not None)

    def cameras_of(self, user: User) -> frozenset[str]:
        """Sites whose cameras this user may watch."""
        seen = self.cameras - self.hidden_from(user.role)
        return watched_by(self.watch, user, seen)

    def hidden_from(self, role: Role) -> frozenset[str]:
        """Sites of which people of this role may not know."""
        return frozenset(site.id for site in self.sites if site.is_hidden_from(role))

    def seen_by(self, role: Role) -> Settings:
        """These settings with only the sites of which people of this role may know; for the screens."""
        hidden = self.hidden_from(role)
        if not hidden:
            return self
        return self.model_copy(update={"sites": tuple(site for site in self.sites if site.id not in hidden)})

    def site(self, site_id: str) -> SiteSettings:
        """Raises KeyError when there is no such site."""
        sites, by_id = self._by_id
        if sites is not self.sites:  # a copy with other sites, which took over what the original had in mind
            del self.__dict__["_by_id"]
            _, by_id = self._by_id
        return by_id[site_id]

    @cached_property
    def _by_id(self) -> tuple[tuple[SiteSettings, ...], Mapping[str, SiteSettings]]:
        """The sites that it is of, too. To search 2,000 sites for each of 2,000 takes seconds."""
        return self.sites, {site.id: site for site in self.sites}
