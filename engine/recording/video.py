"""The recording side of one worker: what writes its cameras' video, and what cuts clips out of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from data.config.settings import SiteSettings
from data.ports.recipe import RecordingSink
from data.ports.store import EvidenceVault, Store
from engine.process.options import RunOptions
from engine.recording.ask import records
from engine.recording.maker import ClipMaker
from engine.recording.recorder import Recorder
from engine.recording.tell import TroubleTeller

log = logging.getLogger(__name__)

WATCH_EVERY_S = 1.0


class CameraVideo:
    """Nothing of it does anything where nothing is recorded. `recorder` and `maker` are both there or both not."""

    def __init__(self, recorder: Recorder | None, maker: ClipMaker | None) -> None:
        self._recorder = recorder
        self._maker = maker
        self._recorded: set[str] = set()
        self._due_s = 0.0

    @classmethod
    def of(cls, options: RunOptions, store: Store, vault: EvidenceVault, sites: Sequence[str]) -> CameraVideo:
        """For the cameras of these sites, as far as the settings have them recorded."""
        settings, folder = options.settings, options.recordings_dir
        own = [site for site in sites if records(settings, site)]
        if not own:
            return cls(None, None)
        cameras = sum(records(settings, site.id) for site in settings.sites)
        makers: list[ClipMaker] = []

        def needed_since(site: str) -> float | None:
            return makers[0].needed_since(site) if makers else None

        teller = TroubleTeller(store, settings)
        recorder = Recorder(folder, settings.recording, cameras, tell=teller, needed_since=needed_since)
        makers.append(ClipMaker(store, vault, folder, recorder, settings, own))
        video = cls(recorder, makers[0])
        video._recorded = set(own)
        return video

    def sink(self, site: SiteSettings) -> RecordingSink | None:
        """Who gets the packets of this site's camera; nobody when it is not recorded."""
        if self._recorder is None or site.id not in self._recorded:
            return None
        try:
            return self._recorder.sink(site.id)
        except OSError as error:
            log.error("%s: its video has no place on the disk: %s", site.id, error.strerror)
            return None

    def start(self) -> None:
        """Begin to cut clips, also those that an earlier process has left."""
        if self._maker is not None:
            self._maker.start()

    def watch(self, now_s: float, seen: Iterable[str]) -> None:
        """`seen`: sites whose pictures come. Cheap; looks once a second."""
        if self._recorder is not None and now_s >= self._due_s:
            self._due_s = now_s + WATCH_EVERY_S
            self._recorder.watch(frozenset(seen))

    def close(self) -> None:
        """Idempotent."""
        if self._recorder is not None and self._maker is not None:
            self._maker.close()
            self._recorder.close()
