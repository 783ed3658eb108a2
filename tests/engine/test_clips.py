"""Clips of alerts: asked for with the alert, joined, cut when they are due, kept while somebody needs them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.config.settings import Settings, SiteSettings
from data.local.recordings import segment_paths
from data.local.vault import FolderVault
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised
from data.model.clip import Clip, ClipState
from data.model.recording import RecordingSettings
from data.ports.store import AlertQuery, Store
from engine.judging.judgement import UnitOfWork, commit_unit
from engine.recording.maker import ClipMaker, record_clip
from engine.recording.orphans import sweep_clips
from engine.recording.recorder import Recorder
from engine.recording.retention import ClipRetention, expire_clip
from engine.recording.ring import Ring
from monitors.video.http_snapshot import Recipe as Snapshots
from monitors.video.rtsp_camera import Recipe as RtspCamera
from tests.engine.films import START_S, film, record, shown
from tests.stores import new_store

START = datetime.fromtimestamp(START_S, UTC)
PLACE = {"lon": 106.5, "lat": 29.6}


def the_settings(**recording: object) -> Settings:
    return Settings(
        sites=(
            SiteSettings(id="gate-3", location=PLACE, monitor=RtspCamera(url="rtsp://127.0.0.1:1/gate")),
            SiteSettings(id="quay", location=PLACE, monitor=Snapshots(url="http://127.0.0.1:1/q.jpg")),
        ),
        recording=RecordingSettings(**recording),
    )


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class City:
    """A store, a vault, and the ring of one camera."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.store: Store = new_store(folder / "yiping.db")
        self.vault = FolderVault(folder / "evidence")
        self.ring = Ring(folder / "recordings" / "gate-3", 3600, 10**9, lambda: None)
        self.recorder = Recorder(folder / "recordings", settings.recording, 1, tell=lambda *_: True)
        self.maker = ClipMaker(self.store, self.vault, folder / "recordings", self.recorder, settings, ("gate-3",))
        self.units = 0

    def signal(self, signal: Raised | Ended, site: str = "gate-3") -> tuple[Alert, ...]:
        self.units += 1
        unit = UnitOfWork(f"{site}.camera", (signal,), signal.at, number=self.units)
        return self.store.write(lambda writer: commit_unit(writer, unit, signal.at, self.settings))

    def alert(self, seconds: float, subject: str = "1", site: str = "gate-3", kind: str = "intrusion") -> Alert:
        key = AlertKey(site, kind, "lane", subject)
        return self.signal(Raised(key, kind, Priority.P2, at(seconds), at(seconds)), site)[0]

    def end(self, alert: Alert, seconds: float) -> None:
        self.signal(Ended(alert.key, at(seconds), at(seconds)))

    def clips(self, alert: Alert) -> list[Clip]:
        return list(self.store.read(lambda reader: reader.clips_of_alert(alert.id)))

    def close(self) -> None:
        self.recorder.close()
        self.store.close()


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    made = City(tmp_path, the_settings())
    yield made
    made.close()


def spans(clips: list[Clip]) -> list[tuple[float, float]]:
    return [((one.since - START).total_seconds(), (one.until - START).total_seconds()) for one in clips]


def test_an_alert_asks_for_its_clip_in_its_own_commit(city: City) -> None:
    assert spans(city.clips(city.alert(100))) == [(90, 120)]
    assert city.clips(city.alert(100, site="quay")) == [], "a camera of single pictures has no video"


def test_alerts_that_overlap_share_a_clip_up_to_the_longest_and_each_is_covered(city: City) -> None:
    alerts = [city.alert(second, str(second)) for second in (100, 115, 130, 140, 200)]
    assert spans(city.clips(alerts[0])) == [(90, 150)]
    assert city.clips(alerts[1]) == city.clips(alerts[0])
    assert spans(city.clips(alerts[3])) == [(90, 150), (150, 160)], "a minute is the longest"
    assert spans(city.clips(alerts[4])) == [(190, 220)]


def test_an_alert_of_the_recording_itself_asks_for_no_clip(city: City) -> None:
    assert city.clips(city.alert(100, kind="recording")) == []


def test_a_clip_is_cut_when_it_is_due_with_its_hash_in_the_audit_trail(city: City, tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 40), city.ring)
    alert = city.alert(12)
    assert city.maker.poll(at(20)) == 0
    assert city.maker.needed_since("gate-3") == START_S + 1
    assert city.maker.poll(at(36.5)) == 1
    (clip,) = city.clips(alert)
    assert (clip.state, clip.codec, clip.gap_s) == (ClipState.READY, "h264", 0.0)
    assert clip.from_at is not None
    assert (clip.from_at - START).total_seconds() == pytest.approx(2, abs=0.05)
    assert shown(city.vault.clip_file(clip.sha256 or "", clip.path))[1] == pytest.approx(30, abs=0.1)
    assert city.vault.clip_file(clip.sha256 or "", clip.path).stat().st_size == clip.size
    trail = city.store.read(lambda reader: reader.audit(subject="site:gate-3"))
    kept = [entry.detail for entry in trail if entry.action == "keep_clip"]
    assert [(one["sha256"], one["alerts"]) for one in kept] == [(clip.sha256, [alert.id])]
    assert city.maker.poll(at(60)) == 0
    assert city.maker.needed_since("gate-3") is None


def test_a_clip_without_video_is_told_missing_and_one_with_a_part_tells_how_much(city: City, tmp_path: Path) -> None:
    gone = city.alert(500)
    assert city.maker.poll(at(530)) == 1
    assert [(one.state, one.gap_s, one.reason) for one in city.clips(gone)] == [(ClipState.MISSING, 30.0, "no_video")]
    record(film(tmp_path / "a.ts", 15), city.ring)
    part = city.alert(12, "2")
    assert city.maker.poll(at(40)) == 1
    (clip,) = city.clips(part)
    assert clip.state is ClipState.READY
    assert clip.gap_s == pytest.approx(17, abs=0.1)


def test_a_clip_that_was_extended_while_it_was_cut_is_cut_again(city: City, tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 60), city.ring)
    first = city.alert(12)
    (stale,) = city.clips(first)
    second = city.alert(25, "2")
    settled = replace(stale, state=ClipState.READY, sha256="ab" * 32, path="x", size=1)
    assert not city.store.write(lambda writer: record_clip(writer, settled, at(40)))
    assert city.maker.poll(at(60)) == 1
    assert city.clips(first) == city.clips(second)
    assert spans(city.clips(first)) == [(2, 45)]


def cut_as_time_goes(city: City, alerts: Sequence[int], until: int) -> dict[int, int]:
    """Alerts at these seconds, looked after each second: when the first clip of each was ready."""
    made: dict[int, Alert] = {}
    ready: dict[int, int] = {}
    for second in range(until):
        if second in alerts:
            made[second] = city.alert(second, str(second))
        city.maker.poll(at(second))
        for begun, alert in made.items():
            if any(one.state is ClipState.READY for one in city.clips(alert)):
                ready.setdefault(begun, second)
    return ready


def clips_at(city: City, second: int) -> list[Clip]:
    """Of the alert of this second."""
    alert = city.store.read(lambda reader: reader.last_alert(AlertKey("gate-3", "intrusion", "lane", str(second))))
    assert alert is not None
    return city.clips(alert)


def test_no_alert_waits_for_the_clips_of_those_that_follow_and_each_is_shown_whole(city: City, tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 130), city.ring)
    alerts = range(12, 100, 8)
    ready = cut_as_time_goes(city, alerts, 130)
    assert {begun: at_ - begun <= 25 for begun, at_ in ready.items()} == dict.fromkeys(alerts, True), "20 s and 5 s"
    for begun in alerts:
        parts = sorted(spans(clips_at(city, begun)))
        assert parts[0][0] <= begun - 10, "what came before it"
        assert max(until for _, until in parts) >= begun + 20, "and after"
        assert all(since <= before for (_, before), (since, _) in pairwise(parts)), "nothing between is left out"
        assert {one.state for one in clips_at(city, begun)} == {ClipState.READY}
        assert all(since < begun + 20 for since, _ in parts), "nothing that has nothing to do with it"


def test_alerts_that_come_together_have_one_clip_and_the_rest_is_of_those_that_are_in_it(
    city: City, tmp_path: Path
) -> None:
    record(film(tmp_path / "a.ts", 80), city.ring)
    cut_as_time_goes(city, (12, 16, 25), 80)
    assert spans(clips_at(city, 12)) == [(2, 32)]
    assert spans(clips_at(city, 16)) == spans(clips_at(city, 25)) == [(2, 32), (32, 45)]
    assert [one.gap_s for one in clips_at(city, 25)] == [0, 0]


def test_alerts_within_five_seconds_share_one_clip_as_time_goes(city: City, tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 60), city.ring)
    ready = cut_as_time_goes(city, (12, 15, 17), 60)
    assert [spans(clips_at(city, second)) for second in (12, 15, 17)] == [[(2, 37)]] * 3
    assert ready[12] - 12 <= 20 + 5 + 4, "the camera's video is waited for, for 4 s"


def test_a_clip_that_another_worker_cuts_too_is_kept_whole(city: City, tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 40), city.ring)
    alert = city.alert(12)
    (pending,) = city.clips(alert)
    assert city.maker.poll(at(40)) == 1
    assert not city.maker._settle(pending, at(40), is_part=False), "the camera's former worker, a moment later"
    (clip,) = city.clips(alert)
    assert city.vault.clip_file(clip.sha256 or "", clip.path).stat().st_size == clip.size


def test_what_another_clip_shows_too_stays_when_one_of_them_is_too_old(city: City) -> None:
    first, needed = kept_clip(city, 100)
    second, old = kept_clip(city, 200)
    twin = replace(old, sha256=needed.sha256, path=needed.path)  # the same content, of a film that goes round
    assert city.store.write(lambda writer: writer.settle_clip(twin, was=ClipState.READY))
    over(city, second, 210)
    assert retention_of(city).poll(at(300) + timedelta(days=31)) == 1
    assert [city.clips(one)[0].state for one in (first, second)] == [ClipState.READY, ClipState.EXPIRED]
    assert city.vault.clip_file(needed.sha256 or "", needed.path).exists()
    assert city.store.read(lambda reader: reader.clip(needed.sha256 or "")) == needed


def test_a_clip_is_made_after_a_restart(tmp_path: Path) -> None:
    before = City(tmp_path, the_settings())
    record(film(tmp_path / "a.ts", 40), before.ring)
    alert = before.alert(12)
    before.close()
    after = City(tmp_path, the_settings())
    assert after.maker.poll(at(600)) == 1
    assert [one.state for one in after.clips(alert)] == [ClipState.READY]
    after.close()


def test_clips_are_deleted_by_age_and_size_and_the_trail_tells_which(city: City, tmp_path: Path) -> None:
    record(film(tmp_path / "a.ts", 40), city.ring)
    alert = city.alert(12)
    city.maker.poll(at(40))
    (clip,) = city.clips(alert)
    retention = ClipRetention(city.store, city.vault, city.folder / "recordings", city.settings)
    late = at(40) + timedelta(days=31)
    assert retention.poll(late) == 0, "its alert is open"
    city.end(alert, 50)
    assert retention.poll(late) == 0, "nobody has acknowledged it"
    city.store.write(
        lambda writer: writer.save_alert(replace(writer.alert(alert.id), acknowledged_at=at(51), acknowledged_by="li"))
    )
    assert retention.poll(at(60)) == 0, "it is young"
    assert retention.poll(late) == 1
    assert [one.state for one in city.clips(alert)] == [ClipState.EXPIRED]
    assert not (city.folder / "evidence" / clip.path).exists()
    trail = city.store.read(lambda reader: reader.audit(subject="site:gate-3"))
    assert [one.detail["sha256"] for one in trail if one.action == "expire_clip"] == [clip.sha256]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=8), st.integers(10, 40))
def test_retention_holds_its_limit_and_deletes_nothing_that_is_open(
    tmp_path_factory: pytest.TempPathFactory, clips: list[tuple[int, bool]], limit_mb: int
) -> None:
    city = City(tmp_path_factory.mktemp("var"), the_settings(clips_total_mb=limit_mb))
    made = []
    for n, (size_mb, is_open) in enumerate(clips):
        alert = city.alert(n * 100, str(n))
        (clip,) = city.clips(alert)
        part = city.folder / "part"
        part.write_bytes(bytes([n]) + b"\0" * (size_mb * 1_000_000))
        digest, path = city.vault.keep_clip(part, clip.since)
        size = size_mb * 1_000_000
        ready = replace(clip, state=ClipState.READY, sha256=digest, path=path, size=size)
        city.store.write(lambda writer, ready=ready: record_clip(writer, ready, at(1000)))  # type: ignore[misc]
        if not is_open:
            city.end(alert, n * 100 + 5)
            number = alert.id
            city.store.write(
                lambda writer, number=number: writer.save_alert(  # type: ignore[misc]
                    replace(writer.alert(number), acknowledged_at=at(2000), acknowledged_by="li")
                )
            )
        made.append((alert, ready, is_open))
    ClipRetention(city.store, city.vault, city.folder / "recordings", city.settings).poll(at(3000))
    left = {alert.id: city.clips(alert)[0].state for alert, _, _ in made}
    on_disk = {path.stem for path in (city.folder / "evidence").rglob("*.mp4")}
    protected_ones = [(left[alert.id], ready.sha256 in on_disk) for alert, ready, is_open in made if is_open]
    assert protected_ones == [(ClipState.READY, True)] * len(protected_ones)
    total = sum(ready.size for alert, ready, _ in made if left[alert.id] is ClipState.READY)
    protected = sum(ready.size for _, ready, is_open in made if is_open)
    assert total <= max(limit_mb * 1_000_000, protected)
    states = [left[alert.id] for alert, _, is_open in made if not is_open]
    assert states == sorted(states, key=lambda state: state is ClipState.READY), "the oldest go first"
    city.close()


def test_video_of_cameras_that_are_not_configured_any_more_goes(city: City, tmp_path: Path) -> None:
    old = Ring(city.folder / "recordings" / "former", 3600, 10**9, lambda: None)
    record(film(tmp_path / "a.ts", 5), old)
    record(film(tmp_path / "b.ts", 5), city.ring)
    retention = ClipRetention(city.store, city.vault, city.folder / "recordings", city.settings)
    retention.poll(datetime.now(UTC))
    assert len(segment_paths(old.folder)) == 2, "for an hour somebody may come back"
    retention.poll(datetime.now(UTC) + timedelta(hours=2))
    assert segment_paths(old.folder) == []
    assert len(segment_paths(city.ring.folder)) > 0


def retention_of(city: City, free: int = 10**12) -> ClipRetention:
    return ClipRetention(city.store, city.vault, city.folder / "recordings", city.settings, free_bytes=lambda _: free)


def kept_clip(city: City, second: float, size: int = 1000) -> tuple[Alert, Clip]:
    """An alert at this second with a clip that is ready."""
    alert = city.alert(second, str(second))
    (clip,) = city.clips(alert)
    part = city.folder / "part"
    part.write_bytes(clip.id.to_bytes(8, "big") + bytes(size))
    digest, path = city.vault.keep_clip(part, clip.since)
    ready = replace(clip, state=ClipState.READY, sha256=digest, path=path, size=size + 8)
    assert city.store.write(lambda writer: record_clip(writer, ready, at(second + 30)))
    return alert, ready


def over(city: City, alert: Alert, second: float) -> None:
    """The alert has ended and is acknowledged."""
    city.end(alert, second)
    city.store.write(
        lambda writer: writer.save_alert(
            replace(writer.alert(alert.id), acknowledged_at=at(second + 1), acknowledged_by="li")
        )
    )


def test_a_clip_that_nobody_cuts_is_told_as_missing_with_the_reason_and_not_before_its_worker_had_time(
    city: City,
) -> None:
    alert = city.alert(100)
    retention = retention_of(city)
    hour = timedelta(hours=1)
    retention.poll(at(120) + hour)
    assert [one.state for one in city.clips(alert)] == [ClipState.PENDING], "the system has only just been started"
    retention.poll(at(120) + hour + timedelta(minutes=9))
    assert [one.state for one in city.clips(alert)] == [ClipState.PENDING]
    retention.poll(at(120) + hour + timedelta(minutes=11))
    assert [(one.state, one.reason) for one in city.clips(alert)] == [(ClipState.MISSING, "not_cut")]
    trail = city.store.read(lambda reader: reader.audit(subject="site:gate-3"))
    assert [one.detail["reason"] for one in trail if one.action == "miss_clip"] == ["not_cut"]


def test_clips_that_are_all_needed_and_take_more_than_they_may_are_an_alarm_that_ends_when_they_do_not(
    tmp_path: Path,
) -> None:
    city = City(tmp_path, the_settings(clips_total_mb=10))
    alerts = [kept_clip(city, second, 6_000_000)[0] for second in (100, 200)]
    retention = retention_of(city, free=0)

    def told() -> list[tuple[str, str, bool]]:
        found = city.store.read(lambda reader: reader.alerts(AlertQuery(site="centre")))
        return [(one.label, one.priority.value, one.is_open) for one in found]

    assert retention.poll(at(300)) == 0
    assert told() == [("clips_protected", "P2", True)]
    over(city, alerts[1], 310)
    assert retention.poll(at(400)) == 1
    assert told() == [("clips_protected", "P2", False)]
    assert [city.clips(one)[0].state for one in alerts] == [ClipState.READY, ClipState.EXPIRED]
    city.close()


def test_what_a_killed_process_left_is_tidied_up_and_nothing_that_a_row_needs(city: City) -> None:
    open_one, needed = kept_clip(city, 100)
    gone_alert, gone = kept_clip(city, 200)
    _, lost = kept_clip(city, 300)
    over(city, gone_alert, 210)
    assert city.store.write(lambda writer: expire_clip(writer, gone, at(400)))  # killed before the file was deleted
    evidence = city.folder / "evidence"
    (evidence / lost.path).unlink()
    unknown = evidence / needed.path.replace(needed.sha256 or "", "ab" * 32)
    unknown.write_bytes(b"of an older database")
    half = (evidence / needed.path).with_name(".x.part")
    half.write_bytes(b"half")
    now = datetime.now(UTC)
    assert sweep_clips(city.store, city.vault, city.settings, now) == (1, 0, 1), "what is young may be just being kept"
    assert not (evidence / gone.path).exists()
    assert [path.exists() for path in (evidence / needed.path, unknown, half)] == [True, True, True]
    later = now + timedelta(hours=2)
    assert sweep_clips(city.store, city.vault, city.settings, later) == (1, 1, 1), "it is named, and stays"
    assert [path.exists() for path in (evidence / needed.path, unknown, half)] == [True, True, False]
    assert sweep_clips(city.store, city.vault, city.settings, now + timedelta(days=31)) == (1, 0, 1)
    assert [path.exists() for path in (evidence / needed.path, unknown)] == [True, False], "as old as clips are kept"
    damage = city.store.read(lambda reader: reader.alerts(AlertQuery(site="centre")))
    assert [(one.kind, one.label) for one in damage] == [("damage", lost.path)]
    assert [one.state for one in city.clips(open_one)] == [ClipState.READY]


def test_what_was_half_cut_when_the_worker_was_killed_goes_and_the_video_that_clips_need_stays(
    tmp_path: Path,
) -> None:
    city = City(tmp_path, the_settings(keep=timedelta(minutes=2)))
    record(film(tmp_path / "a.ts", 40), city.ring)
    alert = city.alert(12)
    half = city.folder / "recordings" / "gate-3" / ".clip.part"
    half.write_bytes(b"half a clip")
    city.maker.start()
    assert not half.exists()
    assert city.maker.needed_since("gate-3") == START_S + 1, "known before the first picture of the new process comes"
    for _ in range(200):
        if [one.state for one in city.clips(alert)] == [ClipState.READY]:
            break
        time.sleep(0.05)
    assert [one.state for one in city.clips(alert)] == [ClipState.READY]
    city.maker.close()
    city.close()


def test_a_gap_between_two_processes_is_told_by_the_second(tmp_path: Path) -> None:
    told: list[tuple[str, float, float]] = []
    folder = tmp_path / "recordings"
    record(film(tmp_path / "a.ts", 5), Ring(folder / "gate-3", 3600, 10**9, lambda: None))

    def tell_gap(site: str, since_s: float, until_s: float) -> bool:
        told.append((site, since_s - START_S, until_s - START_S))
        return len(told) > 1

    recorder = Recorder(folder, RecordingSettings(), 1, tell=lambda *_: True, tell_gap=tell_gap)
    sink = recorder.sink("gate-3")
    sink.begin("h264", b"header")
    for second in (12, 13, 14.5):
        sink.fragment(b"x", START_S + second, START_S + second + 1, key=True)
    recorder.close()
    assert (told[0][0], told[0][2]) == ("gate-3", 12)
    assert told[0][1] == pytest.approx(5, abs=0.1)
    recorder = Recorder(folder, RecordingSettings(), 1, tell=lambda *_: True)
    assert recorder.recorded_until("gate-3") is None
    recorder.close()


def test_a_gap_that_the_store_has_not_taken_yet_is_told_though_its_camera_has_gone(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    takes = threading.Event()

    def tell_gap(site: str, since_s: float, until_s: float) -> bool:
        if takes.is_set():
            told.append((site, until_s - since_s))
        return takes.is_set()

    recorder = Recorder(tmp_path / "recordings", RecordingSettings(), 1, tell=lambda *_: True, tell_gap=tell_gap)
    sink = recorder.sink("gate-3")
    sink.begin("h264", b"header")
    for second in (0, 9):
        sink.fragment(b"x", START_S + second, START_S + second + 1, key=True)
    until_s = time.monotonic() + 5
    while recorder.recorded_until("gate-3") != START_S + 10 and time.monotonic() < until_s:
        time.sleep(0.05)
    recorder.remove("gate-3")
    for _ in range(60):
        if recorder.recorded_until("gate-3") is None:
            break  # forgotten, with its gap
        time.sleep(0.05)
    takes.set()
    recorder.close()
    assert told == [("gate-3", 8.0)]
