"""From settings to processes: who watches which cameras, who reads the gauges, who minds the time."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from data.config.settings import Settings
from data.model.people import SYSTEM
from data.sql.engine import store_url
from data.sql.lease import held_in_store
from data.sql.soundness import refuse_damaged
from data.sql.store import open_store
from dispatch.organisation_import import sync_cases
from dispatch.responders import sync_responders
from engine.clock import run_clock
from engine.notifier import run_notifier
from engine.process.options import RunOptions
from engine.process.supervisor import Child, Supervisor
from engine.sensors import run_sensors
from engine.worker import run_cameras

log = logging.getLogger(__name__)

CHECK_WITHIN_S = 2.0  # of the start: whoever waits for a screen in a flood does not wait for a check
YIELDING = 5  # cameras take what processors there are: screens, gauges and time limits must not wait for them
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # there is one worker per core already
LEAN = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "262144"}


def prepare(options: RunOptions) -> None:
    """Before any child starts: the folders, the store's schema (children take it as it is), the responders.

    Raises StoreClosed, OSError, InputRejected for a file of the organisation that cannot be used.
    """
    for folder in (options.run_dir, options.spool_dir, options.evidence_dir):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep_private(options.var_dir)
    url = store_url(options.store)
    if url.get_backend_name() == "sqlite" and not refuse_damaged(Path(str(url.database)), within_s=CHECK_WITHIN_S):
        log.warning("the database is too large to be checked within %g s; the clock goes on with it", CHECK_WITHIN_S)
    store = open_store(options.store, mask=options.mask)
    try:
        store.write(lambda writer: sync_responders(writer, options.settings, datetime.now(UTC)))
        cases = options.settings.cases
        files = [options.base_dir / file for file in cases.organisation]
        table = None if cases.categories is None else options.base_dir / cases.categories
        store.write(lambda writer: sync_cases(writer, files, table, SYSTEM, datetime.now(UTC)))
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
    """The children of `app.py run`: `web` (unknown to the engine), workers, sensors, clock, notifier, `others`."""
    settings = options.settings
    children = [web] if web is not None else []
    for number, sites in enumerate(shares(settings), start=1):
        name = f"worker-{number}"
        watching = (options, name, sites)
        children.append(Child(name, run_cameras, watching, environment={**ONE_THREAD, **LEAN}, yielding=YIELDING))
    gauges = tuple(site.id for site in settings.sites if site.sensors)
    if gauges:
        children.append(Child("sensors", run_sensors, (options, "sensors", gauges)))
    children.append(Child("clock", run_clock, (options,), silent_s=60.0))
    if settings.notices.policies or settings.notices.clocks or settings.plans.tell:
        children.append(Child("notifier", run_notifier, (options,), silent_s=60.0))
    return [*children, *others]


def run_all(
    options: RunOptions,
    web: Child | None = None,
    others: Sequence[Child] = (),
    announce: Callable[[], None] | None = None,
) -> None:
    """Run everything until SIGTERM or SIGINT; on the main thread. `announce` is called once the children are started.

    Raises AlreadyRunning when this VAR folder is in use, StoreClosed, OSError.
    """
    log_format = options.settings.log.format
    supervisor = Supervisor(build_children(options, web, others), options.run_dir, options.mask, log_format)
    supervisor.run(before=lambda: prepare(options), started=announce)


def the_only_instance(options: RunOptions) -> AbstractContextManager[None]:
    """Within it no other instance works on this store, from whatever folder and machine; hold it before anything else.

    Should another one have taken the store while a PostgreSQL server was away, this process is told to stop (SIGTERM).
    Raises AlreadyRunning, StoreClosed.
    """
    return held_in_store(
        options.store, "instance", "Yiping on this store", lost=lambda _: os.kill(os.getpid(), signal.SIGTERM)
    )
