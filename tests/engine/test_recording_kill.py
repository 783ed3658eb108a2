"""A worker that is killed while it records: what was written plays, its clips are made, and the gap is told."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.intrusion import Recipe as Intrusion
from data.config.settings import SiteSettings
from data.local.recordings import segment_paths
from data.local.vault import FolderVault
from data.model.camera_health import HealthSettings
from data.model.clip import ClipState
from data.model.recording import RecordingSettings
from data.ports.store import AlertQuery
from data.stored.recording_gaps import gaps_of
from monitors.video.rtsp_camera import Recipe as RtspCamera
from tests.engine.city import CHONGQING, Cities
from tests.engine.films import film, shown
from tests.engine.kinds import Brightness
from tests.servers.rtsp import rtsp_server

pytestmark = [pytest.mark.paired, pytest.mark.server, pytest.mark.slow]


def test_a_worker_killed_while_it_records_loses_no_written_fragment_and_its_clip_is_made_after_its_restart(
    tmp_path: Path, city: Cities
) -> None:
    with rtsp_server({"gate": film(tmp_path / "a.mp4", 16)}) as server:
        site = SiteSettings(
            id="gate-3",
            location=CHONGQING,
            monitor=RtspCamera(url=server.url("gate")),
            detectors=(Brightness(),),
            rules=(Intrusion(keep_firing_for=timedelta(seconds=1)),),
            health=HealthSettings(enabled=False),
        )
        # Alerts come every 8 s: what follows one must end before the next, or their clips are one that grows.
        recording = RecordingSettings(clip_before=timedelta(seconds=2), clip_after=timedelta(seconds=4))
        made = city(sites=(site,), recording=recording)
        running = made.start()
        made.wait_for(lambda: made.alerts("gate-3"))
        folder = made.options.recordings_dir / "gate-3"
        made.wait_for(lambda: len(segment_paths(folder)) >= 1 and shown(segment_paths(folder)[0])[0] > 12)
        running.signal("worker-1", signal.SIGKILL)
        assert all(shown(path)[0] >= 6 for path in segment_paths(folder)), "every fragment that was written plays"
        alert = made.alerts("gate-3")[-1]

        def clips() -> list[ClipState]:
            return [one.state for one in made.store.read(lambda reader: reader.clips_of_alert(alert.id))]

        assert clips() == [ClipState.PENDING]
        made.wait_for(lambda: clips() == [ClipState.READY])
        (clip,) = made.store.read(lambda reader: reader.clips_of_alert(alert.id))
        vault = FolderVault(made.options.evidence_dir)
        pictures, length_s = shown(vault.clip_file(clip.sha256 or "", clip.path))
        assert pictures > 25, "what was recorded before the kill is in it"
        assert length_s == pytest.approx((clip.to_at - clip.from_at).total_seconds(), abs=0.5)  # type: ignore[operator]
        assert alert.evidence is not None
        (picture,) = made.store.read(lambda reader: reader.evidence_of([alert.evidence or ""]))
        assert vault.open(picture)[:2] == b"\xff\xd8", "its picture is as it was kept"

        def gaps() -> list[tuple[datetime, datetime]]:
            return list(made.store.read(lambda reader: gaps_of(reader, "gate-3", datetime.now(UTC))))

        made.wait_for(gaps)
        ((since, until),) = gaps()
        assert timedelta(seconds=1) < until - since < timedelta(seconds=40)
        if clip.gap_s:
            assert clip.gap_s <= (until - since).total_seconds() + 0.5
        told = made.store.read(lambda reader: reader.alerts(AlertQuery(site="centre")))
        assert [(one.kind, one.label) for one in told if one.kind == "recording"] == [("recording", "gap")]
        trail = made.store.read(lambda reader: reader.audit(subject="site:gate-3"))
        assert [entry.detail["since"] for entry in trail if entry.action == "recording_gap"] == [since.isoformat()]
