"""Every alert of a site with a camera asks for its clip, in the commit of the alert itself."""

from __future__ import annotations

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
    site = alert.key.site
    if alert.kind == KIND or not records(settings, site):
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
