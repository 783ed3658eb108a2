"""Random lives of alarms on a real store, held against a model in plain words: no illegal state, no lost step."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from alerts.axes import axes_of, axes_of_steps
from alerts.clocks import alerts_due
from alerts.decisions import return_to_service, shelve_alert, take_out_of_service, unshelve_alert, verify_alert
from alerts.lifecycle import acknowledge, end_alert, note_condition, raise_alert
from data.config.settings import Settings
from data.errors import Forbidden, IllegalMove
from data.model.alert import AlertKey, Ended, Priority, Raised, Standing
from data.model.alert_life import Condition, Verification
from data.model.people import SYSTEM, Actor, Role
from data.model.record import broken_link
from data.ports.store import AlertQuery, Store, Writer
from tests.alerts.life_model import Alarm
from tests.stores import new_store

NOON = datetime(2026, 7, 12, 4, 0, tzinfo=UTC)
PEOPLE = {
    role: Actor(role.value, role) for role in (Role.OPERATOR, Role.SECTION_HEAD, Role.DUTY_OFFICER, Role.COMMANDER)
}
CAMERA = "camera_health"
RULES = ("parked", "stopped", CAMERA)
MOVES = (
    "fire",
    "fire",
    "end",
    "end",
    "note",
    "pass",
    "pass",
    "acknowledge",
    "shelve",
    "unshelve",
    "out",
    "back",
    "verify",
)
STEPS = int(os.environ.get("YIPING_SOAK_STEPS", "20000"))
WALKS = int(os.environ.get("YIPING_SOAK_WALKS", "1"))
BATCHES, MOST_MOVES = 25, 50
PLAIN = Settings()


class Lives(RuleBasedStateMachine):
    """Three alarms of one site: two that its camera sees, and the camera's own, which keeps those two quiet."""

    store: ClassVar[Store]
    now: ClassVar[datetime] = NOON
    sites: ClassVar[int] = 0
    taken: ClassVar[int] = 0

    @initialize()
    def another_site(self) -> None:
        cls = type(self)
        cls.sites += 1
        cls.now += timedelta(days=30)  # what an earlier site waits for is over
        while self.store.write(lambda writer: alerts_due(writer, cls.now, settings=PLAIN)):
            pass
        self.site = f"site-{cls.sites}"
        self.alarms = {name: Alarm() for name in RULES}
        self.ids: dict[str, int] = {}

    @rule(seed=st.integers(0, 2**32), many=st.integers(1, MOST_MOVES))
    def moves(self, seed: int, many: int) -> None:
        """Some moves in one unit of work; each is held against the model as soon as it is made."""
        self.store.write(lambda writer: self._some(writer, random.Random(seed), many))
        self._steps_tell_the_same()

    def _some(self, writer: Writer, chance: random.Random, many: int) -> None:
        for _ in range(many):
            name = chance.choice(RULES)
            type(self).now += timedelta(milliseconds=1)  # no two moves at the same moment
            getattr(self, f"_{chance.choice(MOVES)}")(writer, name, chance)
            type(self).taken += 1
            self._is_as_told(writer, name)

    def _is_as_told(self, writer: Writer, name: str) -> None:
        if name not in self.ids:
            return
        stored, told, now = writer.alert(self.ids[name]), self.alarms[name], type(self).now
        assert stored.is_open == (writer.open_alert(stored.key) is not None)
        assert stored.condition.value == told.condition()
        assert (stored.occurrence, stored.calls, stored.priority.value) == (told.occurrence, told.calls, told.priority)
        assert stored.is_acknowledged(now) == told.seen(now)
        assert (stored.shelved_until, bool(stored.inhibited_by)) == (told.shelved_until, told.inhibited)
        assert (stored.work_order, stored.verification.value) == (told.work_order, told.truth)
        assert (stored.latched_since is not None, stored.ended_at) == (told.latched, told.ended)
        assert (stored.is_calling, stored.calls_for_attention(now)) == (told.calling(), told.attention(now))

    def _steps_tell_the_same(self) -> None:
        now = type(self).now
        for name, number in self.ids.items():
            alert, steps = self.store.read(lambda r, n=number: (r.alert(n), r.alert_steps(n)))  # type: ignore[misc]
            assert axes_of_steps(steps, now) == axes_of(alert, now), name
        of_site = self.store.read(lambda r: r.alerts(AlertQuery(site=self.site, limit=10_000)))
        assert len(of_site) == sum(alarm.number for alarm in self.alarms.values())

    def _key(self, name: str) -> AlertKey:
        return AlertKey(self.site, name, "", "")

    def _fire(self, writer: Writer, name: str, chance: random.Random) -> None:
        priority, now = chance.choice(list(Priority)), type(self).now
        kind = CAMERA if name == CAMERA else "dwell"
        raised = Raised(self._key(name), kind, priority, now, now)
        raise_alert(writer, raised, None, now)
        found = writer.open_alert(raised.key)
        assert found is not None
        self.ids[name] = found.id
        self.alarms[name].fire(priority.value, now, inhibited=name != CAMERA and self.alarms[CAMERA].open)
        self._camera_says()

    def _end(self, writer: Writer, name: str, _chance: random.Random) -> None:
        now = type(self).now
        end_alert(writer, Ended(self._key(name), now, now), now)
        self.alarms[name].end(now)
        self._camera_says()

    def _camera_says(self) -> None:
        """While the camera's alert is open, the others are kept quiet, but for P1; what is over stays as it is."""
        for name, alarm in self.alarms.items():
            if name != CAMERA and alarm.number:
                away = self.alarms[CAMERA].open
                alarm.inhibit(away and (alarm.priority != "P1" if alarm.open else alarm.inhibited))

    def _note(self, writer: Writer, name: str, chance: random.Random) -> None:
        condition, now = chance.choice([Condition.STALE, Condition.CLEARING, Condition.ACTIVE]), type(self).now
        note_condition(writer, Standing(self._key(name), condition, now), now)
        self.alarms[name].note(condition.value, now)

    def _pass(self, writer: Writer, _name: str, chance: random.Random) -> None:
        cls = type(self)
        until = cls.now + timedelta(seconds=chance.choice([1, 60, 290, 601, 1800, 1801, 7200, 40_000]))
        while cls.now < until:  # what is over by itself is over in the order of time
            dues = [due for alarm in self.alarms.values() for due in alarm.dues() if cls.now < due]
            cls.now = min([*dues, until])
            alerts_due(writer, cls.now, settings=PLAIN)
            for alarm in self.alarms.values():
                alarm.time_passes(cls.now)
            self._camera_says()

    def _acknowledge(self, writer: Writer, name: str, chance: random.Random) -> None:
        if name in self.ids:
            who, now = self._who(chance), type(self).now
            done = self._tried(lambda: acknowledge(writer, self.ids[name], who, now))
            assert done == self.alarms[name].acknowledge(now)

    def _shelve(self, writer: Writer, name: str, chance: random.Random) -> None:
        if name in self.ids:
            who, now = self._who(chance), type(self).now
            long = timedelta(minutes=chance.choice([1, 30, 121, 480, 481, 1441]))
            done = self._tried(lambda: shelve_alert(writer, self.ids[name], who, now, until=now + long, reason="因为"))
            assert done == self.alarms[name].shelve(who.name, long, now)

    def _unshelve(self, writer: Writer, name: str, chance: random.Random) -> None:
        if name in self.ids:
            who, now = self._who(chance), type(self).now
            done = self._tried(lambda: unshelve_alert(writer, self.ids[name], who, now))
            assert done == self.alarms[name].unshelve(who.name)

    def _out(self, writer: Writer, name: str, chance: random.Random) -> None:
        if name in self.ids:
            who, now = self._who(chance), type(self).now
            done = self._tried(
                lambda: take_out_of_service(writer, self.ids[name], who, now, work_order="WX-1", reason="换")
            )
            assert done == self.alarms[name].take_out(who.name, "WX-1")

    def _back(self, writer: Writer, name: str, chance: random.Random) -> None:
        if name in self.ids:
            who, now = self._who(chance), type(self).now
            done = self._tried(lambda: return_to_service(writer, self.ids[name], who, now))
            assert done == self.alarms[name].bring_back(who.name)

    def _verify(self, writer: Writer, name: str, chance: random.Random) -> None:
        if name in self.ids:
            human, now = chance.random() < 0.5, type(self).now
            truth = chance.choice(["confirmed", "dismissed"] if human else ["probable", "confirmed"])
            by = self._who(chance) if human else SYSTEM
            done = self._tried(lambda: verify_alert(writer, self.ids[name], Verification(truth), (), by, now, "因为"))
            assert done == self.alarms[name].verify(truth, human=human)

    @staticmethod
    def _who(chance: random.Random) -> Actor:
        return chance.choice(list(PEOPLE.values()))

    @staticmethod
    def _tried(move: object) -> str | None:
        try:
            move()  # type: ignore[operator]
        except Forbidden:
            return "forbidden"
        except IllegalMove:
            return "illegal"
        return None


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[type[Lives]]:
    class Here(Lives):
        store = new_store(tmp_path / "lives.db")

    yield Here
    Here.store.close()


@pytest.mark.slow
@pytest.mark.timeout(900 + STEPS // 20)
@pytest.mark.parametrize("walk", range(WALKS))
def test_random_steps_of_alarms_never_reach_an_illegal_state(lives: type[Lives], walk: int) -> None:
    """`YIPING_SOAK_STEPS=1000000` for the long version (make soak-states)."""
    how = settings(
        max_examples=max(10, STEPS // WALKS // 400),  # nearly always enough in one go
        stateful_step_count=BATCHES,
        deadline=None,
        derandomize=WALKS == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    while lives.taken < STEPS // WALKS:
        run_state_machine_as_test(lives, settings=how)
    print(f"walk {walk}: {lives.taken} steps over {lives.sites} sites, none of them illegal")
    assert broken_link(lives.store.read(lambda reader: reader.audit(limit=10 * STEPS))) is None
