"""Settings that are changed without a restart: their versions in the store, who watches which camera, who follows them.

Used only with `config: screen` in config.yaml. The file is imported as version 1; from then on the newest version that
can be read is in force. A version is never changed: going back is a new version with an old document.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from data.config.difference import Difference, differences
from data.config.document import digest, of_text, to_text
from data.config.reading import ConfigError, DocumentReader
from data.config.settings import Settings
from data.errors import IllegalMove, StaleVersion, YipingError
from data.model.people import Actor
from data.model.record import AuditEntry, Change
from data.model.settings_version import SettingsVersion
from data.ports.store import Reader, Store, Writer

log = logging.getLogger(__name__)

TOPIC = "settings"  # of the outbox: a new version is there
POLL_S = 0.25
MOST_TOLD = 300  # settings that a stored difference lists
LONGEST_TOLD = 2000  # characters of a value that it shows
_UNREADABLE = (
    YipingError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
    ImportError, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class InForce:
    """The settings that run, and of which version they are; 0: of config.yaml itself.

    `workers`: the number of the worker of each site with a camera. `newest`: the newest version that is stored;
    `trouble`: why it is not the one that runs, empty where it is.
    """

    settings: Settings
    version: int = 0
    workers: Mapping[str, int] = field(default_factory=dict)
    newest: int = 0
    trouble: str = ""

    def cameras_of(self, worker: str) -> tuple[str, ...]:
        """The sites whose cameras `worker-2` watches, in the order of the settings."""
        number = int(worker.rpartition("-")[2])
        return tuple(site.id for site in self.settings.sites if self.workers.get(site.id) == number)

    @property
    def sites_with_sensors(self) -> tuple[str, ...]:
        """What the sensors' process reads."""
        return tuple(site.id for site in self.settings.sites if site.sensors)


def worker_limit(settings: Settings) -> int:
    """The most camera processes of this machine."""
    return settings.workers or len(os.sched_getaffinity(0))


def assigned(settings: Settings, before: Mapping[str, int]) -> dict[str, int]:
    """The number of the worker, from 1, of each site with a camera.

    Whoever was assigned `before` stays, so that no picture is lost by a change elsewhere; a new camera goes to the
    worker with the fewest, and a worker more is begun while there are fewer than this machine carries.
    """
    cameras = [site.id for site in settings.sites if site.camera is not None]
    workers = min(worker_limit(settings), max(1, len(cameras)))
    found = {site: before[site] for site in cameras if 1 <= before.get(site, 0) <= worker_limit(settings)}
    load = Counter(found.values())
    for site in cameras:
        if site not in found:
            found[site] = min(range(1, max([workers, *load]) + 1), key=lambda number: (load[number], number))
            load[found[site]] += 1
    return {site: found[site] for site in cameras}


def settings_in_force(store: Store, reader: DocumentReader) -> InForce:
    """The newest stored version that can be read, else the settings of the machine. Raises SQLAlchemyError.

    What cannot be read is passed over and told of: a poisoned version never stops a start.
    """
    newest = store.read(lambda look: look.newest_settings())
    trouble = ""
    for number in range(newest, 0, -1):
        try:
            version = store.read(lambda look, n=number: look.settings_version(n))  # type: ignore[misc]
            settings = read_version(version, reader)
        except _UNREADABLE as error:
            text = "; ".join(str(error).splitlines()[:3]) or type(error).__name__
            trouble = trouble or f"version {number}: {text}"
            log.error("version %d of the settings cannot be read and is passed over: %s", number, text)
        else:
            return InForce(settings, number, assigned(settings, version.workers), newest, trouble)
    return InForce(reader.machine, 0, assigned(reader.machine, {}), newest, trouble)


def read_version(version: SettingsVersion, reader: DocumentReader) -> Settings:
    """The settings of a stored version. Raises ConfigError, ValueError and others for one that is damaged."""
    if digest(version.document) != version.hash:
        raise ValueError("its text does not fit its hash")
    return reader.read(of_text(version.document))


@dataclass(frozen=True)
class NewVersion:
    """What is to be kept: a document that was read without a problem, and what it changes.

    `before`: the version that its maker has seen. `restored`: the earlier version whose document it is.
    """

    document: Mapping[str, Any]
    settings: Settings
    before: int
    difference: Sequence[Difference] = ()
    note: str = ""
    restored: int | None = None


def proposed(
    store: Store,
    reader: DocumentReader,
    before: int,
    document: Mapping[str, Any],
    *,
    note: str = "",
    restored: int | None = None,
) -> NewVersion:
    """Read a document and hold it against the version `before`. Raises ConfigError with every problem, NotFound."""
    settings = reader.read(document)
    found: Sequence[Difference] = ()
    if before:
        version = store.read(lambda look: look.settings_version(before))
        try:
            found = differences(read_version(version, reader), settings, reader.secrets)
        except _UNREADABLE as error:  # the newest is poisoned, and this is what mends it
            log.warning("what differs from version %d cannot be told: %s", before, type(error).__name__)
    return NewVersion(document, settings, before, found, note, restored)


def keep_version(writer: Writer, new: NewVersion, actor: Actor, now: datetime) -> SettingsVersion:
    """Store it, with an audit entry, and tell screens and processes. Raises StaleVersion, ConfigError."""
    newest = writer.newest_settings()
    if newest != new.before:
        by = writer.settings_version(newest).who if newest else ""
        raise StaleVersion(
            f"{by or 'somebody'} saved the settings meanwhile: version {newest} is now the newest, not {new.before}",
            key="settings.stale",
            base=new.before,
            version=newest,
            who=by,
        )
    earlier: Mapping[str, int] = writer.settings_version(newest).workers if newest else {}
    text = to_text(new.document)
    role = "" if actor.role is None else actor.role.value
    difference = told(new.difference)
    version = SettingsVersion(
        number=newest + 1,
        at=now,
        who=actor.name,
        role=role,
        note=new.note,
        document=text,
        hash=digest(text),
        workers=assigned(new.settings, earlier),
        difference=tuple(difference),
        restored=new.restored,
    )
    writer.add_settings_version(version)
    subject = f"settings:{version.number}"
    detail: dict[str, Any] = {"hash": version.hash, "differs": len(new.difference), "difference": difference}
    detail |= {"note": new.note} if new.note else {}
    detail |= {} if new.restored is None else {"restored": new.restored}
    action = "import_settings" if newest == 0 else "restore_settings" if new.restored else "save_settings"
    writer.record(AuditEntry(now, actor.name, role, action, subject, detail))
    writer.publish(Change(TOPIC, subject, now, {"version": version.number}))
    return version


def import_once(store: Store, reader: DocumentReader, document: Mapping[str, Any], actor: Actor, now: datetime) -> bool:
    """Make the file's document version 1 where no version is stored; False where there is one. Raises ConfigError."""
    if store.read(lambda look: look.newest_settings()):
        return False
    first = proposed(store, reader, 0, document)
    try:
        store.write(lambda writer: keep_version(writer, first, actor, now))
    except StaleVersion:
        return False
    return True


def told(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """A difference as it is stored: so many settings at most, long values cut."""
    return [{"path": one.path, "before": _cut(one.before), "after": _cut(one.after)} for one in found[:MOST_TOLD]]


def _cut(value: Any) -> Any:
    """The value, or the beginning of its text where it is long."""
    text = value if isinstance(value, str) else repr(value)
    return value if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}…"


def require_screen(settings: Settings) -> None:
    """Raises IllegalMove where config.yaml is the truth."""
    if settings.config != "screen":
        raise IllegalMove(
            "config.yaml is the truth here; write `config: screen` into it and start again to change settings here",
            key="settings.file",
        )


class SettingsFollower:
    """Follows the versions of the settings for one process, on a thread of its own.

    `changed` is for the process's loop and costs nothing: reading and checking happen on the thread. With
    `config: file` nothing is followed. Thread-safe.
    """

    def __init__(self, store: Store, reader: DocumentReader, start: InForce, poll_s: float = POLL_S) -> None:
        """`start`: what the process was started with."""
        self._store = store
        self._reader = reader
        self._poll_s = poll_s
        self._now = start
        self._seen = start.settings
        self._woken = threading.Event()
        self._looked = threading.Condition()
        self._looks = 0
        self._stopping = False
        self._failing = False
        self._thread: threading.Thread | None = None
        self._told: list[Callable[[InForce], None]] = []

    @property
    def follows(self) -> bool:
        """Can settings change here without a restart?"""
        return self._reader.machine.config == "screen"

    @property
    def now(self) -> InForce:
        """What is in force, also before `changed` has told of it."""
        return self._now

    def changed(self) -> Settings | None:
        """The settings in force, if they are others than at the last call (the first: than at the start)."""
        self.start()
        settings = self._now.settings
        if settings is self._seen:
            return None
        self._seen = settings
        return settings

    def cameras_of(self, worker: str) -> tuple[str, ...]:
        """The sites whose cameras `worker-2` watches now."""
        return self._now.cameras_of(worker)

    def tell(self, listener: Callable[[InForce], None]) -> None:
        """Call the listener, on the follower's thread, whenever something has changed."""
        self._told.append(listener)

    def start(self) -> None:
        """Begin to follow; does nothing where that is done or nothing is to be followed."""
        if self._thread is None and self.follows and not self._stopping:
            self._thread = threading.Thread(target=self._run, name="settings", daemon=True)
            self._thread.start()

    def settle(self) -> InForce:
        """Look at once, in the caller's thread: for a process that begins. Raises what the store raises."""
        if self.follows:
            self._look()
        self._seen = self._now.settings
        return self._now

    def wake(self) -> None:
        """Look now instead of with the next poll: something was saved."""
        self._woken.set()

    def wait_for(self, version: int, timeout_s: float) -> bool:
        """Wait until this version, or a newer one, has been looked at."""
        self.wake()
        with self._looked:
            return self._looked.wait_for(lambda: self._now.newest >= version, timeout_s)

    def close(self) -> None:
        """Stop following; before the store is closed."""
        self._stopping = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._look()
            except (*_UNREADABLE, SQLAlchemyError, RuntimeError) as error:
                if not self._failing and not self._stopping:
                    log.error("the versions of the settings cannot be read, trying again: %s", type(error).__name__)
                self._failing = True
            else:
                self._failing = False
            self._woken.wait(self._poll_s)
            self._woken.clear()

    def _look(self) -> None:
        newest = self._store.read(_newest)
        if newest != self._now.newest:
            found = settings_in_force(self._store, self._reader)
            running = self._now
            if found.version == running.version:  # a poisoned one has come, or what is in force came with the start
                found = replace(found, settings=running.settings)
            elif found.trouble and found.version < running.version:  # what runs cannot be read again: it runs on
                found = replace(running, newest=found.newest, trouble=found.trouble)
            log.info("version %d of the settings is in force", found.version)
            self._now = found
            for listener in self._told:
                listener(found)
            with self._looked:
                self._looked.notify_all()


def _newest(reader: Reader) -> int:
    return reader.newest_settings()


__all__ = [
    "ConfigError", "InForce", "NewVersion", "SettingsFollower", "assigned", "import_once", "keep_version", "proposed",
    "read_version", "require_screen", "settings_in_force", "told", "worker_limit",
]  # fmt: skip
