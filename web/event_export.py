"""An event with everything that it was decided by, in one signed ZIP that anybody can check without Yiping.

In it are the timeline (alerts, tasks, every step of people), the entries of the audit trail, clips and pictures, the
observations of the time, the settings that were in force (masked), a manifest with the SHA-256 of each file, its
Ed25519 signature by the key of the audit checkpoints, and `verify.py`, which checks all of it. Whoever asks gets what
they may see: nothing of sites that are hidden from their role, no picture of cameras that they may not watch.

It is written as it is sent: of a clip no more than a piece is ever in memory.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from data.config.settings import Settings
from data.errors import NotFound, YipingError
from data.local.checkpoint import STORED_AS, CheckpointKey
from data.local.observations import (
    FOLDER,
    block_name,
    block_subject,
    blocks,
    contents,
    digest,
    digests_told,
    excerpt,
    held,
    microseconds,
)
from data.local.vault import EvidenceDamaged
from data.model.alert import Alert
from data.model.clip import Clip, ClipState
from data.model.masking import MASK, SecretMask, secret_mask
from data.model.people import Action, Actor, User, may
from data.model.record import AuditEntry, Evidence
from data.model.secrets import Secrets
from data.model.task import Event, Task
from data.model.views import (
    alert_step_view,
    alert_view,
    audit_view,
    clip_view,
    event_view,
    evidence_view,
    iso,
    offer_view,
    step_view,
    task_view,
)
from data.ports.store import AlertQuery, EvidenceVault, Reader, Store
from dispatch.turns import tasks_of
from web import verify_export
from web.role_views import detail_seen, task_seen
from web.site_scope import GONE, SiteScope
from web.verify_export import AUDIT, KEY, MANIFEST, SIGNATURE, SIGNED_AS

EXPORT, EXPORTED = "export_event", "exported_event"
FORMAT = 1
MARGIN = timedelta(minutes=2)  # of observations, before the first and after the last of the event
_README = Path(__file__).with_name("templates") / "export_readme.txt"
_CHUNK = 256 * 1024
_MOST = 1000
_MOST_ENTRIES = 10_000
_SHORT = timedelta(minutes=10)  # a block: the rules' state at the beginning may stand in the one before
_NO_NUMBER = re.compile(r"[0-9a-f]{64}|\d{4}-\d\d-\d\dT[\d:.]+([+-]\d\d:\d\d|Z)")  # a hash; a time
_SHOWN = frozenset({"timezone", "datums", "alarms", "sites"})  # settings that judge; the others are of this machine
_DEVICES = frozenset(
    {"url", "address", "host", "topic", "headers", "body", "username", "credentials", "path", "script"}
)


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom it is, and what is hidden from them. `user` None: the command line on the server, which sees all."""

    actor: Actor
    user: User | None = None
    scope: SiteScope | None = None

    def hidden(self, settings: Settings) -> frozenset[str]:
        return frozenset() if self.user is None else settings.hidden_from(self.user.role)

    def unwatched(self, settings: Settings) -> frozenset[str]:
        return frozenset() if self.user is None else settings.cameras - settings.cameras_of(self.user)

    def seen(self, reader: Reader, document: dict[str, Any]) -> Any:
        """As REST would tell it. GONE where it is about a hidden site."""
        if self.scope is None:
            return document
        return self.scope.seen(document, self.scope.places(reader, frozenset(self.scope.references(document))))


@dataclass(frozen=True, slots=True)
class Found:
    """All that the store knows of it, for whoever asks."""

    event: Event
    alerts: Sequence[Alert]
    tasks: Sequence[Task]
    timeline: Mapping[str, Any]
    entries: Sequence[AuditEntry]
    clips: Sequence[Clip]
    pictures: Sequence[Evidence]
    settings: Sequence[tuple[str, Mapping[str, Any]]]
    checkpoint: Any
    sites: frozenset[str]
    unwatched: frozenset[str]
    since: datetime
    until: datetime
    not_in_it: Sequence[Mapping[str, str]] = ()


def look(
    reader: Reader, number: int, settings: Settings, *, file: Mapping[str, Any], asker: Asker, now: datetime
) -> Found:
    """`file`: config.yaml, in force where the store has no versions. Raises NotFound, also for a hidden site."""
    hidden, unwatched = asker.hidden(settings), asker.unwatched(settings)
    event = reader.event(number)
    if event.site in hidden:
        raise NotFound(f"no event {number}")
    tasks = [task for task in tasks_of(reader, number) if task.site not in hidden]
    alerts = list(reader.alerts(AlertQuery(event_id=number, hidden=hidden, limit=_MOST)))[::-1]
    sites = frozenset({event.site, *(alert.key.site for alert in alerts)} - {"", *hidden})
    since = min([event.opened_at, *(alert.started_at for alert in alerts)])
    ends = [event.closed_at, *(alert.ended_at for alert in alerts)]
    until = max((end or now for end in ends), default=now)
    left_out: list[Mapping[str, str]] = []
    clips = [clip for alert in alerts for clip in reader.clips_of_alert(alert.id)]
    for clip in clips:
        if clip.site in unwatched:
            left_out.append({"what": f"clip {iso(clip.since)}", "why": "of a camera that the asker may not watch"})
        elif clip.state is not ClipState.READY:
            left_out.append({"what": f"clip {iso(clip.since)}", "why": f"{clip.state.value} {clip.reason}".strip()})
    named = [event.photo, *(alert.evidence for alert in alerts), *(task.report_photo for task in tasks)]
    left_out += [
        {"what": f"observations of the camera of {site}", "why": "of a camera that the asker may not watch"}
        for site in sorted(unwatched & sites)
    ]
    pictures = _pictures(reader, named, sites, since, until)
    allowed = [one for one in pictures.values() if one.origin not in hidden | unwatched]
    left_out += [
        {"what": f"picture {one.id}", "why": "of a camera that the asker may not watch"}
        for one in pictures.values()
        if one.origin in unwatched - hidden
    ]
    subjects = [f"event:{number}", *(f"alert:{one.id}" for one in alerts), *(f"task:{one.id}" for one in tasks)]
    entries = _entries(reader, subjects, asker, left_out)
    told = _timeline(reader, event, alerts, tasks, asker.actor)
    told |= {"clips": [clip_view(one) for one in clips], "pictures": [evidence_view(one) for one in allowed]}
    timeline = asker.seen(reader, told)
    if timeline is GONE:
        raise NotFound(f"no event {number}")
    return Found(
        event=event,
        alerts=alerts,
        tasks=tasks,
        timeline=timeline,
        entries=entries,
        clips=[clip for clip in clips if clip.state is ClipState.READY and clip.site not in unwatched],
        pictures=allowed,
        settings=list(_settings(reader, secret_mask(settings, Secrets()), file, sites, (since, until))),
        checkpoint=reader.value(STORED_AS),
        sites=sites,
        unwatched=unwatched & sites,
        since=since,
        until=until,
        not_in_it=left_out,
    )


def _pictures(
    reader: Reader, named: Iterable[str | None], sites: frozenset[str], since: datetime, until: datetime
) -> dict[str, Evidence]:
    """Those that are named, and what was kept of these sites in the time."""
    found = {one.id: one for one in reader.evidence_of(sorted({one for one in named if one}))}
    for site in sorted(sites):
        found |= {one.id: one for one in reader.evidence_between(site, since - MARGIN, until + MARGIN, limit=_MOST)}
    return found


def _timeline(
    reader: Reader, event: Event, alerts: Sequence[Alert], tasks: Sequence[Task], actor: Actor
) -> dict[str, Any]:
    knows_reporter = actor.role is None or may(actor.role, Action.RECEIVE_EVENT)
    steps = {alert.id: [alert_step_view(one) for one in reader.alert_steps(alert.id)] for alert in alerts}
    whole = event_view(event) | {
        "reporter": dict(event.reporter) if knows_reporter else {},
        "steps": [step_view(one) for one in event.steps],
    }
    told_tasks = [
        task_seen(task_view(task), actor)
        | {
            "steps": [step_view(one) for one in task.steps],
            "offers": [offer_view(one) for one in reader.offers(task.id)],
        }
        for task in tasks
    ]
    lines = [{"of": f"event:{event.id}", **step} for step in whole["steps"]]
    lines += [{"of": f"alert:{number}", **step} for number, taken in steps.items() for step in taken]
    lines += [{"of": f"task:{task['id']}", **step} for task in told_tasks for step in task["steps"]]
    return {
        "event": whole,
        "alerts": [alert_view(alert) | {"steps": steps[alert.id]} for alert in alerts],
        "tasks": told_tasks,
        "timeline": sorted(lines, key=lambda one: str(one.get("at", ""))),
    }


def _entries(
    reader: Reader, subjects: Iterable[str], asker: Asker, left_out: list[Mapping[str, str]]
) -> list[AuditEntry]:
    """Told whole or not at all: of a part of one nobody could compute its hash."""
    found = {entry.seq: entry for name in subjects for entry in reader.audit(subject=name, limit=_MOST_ENTRIES)}
    told = []
    for seq in sorted(found):
        view = audit_view(found[seq])
        if _holds_numbers(view["detail"], asker.actor):
            left_out.append({"what": f"entry {seq} of the audit trail", "why": "it holds numbers of people"})
        elif asker.seen(reader, view) == view:
            told.append(found[seq])
    return told


def _holds_numbers(value: Any, actor: Actor) -> bool:
    """Telephone numbers or addresses that this actor may not see. Keys of alerts, hashes and times are none."""
    if isinstance(value, Mapping):
        return any(name != "key" and _holds_numbers(inner, actor) for name, inner in value.items())
    if isinstance(value, list | tuple):
        return any(_holds_numbers(one, actor) for one in value)
    if not isinstance(value, str) or _NO_NUMBER.fullmatch(value):
        return False
    return bool(detail_seen({"": value}, actor)[""] != value)


def _settings(
    reader: Reader, mask: SecretMask, file: Mapping[str, Any], sites: frozenset[str], span: tuple[datetime, datetime]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The version in force at the beginning, and those that came until the end; or those of config.yaml."""
    newest = reader.newest_settings()
    if not newest:
        yield "settings/config.json", {"version": None, "document": mask.within(_of_sites(file, sites))}
        return
    for number in range(newest, 0, -1):
        try:
            version = reader.settings_version(number)
        except NotFound:
            continue
        if version.at > span[1]:
            continue
        told = {"version": number, "at": iso(version.at), "who": version.who, "sha256": version.hash}
        yield (
            f"settings/version-{number}.json",
            told | {"document": mask.within(_of_sites(json.loads(version.document), sites))},
        )
        if version.at <= span[0]:
            return


def _of_sites(document: Mapping[str, Any], sites: frozenset[str]) -> dict[str, Any]:
    """What the rules of these sites were judged by, without the addresses of devices."""
    kept = {name: value for name, value in document.items() if name in _SHOWN}
    kept["sites"] = [site for site in document.get("sites") or () if site.get("id") in sites]
    return dict(_without_devices(kept))


def _without_devices(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: MASK if name in _DEVICES else _without_devices(inner) for name, inner in value.items()}
    return [_without_devices(one) for one in value] if isinstance(value, list | tuple) else value


# ---- the ZIP

_Content = tuple[str, Iterable[bytes], str]
"""Name, pieces, and the SHA-256 that it was kept by, where there is one."""


class _Sent:
    """What a ZIP is written into that goes out at once: it cannot seek, and gives away what it has."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, content: bytes) -> int:
        self._waiting += content
        return len(content)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def take(self) -> bytes:
        content = bytes(self._waiting)
        self._waiting.clear()
        return content

    @property
    def is_much(self) -> bool:
        return len(self._waiting) >= _CHUNK


@dataclass(slots=True)
class EventExport:
    """`pieces` gives the ZIP, once; then `manifest_digest` is the SHA-256 of its manifest.

    `var_dir`: of keys and observations. `version`: of this program.
    """

    found: Found
    store: Store
    vault: EvidenceVault
    var_dir: Path
    version: str
    asker: Asker
    now: datetime
    manifest_digest: str = ""
    _files: dict[str, dict[str, Any]] = field(default_factory=dict)
    _left_out: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"yiping-event-{self.found.event.id}-{self.now:%Y%m%dT%H%M%SZ}.zip"

    def pieces(self) -> Iterator[bytes]:
        """Raises StoreClosed where there is no key to sign with; what is gone from the disk the manifest names."""
        key = CheckpointKey(self.var_dir)
        public = key.public
        self._left_out += self.found.not_in_it
        sent = _Sent()
        with zipfile.ZipFile(sent, "w", allowZip64=True) as archive:
            for one in self._contents(public):
                yield from self._add(archive, sent, one)
            manifest = self._manifest(public)
            self.manifest_digest = hashlib.sha256(manifest).hexdigest()
            for name, content in ((MANIFEST, manifest), (SIGNATURE, key.sign_bytes(SIGNED_AS + manifest).encode())):
                archive.writestr(self._entry(name), content)
        yield sent.take()

    def _contents(self, public: str) -> Iterator[_Content]:
        found = self.found
        yield "verify.py", [Path(verify_export.__file__).read_bytes()], ""
        yield "README.txt", [_README.read_bytes()], ""
        yield KEY, [f"{public}\n".encode()], ""
        yield "timeline.json", [_json(found.timeline)], ""
        yield AUDIT, [_line(entry) for entry in found.entries], ""
        yield "checkpoint.json", [_json(found.checkpoint)], ""
        for name, told in found.settings:
            yield name, [_json(told)], ""
        for picture in found.pictures:
            yield from self._picture(picture)
        seen = set()
        for clip in found.clips:
            if clip.sha256 and clip.sha256 not in seen:
                seen.add(clip.sha256)
                yield from self._clip(clip)
        yield from self._observations()

    def _picture(self, picture: Evidence) -> Iterator[_Content]:
        suffix = Path(picture.path).suffix
        try:
            yield f"pictures/{picture.id}{suffix}", [self.vault.open(picture)], picture.id
        except NotFound as error:
            damaged = isinstance(error, EvidenceDamaged)
            self._left_out.append({"what": f"picture {picture.id}", "why": "was changed" if damaged else "is gone"})

    def _clip(self, clip: Clip) -> Iterator[_Content]:
        """Also one that was changed on the disk: the manifest says so."""
        sha256 = clip.sha256 or ""
        try:
            path = self.vault.clip_path(sha256, clip.path)
            file = path.open("rb")
        except (OSError, NotFound):
            self._left_out.append({"what": f"clip {sha256}", "why": "is gone"})
            return
        with file:
            yield f"clips/{sha256}.mp4", iter(lambda: file.read(_CHUNK), b""), sha256

    def _observations(self) -> Iterator[_Content]:
        """Of each block of the time the lines of these sites, as a block of its own."""
        folder = self.var_dir / FOLDER
        first, last = microseconds(self.found.since - MARGIN - _SHORT), microseconds(self.found.until + MARGIN)
        sources = []
        for path in blocks(folder):
            try:
                known = contents(path)
                streams = frozenset(one for one in known.streams if self._is_told(one))
                if not held(known.streams, streams, first, last):
                    continue
                name, sha256, content = block_name(folder, path), digest(path), excerpt(path, streams)
            except (OSError, YipingError) as error:
                self._left_out.append({"what": f"observations {path.name}", "why": str(error)})
                continue
            entries = self.store.read(lambda reader, n=name: reader.audit(subject=block_subject(n)))  # type: ignore[misc]
            as_kept = sha256 in digests_told(entries) if entries else None
            sources.append({"block": name, "sha256": sha256, "as_kept": as_kept})
            yield f"observations/{name}.kept", [content], ""
        yield "observations.json", [_json({"sites": sorted(self.found.sites), "blocks": sources})], ""

    def _is_told(self, stream: str) -> bool:
        site, _, kind = stream.rpartition(".")
        return site in self.found.sites and not (kind == "camera" and site in self.found.unwatched)

    def _add(self, archive: zipfile.ZipFile, sent: _Sent, one: _Content) -> Iterator[bytes]:
        name, pieces, kept_as = one
        sha256, size = hashlib.sha256(), 0
        with archive.open(self._entry(name), "w", force_zip64=True) as file:
            for piece in pieces:
                sha256.update(piece)
                size += len(piece)
                file.write(piece)
                if sent.is_much:
                    yield sent.take()
        self._files[name] = {"sha256": sha256.hexdigest(), "size": size} | ({"kept_as": kept_as} if kept_as else {})
        yield sent.take()

    def _entry(self, name: str) -> zipfile.ZipInfo:
        at = self.now
        entry = zipfile.ZipInfo(name, (at.year, at.month, at.day, at.hour, at.minute, at.second))
        packed = name.startswith(("clips/", "pictures/", "observations/"))
        entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        return entry

    def _manifest(self, public: str) -> bytes:
        found, actor = self.found, self.asker.actor
        return _json({
            "format": FORMAT,
            "what": "an event exported by Yiping",
            "event": found.event.id,
            "sites": sorted(found.sites),
            "since": iso(found.since),
            "until": iso(found.until),
            "made_at": iso(self.now),
            "made_by": actor.name,
            "role": "" if actor.role is None else actor.role.value,
            "version": self.version,
            "public_key": public,
            "scope": "what the role of whoever made it may see",
            "not_in_it": self._left_out,
            "files": self._files,
        })  # fmt: skip


def begun(export: EventExport) -> AuditEntry:
    """For the audit trail, before the first byte goes out. Raises StoreClosed where there is no key to sign with."""
    found, key = export.found, CheckpointKey(export.var_dir).public
    return _entry_of(EXPORT, export, {"clips": len(found.clips), "pictures": len(found.pictures), "key": key})


def ended(export: EventExport) -> AuditEntry:
    """For the audit trail, once all of it has gone out: by this a ZIP can be found in the trail."""
    return _entry_of(EXPORTED, export, {"manifest": export.manifest_digest})


def _entry_of(action: str, export: EventExport, detail: Mapping[str, Any]) -> AuditEntry:
    actor = export.asker.actor
    role = "" if actor.role is None else actor.role.value
    return AuditEntry(export.now, actor.name, role, action, f"event:{export.found.event.id}", detail)


def _line(entry: AuditEntry) -> bytes:
    told = asdict(entry) | {"at": entry.at.isoformat(), "detail": dict(entry.detail)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
