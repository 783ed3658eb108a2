"""Maps of motion and previews: what is kept of a camera's past, what is found in it, and when it goes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.config.settings import Settings
from data.local import motion_maps, previews
from data.local.motion_maps import SEEN, packed, search_motion
from data.local.previews import Preview, preview_at, read_previews
from data.model.alert import Alert, AlertKey, Priority
from data.model.clip import Clip
from data.model.picture import ArrayFrame
from data.model.recording import RecordingSettings
from data.ports.store import Store, Writer
from engine.camera.movement import Movement
from engine.recording.lookback import CameraLookback, Lookback
from engine.recording.lookback_retention import LookbackRetention
from tests.engine.city import Cities
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
NOON_S = int(NOON.timestamp())
LEFT_HALF, RIGHT_HALF = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
PLENTY = 10**12


def second(n: float) -> datetime:
    return NOON + timedelta(seconds=n)


def grey(at: datetime, left: int | None = None) -> ArrayFrame:
    """320 x 180, grey; a white block 24 x 24 where asked for."""
    image = np.full((180, 320, 3), 90, np.uint8)
    if left is not None:
        image[80:104, left : left + 24] = 230
    return ArrayFrame("gate", at, image)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Lookback]:
    with closing(Lookback(tmp_path, RecordingSettings(), free_bytes=lambda _: PLENTY, flush_s=60)) as lookback:
        yield lookback


def told_to(camera: CameraLookback) -> Movement:
    return Movement(
        lambda at, motion: camera.moved(at, motion.blocks, warming=motion.warming, global_change=motion.global_change)
    )


def walk(camera: CameraLookback) -> None:
    """Ten calm seconds, then somebody crosses the left half from the 10th to the 12th second, then ten calm ones."""
    movement = told_to(camera)
    for i in range(220):
        left = 20 + 4 * (i - 100) if 100 <= i < 120 else None
        movement.see(grey(second(i / 10), left))


def test_a_walker_is_found_in_the_rectangle_where_and_when_he_walked(kept: Lookback, tmp_path: Path) -> None:
    walk(kept.camera("gate"))
    kept.flush()
    folder = tmp_path / "motion" / "gate"
    assert [path.name for path in folder.iterdir()] == ["2026071204.motion"]
    found = search_motion(folder, NOON_S, NOON_S + 22, LEFT_HALF)
    assert [(one.since_s - NOON_S, one.until_s - NOON_S) for one in found.moments] == [(10, 12)]
    assert search_motion(folder, NOON_S, NOON_S + 22, RIGHT_HALF).moments == ()
    assert search_motion(folder, NOON_S, NOON_S + 22, (0.0, 0.0, 0.5, 0.3)).moments == (), "above him"
    assert search_motion(folder, NOON_S, NOON_S + 22, LEFT_HALF, least=0.5).moments == (), "he is not that large"
    where = (24 / 320, 80 / 180, 72 / 320, 104 / 180)
    assert search_motion(folder, NOON_S, NOON_S + 22, where, least=0.5).total == 1
    assert search_motion(folder, NOON_S + 13, NOON_S + 22, LEFT_HALF).total == 0, "after he had gone"


def test_a_second_is_found_alike_whether_it_was_written_at_once_or_in_two_parts(kept: Lookback, tmp_path: Path) -> None:
    camera = kept.camera("gate")
    moved = np.zeros((45, 80), np.bool_)
    moved[10, 10] = True
    for at, blocks in ((0.1, moved), (0.9, np.zeros_like(moved))):
        camera.moved(second(at), blocks, warming=False, global_change=False)
        kept.flush()
    assert search_motion(tmp_path / "motion" / "gate", NOON_S, NOON_S + 1, LEFT_HALF).total == 1


def test_what_is_not_known_and_what_changed_at_once_is_told_and_is_no_movement(kept: Lookback, tmp_path: Path) -> None:
    camera = kept.camera("gate")
    everything, nothing = np.ones((45, 80), np.bool_), np.zeros((45, 80), np.bool_)
    for n in range(180):
        if not 60 <= n < 120:
            camera.moved(second(n), everything if n == 30 else nothing, warming=False, global_change=n == 30)
    kept.flush()
    found = search_motion(tmp_path / "motion" / "gate", NOON_S, NOON_S + 180, (0, 0, 1, 1))
    assert found.moments == ()
    assert [(a - NOON_S, b - NOON_S) for a, b in found.unseen] == [(60, 120)]
    assert [(a - NOON_S, b - NOON_S) for a, b in found.changed] == [(30, 31)]
    assert search_motion(tmp_path / "motion" / "quay", NOON_S, NOON_S + 60, (0, 0, 1, 1)).unseen == (
        (NOON_S, NOON_S + 60),
    ), "nothing is kept of that camera"


def test_a_record_that_was_not_written_whole_costs_only_itself(tmp_path: Path) -> None:
    moved = np.zeros((45, 80), np.bool_)
    moved[10, 10] = True
    records = [packed(NOON_S + n, {NOON_S + n: (SEEN, moved)}, 45, 80) for n in (0, 20, 40)]
    for content in (records[0], records[1][:-5], records[2]):
        motion_maps.append(tmp_path, NOON_S, content)
    found = search_motion(tmp_path, NOON_S, NOON_S + 60, LEFT_HALF)
    assert [one.since_s - NOON_S for one in found.moments] == [0, 40]
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes().replace(records[0], records[0][:-1] + b"\x00"))
    assert [one.since_s - NOON_S for one in search_motion(tmp_path, NOON_S, NOON_S + 60, LEFT_HALF).moments] == [40]


def test_an_hour_of_a_restless_camera_is_searched_within_a_second(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for begin in range(NOON_S, NOON_S + 3600, 15):
        seconds = {begin + i: (SEEN, rng.random((45, 80)) < 0.05) for i in range(15)}
        motion_maps.append(tmp_path, begin, packed(begin, seconds, 45, 80))
    began_s = time.process_time()
    found = search_motion(tmp_path, NOON_S, NOON_S + 3600, (0.4, 0.4, 0.6, 0.6))
    spent_s = time.process_time() - began_s
    assert found.total == 1, "it never rests"
    assert found.unseen == ()
    assert spent_s < 1.0


def test_of_each_second_one_preview_is_kept_and_found_by_its_moment(kept: Lookback, tmp_path: Path) -> None:
    camera = kept.camera("gate")
    wanted = [n for n in (58.0, 58.5, 59.2, 60.1, 60.9, 58.9) if camera.wants_preview(second(n)) and _give(camera, n)]
    assert wanted == [58.0, 59.2, 60.1]
    kept.flush()
    folder = tmp_path / "previews" / "gate"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == ["2026-07-12/0400.previews", "2026-07-12/0401.previews"]
    at_ms = NOON_S * 1000
    found = preview_at(folder, at_ms + 60_050, not_older_ms=15_000)
    assert found is not None
    assert (found.at_ms - at_ms, found.jpeg[:2]) == (59_200, b"\xff\xd8")
    assert preview_at(folder, at_ms + 57_900, not_older_ms=15_000) is None
    assert preview_at(folder, at_ms + 90_000, not_older_ms=15_000) is None, "too old to stand for that moment"
    modes = {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
    assert modes == {0o700, 0o600}


def brightness(jpeg: bytes) -> float:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return float(picture.mean())


@pytest.mark.slow
def test_a_worker_keeps_both_of_a_camera_whose_movement_no_detector_asks_for(city: Cities) -> None:
    """The lamp is switched on after its gate has warmed up: all of the picture changes at once."""
    one = city("lamp-1")
    one.start()
    one.wait_for(lambda: one.health("lamp-1") == "live")
    since_s, var = int(time.time()), one.options.var_dir
    maps, pictures = var / "motion" / "lamp-1", var / "previews" / "lamp-1"
    one.wait_for(maps.exists)  # 15 s: until then the gate has warmed up
    one.set("lamp-1", "bright")
    found = search_motion(maps, since_s, since_s + 300, (0, 0, 1, 1))
    assert found.changed == ()

    def changed() -> bool:
        return bool(search_motion(maps, since_s, since_s + 300, (0, 0, 1, 1)).changed)

    one.wait_for(changed)
    ((begin_s, _),) = search_motion(maps, since_s, since_s + 300, (0, 0, 1, 1)).changed
    shown = [preview_at(pictures, (begin_s + n) * 1000 + 999, not_older_ms=5_000) for n in (-2, 2)]
    dark, bright = (brightness(one.jpeg) for one in shown if one is not None)
    assert dark < 60
    assert bright > 200


def _give(camera: CameraLookback, n: float) -> bool:
    camera.preview(second(n), grey(second(n)).jpeg(320, 60))
    return True


def test_a_preview_that_was_not_written_whole_costs_only_itself(tmp_path: Path) -> None:
    previews.append(tmp_path, [Preview(NOON_S * 1000, b"first"), Preview(NOON_S * 1000 + 1000, b"second")])
    path = next(path for path in tmp_path.rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-3])
    previews.append(tmp_path, [Preview(NOON_S * 1000 + 2000, b"third")])
    assert [one.jpeg for one in read_previews(path)] == [b"first", b"third"]


@pytest.mark.parametrize(("free_mb", "kept_folders"), [(2000, {"motion", "previews"}), (900, {"motion"}), (400, set())])
def test_near_the_end_of_the_disk_pictures_are_given_up_first(
    tmp_path: Path, free_mb: int, kept_folders: set[str]
) -> None:
    with closing(Lookback(tmp_path, RecordingSettings(), free_bytes=lambda _: free_mb * 10**6, flush_s=60)) as kept:
        walk(kept.camera("gate"))
        _give(kept.camera("gate"), 1)
    assert {path.name for path in tmp_path.iterdir()} == kept_folders


@pytest.mark.parametrize(
    ("settings", "kept_folders"),
    [({"previews": False}, {"motion"}), ({"motion_maps": False}, {"previews"}), ({"enabled": False}, set())],
)
def test_what_the_settings_do_not_want_is_not_kept(
    tmp_path: Path, settings: dict[str, bool], kept_folders: set[str]
) -> None:
    wanted = RecordingSettings.model_validate(settings)
    with closing(Lookback(tmp_path, wanted, free_bytes=lambda _: PLENTY, flush_s=60)) as kept:
        camera = kept.camera("gate")
        walk(camera)
        if camera.wants_preview(second(0)):
            _give(camera, 0)
    assert {path.name for path in tmp_path.iterdir()} == kept_folders


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(new_store(tmp_path / "yiping.db")) as opened:
        yield opened


def lay(var: Path, site: str, at: datetime, age: timedelta, size: int = 1000) -> Path:
    """A minute of previews that was written so long ago."""
    path = var / "previews" / site / previews.preview_name(round(at.timestamp() * 1000))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    written_s = (NOON - age).timestamp()
    os.utime(path, (written_s, written_s))
    return path


def alert_with_clip(store: Store, site: str, at: datetime, *, is_over: bool) -> None:
    def work(writer: Writer) -> None:
        over = at + timedelta(minutes=1) if is_over else None
        key = AlertKey(site, "intrusion", "lane", "1")
        alert = Alert(key, "intrusion", Priority.P2, at, at, ended_at=over, acknowledged_at=over)
        writer.add_clip(Clip(site, at, at + timedelta(seconds=30), at), writer.add_alert(alert).id)

    store.write(work)


def retention(store: Store, var: Path, free: int = PLENTY, **settings: object) -> LookbackRetention:
    whole = Settings(recording=RecordingSettings.model_validate(settings))
    return LookbackRetention(store, var, whole, free_bytes=lambda _: free)


def test_what_is_too_old_goes_and_what_is_of_an_open_alert_stays(store: Store, tmp_path: Path) -> None:
    old = NOON - timedelta(days=2)
    alert_with_clip(store, "gate", old, is_over=False)
    alert_with_clip(store, "quay", old, is_over=True)
    needed, beside = (lay(tmp_path, "gate", old + timedelta(minutes=n), timedelta(days=2)) for n in (0, 5))
    of_closed = lay(tmp_path, "quay", old, timedelta(days=2))
    fresh = lay(tmp_path, "gate", NOON, timedelta(hours=1))
    (tmp_path / "previews" / "notes.txt").write_text("of somebody")
    moved = tmp_path / "motion" / "gate"
    moved.mkdir(parents=True)
    for name, age in (("2026060100.motion", 40), ("2026071000.motion", 2)):
        (moved / name).write_bytes(b"")
        os.utime(moved / name, ((NOON - timedelta(days=age)).timestamp(),) * 2)
    assert retention(store, tmp_path).poll(NOON) == 3
    assert [path.exists() for path in (needed, beside, of_closed, fresh)] == [True, False, False, True]
    assert [path.name for path in moved.iterdir()] == ["2026071000.motion"]
    assert (tmp_path / "previews" / "notes.txt").exists()
    assert not of_closed.parent.exists(), "nor is its empty day left"


def test_over_the_limit_or_near_the_end_of_the_disk_the_oldest_go_first(store: Store, tmp_path: Path) -> None:
    alert_with_clip(store, "gate", NOON - timedelta(minutes=30), is_over=False)
    minutes = [
        lay(tmp_path, "gate", NOON - timedelta(minutes=n), timedelta(minutes=n), 4_000_000) for n in (30, 20, 10, 1)
    ]
    assert retention(store, tmp_path, previews_total_mb=13).poll(NOON) == 1
    assert [path.exists() for path in minutes] == [True, False, True, True], "the oldest is of an open alert"
    assert retention(store, tmp_path, free=1_020_000_000).poll(NOON) == 1
    assert [path.exists() for path in minutes] == [True, False, False, True]
    assert retention(store, tmp_path, free=0).poll(NOON) == 1
    assert [path.exists() for path in minutes] == [True, False, False, False], "never what is needed"
