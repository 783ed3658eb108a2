"""Options of every child process: settings, secrets and paths. Picklable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from data.config.settings import Settings, SiteSettings
from data.local.observations import FOLDER as OBSERVATIONS
from data.local.recordings import FOLDER as RECORDINGS
from data.model.datum import Datums
from data.model.drill import Drill
from data.model.masking import SecretMask, secret_mask
from data.model.place import Place
from data.model.secrets import Secrets
from data.ports.recipe import Context, RecordingSink, Resources


@dataclass(frozen=True)
class RunOptions:
    """`base_dir`: where relative paths in config.yaml start. `store`: URL, or the database's path.

    `version`: version of the stored settings, 0 for those of the file; `workers`: the worker's number for each site
    with a camera in that version. `drill`: the drill that this is; None for what watches the city.
    """

    settings: Settings
    var_dir: Path
    base_dir: Path = Path()
    secrets: Secrets = field(default_factory=Secrets)
    store_url: str = ""
    version: int = 0
    workers: Mapping[str, int] = field(default_factory=dict)
    drill: Drill | None = None

    @property
    def store(self) -> str | Path:
        return self.store_url or self.var_dir / "yiping.db"

    @cached_property
    def mask(self) -> SecretMask:
        """Masks the secrets of this installation in external texts."""
        return secret_mask(self.settings, self.secrets, (self.store_url,))

    @property
    def run_dir(self) -> Path:
        """Process ids, locks, metrics and the frame socket."""
        return self.var_dir / "run"

    @property
    def spool_dir(self) -> Path:
        """Folder of signals that the store has not taken yet."""
        return self.var_dir / "spool"

    @property
    def evidence_dir(self) -> Path:
        return self.var_dir / "evidence"

    @property
    def recordings_dir(self) -> Path:
        """Folder of each camera's newest video."""
        return self.var_dir / RECORDINGS

    @property
    def observations_dir(self) -> Path:
        """Folder of stored observations, for replay."""
        return self.var_dir / OBSERVATIONS

    @property
    def frames_socket(self) -> Path:
        return self.run_dir / "frames.sock"

    @property
    def live_socket(self) -> Path:
        """Socket by which workers send cameras' own video to the web process."""
        return self.run_dir / "live.sock"

    def context(
        self, site: SiteSettings | Place, resources: Resources, recording: RecordingSink | None = None
    ) -> Context:
        """The context in which recipes of this site are instantiated."""
        return Context(
            site=site.place if isinstance(site, SiteSettings) else site,
            inference=self.settings.inference,
            secrets=self.secrets,
            base_dir=self.base_dir,
            var_dir=self.var_dir,
            resources=resources,
            timezone=self.settings.timezone,
            datums=Datums(self.settings.datums),
            stale_after=self.settings.alarms.stale_after,
            recording=recording,
            in_detail=isinstance(site, SiteSettings) and any(getattr(one, "closer", ()) for one in site.detectors),
        )
