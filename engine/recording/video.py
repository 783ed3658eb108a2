"""The video of one worker's cameras: what records it, what cuts clips out of it, and what shows it to who looks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from data.config.settings import SiteSettings
from data.local.live_socket import LivePublisher
from data.local.stages import StageClock
from data.ports.recipe import RecordingSink
from data.ports.store import EvidenceVault, Store
from engine.process.options import RunOptions
from engine.recording.ask import records
from engine.recording.maker import ClipMaker
from engine.recording.recorder import Recorder
from engine.recording.tell import TroubleTeller

log = logging.getLogger(__name__)

WATCH_EVERY_S = 1.0


class _Shown:
    """One camera's `RecordingSink`: what is recorded of it, where it is, also goes to the screens."""

    def __init__(self, site: str, recorded: RecordingSink | None, live: LivePublisher) -> None:
        self._site = site
        self._recorded = recorded
        self._live = live

    def begin(self, codec: str, header: bytes) -> None:
        self._live.begin(self._site, codec, header)
        if self._recorded is not None:
            self._recorded.begin(codec, header)

    def fragment(self, content: bytes | memoryview, since_s: float, until_s: float, *, key: bool) -> None:
        self._live.fragment(self._site, content, since_s, until_s, key=key)
        if self._recorded is not None:
            self._recorded.fragment(content, since_s, until_s, key=key)

    def refuse(self, reason: str) -> None:
        if self._recorded is not None:
            self._recorded.refuse(reason)
        else:
            log.warning("%s: its video cannot be shown as it comes: %s", self._site, reason)


class CameraVideo:
    """`recorder` and `maker` are both there, or both not: where nothing is recorded video is only shown."""

    def __init__(self, live: LivePublisher, recorder: Recorder | None, maker: ClipMaker | None) -> None:
        self._live = live
        self._recorder = recorder
        self._maker = maker
        self._recorded: set[str] = set()
        self._due_s = 0.0

    @classmethod
    def of(
        cls, options: RunOptions, store: Store, vault: EvidenceVault, sites: Sequence[str], stages: StageClock
    ) -> CameraVideo:
        """For the cameras of these sites, as far as the settings have them recorded."""
        settings, folder = options.settings, options.recordings_dir
        own = [site for site in sites if records(settings, site)]
        live = LivePublisher(options.live_socket)
        if not own:
            return cls(live, None, None)
        cameras = sum(records(settings, site.id) for site in settings.sites)
        makers: list[ClipMaker] = []

        def needed_since(site: str) -> float | None:
            return makers[0].needed_since(site) if makers else None

        teller = TroubleTeller(store, settings)
        recorder = Recorder(
            folder, settings.recording, cameras, tell=teller, tell_gap=teller.gap, needed_since=needed_since
        )
        makers.append(ClipMaker(store, vault, folder, recorder, settings, own, stages))
        video = cls(live, recorder, makers[0])
        video._recorded = set(own)
        return video

    def sink(self, site: SiteSettings) -> RecordingSink | None:
        """Who gets the packets of this site's camera; nobody when it gives single pictures."""
        if site.camera is None or not site.camera.has_video:
            return None
        return _Shown(site.id, self._recording_of(site.id), self._live)

    def _recording_of(self, site: str) -> RecordingSink | None:
        if self._recorder is None or site not in self._recorded:
            return None
        try:
            return self._recorder.sink(site)
        except OSError as error:
            log.error("%s: its video has no place on the disk: %s", site, error.strerror)
            return None

    def start(self) -> None:
        """Begin to cut clips, also those that an earlier process has left. Call it before the first picture comes.

        Raises what the store raises.
        """
        if self._maker is not None:
            self._maker.start()

    def watch(self, now_s: float, seen: Iterable[str]) -> None:
        """`seen`: sites whose pictures come. Cheap; looks once a second."""
        if self._recorder is not None and now_s >= self._due_s:
            self._due_s = now_s + WATCH_EVERY_S
            self._recorder.watch(frozenset(seen))

    def close(self) -> None:
        """Idempotent."""
        self._live.close()
        if self._recorder is not None and self._maker is not None:
            self._maker.close()
            self._recorder.close()
