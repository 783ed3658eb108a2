"""Every alert of a site with a camera asks for its clip, in the commit of the alert itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert
from data.model.clip import Clip
from data.ports.store import Writer

KIND = "recording"  # of alerts about the recording itself


def records(settings: Settings, site: str) -> bool:
    """Is the video of this site's camera recorded?"""
    if not settings.recording.enabled:
        return False
    try:
        known: SiteSettings = settings.site(site)
    except KeyError:
        return False
    return known.camera is not None and known.camera.has_video


def ask_clip(writer: Writer, alert: Alert, at: datetime, now: datetime, settings: Settings) -> None:
    """A clip from some seconds before `at` to some seconds after, for this alert.

    A clip of the site that is not cut yet and overlaps is made longer instead, up to the longest; what is beyond that
    is another clip, and the alert has both.
    """
    if alert.kind != KIND:
        ask_clip_of(writer, alert, alert.key.site, at, now, settings)


def ask_clip_of(  # noqa: PLR0917 - whose clip of what, and when
    writer: Writer, alert: Alert, site: str, at: datetime, now: datetime, settings: Settings
) -> None:
    """As `ask_clip`, of the camera of this site, which the alert may be about without being raised there."""
    if not records(settings, site):
        return
    recording = settings.recording
    since, until = at - recording.clip_before, at + recording.clip_after
    for pending in writer.pending_clips((site,)):
        if not (pending.since <= since <= pending.until):
            continue
        writer.link_clip(pending.id, alert.id)
        if until <= pending.until:
            return
        longest = pending.since + recording.clip_longest
        if until <= longest:
            writer.extend_clip(pending.id, until, now)
            return
        since = pending.until
    writer.add_clip(Clip(site, since, until, now), alert.id)


def share_clips(writer: Writer, alert: Alert, parts: Iterable[int]) -> None:
    """The alert rests on these other alerts: their clips are its own, too."""
    for part in parts:
        if part != alert.id:
            for clip in writer.clips_of_alert(part):
                writer.link_clip(clip.id, alert.id)
