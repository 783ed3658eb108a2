"""Before a drill: a folder of its own with a store of its own, which knows the people and the places of that night.

The city's store is opened for reading only. Nothing of it is changed, and nothing that could reach anybody is taken
along: no secrets, no channels of notices, no sign of life, no identity provider.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from alerts.lifecycle import raise_alert
from data.config.notices import NoticeSettings
from data.config.settings import Settings
from data.errors import InputRejected, NotFound
from data.local.drill_folder import NIGHT, write_told
from data.local.vault import FolderVault
from data.model.alert import CENTRE, Alert, Raised
from data.model.drill import Drill
from data.model.geo import Location
from data.model.organisation import Shift
from data.model.people import SYSTEM, FactorKind
from data.model.record import AuditEntry, Evidence
from data.model.secrets import Secrets
from data.ports.store import AlertQuery, Reader, Store, Writer
from data.sql.store import open_for_reading, open_store
from dispatch.drill_times import MOST_ALERTS, Response, responses
from dispatch.roster import COUNTS_FOR
from engine.drill.moved import moved
from engine.judging.outlet import publish_health
from engine.process.options import RunOptions
from engine.replay.passage import ObservationFiles, Passage
from engine.run import prepare

ACCOUNTS_KEY = Path("keys", "accounts.key")
_KNOWN_BEFORE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Night:
    """What the city's store tells of the recorded span."""

    responses: tuple[Response, ...]
    open_before: tuple[Alert, ...]


def drill_settings(settings: Settings) -> Settings:
    """The city's settings without anything that reaches out of the drill, and without what watches or records."""
    calls = settings.notices.roll_calls.model_copy(update={"channels": ()})
    return settings.model_copy(
        update={
            "config": "file",
            "name": f"【演练 DRILL】{settings.name}",
            "demo": False,
            "store": None,
            "notices": NoticeSettings(roll_calls=calls),
            "heartbeat": None,
            "accounts": settings.accounts.model_copy(update={"oidc": None}),
            "audit": type(settings.audit)(),
            "recording": settings.recording.model_copy(update={"enabled": False}),
            "cases": settings.cases.model_copy(update={"organisation": (), "categories": None}),
        }
    )


def passages_of(options: RunOptions, drill: Drill) -> list[Passage]:
    """What the rules of the city's sites were given in the span. Raises InputRejected where nothing is kept."""
    files = ObservationFiles(options.observations_dir)
    found = files.passages((site.id for site in options.settings.sites), drill.since, drill.until)
    if not found:
        raise InputRejected(f"no observations are kept from {drill.since.isoformat()} to {drill.until.isoformat()}")
    return found


def prepare_drill(options: RunOptions, drill: Drill, folder: Path) -> RunOptions:
    """Make the drill's folder; returns the options of its processes. It begins with `begin_drill`.

    Raises InputRejected where nothing is kept of the span, or the folder is there already; StoreClosed, OSError.
    """
    passages_of(options, drill)
    if folder.exists():
        raise InputRejected(f"{folder} is there already; a drill begins with a new folder")
    folder.mkdir(mode=0o700, parents=True)
    here = RunOptions(
        settings=drill_settings(options.settings),
        var_dir=folder.resolve(),
        base_dir=options.base_dir.resolve(),
        secrets=Secrets(),
        drill=drill,
    )
    write_told(folder / NIGHT, {"drill": None, "night": []})
    _copy_key(options.var_dir, folder)
    with closing(open_for_reading(options.store)) as city, closing(open_store(here.store)) as store:
        city.read(lambda reader: store.write(lambda writer: _copy_organisation(reader, writer)))
    prepare(here)
    return here


def begin_drill(options: RunOptions, here: RunOptions, drill: Drill) -> RunOptions:
    """Put in what there was when the span began, at `drill.began`; returns the options of what plays the span.

    `options`: the city's; `here`: as `prepare_drill` gave them. Raises InputRejected, StoreClosed, OSError.
    """
    watched = sorted({passage.site for passage in passages_of(options, drill)})
    with closing(open_for_reading(options.store)) as city, closing(open_store(here.store, migrate=False)) as store:
        night, positions, shifts = city.read(
            lambda reader: (_night(reader, drill), _positions(reader, drill), _shifts(reader, drill))
        )
        vault = FolderVault(options.evidence_dir)
        pictures = _pictures(city, vault, FolderVault(here.evidence_dir), night, drill)
        store.write(lambda writer: _begin(writer, here.settings, drill, night, pictures))
        store.write(lambda writer: _place(writer, drill, positions, shifts, watched))
    told = {"drill": drill.described(), "night": [one.described() for one in night.responses]}
    write_told(here.var_dir / NIGHT, told)
    return replace(here, drill=drill)


def _night(reader: Reader, drill: Drill) -> Night:
    known = AlertQuery(since=drill.since - _KNOWN_BEFORE, until=drill.since, limit=MOST_ALERTS)
    before = [
        one
        for one in reader.alerts(known)
        if one.raised_at <= drill.since and (one.ended_at is None or one.ended_at > drill.since) and _is_of_city(one)
    ]
    return Night(tuple(responses(reader, drill.since, drill.until)), tuple(before))


def _is_of_city(alert: Alert) -> bool:
    return alert.key.site != CENTRE


Pictures = dict[str, Evidence]
"""By the id that a picture has in the city, and in the drill: the same, since both are its SHA-256."""


def _pictures(city: Store, of_city: FolderVault, here: FolderVault, night: Night, drill: Drill) -> Pictures:
    """The pictures of that night's alerts, copied. One that is gone, or damaged, is left out."""
    named = [*(one.evidence for one in night.responses), *(one.evidence for one in night.open_before)]
    wanted = {name for name in named if name is not None}
    found: Pictures = {}
    for evidence in city.read(lambda reader: reader.evidence_of(sorted(wanted))):
        try:
            content = of_city.open(evidence)
        except NotFound:
            continue
        found[evidence.id] = here.keep(content, evidence.media_type, drill.at(evidence.at), evidence.origin)
    return found


def _copy_organisation(reader: Reader, writer: Writer) -> None:
    """People with their passwords and second factors, units, the category table."""
    for user in reader.users():
        writer.add_user(user)
        for factor in reader.factors(user.name):
            if factor.kind is not FactorKind.RECOVERY:  # each is used once: not here
                writer.add_factor(replace(factor, id=0))
    for unit in reader.units():
        writer.put_unit(replace(unit, version=0))
    for one in reader.categories():
        writer.put_category(one.category)


def _copy_key(city: Path, folder: Path) -> None:
    """The key by which second factors are sealed; of an installation that has none there is none to copy."""
    source, target = city / ACCOUNTS_KEY, folder / ACCOUNTS_KEY
    if source.is_file():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(0o600)


def _shifts(reader: Reader, drill: Drill) -> list[Shift]:
    """The roster of that night, at the drill's times."""
    found = reader.shifts(since=drill.since - COUNTS_FOR)
    return [replace(one, begins=drill.at(one.begins), ends=drill.at(one.ends), id=0) for one in found]


def _positions(reader: Reader, drill: Drill) -> dict[str, Location]:
    """Where everybody was when the span began."""
    found: dict[str, Location] = {}
    for one in reader.responders():
        track = [point for point in reader.track(one.id, 1, until=drill.since) if not point.doubt]
        if track:
            found[one.id] = track[0].location
    return found


def _begin(writer: Writer, settings: Settings, drill: Drill, night: Night, pictures: Pictures) -> None:
    """The alerts that were open when the span began, and the pictures of all of the night's."""
    for evidence in pictures.values():
        writer.add_evidence(evidence)
    configured = {site.id for site in settings.sites}
    for alert in night.open_before:
        if alert.key.site not in configured:
            continue
        raised = Raised(
            alert.key, alert.kind, alert.priority, drill.at(alert.started_at), drill.began, alert.label,
            alert.confidence, alert.xyxy, alert.value, alert.unit, dwell=moved(alert.dwell, drill.at),
        )  # fmt: skip
        raise_alert(writer, raised, pictures.get(alert.evidence or ""), drill.began, settings)


def _place(
    writer: Writer, drill: Drill, positions: dict[str, Location], shifts: list[Shift], watched: list[str]
) -> None:
    """Everybody where they were and on the shift that they had; every watched site live."""
    known = {one.id for one in writer.responders()}
    for name, place in positions.items():
        if name in known:
            writer.put_position(name, drill.began, place)
    for shift in shifts:
        writer.add_shift(shift)
    for site in watched:
        publish_health(writer, site, "live", "", drill.began)
    detail = {**drill.described(), "sites": watched}
    writer.record(AuditEntry(drill.began, SYSTEM.name, "", "begin_drill", "drill", detail))
