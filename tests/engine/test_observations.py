"""What rules are given is kept to the last bit, off the way of the judging, and survives what ends a process."""

from __future__ import annotations

import gc
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from alerts.camera_health import CameraHealth
from alerts.dwell import Recipe as Dwell
from data.config.settings import SiteSettings
from data.errors import InputRejected
from data.local.meters import Meters
from data.local.observations import KEPT, OPEN, blocks, contents, lines_of, mend, microseconds, moment
from data.local.vault import FolderVault
from data.model.alert import AlertKey, Ended, Priority, Raised, Signal
from data.model.forecast import Travel
from data.model.geo import Location
from data.model.observation import Detection, Detections, EarlierSight, Quality, Reading, Tick
from data.model.observing import ObservationSettings
from data.ports.recipe import Context
from data.ports.store import Store
from data.sql.store import open_store
from engine.judging.frozen import freeze, thaw
from engine.judging.observation_log import ObservationLog
from engine.judging.observed import (
    Begin,
    Look,
    look_fields,
    look_of,
    reading_fields,
    reading_of,
    second_fields,
    second_of,
    signals_fields,
    signals_of,
)
from engine.judging.pipeline import SitePipeline
from engine.replay.keeping import ObservationKeeping
from tests.engine.kept import LiveSite
from web.audit_check import full_check

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
SITE = SiteSettings(
    id="gate-3", location=Location(lon=106.5, lat=29.6), rules=(Dwell(labels=("car",), at_least="60s"),)
)
CAR = Detection((0.30000001, 0.1, 0.7, 0.9), 0.8765432, "car", 7)

floats = st.floats(0, 1, width=32)
labels = st.sampled_from(["car", "person", "电动车"])
moments = st.integers(0, 10**15).map(moment)


@st.composite
def pictures(draw: st.DrawFn) -> Detections:
    n = draw(st.integers(0, 4))
    looks = draw(st.sampled_from([None, 3]))
    tracks = [draw(st.integers(-1, 2**40)) for _ in range(n)]
    box = st.tuples(floats, floats, floats, floats)
    return Detections(
        site="gate-3",
        at=draw(moments),
        xyxy=np.array([draw(box) for _ in range(n)], np.float32).reshape(n, 4),
        confidence=np.array([draw(floats) for _ in range(n)], np.float32),
        labels=tuple(draw(labels) for _ in range(n)),
        track_id=np.array(tracks, np.int64),
        aspect=draw(st.sampled_from([16 / 9, 4 / 3, 1.2345])),
        appearance=None
        if looks is None
        else np.array([[draw(floats)] * looks for _ in range(n)], np.float32).reshape(n, looks),
        earlier={t: (EarlierSight(draw(moments), draw(box), draw(floats)),) for t in tracks if t % 2 == 0},
    )


def through_json(fields: list[object]) -> list[object]:
    return list(json.loads(json.dumps(fields)))


@given(pictures())
def test_a_picture_comes_back_to_the_last_bit(found: Detections) -> None:
    back = look_of("gate-3", found.at, through_json(look_fields(Look(found, (), (), found.at)))).detections
    assert back is not None
    assert (back.site, back.at, back.labels, back.aspect) == (found.site, found.at, found.labels, found.aspect)
    for name in ("xyxy", "confidence", "track_id"):
        ours, theirs = getattr(back, name), getattr(found, name)
        assert (ours.dtype, ours.shape, ours.tobytes()) == (theirs.dtype, theirs.shape, theirs.tobytes())
    assert (back.appearance is None) == (found.appearance is None)
    if found.appearance is not None and back.appearance is not None:
        assert (back.appearance.shape, back.appearance.tobytes()) == (
            found.appearance.shape,
            found.appearance.tobytes(),
        )
    assert dict(back.earlier) == dict(found.earlier)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    moments,
    st.sampled_from(list(Quality)),
    st.none() | floats,
    st.sampled_from([None, "yellow_sea"]),
    st.none() | floats,
    st.integers(0, 3),
)
def test_a_reading_comes_back_with_everything(  # noqa: PLR0917 - all that a reading has
    value: float,
    at: datetime,
    quality: Quality,
    uncertainty: float | None,
    datum: str | None,
    first: float | None,
    corrections: int,
) -> None:
    reading = Reading("dip-1", "gauge", "water_depth", value, at, quality, uncertainty, datum, first, corrections)
    back = reading_of("dip-1", through_json(reading_fields(reading)))
    assert back == reading
    assert (back.first_value, back.corrections) == (first, corrections)


@pytest.mark.parametrize("observable", [True, False])
@pytest.mark.parametrize("modes", [frozenset[str](), frozenset({"flood-crest", "night"})])
def test_a_second_comes_back_with_its_modes_and_what_the_camera_said(observable: bool, modes: frozenset[str]) -> None:
    travel = {"time_to_threshold": Travel(540.0, "drainage", "drain-1", road=True)} if modes else {}
    tick = Tick("gate-3", NOON, observable, modes, travel)
    said = Raised(
        AlertKey("gate-3", "camera_health", "", ""), "camera_health", Priority.P2, NOON, NOON, gaps=((NOON, NOON),)
    )
    over = Ended(said.key, NOON, NOON + timedelta(microseconds=1))
    for health in ((), (said,), (said, over)):
        assert second_of("gate-3", NOON, through_json(second_fields(tick, health))) == (tick, health)
        assert signals_of(through_json(signals_fields(health))) == health
    if observable and not modes:
        assert second_fields(tick, ()) == [], "an ordinary second takes no room"


def test_times_are_kept_to_the_microsecond() -> None:
    at = datetime(2024, 7, 12, 4, 0, 0, 123457, tzinfo=UTC)
    assert moment(microseconds(at)) == at


# ---- the state of rules


def test_the_whole_state_of_rules_comes_back_as_it_was_with_no_gap() -> None:
    """`restore` takes the time since for unseen; `thaw` does not: nothing has passed."""
    one, other = (SitePipeline(SITE, Context(SITE.place)) for _ in range(2))
    for i in range(200):
        one.look(Detections.of("gate-3", NOON + timedelta(milliseconds=200 * i), [CAR]), (), (), NOON)
    other.thaw(one.freeze())
    raised = list[Signal]()
    for i in range(200, 400):
        at = NOON + timedelta(milliseconds=200 * i)
        both = [p.look(Detections.of("gate-3", at, [CAR]), (), (), at).signals for p in (one, other)]
        assert both[0] == both[1]
        raised += both[0]
    assert [(type(s), s.at) for s in raised] == [(Raised, NOON + timedelta(seconds=60))]


class Runs:
    """What somebody would put there who can write into VAR."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def test_a_state_that_would_run_something_is_refused() -> None:
    for content in (pickle.dumps(Runs()), pickle.dumps(print), pickle.dumps(eval), b"no pickle", b""):
        with pytest.raises(InputRejected):
            thaw(content)
    with pytest.raises(InputRejected, match="may not hold"):
        thaw(pickle.dumps(SiteSettings))


def calling(module: str, name: str, *arguments: object) -> bytes:
    """A pickle that calls this with these."""
    given = b"".join(pickle.dumps(one, 2)[2:-1] for one in arguments)
    return b"\x80\x04c" + module.encode() + b"\n" + name.encode() + b"\n(" + given + b"tR."


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("engine.judging.spool", "TypeAdapter", ("__import__('pathlib').Path(MARK).touch()",)),
        ("engine.judging.observed", "TypeAdapter", ("__import__('pathlib').Path(MARK).touch()",)),
        ("alerts.congestion", "Annotated", ()),
        ("data.model.spans", "timedelta", (1,)),
        ("engine.judging.observation_log", "ObservationLog", ()),
        ("engine.judging.frozen", "_Reader", (b"", ())),
        ("engine.judging.frozen", "importlib.import_module", ("this",)),
        ("numpy", "ndarray", ((1,), "O", b"A" * 8)),
        ("numpy._core.multiarray", "_reconstruct", ()),
        ("numpy.f2py.__main__", "ndarray", ()),
        ("engine.judging.frozen", "_array", ("O", (1,), b"A" * 8, "C")),
        ("engine.judging.frozen", "_number", ("O", b"A" * 8)),
    ],
)
def test_what_the_modules_of_rules_import_is_no_part_of_a_state(
    tmp_path: Path, module: str, name: str, arguments: tuple[object, ...]
) -> None:
    """A library's class may run what it is given, or take bytes for objects."""
    mark = tmp_path / "ran"
    given = [one.replace("MARK", repr(str(mark))) if isinstance(one, str) else one for one in arguments]
    with pytest.raises(InputRejected):
        thaw(calling(module, name, *given))
    assert not mark.exists()


def test_a_state_changes_no_class() -> None:
    """The step that gives an object its attributes, given a class."""
    with pytest.raises(InputRejected, match="may not change"):
        thaw(b"\x80\x04calerts.threshold\nThreshold\nN}X\x05\x00\x00\x00judgeK\x05s\x86b.")
    assert callable(import_module("alerts.threshold").Threshold.judge)


@pytest.mark.parametrize(
    "numbers",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 4), np.float32), np.array([True, False]), np.float32(0.1), np.int64(7),
    ],
)  # fmt: skip
def test_numbers_come_back_to_the_last_bit_and_in_their_order(numbers: Any) -> None:
    back = thaw(freeze((numbers, numbers)))
    assert back[0] is back[1]
    assert (type(back[0]), back[0].dtype, back[0].shape) == (type(numbers), numbers.dtype, numbers.shape)
    assert back[0].tobytes("A") == numbers.tobytes("A")
    if isinstance(numbers, np.ndarray):
        assert (back[0].flags.fnc, back[0].flags.writeable) == (numbers.flags.fnc, True)


def test_a_rule_that_holds_what_cannot_be_kept_is_told_of() -> None:
    for held in (lambda: CameraHealth, SITE, TypeAdapter(int), np.array([object()])):
        with pytest.raises(InputRejected, match="cannot be kept"):
            freeze(held)


# ---- the blocks


def feed(folder: Path, seconds: int, *, block_s: float = 600.0) -> LiveSite:
    live = LiveSite(folder, SITE, block_s)
    for i in range(seconds):
        at = NOON + timedelta(seconds=i)
        live.give(Detections.of("gate-3", at, [CAR]))
        live.give(Tick("gate-3", at))
    live.log.close()
    return live


def test_a_block_tells_what_it_holds_and_gives_it_back_in_order(tmp_path: Path) -> None:
    feed(tmp_path, 90)
    (path,) = blocks(tmp_path)
    span = contents(path).streams["gate-3.camera"]
    assert (moment(span.since), moment(span.until)) == (NOON, NOON + timedelta(seconds=89))
    kinds = [line[0] for _, line in lines_of(path, frozenset({"gate-3.camera"}))]
    assert kinds[:2] == ["b", "l"]
    assert (kinds.count("l"), kinds.count("t"), kinds.count("d")) == (90, 90, 1)
    assert list(lines_of(path, frozenset({"another.camera"}))) == []
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0, "its owner's alone"


WRITES = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from data.local.meters import Meters
from data.model.observation import Tick
from engine.judging.observation_log import ObservationLog
log = ObservationLog(Path(sys.argv[1]), "worker-1", Meters())
observer = log.observer("gate-3.camera")
while True:
    now = datetime.now(UTC)
    observer.second(Tick("gate-3", now), (), lambda: b"")
    print(now.timestamp(), flush=True)
    time.sleep(0.02)
"""


def test_kill_9_loses_two_seconds_at_most_and_what_is_left_is_mended_and_signed(root: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITES, str(tmp_path / "kept")], cwd=root, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        told = child.stdout.readline()  # it may take long until it begins
        began = time.monotonic()
        while time.monotonic() - began < 3.5:
            told = child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        last = float([told, *(line for line in child.stdout.read().split("\n") if line)][-1])
    (path,) = blocks(tmp_path / "kept", states=(OPEN,))
    found = contents(path)
    assert found.cut
    lost_s = last - found.streams["gate-3.camera"].until / 1e6
    print(f"\nlost by kill -9: {lost_s:.2f} s")
    assert lost_s <= 2.0
    before = [line for _, line in lines_of(path, frozenset({"gate-3.camera"}))]
    store = open_store(tmp_path / "yiping.db")
    try:
        keeping = ObservationKeeping(store, tmp_path / "kept", ObservationSettings())
        keeping.poll(datetime.now(UTC))
        assert next(blocks(tmp_path / "kept")).suffix == f".{OPEN}", "its process may still live"
        keeping.poll(datetime.now(UTC) + timedelta(minutes=3))
    finally:
        store.close()
    (path,) = blocks(tmp_path / "kept", states=(KEPT,))
    assert [line for _, line in lines_of(path, frozenset({"gate-3.camera"}))] == before
    assert contents(path).cut


def test_a_block_that_was_cut_off_anywhere_gives_its_whole_lines(tmp_path: Path) -> None:
    feed(tmp_path, 40)
    (path,) = blocks(tmp_path)
    whole = [line for _, line in lines_of(path, frozenset({"gate-3.camera"}))]
    content = path.read_bytes()
    for size in range(23, len(content) - 200, 97):
        cut = tmp_path / "2024-07-12" / f"000000-worker-1.{OPEN}"
        cut.parent.mkdir(exist_ok=True)
        cut.write_bytes(content[:size])
        left = [line for _, line in lines_of(mend(cut), frozenset({"gate-3.camera"}))]
        assert left == whole[: len(left)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "yiping.db")
    yield opened
    opened.close()


def test_a_closed_block_is_in_the_trail_with_its_hash_and_an_old_one_goes_with_a_word(
    tmp_path: Path, store: Store
) -> None:
    folder = tmp_path / "kept"
    feed(folder, 5)
    now = datetime.now(UTC)
    keeping = ObservationKeeping(store, folder, ObservationSettings(kept=timedelta(hours=1)))
    keeping.poll(now)
    keeping.poll(now)
    (path,) = blocks(folder)
    subject = f"observations:{path.parent.name}/{path.stem}"
    (entry,) = store.read(lambda reader: reader.audit(subject=subject))
    assert (path.suffix, entry.action, len(entry.detail["sha256"])) == (".kept", "keep_observations", 64)
    keeping.poll(now + timedelta(minutes=59))
    assert list(blocks(folder)) == [path]
    keeping.poll(now + timedelta(minutes=61))
    assert list(blocks(folder)) == []
    assert [e.action for e in store.read(lambda reader: reader.audit(subject=subject))] == [
        "keep_observations",
        "expire_observations",
    ]


def test_the_check_of_the_trail_names_a_block_that_was_changed_taken_away_or_put_in(
    tmp_path: Path, store: Store
) -> None:
    folder, now = tmp_path / "observations", datetime.now(UTC)
    for _ in range(3):
        feed(folder, 5)
    keeping = ObservationKeeping(store, folder, ObservationSettings(kept=timedelta(hours=1)))
    keeping.poll(now)
    whole = full_check(store, tmp_path, FolderVault(tmp_path / "evidence"))
    assert (whole.observed, whole.findings) == (3, ())
    changed, gone, as_it_was = blocks(folder)
    content = bytearray(changed.read_bytes())
    content[40] ^= 1
    changed.write_bytes(content)
    gone.unlink()
    as_it_was.with_name(f"235959.000000-worker-9.{KEPT}").write_bytes(as_it_was.read_bytes())
    day = changed.parent.name
    found = full_check(store, tmp_path, FolderVault(tmp_path / "evidence"))
    assert found.findings == (
        f"observations {day}/{changed.stem} are not what was kept",
        f"observations {day}/{gone.stem} are not there any more, and the trail does not say that they expired",
        f"observations {day}/235959.000000-worker-9 are kept, but the trail knows nothing of them",
    )
    changed.unlink()
    as_it_was.with_name(f"235959.000000-worker-9.{KEPT}").unlink()
    keeping.poll(now + timedelta(minutes=61))
    assert len(full_check(store, tmp_path, FolderVault(tmp_path / "evidence")).findings) == 2, "an expired one may go"


def test_the_oldest_blocks_go_when_all_are_more_than_there_is_room_for(tmp_path: Path, store: Store) -> None:
    day = tmp_path / "kept" / "2024-07-12"
    day.mkdir(parents=True)
    for hour in range(3):
        (day / f"{hour:02d}0000-worker-1.kept").write_bytes(b"x" * 5_000_000)
    keeping = ObservationKeeping(store, tmp_path / "kept", ObservationSettings(total_mb=10))
    keeping.poll(datetime(2024, 7, 12, 4, tzinfo=UTC))
    assert [path.name for path in blocks(tmp_path / "kept")] == ["010000-worker-1.kept", "020000-worker-1.kept"]


def test_a_disk_that_refuses_leaves_a_gap_that_is_told_and_then_the_rules_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where the day's folder should be; then it goes."""
    monkeypatch.setattr("engine.judging.observation_log.RETRY_S", 0.0)
    obstacle = tmp_path / "kept" / f"{datetime.now(UTC):%Y-%m-%d}"
    obstacle.parent.mkdir()
    obstacle.touch()
    live = LiveSite(tmp_path / "kept", SITE)
    live.give(Tick("gate-3", NOON))
    _until(lambda: not live.log._came)
    obstacle.unlink()
    for i in range(1, 4):
        live.give(Tick("gate-3", NOON + timedelta(seconds=i)))
        _until(lambda: not live.log._came)
        time.sleep(0.02)
    live.log.close()
    (path,) = blocks(tmp_path / "kept")
    kinds = [line[0] for _, line in lines_of(path, frozenset({"gate-3.camera"}))]
    assert "x" in kinds[:2]
    assert "c" in kinds[kinds.index("x") :]


@dataclass
class Log:
    """A log that writes when it is told to, and a second's line of each stream on demand."""

    folder: Path
    second: int = 0

    def __post_init__(self) -> None:
        self.log = ObservationLog(self.folder, "worker-1", Meters(), flush_every_s=3600)
        self.observers = {name: self.log.observer(f"{name}.camera") for name in ("gate-3", "gate-4")}

    def begin(self, name: str, timezone: str) -> None:
        self.observers[name].begin(Begin(SITE, Context(SITE.place, timezone=timezone), {}))

    def tick(self, *names: str, modes: frozenset[str] = frozenset()) -> None:
        for name in names or self.observers:
            at = NOON + timedelta(seconds=self.second)
            self.observers[name].second(Tick(name, at, modes=modes), (), lambda: b"")
        self.second += 1

    def kept(self, name: str) -> list[list[Any]]:
        """Its lines of all blocks, without their times."""
        self.log.close()
        lines = (line for path in blocks(self.folder) for _, line in lines_of(path, frozenset({f"{name}.camera"})))
        return [[line[0], *line[3:]] for line in lines]


def kinds(lines: list[list[Any]]) -> str:
    return "".join(line[0] for line in lines)


def test_rules_that_begin_anew_within_a_second_stand_after_what_those_before_were_given(tmp_path: Path) -> None:
    kept = Log(tmp_path)
    kept.begin("gate-3", "UTC")
    kept.tick("gate-3")
    kept.tick("gate-3")
    kept.begin("gate-3", "Asia/Shanghai")
    kept.tick("gate-3")
    lines = kept.kept("gate-3")
    assert kinds(lines) == "bttbt"
    assert [line[1]["timezone"] for line in lines if line[0] == "b"] == ["UTC", "Asia/Shanghai"]


@pytest.fixture
def obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file where the day's folder should be: no block can be written until it goes."""
    monkeypatch.setattr("engine.judging.observation_log.RETRY_S", 0.0)
    path = tmp_path / "kept" / f"{datetime.now(UTC):%Y-%m-%d}"
    path.parent.mkdir()
    path.touch()
    return path


def test_each_stream_is_told_what_it_has_lost_and_gives_its_state(tmp_path: Path, obstacle: Path) -> None:
    kept = Log(tmp_path / "kept")
    kept.begin("gate-3", "UTC")
    kept.begin("gate-4", "UTC")
    for _ in range(3):
        kept.tick()
    kept.log.flush()
    obstacle.unlink()
    for _ in range(2):
        kept.tick()
        kept.log.flush()
    for name in ("gate-3", "gate-4"):
        lines = kept.kept(name)
        assert kinds(lines) == "bxtct", name
        assert lines[1] == ["x", 3], (
            "after what they begin with, so that a replay does not go on as if nothing were lost"
        )


def test_settings_that_change_while_the_disk_refuses_are_those_of_the_next_state(
    tmp_path: Path, obstacle: Path
) -> None:
    kept = Log(tmp_path / "kept")
    kept.begin("gate-3", "UTC")
    kept.tick("gate-3")
    changed = Begin(SITE, Context(SITE.place, timezone="Asia/Shanghai"), {})
    kept.observers["gate-3"].changed(changed, NOON, lambda: b"")
    kept.log.flush()
    obstacle.unlink()
    for _ in range(2):
        kept.tick("gate-3")
        kept.log.flush()
    states = [line for line in kept.kept("gate-3") if line[0] == "c"]
    assert [state[-1]["timezone"] for state in states] == ["Asia/Shanghai"]


def test_what_is_no_json_is_lost_alone(tmp_path: Path) -> None:
    kept = Log(tmp_path)
    kept.begin("gate-3", "UTC")
    kept.begin("gate-4", "UTC")
    kept.tick()
    kept.tick("gate-3", modes=frozenset({"\ud800"}))
    kept.tick()
    assert kinds(kept.kept("gate-3")) == "btxt"
    assert kinds(kept.kept("gate-4")) == "btt"


def test_more_than_can_wait_is_lost_where_it_came_and_never_what_rules_begin_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.judging.observation_log.MOST_WAITING", 3)
    kept = Log(tmp_path)
    kept.begin("gate-3", "UTC")
    for _ in range(4):
        kept.tick("gate-3")
    kept.begin("gate-3", "Asia/Shanghai")
    kept.log.flush()
    kept.tick("gate-3")
    lines = kept.kept("gate-3")
    assert kinds(lines) == "bttxbct"
    assert ["x", 2] in lines


def test_what_a_full_disk_refuses_is_said_once_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block's last bytes are refused: what its lines were to begin with goes into the next block."""
    monkeypatch.setattr("engine.judging.observation_log.RETRY_S", 0.0)
    kept = Log(tmp_path)
    kept.tick("gate-4")
    kept.begin("gate-3", "UTC")
    kept.log.flush()
    (path,) = blocks(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        kept.tick("gate-3")
        kept.log.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    for _ in range(2):
        kept.tick("gate-3")
        kept.log.flush()
    lines = kept.kept("gate-3")
    assert kinds(lines) == "bxtct"
    assert lines[1] == ["x", 2], "the rules' state, as in each block, and the second"


def _until(holds: object, within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_judging_never_waits_for_the_log(tmp_path: Path) -> None:
    """A look costs the judging's thread a small part of what writing it costs the log's.

    In CPU time and beside each other. The garbage collector is off: a full collection goes over all that the process of
    the tests holds, takes a second or two, and falls on whichever thread has asked for memory.
    """
    log = ObservationLog(tmp_path, "worker-1", Meters())
    observer = log.observer("gate-3.camera")
    found = Detections.of("gate-3", NOON, [CAR] * 50)
    given_us, written_us = [], []
    gc.disable()
    try:
        for _ in range(20):
            given_us.append(_cpu_us(lambda: observer.looked(NOON, found, (), ())))
            written_us.append(_cpu_us(lambda: json.dumps(look_fields(Look(found, (), (), NOON)))))
    finally:
        gc.enable()
    log.close()
    given, written = median(given_us), median(written_us)
    print(f"\non the judging's thread: {given:.1f} us a look; writing it: {written:.1f} us")
    assert given < written / 3


def _cpu_us(act: Callable[[], object]) -> float:
    """Of this thread, each of 200 times."""
    began = time.thread_time()
    for _ in range(200):
        act()
    return (time.thread_time() - began) / 200 * 1e6
