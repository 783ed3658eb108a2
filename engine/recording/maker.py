"""Cuts the clips that are due, in a thread of its own. The store knows what is asked for: a kill forgets nothing."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
from sqlalchemy.exc import SQLAlchemyError

from data.config.settings import Settings
from data.errors import YipingError
from data.local.stages import StageClock
from data.model.alert_life import AlertStep
from data.model.clip import Clip, ClipState, NoClip
from data.model.people import SYSTEM
from data.model.record import AuditEntry
from data.ports.store import EvidenceVault, Store, Writer
from engine.recording.cut import Cut, cut_clip
from engine.recording.orphans import delete_content
from engine.recording.recorder import Recorder

log = logging.getLogger(__name__)

POLL_S = 0.5
GRACE = timedelta(seconds=4)  # of a camera whose video does not come up to the clip's end
GIVE_UP = timedelta(minutes=10)  # on a disk that does not take it
LEAST_REST = timedelta(seconds=5)  # a clip that is longer by less than that is waited for, and not cut in two
PARTS = ".clip*.part"  # clips while they are written, in their camera's folder
_FIRED = frozenset(
    {AlertStep.RAISE, AlertStep.REOPEN, AlertStep.WORSEN, AlertStep.EASE, AlertStep.RECUR, AlertStep.BE_HEARD}
)


class ClipMaker:
    """`poll` twice a second. Also tells what video clips still need: `needed_since`."""

    def __init__(  # noqa: PLR0917 - what it reads from and writes to
        self,
        store: Store,
        vault: EvidenceVault,
        folder: Path,
        recorder: Recorder,
        settings: Settings,
        sites: Sequence[str],
        stages: StageClock | None = None,
    ) -> None:
        """`folder`: of all recordings; `sites`: the cameras of this process."""
        self._stages = StageClock() if stages is None else stages
        self._store = store
        self._vault = vault
        self._folder = folder
        self._recorder = recorder
        self._settings = settings
        self._sites = frozenset(sites)
        self._leaving: frozenset[str] = frozenset()  # cameras that have gone, as long as a clip of theirs is not cut
        self._lock = threading.Lock()
        self._needed: dict[str, float] = {}
        self._begun: datetime | None = None
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, with what an earlier process has left: what pending clips need is known before video is deleted.

        Raises what the store raises.
        """
        for site in self._sites:
            for half in (self._folder / site).glob(PARTS):
                half.unlink(missing_ok=True)
        self._note_needed(self._pending())
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float = 2.0) -> None:
        """What is not cut yet is cut after the next start. Idempotent."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def follow_settings(self, settings: Settings, sites: Iterable[str]) -> None:
        """From now on these cameras are of this process. Clips of those that have gone are cut all the same."""
        now = frozenset(sites)
        with self._lock:
            self._leaving = (self._leaving | self._sites) - now
            self._settings, self._sites = settings, now

    def needed_since(self, site: str) -> float | None:
        """From when on a clip that is not cut yet needs this camera's video, seconds since the epoch."""
        return self._needed.get(site)

    def poll(self, now: datetime | None = None) -> int:
        """Cut what is due; how many clips were settled. Raises what the store raises."""
        now = now or datetime.now(UTC)
        self._begun = self._begun or now
        pending = self._pending()
        self._note_needed(pending)
        settled = 0
        for clip in pending:
            due = self._due(clip, now)
            if due is not None:
                with self._stages.measure(clip.site, "record"):
                    settled += self._settle(due, now, is_part=due.until < clip.until)
        return settled

    def _pending(self) -> Sequence[Clip]:
        with self._lock:
            leaving, sites = self._leaving, tuple(self._sites | self._leaving)
        pending = self._store.read(lambda reader: reader.pending_clips(sites))
        with self._lock:
            self._leaving -= leaving - {clip.site for clip in pending}
        return pending

    def _note_needed(self, pending: Sequence[Clip]) -> None:
        needed: dict[str, float] = {}
        for clip in pending:
            begin_s = clip.since.timestamp() - 1
            needed[clip.site] = min(begin_s, needed.get(clip.site, begin_s))
        self._needed = needed

    def _run(self) -> None:
        failed = False
        while not self._end.wait(POLL_S):
            try:
                self.poll()
                failed = False
            except (YipingError, SQLAlchemyError, OSError) as error:
                if not failed:
                    log.warning("clips wait: %s", type(error).__name__, exc_info=error)
                failed = True

    def _due(self, clip: Clip, now: datetime) -> Clip | None:
        """The clip once all of it is there; before that its first part, so that the first alert waits for no other."""
        if self._is_there(clip, clip.until, now):
            return clip
        recording = self._settings.recording
        first_until = clip.since + recording.clip_before + recording.clip_after
        if clip.until - first_until > LEAST_REST and self._is_there(clip, first_until, now):
            return replace(clip, until=first_until)
        return None

    def _is_there(self, clip: Clip, until: datetime, now: datetime) -> bool:
        """Is the clip's video recorded up to then, or is it too late for that?"""
        until_s = self._recorder.recorded_until(clip.site)
        if until_s is not None and until_s >= until.timestamp():
            return True
        return now >= clip.asked_at + self._settings.recording.clip_after - (clip.until - until) + GRACE

    def _settle(self, clip: Clip, now: datetime, *, is_part: bool) -> bool:
        # Of this process: where the camera has gone to another worker, that one may cut the same clip.
        part = self._folder / clip.site / PARTS.replace("*", f".{os.getpid()}")
        reason = NoClip.NO_VIDEO
        try:
            cut = cut_clip(part.parent, clip.since.timestamp(), clip.until.timestamp(), part)
            kept = None if cut is None else self._keep(clip, cut, part)
        except OSError as error:
            log.error("%s: a clip cannot be cut now: %s", clip.site, error.strerror or type(error).__name__)
            part.unlink(missing_ok=True)
            if now < max(clip.asked_at, self._begun or now) + GIVE_UP:
                return False
            kept, reason = None, NoClip.DISK
        except (av.FFmpegError, ValueError) as error:
            log.error("%s: its video cannot be made a clip: %s", clip.site, type(error).__name__)
            part.unlink(missing_ok=True)
            kept, reason = None, NoClip.CODEC
        settled = kept or missing(clip, reason)
        record = record_part if is_part else record_clip
        is_recorded = self._store.write(lambda writer: record(writer, settled, now))
        if not is_recorded and settled.sha256 is not None:  # it was extended meanwhile, and is cut again, longer
            delete_content(self._store, self._vault, settled.sha256, settled.path)
        return is_recorded

    def _keep(self, clip: Clip, cut: Cut, part: Path) -> Clip:
        size = part.stat().st_size
        digest, path = self._vault.keep_clip(part, clip.since)
        return replace(
            clip,
            state=ClipState.READY,
            sha256=digest,
            path=path,
            codec=cut.codec,
            size=size,
            from_at=datetime.fromtimestamp(cut.since_s, UTC),
            to_at=datetime.fromtimestamp(cut.until_s, UTC),
            gap_s=round(cut.gap_s, 3),
        )


def missing(clip: Clip, reason: NoClip) -> Clip:
    """The clip as it is told when there is none, and why."""
    whole_s = (clip.until - clip.since).total_seconds()
    return replace(clip, state=ClipState.MISSING, gap_s=whole_s, reason=reason.value)


def record_clip(writer: Writer, clip: Clip, now: datetime) -> bool:
    """What has become of a pending clip, with its SHA-256 in the audit trail. False when it was extended meanwhile."""
    if not writer.settle_clip(clip, was=ClipState.PENDING):
        return False
    detail = {
        "clip": clip.id,
        "sha256": clip.sha256,
        "size": clip.size,
        "since": clip.since.isoformat(),
        "until": clip.until.isoformat(),
        "gap_s": clip.gap_s,
        "reason": clip.reason,
        "alerts": list(writer.alerts_of_clip(clip.id)),
    }
    action = "keep_clip" if clip.state is ClipState.READY else "miss_clip"
    writer.record(AuditEntry(now, SYSTEM.name, "", action, f"site:{clip.site}", detail))
    return True


def record_part(writer: Writer, part: Clip, now: datetime) -> bool:
    """What has become of the first part of a pending clip; the rest is a clip of its own, of the alerts in it.

    False when the clip is no longer pending, or no longer than this part.
    """
    whole = next((one for one in writer.pending_clips((part.site,)) if one.id == part.id), None)
    if whole is None or whole.until <= part.until:
        return False
    alerts = writer.alerts_of_clip(part.id)
    # By our clock: `asked_at` is when the alert fired whose span ends at `until`. Whose span ends later than the part?
    since = whole.asked_at - (whole.until - part.until)
    fired = {one: [step.at for step in writer.alert_steps(one) if step.step in _FIRED] for one in alerts}
    in_rest = [one for one in alerts if max(fired[one], default=since) > since]
    writer.extend_clip(part.id, part.until, whole.asked_at)
    record_clip(writer, part, now)
    first, *others = in_rest or alerts
    rest = writer.add_clip(Clip(whole.site, part.until, whole.until, whole.asked_at), first)
    for other in others:
        writer.link_clip(rest.id, other)
    return True
