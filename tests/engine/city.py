"""A city of lamps: real processes, a real store, and switches that a test can turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from alerts.intrusion import Recipe as Intrusion
from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert
from data.model.camera_health import HealthSettings
from data.model.geo import Location
from data.ports.store import AlertQuery, Store
from data.sql.store import open_store
from engine.process.options import RunOptions
from engine.process.supervisor import Child
from engine.run import build_children, prepare
from tests.engine.children import Supervised, supervise
from tests.engine.kinds import Brightness, LampCamera
from tests.stores import new_store

CHONGQING = Location(lon=106.5, lat=29.6)

Cities = Callable[..., "City"]


def lamp_site(name: str, folder: Path) -> SiteSettings:
    (folder / name).mkdir(parents=True, exist_ok=True)
    return SiteSettings(
        id=name,
        location=CHONGQING,
        monitor=LampCamera(folder=folder / name),
        detectors=(Brightness(),),
        rules=(Intrusion(keep_firing_for=timedelta(seconds=1)),),
        health=HealthSettings(enabled=False),  # a lamp's picture is black, or white, and still
    )


class City:
    """Lamps that can be switched, the processes that watch them, and the store they write to."""

    def __init__(
        self,
        tmp_path: Path,
        *names: str,
        workers: int = 1,
        sites: Sequence[SiteSettings] = (),
        store_url: str = "",
        **more: Any,
    ) -> None:
        self.lamps = tmp_path / "lamps"
        lamps = tuple(lamp_site(name, self.lamps) for name in names)
        settings = Settings(sites=(*lamps, *sites), workers=workers, **more)
        self.options = RunOptions(settings=settings, var_dir=tmp_path / "var", store_url=store_url)
        if not store_url:
            new_store(self.options.var_dir / "yiping.db").close()
        prepare(self.options)
        self.store: Store = open_store(self.options.store)
        self.running: Supervised | None = None
        self.web: Child | None = None  # the server's process, where a test needs one

    def start(self) -> Supervised:
        form = self.options.settings.log.format
        self.running = supervise(self.options.run_dir, *build_children(self.options, self.web), log_format=form)
        return self.running

    def set(self, name: str, *what: str) -> None:
        """Bright, lost, hang, rejected: exactly these."""
        for word in ("bright", "lost", "hang", "rejected"):
            path = self.lamps / name / word
            path.touch() if word in what else path.unlink(missing_ok=True)

    def alerts(self, name: str, *, open_only: bool = False) -> Sequence[Alert]:
        return self.store.read(lambda reader: reader.alerts(AlertQuery(site=name, open_only=open_only)))

    def health(self, name: str) -> str | None:
        state = self._told(name)
        return None if state is None else str(state["health"])

    def connected(self, name: str) -> bool:
        """Can its devices be read, though a gauge may never have sent anything?"""
        return self.health(name) in {"live", "unknown"}

    def degraded(self, name: str) -> str:
        return str((self._told(name) or {}).get("degraded", ""))

    def _told(self, name: str) -> Any:
        return self.store.read(lambda reader: reader.value(f"health:{name}"))

    def wait_for(self, condition: Callable[[], object], timeout_s: float = 120.0) -> float:
        assert self.running is not None
        return self.running.wait_for(condition, timeout_s)

    def close(self) -> None:
        if self.running is not None:
            self.running.end()
        self.store.close()
