"""Plans in every store: one run for each source, one piece of work for each (source, plan, place, step, round)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from data.errors import IllegalMove, NotFound, StaleVersion
from data.model.case import Recorded
from data.model.plan import PlanRun, PlanWork, RunState
from data.model.warning import MessageType, WarningLevel, WarningStatus
from data.ports.store import Store, Writer
from tests.contracts.samples import NOON, a_task, after, an_event
from tests.contracts.test_warnings import a_warning, deliver

SOURCE = "warning:cq@weather.cn,50010041600000_20240712_1,2024-07-12T04:00:00.123456+00:00"


def a_run(source: str = SOURCE) -> PlanRun:
    began = Recorded("begin", "in_force", NOON, "system", detail={"level": "blue"}, reason="暴雨蓝色预警")
    return PlanRun("storm", source, WarningLevel.BLUE, NOON, (began,))


def a_work(run: PlanRun, place: str = "dip-1", number: int = 1) -> PlanWork:
    return PlanWork(run.id, run.source, run.plan, place, "drain-check", NOON, number)


def add(store: Store, run: PlanRun) -> PlanRun:
    return store.write(lambda writer: writer.add_plan_run(run))


def test_a_run_is_read_as_it_was_written_and_only_gains_steps(store: Store) -> None:
    run = add(store, a_run())
    assert store.read(lambda reader: reader.plan_run(run.id)) == replace(a_run(), id=run.id, version=1)
    assert store.read(lambda reader: reader.plan_run_of("storm", SOURCE)) == run
    raised = Recorded("level", "in_force", after(60), "system", detail={"level": "orange"})
    higher = replace(run, steps=(*run.steps, raised), level=WarningLevel.ORANGE, unsettled=False)
    saved = store.write(lambda writer: writer.save_plan_run(higher))
    assert (saved.version, saved.level, saved.state) == (2, WarningLevel.ORANGE, RunState.IN_FORCE)
    with pytest.raises(IllegalMove, match="recorded steps stay as they are"):
        store.write(lambda writer: writer.save_plan_run(replace(saved, steps=(raised,))))
    with pytest.raises(StaleVersion):
        store.write(lambda writer: writer.save_plan_run(higher))
    with pytest.raises(NotFound, match="no run of a plan 99"):
        store.read(lambda reader: reader.plan_run(99))


def test_runs_are_found_by_plan_by_being_open_and_by_being_unsettled(store: Store) -> None:
    first = add(store, a_run())
    second = add(store, replace(a_run("order:7"), unsettled=False))
    third = add(store, replace(a_run(), plan="crest"))
    over = replace(first, steps=(*first.steps, Recorded("end", "ended", after(9), "zhao", "duty_officer", "雨停")))
    store.write(lambda writer: writer.save_plan_run(over))
    found = store.read(lambda reader: [
        [run.id for run in reader.plan_runs(**query)]
        for query in ({"plan": "storm"}, {"open_only": True}, {"unsettled_only": True}, {"limit": 1})
    ])  # fmt: skip
    assert found == [[second.id, first.id], [third.id, second.id], [third.id, first.id], [third.id]]


def test_of_sixteen_threads_that_make_the_same_run_and_the_same_work_one_does(store: Store) -> None:
    def make(_: int) -> int:
        try:
            return add(store, a_run()).id
        except IllegalMove:
            return 0

    with ThreadPoolExecutor(16) as crew:
        runs = [number for number in crew.map(make, range(64)) if number]
        (run,) = store.read(lambda reader: reader.plan_runs())
        assert runs == [run.id]
        works = list(crew.map(lambda _: store.write(lambda writer: writer.add_plan_work(a_work(run))), range(64)))
    assert len([work for work in works if work is not None]) == 1
    assert len(store.read(lambda reader: reader.plan_works(run.id))) == 1


def test_what_was_withdrawn_can_be_made_again_and_each_round_is_work_of_its_own(store: Store) -> None:
    run = add(store, a_run())

    def work(writer: Writer) -> int:
        return writer.add_task(a_task(writer.add_event(an_event()).id)).id

    task = store.write(work)
    first = store.write(lambda writer: writer.add_plan_work(replace(a_work(run), task_id=task)))
    assert first is not None
    assert store.write(lambda writer: writer.add_plan_work(a_work(run))) is None
    assert store.write(lambda writer: writer.add_plan_work(a_work(run, number=2))) is not None
    store.write(lambda writer: writer.withdraw_plan_works([first.id], after(60)))
    store.write(lambda writer: writer.withdraw_plan_works([first.id], after(99)))
    assert store.read(lambda reader: reader.plan_work(first.id)).withdrawn_at == after(60)
    again = store.write(lambda writer: writer.add_plan_work(a_work(run)))
    assert again is not None
    live = store.read(lambda reader: reader.plan_works(run.id, live_only=True))
    assert [one.round for one in live] == [2, 1]
    assert live[1] == again
    assert [one.id for one in store.read(lambda reader: reader.plan_tasks(run.id))] == [task]
    alike = store.read(lambda reader: reader.plan_works_alike("storm", "dip-1", "drain-check"))
    assert alike == live
    assert store.read(lambda reader: reader.plan_works_alike("storm", "dip-2", "drain-check")) == []


def test_work_of_a_run_or_a_task_that_is_not_stored_is_refused(store: Store) -> None:
    run = add(store, a_run())
    for work in (replace(a_work(run), run_id=99), replace(a_work(run), task_id=99)):
        with pytest.raises(IllegalMove, match="refers to a row that is not stored"):
            store.write(lambda writer, work=work: writer.add_plan_work(work))  # type: ignore[misc]


def test_an_exercise_ends_no_real_warning(store: Store) -> None:
    deliver(store, a_warning(1))
    drill = replace(a_warning(2, MessageType.CANCEL, a_warning(1).key), status=WarningStatus.EXERCISE)
    deliver(store, drill, 60)
    assert len(store.read(lambda reader: reader.warnings(in_force_at=after(61)))) == 1
    assert [w.key for w in store.read(lambda reader: reader.warnings_about(a_warning(1).key))] == [drill.key]
