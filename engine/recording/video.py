"""The video of one worker's cameras: what records it, what cuts clips out of it, and what shows it to who looks."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from data.config.settings import Settings, SiteSettings
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
    """One camera's `RecordingSink`: what is recorded of it, where it is, also goes to the screens.

    `retired`: another camera stands in its place, or none.
    """

    def __init__(self, site: str, recorded: RecordingSink | None, live: LivePublisher) -> None:
        self._site = site
        self._recorded = recorded
        self._live = live
        self.retired = False

    def begin(self, codec: str, header: bytes) -> None:
        if self.retired:
            return
        self._live.begin(self._site, codec, header)
        if self._recorded is not None:
            self._recorded.begin(codec, header)

    def fragment(self, content: bytes | memoryview, since_s: float, until_s: float, *, key: bool) -> None:
        if self.retired:
            return
        self._live.fragment(self._site, content, since_s, until_s, key=key)
        if self._recorded is not None:
            self._recorded.fragment(content, since_s, until_s, key=key)

    def refuse(self, reason: str) -> None:
        if self._recorded is not None:
            self._recorded.refuse(reason)
        else:
            log.warning("%s: its video cannot be shown as it comes: %s", self._site, reason)


class CameraVideo:
    """Where nothing is recorded video is only shown. What writes and cuts comes with the first camera that is."""

    def __init__(
        self, options: RunOptions, store: Store, vault: EvidenceVault, sites: Sequence[str], stages: StageClock
    ) -> None:
        """For the cameras of these sites, as far as the settings have them recorded."""
        self._live = LivePublisher(options.live_socket)
        self._shown: dict[str, _Shown] = {}
        self._stages = stages
        self._options = options
        self._store = store
        self._vault = vault
        self._recorder: Recorder | None = None
        self._maker: ClipMaker | None = None
        self._teller: TroubleTeller | None = None
        self._recorded: frozenset[str] = frozenset()
        self._started = False
        self._due_s = 0.0
        self.follow_settings(options.settings, sites)

    def follow_settings(self, settings: Settings, sites: Sequence[str]) -> None:
        """From now on the cameras of these sites. Those that have gone are closed; for the others call `sink`."""
        for site in self._shown.keys() - set(sites):
            self._shown.pop(site).retired = True
        before, self._recorded = self._recorded, frozenset(site for site in sites if records(settings, site))
        if self._recorder is None and self._recorded:
            self._recorder = self._made(settings)
        if self._recorder is None or self._maker is None or self._teller is None:
            return
        self._teller.follow_settings(settings)
        self._recorder.share_among(sum(records(settings, site.id) for site in settings.sites))
        for site in before - self._recorded:
            self._recorder.remove(site)
        self._maker.follow_settings(settings, self._recorded)

    def _made(self, settings: Settings) -> Recorder:
        folder = self._options.recordings_dir
        makers: list[ClipMaker] = []

        def needed_since(site: str) -> float | None:
            return makers[0].needed_since(site) if makers else None

        self._teller = TroubleTeller(self._store, settings)
        recorder = Recorder(
            folder, settings.recording, 1, tell=self._teller, tell_gap=self._teller.gap, needed_since=needed_since
        )
        own = tuple(self._recorded)
        makers.append(ClipMaker(self._store, self._vault, folder, recorder, settings, own, self._stages))
        self._maker = makers[0]
        if self._started:
            self._maker.start()
        return recorder

    def sink(self, site: SiteSettings) -> RecordingSink | None:
        """Who gets the packets of this site's camera, in the place of who did; nobody when it gives single pictures."""
        if (before := self._shown.pop(site.id, None)) is not None:
            before.retired = True
        if site.camera is None or not site.camera.has_video:
            return None
        shown = self._shown[site.id] = _Shown(site.id, self._recording_of(site.id), self._live)
        return shown

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
        self._started = True
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
