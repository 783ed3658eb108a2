"""Whatever the messages, in whatever order: work once, nothing begun is taken, nothing that is asked for is missing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from data.model.plan import RunState
from data.model.task import TaskState
from data.model.warning import HazardWarning, MessageType, WarningId, WarningLevel
from data.ports.store import Writer
from data.stored.warnings_in import receive_warning
from dispatch.plan_runs import follow_warning
from dispatch.plan_works import settle
from tests.dispatch.plan_city import PlanCity, cap
from tests.stores import new_store

LEVELS = (WarningLevel.BLUE, WarningLevel.YELLOW, WarningLevel.ORANGE, WarningLevel.RED)
PLACES = ("下穿道", "隧道口", "低洼处")


class Storm:
    """Messages of one weather bureau, people who accept, and a planner that may be killed between two commits."""

    def __init__(self, town: PlanCity, chance: random.Random) -> None:
        self.town, self.chance = town, chance
        self.sent: list[HazardWarning] = []
        self.held_back: list[HazardWarning] = []
        self.begun: set[int] = set()

    def step(self) -> None:
        weights = {
            self.new_warning: 2,
            self.later_message: 5,
            self.message_comes_again: 2,
            self.late_message_arrives: 2,
            self.piece_of_work: 4,
            self.somebody_accepts: 3,
            self.time_passes: 2,
            self.settled: 2,
        }
        self.chance.choices(list(weights), list(weights.values()))[0]()
        self.check()

    def new_warning(self) -> None:
        self._send(cap(len(self.sent) + 1, self.chance.choice(LEVELS), hours=self.chance.choice((2, 6, 30))))

    def later_message(self) -> None:
        if self.sent:
            about = self.chance.randint(1, len(self.sent))
            kind = self.chance.choice((MessageType.UPDATE, MessageType.UPDATE, MessageType.CANCEL))
            self._send(cap(len(self.sent) + 1, self.chance.choice(LEVELS), kind, about, hours=30))

    def message_comes_again(self) -> None:
        known = [message for message in self.sent if message not in self.held_back]
        if known:
            self._hear(self.chance.choice(known))

    def late_message_arrives(self) -> None:
        if self.held_back:
            self._hear(self.held_back.pop(self.chance.randrange(len(self.held_back))))

    def _send(self, message: HazardWarning) -> None:
        self.sent.append(message)
        if self.chance.random() < 0.2:
            self.held_back.append(message)
        else:
            self._hear(message)

    def _hear(self, message: HazardWarning) -> None:
        def work(writer: Writer) -> None:
            stored = receive_warning(writer, message, self.town.now)
            if stored is not None:
                follow_warning(writer, stored, self.town.now, self.town.settings)

        self.town.store.write(work)

    def piece_of_work(self) -> None:
        """What a process does before it is killed."""
        unsettled = self.town.store.read(lambda reader: reader.plan_runs(unsettled_only=True))
        if unsettled:
            number, pieces = self.chance.choice(unsettled).id, self.chance.randint(1, 3)
            self.town.store.write(lambda writer: settle(writer, number, self.town.now, self.town.maker, at_most=pieces))

    def somebody_accepts(self) -> None:
        tasks = self.town.tasks(open_only=True)
        offered = [task for task in tasks if task.state is TaskState.OFFERED and task.unit]  # offers to one end by time
        if offered:
            self.begun.add(self.town.accepted(self.chance.choice(offered)).id)

    def time_passes(self) -> None:
        self.town.wait(hours=self.chance.choice((1, 5)))

    def check(self) -> None:
        reader_of = self.town.store.read
        live = [
            (work.source, work.place, work.step, work.round)
            for run in self.town.runs()
            for work in reader_of(lambda reader, run=run: reader.plan_works(run.id, live_only=True))  # type: ignore[misc]
        ]
        assert len(live) == len(set(live))
        tasks = self.town.tasks()
        assert all(task.cancelled_at is None for task in tasks if task.id in self.begun)

    def levels_in_force(self) -> set[WarningLevel]:
        """The highest level of each chain of messages that refer to each other."""
        chains: dict[WarningId, int] = {}
        heard = [message for message in self.sent if message not in self.held_back]
        for message in heard:
            joined = {chains[key] for key in (message.key, *message.references) if key in chains}
            number = len(chains) + len(joined) + 1000 * self.sent.index(message)
            chains |= {key: number for key, old in chains.items() if old in joined}
            chains |= dict.fromkeys((message.key, *message.references), number)
        highest: dict[int, WarningLevel] = {}
        for one in self.town.store.read(lambda reader: reader.warnings(in_force_at=self.town.now)):
            known = highest.get(chains[one.key], one.level)
            highest[chains[one.key]] = max(known, one.level, key=lambda level: level.rank)
        return set(highest.values())

    def settled(self) -> None:
        """What is there is what the warnings in force ask for, besides what somebody has begun."""
        self.town.settle()
        levels = self.levels_in_force()
        wanted = {f"巡查 · {place}" for place in PLACES if levels}
        if levels & {WarningLevel.ORANGE, WarningLevel.RED}:
            wanted |= {f"泵就位 · {place}" for place in PLACES}
        if levels & {WarningLevel.BLUE, WarningLevel.YELLOW}:
            wanted.add("提示商户 · 下穿道")
        tasks = self.town.tasks(open_only=True)
        waiting = [task.title for task in tasks if task.id not in self.begun]
        assert set(waiting) <= wanted, f"{levels}"
        assert wanted <= {task.title for task in tasks}, f"{levels}"
        assert len(waiting) == len(set(waiting)), "nobody is asked twice for the same at the same place"
        assert {run.state for run in self.town.runs()} <= {RunState.IN_FORCE, RunState.ENDED}


@pytest.mark.parametrize("seed", range(4))
def test_a_storm_of_messages_late_lost_and_repeated_never_loses_or_doubles_work(tmp_path: Path, seed: int) -> None:
    store = new_store(tmp_path / "yiping.db")
    storm = Storm(PlanCity(store), random.Random(seed))
    for _ in range(30):
        storm.step()
    storm.settled()
    store.close()
