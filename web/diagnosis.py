"""What is wrong with the system itself, part by part, each fault with the key of its repair.

Read by the page Health, by `GET /api/v1/health`, by `/readyz` and by `app.py doctor`; the texts stand in
`layouts.words_health`. It looks at the store, at the files of the running processes and at the disk, and changes
nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError

from data.config.heartbeat import LAST_HEARTBEAT
from data.config.settings import Settings
from data.errors import YipingError
from data.local.meters import read_meters
from data.model.alert import CENTRE
from data.model.people import ENDED_SESSIONS_KEPT, Session
from data.ports.store import AlertQuery, Reader, Store
from data.stored.recording_gaps import gaps_of
from data.stored.settings_versions import InForce
from dispatch.handovers import overdue
from web.health import past_health

SLOW_STORE_S = 0.5
LEAST_FREE = 2 * 1024**3  # bytes; a day of evidence of a district, about
FULL = 500 * 1024**2
SPOOL_AGE_S = 60.0
MANY_WAITING = 100  # files in the inbox
LATE = timedelta(seconds=30)
CERTIFICATE_SOON = timedelta(days=14)
TOKEN_SOON = timedelta(days=7)
MOST_TOKENS = 50
HEARTBEAT_LATE = timedelta(minutes=10)
MANY_RESTARTS = 5
SERVER_FULL = 0.8  # of a database server's connections
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class State(StrEnum):
    """How one part is."""

    OK = "ok"
    WARN = "warn"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part and how it is. `key`: of its text `health.<key>` and, unless it is well, of `repair.<key>`."""

    part: str
    state: State
    key: str
    values: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)


def diagnose(
    settings: Settings,
    store: Store,
    var_dir: Path,
    now: datetime,
    certificate: Path | None = None,
    *,
    in_force: InForce | None = None,
) -> tuple[Finding, ...]:
    """Every part, faults first. Blocks: run it in a thread. `in_force`: where settings are versions in the store."""
    found = [*_processes(var_dir / "run"), *_disk(var_dir), *_waiting(var_dir), *_certificate(certificate, now)]
    found += _settings(in_force)
    began_s = time.monotonic()
    try:
        found += store.read(lambda reader: list(_stored(reader, settings, now)))
        took_s = time.monotonic() - began_s
        key, state = ("store_slow", State.WARN) if took_s > SLOW_STORE_S else ("store", State.OK)
        found.append(Finding("store", state, key, {"ms": round(1000 * took_s)}))
    except (YipingError, SQLAlchemyError, OSError):
        found.append(Finding("store", State.FAULT, "store_away"))
    order = (State.FAULT, State.WARN, State.OK)
    return tuple(sorted(found, key=lambda one: order.index(one.state)))


def _settings(in_force: InForce | None) -> Iterator[Finding]:
    if in_force is None or in_force.settings.config == "file":
        return
    values = {"version": in_force.version, "newest": in_force.newest, "reason": in_force.trouble}
    if in_force.trouble:
        yield Finding("settings", State.WARN, "settings_unreadable", values)
    else:
        yield Finding("settings", State.OK, "settings", {"version": in_force.version})


def is_ready(findings: tuple[Finding, ...]) -> bool:
    """Can it do its work? A dead camera is no reason to take a server out of service."""
    return not any(one.state is State.FAULT and one.part in {"store", "disk", "process", "timers"} for one in findings)


def _processes(run_dir: Path) -> Iterator[Finding]:
    files = sorted(run_dir.glob("*.pid"))
    if not files:
        yield Finding("process", State.FAULT, "not_running")
        return
    dead = [file.stem for file in files if not _is_alive(file)]
    for name in dead:
        yield Finding("process", State.FAULT, "process_dead", {"name": name})
    restarts = read_meters(run_dir).get("supervisor", {}).get("counters", {}).get("yiping_child_restarts_total", {})
    for labels, count in restarts.items():
        if count >= MANY_RESTARTS:
            name = json.loads(labels).get("child", "?")
            yield Finding("process", State.WARN, "process_restarts", {"name": name, "n": int(count)})
    yield Finding("process", State.OK, "processes", {"n": len(files) - len(dead)})


def _is_alive(file: Path) -> bool:
    try:
        os.kill(int(file.read_text(encoding="utf-8")), 0)
    except PermissionError:
        return True
    except ValueError:
        return True  # written half, as on a full disk: that says nothing about the process
    except OSError:
        return False
    return True


def _disk(var_dir: Path) -> Iterator[Finding]:
    try:
        free = shutil.disk_usage(var_dir).free
    except OSError:
        yield Finding("disk", State.FAULT, "disk_away", {"folder": str(var_dir)})
        return
    values = {"free": round(free / 1024**3, 1)}
    if free < FULL:
        yield Finding("disk", State.FAULT, "disk_full", values)
    elif free < LEAST_FREE:
        yield Finding("disk", State.WARN, "disk_low", values)
    else:
        yield Finding("disk", State.OK, "disk", values)


def _waiting(var_dir: Path) -> Iterator[Finding]:
    """What the store has not taken yet: signals of workers in the spool, readings of gauges in the inbox."""
    ages = waiting_ages_s(var_dir / "spool")
    if ages and max(ages) > SPOOL_AGE_S:
        yield Finding("queues", State.WARN, "spool_old", {"n": len(ages), "s": round(max(ages))})
    waiting = sum(1 for file in _files(var_dir / "inbox") if file.suffix == ".json")
    if waiting > MANY_WAITING:
        yield Finding("queues", State.WARN, "inbox_full", {"n": waiting})
    if not ages and waiting <= MANY_WAITING:
        yield Finding("queues", State.OK, "queues", {"n": waiting})


def waiting_ages_s(folder: Path) -> list[float]:
    """Ages of the files there that hold something, seconds."""
    return [age for file in _files(folder) if (age := _age_s(file)) is not None]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _age_s(file: Path) -> float | None:
    """Since it was last written, seconds; None when it is empty or has just gone."""
    try:
        known = file.stat()
    except OSError:
        return None
    return time.time() - known.st_mtime if known.st_size else None


def _certificate(file: Path | None, now: datetime) -> Iterator[Finding]:
    if file is None:
        return
    try:
        ends = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        yield Finding("certificate", State.FAULT, "certificate_unreadable", {"file": file.name})
        return
    values = {"day": f"{ends:%Y-%m-%d}", "n": max(0, (ends - now).days)}
    if ends <= now:
        yield Finding("certificate", State.FAULT, "certificate_over", values)
    elif ends - now < CERTIFICATE_SOON:
        yield Finding("certificate", State.WARN, "certificate_soon", values)
    else:
        yield Finding("certificate", State.OK, "certificate", values)


def _stored(reader: Reader, settings: Settings, now: datetime) -> Iterator[Finding]:
    yield from _devices(reader, settings, now)
    late = reader.timers_due(now - LATE, limit=1)
    if late:
        yield Finding("timers", State.FAULT, "timers_late", {"s": round((now - late[0].due_at).total_seconds())})
    else:
        yield Finding("timers", State.OK, "timers")
    for alert in reader.alerts(AlertQuery(site=CENTRE, open_only=True, limit=20)):
        yield Finding("alarm", State.WARN, "alarm", {"kind": alert.kind, "what": alert.label, "n": alert.id})
    yield from _handover(reader, settings, now)
    yield from _server(reader)
    yield from _page_checksums(reader)
    yield from _heartbeat(reader, settings, now)
    yield from _tokens(reader, now)


def _handover(reader: Reader, settings: Settings, now: datetime) -> Iterator[Finding]:
    late = overdue(reader, now, settings.dispatch.handover_late_after)
    if late is not None:
        values = {"at": f"{late.change.astimezone(settings.zone_info):%m-%d %H:%M}"}
        yield Finding("handover", State.WARN, f"handover_{late.missing}", values)


def _server(reader: Reader) -> Iterator[Finding]:
    """A server that has no connection left refuses the next process that begins."""
    server = reader.server_state()
    if server is None:
        return
    values = {"version": server.version, "name": server.database, "n": server.connections, "limit": server.limit}
    if server.connections > SERVER_FULL * server.limit:
        yield Finding("server", State.WARN, "server_full", values)
    else:
        yield Finding("server", State.OK, "server", values)


def _page_checksums(reader: Reader) -> Iterator[Finding]:
    checksums = reader.page_checksums()
    if checksums is None:  # rows of SQLite have checksums of ours
        return
    if checksums.failures:
        yield Finding("pages", State.FAULT, "pages_damaged", {"n": checksums.failures})
    if not checksums.verified:
        yield Finding("pages", State.WARN, "pages_unverified")
    elif not checksums.failures:
        yield Finding("pages", State.OK, "pages")


def _tokens(reader: Reader, now: datetime) -> Iterator[Finding]:
    """Tokens that end soon or have ended: what uses them stops with the day. Not those that have a successor."""
    disabled = {user.name for user in reader.users() if user.disabled_at is not None}
    ending = reader.tokens_ending(now - ENDED_SESSIONS_KEPT, now + TOKEN_SOON, MOST_TOKENS)
    told = [token for token in ending if token.user not in disabled and not _has_successor(reader, token, now)]
    for token in told:
        assert token.expires_at is not None
        values = {
            "name": token.user,
            "label": token.label or token.id,
            "id": token.id,
            "who": shlex.quote(token.user),
            "quoted": shlex.quote(token.label),
            "day": f"{token.expires_at:%Y-%m-%d}",
            "n": max(0, (token.expires_at - now).days),
        }
        over = token.expires_at <= now
        yield Finding("token", State.WARN, "token_over" if over else "token_soon", values)
    if not told:
        yield Finding("token", State.OK, "tokens", {"n": TOKEN_SOON.days})


def _has_successor(reader: Reader, token: Session, now: datetime) -> bool:
    """Is there a newer one of the same user for the same purpose, which lasts longer?"""
    same = [one for one in reader.sessions(now, user=token.user) if (one.kind, one.label) == ("token", token.label)]
    return any(one.expires_at is None or one.expires_at > (token.expires_at or now) for one in same)


def _devices(reader: Reader, settings: Settings, now: datetime) -> Iterator[Finding]:
    names = {site.id: site.name or site.id for site in settings.sites}
    lost = {site: health for site, health in past_health(reader, tuple(names)).items() if health.health == "lost"}
    for site, health in lost.items():
        yield Finding(
            "device", State.WARN, "device_lost", {"site": names[site], "cause": health.cause, "at": health.at}
        )
    silent = reader.alerts(AlertQuery(of=("silence",), open_only=True, limit=100))
    for alert in silent:
        values = {"site": names.get(alert.key.site, alert.key.site), "what": alert.key.subject or alert.label}
        yield Finding("device", State.WARN, "device_silent", values)
    heard = {(reading.site, reading.monitor) for reading in reader.latest_readings(tuple(names))}
    for one in settings.sites:
        for gauge in one.sensors:
            if gauge.measures and (one.id, gauge.name) not in heard:
                yield Finding("device", State.WARN, "device_awaited", {"site": names[one.id], "what": gauge.name})
        gaps = gaps_of(reader, one.id, now) if one.camera is not None and settings.recording.enabled else ()
        if gaps:
            missing_s = sum((until - since).total_seconds() for since, until in gaps)
            last = f"{gaps[-1][1].astimezone(settings.zone_info):%H:%M:%S}"
            told = {"site": names[one.id], "n": len(gaps), "s": round(missing_s), "last": last}
            yield Finding("device", State.WARN, "recording_gap", told)
    yield Finding("device", State.OK, "devices", {"n": len(names) - len(lost), "all": len(names)})


def _heartbeat(reader: Reader, settings: Settings, now: datetime) -> Iterator[Finding]:
    if settings.heartbeat is None:
        return
    last = reader.value(LAST_HEARTBEAT)
    if not isinstance(last, Mapping):
        yield Finding("heartbeat", State.WARN, "heartbeat_none")
        return
    at = datetime.fromisoformat(str(last["at"])).astimezone(UTC)
    values = {"at": last["at"], "reason": str(last.get("reason", ""))}
    if not last.get("ok"):
        yield Finding("heartbeat", State.WARN, "heartbeat_refused", values)
    elif now - at > max(HEARTBEAT_LATE, 3 * settings.heartbeat.every):
        yield Finding("heartbeat", State.WARN, "heartbeat_late", values)
    else:
        yield Finding("heartbeat", State.OK, "heartbeat", values)
