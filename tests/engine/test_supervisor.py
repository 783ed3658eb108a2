"""Children are kept alive, never outlive their parent, and stop together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data.local.lock import AlreadyRunning, held
from data.local.meters import read_meters
from engine.process.child import Target
from engine.process.heart import Heart
from engine.process.supervisor import Child, Supervisor
from tests.engine.children import (
    ROOT,
    Supervised,
    crashing,
    diligent,
    is_alive,
    plain,
    silent_after_one_second,
    stubborn,
    supervise,
)

Start = Callable[..., Supervised]


def forked(child: Child) -> Child:
    """The same child, made by the fork server."""
    assert not isinstance(child.target, Target)
    return replace(child, target=Target(child.target.__module__, child.target.__name__), forked=True)


@pytest.fixture(params=["begun anew", "forked"])
def start(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Start]:
    started: list[Supervised] = []

    def begin(*children: Child) -> Supervised:
        given = map(forked, children) if request.param == "forked" else children
        started.append(supervise(tmp_path / "run", *given))
        return started[-1]

    yield begin
    for supervised in started:
        supervised.end()


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    path = tmp_path / "diary.txt"
    path.touch()
    return path


def pids(diary: Path, word: str = "begun") -> list[int]:
    return [int(line.split()[1]) for line in diary.read_text().splitlines() if line.startswith(word)]


def test_a_killed_child_runs_again_within_five_seconds_and_the_log_says_so_once(start: Start, diary: Path) -> None:
    supervised = start(Child("worker-1", diligent, (diary,)))
    supervised.wait_for(lambda: len(pids(diary)) == 1, 30)
    first = pids(diary)[0]
    assert supervised.pid("worker-1") == first
    os.kill(first, signal.SIGKILL)
    assert supervised.wait_for(lambda: len(pids(diary)) == 2, 30) < 5.0
    assert supervised.pid("worker-1") == pids(diary)[1]
    assert supervised.log.count("worker-1 ended (killed by SIGKILL); it starts again in 0.0 s") == 1
    assert read_meters(supervised.run_dir)["supervisor"]["counters"] == {
        "yiping_child_restarts_total": {'{"child": "worker-1"}': 1.0}
    }


def test_a_killed_parent_takes_all_children_with_it_within_five_seconds(start: Start, diary: Path) -> None:
    supervised = start(
        Child("worker-1", diligent, (diary,)),
        Child("web", plain, (diary,), watched=False),
        Child("stubborn", stubborn, (diary,), watched=False),
    )
    supervised.wait_for(lambda: len(pids(diary)) == 3, 30)
    supervised.process.kill()
    supervised.process.wait(5)
    assert supervised.wait_for(lambda: not any(map(is_alive, pids(diary))), 10) < 5.0
    again = start(Child("worker-1", diligent, (diary,)))
    again.wait_for(lambda: len(pids(diary)) == 4, 30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_children_finish_and_leaves_nothing_behind(
    start: Start, diary: Path, number: signal.Signals
) -> None:
    supervised = start(Child("worker-1", diligent, (diary,)), Child("web", plain, (diary,), watched=False))
    supervised.wait_for(lambda: len(pids(diary)) == 2, 30)
    supervised.process.send_signal(number)
    assert supervised.process.wait(5) == 0
    assert pids(diary, "stopped") == [pid for pid in pids(diary) if pid in pids(diary, "stopped")] != []
    assert not any(map(is_alive, pids(diary)))
    assert not (supervised.run_dir / "worker-1.pid").exists()


def test_a_child_that_ignores_the_stop_is_killed_after_five_seconds(start: Start, diary: Path) -> None:
    supervised = start(Child("stubborn", stubborn, (diary,), watched=False))
    supervised.wait_for(lambda: len(pids(diary)) == 1, 30)
    assert supervised.stop(timeout_s=8.0) == 0
    assert "stubborn did not stop within 5 s and is killed" in supervised.log
    assert not is_alive(pids(diary)[0])


def test_a_child_that_no_longer_beats_is_killed_and_started_again(start: Start, diary: Path) -> None:
    supervised = start(Child("worker-1", silent_after_one_second, (diary,), silent_s=2.0))
    supervised.wait_for(lambda: len(pids(diary)) == 2, 40)
    assert "worker-1 has not answered for 2 s and is killed" in supervised.log


def test_a_stopped_child_counts_as_silent(start: Start, diary: Path) -> None:
    supervised = start(Child("worker-1", diligent, (diary,), silent_s=2.0, start_s=4.0))
    supervised.wait_for(lambda: len(pids(diary)) == 1, 30)
    os.kill(pids(diary)[0], signal.SIGSTOP)
    supervised.wait_for(lambda: len(pids(diary)) == 2, 40)


def test_a_child_that_always_crashes_is_started_ever_more_slowly_and_others_go_on(start: Start, diary: Path) -> None:
    supervised = start(Child("bad", crashing, (diary,)), Child("good", diligent, (diary,)))
    supervised.wait_for(lambda: supervised.log.count("bad ended") == 3, 40)
    for pause in ("0.0", "0.5", "1.0"):
        assert supervised.log.count(f"bad ended (exit status 1); it starts again in {pause} s") == 1
    assert "secret" not in supervised.log
    assert "rtsp://***@10.0.0.5/main is gone" in supervised.log
    assert "good ended" not in supervised.log


def fork_server_of(supervised: Supervised) -> int:
    """The process id of the supervisor's fork server."""
    found = subprocess.run(
        ["pgrep", "-P", str(supervised.process.pid), "-f", "engine.process.fork_server .* tests.engine.children$"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    numbers = [int(line) for line in found.stdout.split()]
    return next((number for number in numbers if b"yiping-" not in Path(f"/proc/{number}/comm").read_bytes()), 0)


def test_a_killed_fork_server_stops_no_child_and_is_there_again_for_the_one_after_the_next(
    tmp_path: Path, diary: Path
) -> None:
    supervised = supervise(tmp_path / "run", forked(Child("clock", diligent, (diary,))))
    try:
        supervised.wait_for(lambda: len(pids(diary)) == 1, 30)
        first = fork_server_of(supervised)
        os.kill(first, signal.SIGKILL)
        supervised.wait_for(lambda: not is_alive(first), 10)
        assert supervised.wait_for(lambda: is_alive(pids(diary)[0]), 1) < 1
        supervised.signal("clock")
        supervised.wait_for(lambda: len(pids(diary)) == 2, 30)  # begun anew
        assert supervised.log.count("clock is started without the fork server") == 1
        supervised.signal("clock")
        supervised.wait_for(lambda: len(pids(diary)) == 3, 30)
        assert fork_server_of(supervised) not in {0, first}
        assert supervised.log.count("clock is started without the fork server") == 1
    finally:
        supervised.stop()
        supervised.end()


def test_a_module_that_cannot_be_loaded_is_told_by_the_child_and_ends_nothing_else(tmp_path: Path, diary: Path) -> None:
    broken = Child("broken", Target("tests.engine.no_such_module", "run"), (diary,), forked=True)
    supervised = supervise(tmp_path / "run", forked(Child("clock", diligent, (diary,))), broken)
    try:
        supervised.wait_for(lambda: len(pids(diary)) == 1, 30)
        supervised.wait_for(lambda: supervised.log.count("broken ended (exit status 1)") >= 1, 30)
        assert "No module named 'tests.engine.no_such_module'" in supervised.log
        assert "clock ended" not in supervised.log
    finally:
        supervised.stop()
        supervised.end()


def test_what_the_fork_server_loads_starts_no_thread_of_ours_and_opens_no_file() -> None:
    look = """
import importlib, os, threading
before = sorted(os.listdir("/proc/self/fd"))
for module in ("web.server", "engine.sensors", "engine.clock", "engine.notifier", "engine.demo.responders"):
    importlib.import_module(module)
assert threading.active_count() == 1, threading.enumerate()
assert sorted(os.listdir("/proc/self/fd")) == before
"""
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_second_instance_on_the_same_folder_is_refused_with_the_first_ones_process_id(
    start: Start, diary: Path, tmp_path: Path
) -> None:
    supervised = start(Child("worker-1", diligent, (diary,)))
    supervised.wait_for(lambda: len(pids(diary)) == 1, 30)
    with pytest.raises(AlreadyRunning, match=rf"Yiping is running already \(process {supervised.process.pid}, lock"):
        Supervisor([], tmp_path / "run").run()
    assert is_alive(pids(diary)[0])


def test_a_lock_is_free_again_when_its_holder_is_done(tmp_path: Path) -> None:
    for _ in range(2):
        with held(tmp_path / "clock.lock", "the clock"):
            pass


def test_a_child_told_to_yield_stands_back_for_the_others(start: Start, diary: Path) -> None:
    supervised = start(Child("web", diligent, (diary,)), Child("worker-1", diligent, (diary,), yielding=5))
    supervised.wait_for(lambda: len(pids(diary)) == 2, 30)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    niceness = {name: os.getpriority(os.PRIO_PROCESS, supervised.pid(name) or -1) for name in ("web", "worker-1")}
    assert niceness == {"web": own, "worker-1": min(own + 5, 19)}


def test_two_children_of_one_name_are_refused(tmp_path: Path, diary: Path) -> None:
    with pytest.raises(ValueError, match="names of their own: a, a"):
        Supervisor([Child("a", diligent, (diary,)), Child("a", diligent, (diary,))], tmp_path)


def test_a_rest_ends_when_it_is_time_to_stop() -> None:
    heart = Heart()
    assert not heart.rest(0.01)
    heart.stopping.set()
    assert heart.rest(60)


def test_files_in_the_working_folder_never_take_the_standard_librarys_place(tmp_path: Path) -> None:
    for name in ("csv", "json", "engine", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working folder')\n", encoding="utf-8")
    diary = tmp_path / "diary.txt"
    running = supervise(tmp_path / "run", Child("diligent", diligent, (diary,), watched=True), cwd=tmp_path)
    try:
        running.wait_for(diary.exists, 20)
        running.stop()
        assert "imported from the working folder" not in running.log
        assert diary.read_text(encoding="utf-8").split()[0] == "begun"
    finally:
        running.end()
