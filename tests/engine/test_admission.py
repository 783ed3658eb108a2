"""How many cameras may be awake at once: as many as the worker carries, and nobody is left out."""

from __future__ import annotations

import time

import pytest

from engine.camera.admission import Admission, Load, overdue_s


def test_while_the_worker_keeps_up_everybody_may_wake() -> None:
    admission = Admission()
    assert all(admission.enter(f"cam-{n}") for n in range(40))
    assert admission.weigh(0.9, 0.1, 100.0) == ()
    assert admission.waiting == ()


def test_when_it_does_not_those_that_woke_last_go_back_and_come_in_again_when_there_is_room() -> None:
    admission = Admission()
    assert all(admission.enter(f"cam-{n}") for n in range(10))
    back = admission.weigh(1.2, 0.2, 100.0)
    assert back == ("cam-7", "cam-8", "cam-9"), "10 awake cost 1.2: seven cost about 0.84"
    assert not admission.enter("cam-8")
    assert not admission.enter("cam-20"), "the house is full"
    assert admission.enter("cam-0"), "who is in stays in"
    assert admission.weigh(1.2, 0.2, 101.0) == (), "the effect of a step must be seen before the next"
    assert admission.weigh(0.5, 0.0, 104.0) == ()
    assert not admission.enter("cam-20"), "one place, and others wait longer"
    assert admission.enter("cam-7")
    assert not admission.enter("cam-8")
    admission.leave("cam-1")
    assert admission.enter("cam-8")
    assert admission.waiting == ("cam-9", "cam-20")


def test_pictures_that_wait_for_the_detector_are_overload_too() -> None:
    admission = Admission()
    assert all(admission.enter(f"cam-{n}") for n in range(4))
    assert admission.weigh(0.5, 1.5, 100.0) == ("cam-3",), "another process takes the processor"


def test_the_last_awake_camera_is_never_sent_back_and_the_limit_vanishes_when_nobody_waits() -> None:
    admission = Admission()
    assert admission.enter("cam-0")
    assert admission.weigh(3.0, 9.0, 100.0) == ()
    assert admission.enter("cam-1")
    assert admission.weigh(3.0, 9.0, 110.0) == ("cam-1",)
    admission.leave("cam-1")
    admission.leave("cam-0")
    assert admission.weigh(0.1, 0.0, 120.0) == ()
    assert all(admission.enter(f"cam-{n}") for n in range(5))


def test_cameras_whose_rules_raise_p1_go_back_last_and_come_in_first() -> None:
    admission = Admission()
    admission.prefer("cam-8", urgent=True)
    admission.prefer("cam-9", urgent=True)
    assert all(admission.enter(f"cam-{n}") for n in range(10))
    assert admission.weigh(1.2, 0.2, 100.0) == ("cam-5", "cam-6", "cam-7")
    admission.leave("cam-0")
    admission.prefer("cam-7", urgent=True)
    assert not admission.enter("cam-5"), "one place, and it is kept for cam-7"
    assert admission.enter("cam-7")
    admission.prefer("cam-8", urgent=False)
    assert admission.weigh(1.2, 0.2, 110.0) == ("cam-3", "cam-4", "cam-8"), "of the urgent none"


@pytest.mark.parametrize("urgent", [0, 1, 4, 7, 8])
def test_under_overload_urgent_cameras_have_twice_the_looks_and_every_other_half_of_its_share(urgent: int) -> None:
    """Eight cameras that want five looks a second each; there is time for ten in all. A minute, look by look."""
    due_s, looks, now_s = [0.0] * 8, [0] * 8, 0.0
    while now_s < 60.0:
        now_s += 0.1
        ready = [n for n in range(8) if due_s[n] <= now_s]
        turn = max(ready, key=lambda n: overdue_s(due_s[n], now_s, urgent=n < urgent))
        due_s[turn] = max(due_s[turn] + 0.2, now_s)
        looks[turn] += 1
    assert min(looks) >= 0.5 * sum(looks) / 8
    others, first = looks[urgent:], looks[:urgent]
    if first and others:
        assert sum(first) / len(first) > 1.6 * sum(others) / len(others)
    for alike in (first, others):
        assert max(alike, default=0) <= min(alike, default=0) + 2


def test_a_configured_limit_holds_at_any_load() -> None:
    admission = Admission(most=2)
    assert [admission.enter(name) for name in ("a", "b", "c")] == [True, True, False]
    for second in range(10):
        assert admission.weigh(0.1, 0.0, 100.0 + 10 * second) == ()
    assert not admission.enter("c")
    admission.leave("a")
    assert admission.enter("c")


def test_after_cameras_were_sent_to_rest_the_load_is_that_since_then() -> None:
    load = Load()
    begun_s, cpu_begun_s = time.monotonic(), time.process_time()
    while time.monotonic() - begun_s < 1.05 or time.process_time() - cpu_begun_s < 0.5:
        pass  # on a busy machine this process gets less of a processor, and takes longer
    busy = load.since(time.monotonic())
    passed_s, cpu_s = time.monotonic() - begun_s, time.process_time() - cpu_begun_s
    assert busy is not None
    assert busy[0] == pytest.approx(cpu_s / passed_s, rel=0.3)
    load.restart()
    time.sleep(1.05)
    idle = load.since(time.monotonic())
    assert idle is not None
    assert idle[0] < 0.2
