"""From settings to processes: who watches which cameras, who reads the gauges, who minds the time."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from data.config.document import document_of
from data.config.located import parse
from data.config.reading import load_settings
from data.config.settings import Settings
from data.errors import InputRejected
from data.model.people import SYSTEM
from data.ports.store import Store
from data.sql.engine import store_url
from data.sql.lease import held_in_store
from data.sql.soundness import refuse_damaged
from data.sql.store import open_store
from data.stored.settings_versions import assigned, import_once, settings_in_force
from dispatch.clocks import calendar_of
from dispatch.organisation_import import bring_in_categories, sync_cases
from dispatch.responders import sync_responders
from engine.catalogue import load_catalogue
from engine.process.child import Target
from engine.process.current_settings import SettingsFollower, document_reader, with_settings
from engine.process.fork_server import ForkServer
from engine.process.options import RunOptions
from engine.process.supervisor import Child, Supervisor

log = logging.getLogger(__name__)

CAMERAS = Target("engine.worker", "run_cameras")
SENSORS = Target("engine.sensors", "run_sensors")
CLOCK = Target("engine.clock", "run_clock")
NOTIFIER = Target("engine.notifier", "run_notifier")
CHECK_WITHIN_S = 2.0  # of the start: whoever waits for a screen in a flood does not wait for a check
YIELDING = 5  # cameras take what processors there are: screens, gauges and time limits must not wait for them
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # there is one worker per core already
LEAN = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}


def prepare(options: RunOptions) -> None:
    """Before any child starts: the folders, the store's schema (children take it as it is), the responders.

    Raises StoreClosed, OSError, and InputRejected for a file of the organisation that cannot be used. Where a stored
    version names such a file it is told in the log: what somebody has saved never stops a start.
    """
    _make_ready(options)
    store = open_store(options.store, mask=options.mask)
    try:
        store.write(lambda writer: sync_responders(writer, options.settings, datetime.now(UTC)))
        cases = options.settings.cases
        files = [options.base_dir / file for file in cases.organisation]
        table = None if cases.categories is None else options.base_dir / cases.categories
        try:
            zone = options.settings.timezone
            store.write(lambda writer: sync_cases(writer, files, table, SYSTEM, datetime.now(UTC), zone))
        except InputRejected as error:
            if options.settings.config == "file":
                raise
            log.error("the organisation stays as it is stored: %s", error)
        rows = [row for application in options.settings.applications for row in application.categories]
        if rows:
            store.write(lambda writer: bring_in_categories(writer, rows, SYSTEM, datetime.now(UTC)))
    finally:
        store.close()


def _make_ready(options: RunOptions) -> None:
    """The folders; a damaged database is refused. Raises StoreClosed, OSError."""
    for folder in (options.run_dir, options.spool_dir, options.evidence_dir):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep_private(options.var_dir)
    url = store_url(options.store)
    if url.get_backend_name() == "sqlite" and not refuse_damaged(Path(str(url.database)), within_s=CHECK_WITHIN_S):
        log.warning("the database is too large to be checked within %g s; the clock goes on with it", CHECK_WITHIN_S)


def with_stored_settings(options: RunOptions, config: Path) -> RunOptions:
    """The options with the settings that the store holds; with `config: file` those that were given.

    At the first start the document of `config` becomes version 1. Hold the instance's lease before. Raises
    ConfigError and InputRejected for a file that is to be imported and cannot be used, StoreClosed, OSError.
    """
    if options.settings.config == "file":
        return options
    _make_ready(options)
    store, reader = open_store(options.store, mask=options.mask), document_reader(options)
    try:
        if not store.read(lambda look: look.newest_settings()):
            calendar_of(load_settings(config, load_catalogue())[0])  # every problem with its line
            import_once(store, reader, document_of(parse(config), config.name), SYSTEM, datetime.now(UTC))
            log.info("%s is now version 1 of the settings in the store", config.name)
        return with_settings(options, settings_in_force(store, reader))
    finally:
        store.close()


def keep_private(var_dir: Path) -> None:
    """Only the owner of VAR may look into it: it holds pictures of people, password hashes and keys. Raises OSError."""
    var_dir.chmod(0o700)
    for path in var_dir.iterdir():
        if not path.is_symlink() and path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode & 0o7700)


def shares(settings: Settings) -> list[tuple[str, ...]]:
    """The camera sites of each worker, as even as can be; never an empty share."""
    cameras = [site.id for site in settings.sites if site.camera is not None]
    workers = min(settings.workers or len(os.sched_getaffinity(0)), len(cameras))
    return [tuple(cameras[first::workers]) for first in range(workers)]


def build_children(options: RunOptions, web: Child | None = None, others: Sequence[Child] = ()) -> list[Child]:
    """The children of `app.py run`: `web` (unknown to the engine), workers, sensors, clock, notifier, `others`.

    Where settings change without a restart, a worker, sensors and notifier run also with nothing to do yet.
    """
    settings = options.settings
    children = [web] if web is not None else []
    children += _workers(options)
    gauges = tuple(site.id for site in settings.sites if site.sensors)
    always = settings.config == "screen"
    if gauges or always:
        children.append(Child("sensors", SENSORS, (options, "sensors", gauges), forked=True))
    children.append(Child("clock", CLOCK, (options,), silent_s=60.0, forked=True))
    if settings.notices.policies or settings.notices.clocks or settings.plans.tell or always:
        children.append(Child("notifier", NOTIFIER, (options,), silent_s=60.0, forked=True))
    return [*children, *others]


def _workers(options: RunOptions, known: int = 0) -> list[Child]:
    """The workers with a number above `known`."""
    if options.settings.config == "screen":
        numbers = assigned(options.settings, options.workers)
        count = max([1, *numbers.values()])
        each = [tuple(site for site, of in numbers.items() if of == number) for number in range(1, count + 1)]
    else:
        each = shares(options.settings)
    names = [(f"worker-{number}", sites) for number, sites in enumerate(each, start=1) if number > known]
    lean = {**ONE_THREAD, **LEAN}
    return [Child(n, CAMERAS, (options, n, s), environment=lean, yielding=YIELDING) for n, s in names]


class MoreWorkers:
    """Workers for cameras that were added while everything ran: as many as this machine carries."""

    def __init__(self, options: RunOptions, running: int) -> None:
        self._options = options
        self._running = running
        self._store: Store | None = None
        self._follower: SettingsFollower | None = None

    def open(self) -> None:
        """Begin to follow the settings, where they can change. Raises StoreClosed."""
        if self._options.settings.config == "screen":
            self._store = open_store(self._options.store, migrate=False, mask=self._options.mask)
            self._follower = SettingsFollower(self._store, self._options)

    def __call__(self) -> Sequence[Child]:
        """Those that are not there yet. Never waits: versions are read on the follower's own thread."""
        if self._follower is None or self._follower.changed() is None:
            return ()
        more = _workers(with_settings(self._options, self._follower.now), self._running)
        self._running += len(more)
        return more

    @property
    def version(self) -> int:
        """Of the settings that were looked at last."""
        return 0 if self._follower is None else self._follower.now.version

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()
        if self._store is not None:
            self._store.close()


def run_all(
    options: RunOptions,
    web: Child | None = None,
    others: Sequence[Child] = (),
    announce: Callable[[], None] | None = None,
    forks: ForkServer | None = None,
) -> None:
    """Run everything until SIGTERM or SIGINT; on the main thread. `announce` is called once the children are started.

    `forks`: a fork server that is loading already.

    Raises AlreadyRunning when this VAR folder is in use, StoreClosed, OSError.
    """
    children = build_children(options, web, others)
    more = MoreWorkers(options, sum(child.name.startswith("worker-") for child in children))
    supervisor = Supervisor(
        children, options.run_dir, options.mask, options.settings.log.format, more=more, forks=forks
    )

    def before() -> None:
        prepare(options)
        more.open()

    try:
        supervisor.run(before=before, started=announce)
    finally:
        more.close()


def the_only_instance(options: RunOptions) -> AbstractContextManager[None]:
    """Within it no other instance works on this store, from whatever folder and machine; hold it before anything else.

    Should another one have taken the store while a PostgreSQL server was away, this process is told to stop (SIGTERM).
    Raises AlreadyRunning, StoreClosed.
    """
    return held_in_store(
        options.store, "instance", "Yiping on this store", lost=lambda _: os.kill(os.getpid(), signal.SIGTERM)
    )
