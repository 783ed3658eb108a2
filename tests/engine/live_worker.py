"""A real worker on a thread of the test: real cameras, detectors, rules and store, and settings that change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from data.config.settings import Settings, SiteSettings
from data.local.meters import Meters
from data.model.alert import Alert
from data.ports.store import AlertQuery, Store
from data.sql.store import open_store
from engine.process.heart import Heart
from engine.process.options import RunOptions
from engine.run import prepare
from engine.watched_site import WatchedSite
from engine.worker import Worker
from tests.stores import new_store

News = tuple[RunOptions, Sequence[str]]


class LiveWorker:
    """`apply` hands new sites to the worker, as the follower of the settings does."""

    def __init__(self, folder: Path, sites: Sequence[SiteSettings] = (), **more: Any) -> None:
        self.more = more
        self.options = RunOptions(settings=Settings(sites=tuple(sites), **more), var_dir=folder / "var")
        new_store(self.options.var_dir / "yiping.db").close()
        prepare(self.options)
        self.store: Store = open_store(self.options.store)
        self._news: SimpleQueue[News] = SimpleQueue()
        self.heart = Heart()
        own, names = open_store(self.options.store), [site.id for site in sites]
        self.worker = Worker(self.heart, self.options, own, "worker-1", names, self._changed)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def _changed(self) -> News | None:
        try:
            return self._news.get_nowait()
        except Empty:
            return None

    def _run(self) -> None:
        try:
            self.worker.run()
        except BaseException as error:
            self._error = error
            raise
        finally:
            self.worker._store.close()

    def apply(self, *sites: SiteSettings) -> float:
        """Returns when it was given, monotonic seconds."""
        options = replace(self.options, settings=Settings(sites=sites, **self.more))
        self._news.put((options, [site.id for site in sites if site.camera is not None]))
        return time.monotonic()

    def put_in_force(self, *sites: SiteSettings, timeout_s: float = 20.0) -> float:
        """As `apply`; seconds until the pipelines of exactly these judge."""
        began_s = self.apply(*sites)
        self.wait_for(lambda: self.is_in_force(*sites), timeout_s)
        return time.monotonic() - began_s

    def watch(self, site: str) -> WatchedSite:
        return next(watch for watch in self.worker._watches if watch.site.id == site)

    def looks(self, site: str) -> int:
        return self.watch(site).camera.tally.looks

    @property
    def meters(self) -> Meters:
        return self.worker._meters

    def alerts(self, site: str, *, open_only: bool = True) -> Sequence[Alert]:
        return self.store.read(lambda reader: reader.alerts(AlertQuery(site=site, open_only=open_only)))

    def health(self, site: str) -> dict[str, Any]:
        return dict(self.store.read(lambda reader: reader.value(f"health:{site}")) or {})

    def is_in_force(self, *sites: SiteSettings) -> bool:
        """Do the pipelines of exactly these judge?"""
        watches = self.worker._watches
        return [watch.site for watch in watches] == list(sites) and all(
            watch.pipeline is not None and watch.change is None for watch in watches
        )

    def wait_for(self, condition: Callable[[], object], timeout_s: float = 20.0) -> float:
        """Seconds until the condition came true."""
        begun_s = time.monotonic()
        while not condition():
            assert self._error is None, self._error
            assert time.monotonic() - begun_s < timeout_s, f"not within {timeout_s} s"
            time.sleep(0.01)
        return time.monotonic() - begun_s

    def close(self) -> None:
        self.heart.stopping.set()
        self._thread.join(10)
        self.store.close()
