"""What the server is given, and how its handlers reach the store without blocking the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from data.config.catalogue import Catalogue
from data.config.settings import Settings
from data.local.lanes import Lanes
from data.local.live_socket import LiveHub
from data.model.drill import Drill
from data.model.masking import SecretMask
from data.model.secrets import Secrets
from data.ports.feed import FrameHub
from data.ports.store import EvidenceVault, Reader, Store, Writer
from data.stored.settings_versions import InForce
from dispatch.routing import Roads
from web.export_turns import ExportTurns
from web.front_door import FrontDoor
from web.uploads import UploadPlaces

T = TypeVar("T")

LIST_WITHIN_S = 10.0
HEAVY_WITHIN_S = 20.0
PUBLIC_WITHIN_S = 2.0


def utc_now() -> datetime:
    """Now, timezone-aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SessionPolicy:
    """How long a login lasts. An open screen counts as use; `absolute` ends also a screen that is never left."""

    idle: timedelta = timedelta(hours=12)
    absolute: timedelta = timedelta(days=7)
    recheck: timedelta = timedelta(seconds=1)  # how long a looked-up session may be trusted


@dataclass(eq=False)
class ServerDeps:
    """Everything `build_server` assembles. `now` is the server's clock; tests give another.

    `settings` are those in force: `web.settings` puts others there when a version is saved. Whoever needs them looks
    here each time, and keeps nothing of them. `file`: config.yaml as plain JSON. `credentials`: what is in the secrets,
    by name alone. `settings_version`, `workers`: of the stored settings that the process was started with;
    `in_force`: what `web.settings` found last.
    """

    settings: Settings
    store: Store
    vault: EvidenceVault
    hub: FrameHub
    roads: Roads
    var_dir: Path
    catalogue: Catalogue | None = None
    version: str = "0"
    file: Mapping[str, Any] = field(default_factory=dict)
    credentials: Secrets = field(default_factory=Secrets)
    base_dir: Path = Path()
    settings_version: int = 0
    workers: Mapping[str, int] = field(default_factory=dict)
    in_force: InForce | None = None
    mask: SecretMask = field(default_factory=SecretMask)  # of the store; it learns the secrets of new settings
    source_url: str = ""
    base_map: Path | None = None
    certificate: Path | None = None  # of our own https, for what is told of its end
    door: FrontDoor = field(default_factory=FrontDoor)
    oidc_secret: SecretStr | None = None  # of `accounts.oidc`
    drill: Drill | None = None  # the drill that this server shows; None for the city itself
    sessions: SessionPolicy = field(default_factory=SessionPolicy)
    now: Callable[[], datetime] = utc_now
    lanes: Lanes = field(default_factory=Lanes)

    @cached_property
    def uploads(self) -> UploadPlaces:
        """Places for those who send photos."""
        return UploadPlaces(lambda: self.settings.cases.photos_per_hour)

    @cached_property
    def exports(self) -> ExportTurns:
        """Places for those who export."""
        return ExportTurns()

    @cached_property
    def live(self) -> LiveHub:
        """Where the video of cameras comes in that somebody looks at."""
        return LiveHub(self.var_dir / "run" / "live.sock")

    async def read(self, look: Callable[[Reader], T]) -> T:
        """Run `look` on a consistent view, in a thread that only such short questions use: single rows."""
        return await self.lanes.quick.run(self.store.read, look)

    async def read_list(self, look: Callable[[Reader], T]) -> T:
        """Like `read`, for pages of lists. Raises Busy, and TookTooLong."""
        return await self.lanes.lists.run(self.store.read, look, within_s=LIST_WITHIN_S)

    async def read_heavy(self, look: Callable[[Reader], T]) -> T:
        """Like `read`, for long spans and figures: one at a time. Raises Busy, and TookTooLong."""
        return await self.lanes.heavy.run(self.store.read, look, within_s=HEAVY_WITHIN_S)

    async def read_public(self, look: Callable[[Reader], T]) -> T:
        """Like `read`, for what strangers ask. Raises Busy, and TookTooLong."""
        return await self.lanes.public.run(self.store.read, look, within_s=PUBLIC_WITHIN_S)

    async def commit(self, work: Callable[[Writer], T]) -> T:
        """Run `work` as one unit of work; return when it is durable. A visitor who goes away does not undo it."""
        return await asyncio.shield(asyncio.wrap_future(self.store.submit(work)))
