"""Virtual responders: they accept what they are offered, travel there over the roads, work, and report.

Who has a session of their own takes part in person, by phone: for them nothing is done here. Everything goes through
the same steps as a person's; who verifies is the shift.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import cv2
import numpy as np

from data.config.drill import DrillSettings
from data.errors import Forbidden, IllegalMove
from data.local.confinement import confine
from data.local.vault import FolderVault
from data.model.geo import distance_m
from data.model.people import Actor, Responder, Role
from data.model.task import Offer, Task, TaskState
from data.ports.store import EvidenceVault, Reader, Store, TaskQuery, Writer
from data.sql.store import open_store
from dispatch import tasks
from dispatch.routing import load_roads, read_roads
from dispatch.turns import people_of
from engine.demo.responders import Streets, corners_of, move_once
from engine.process.heart import Heart
from engine.process.options import RunOptions

log = logging.getLogger(__name__)

STEP_S = 1.0
ARRIVED_M = 25.0
REPORT = "演练：已处置完毕 / Drill: the work is done"
_MOST_TASKS = 1000
_TOUCHED = (IllegalMove, Forbidden)
"""Somebody else has moved the task meanwhile: it is looked at again a second later."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a virtual responder does next with a task."""

    task: Task
    who: str
    what: TaskState


class VirtualResponders:
    """Decides what is due. `seed`: which offers stay unanswered is the same each time."""

    def __init__(self, settings: DrillSettings, speed: float, seed: int = 1) -> None:
        self._settings = settings
        self._speed = speed
        self._seed = seed

    def due(self, reader: Reader, now: datetime) -> list[Step]:
        """The steps that are due now, at most one of a task."""
        people = {one.id: one for one in reader.responders() if one.on_shift}
        in_person = {session.user for session in reader.sessions(now)}
        busy = set(reader.busy_responders())
        found = []
        for task in reader.tasks(TaskQuery(open_only=True, limit=_MOST_TASKS)):
            step = self._next(reader, task, people, in_person, busy, now)
            if step is not None:
                found.append(step)
                busy.add(step.who)
        return found

    def _next(  # noqa: PLR0917 - who is there, and who cannot
        self,
        reader: Reader,
        task: Task,
        people: dict[str, Responder],
        in_person: Collection[str],
        busy: Collection[str],
        now: datetime,
    ) -> Step | None:
        if task.state is TaskState.OFFERED:
            return self._accepting(reader, task, people, in_person, busy, now)
        who = task.responder
        if who is None or who not in people or who in in_person:
            return None
        if task.state is TaskState.ACCEPTED:
            return Step(task, who, TaskState.EN_ROUTE)
        if task.state is TaskState.EN_ROUTE:
            place = people[who].position
            there = place is not None and distance_m(place, task.location) <= ARRIVED_M
            return Step(task, who, TaskState.ON_SCENE) if there else None
        worked = task.on_scene_at is not None and now - task.on_scene_at >= self._settings.work_for / self._speed
        if task.state is TaskState.REWORK or (task.state is TaskState.ON_SCENE and worked):
            return Step(task, who, TaskState.REPORTED)
        return None

    def _accepting(  # noqa: PLR0917 - as above
        self,
        reader: Reader,
        task: Task,
        people: dict[str, Responder],
        in_person: Collection[str],
        busy: Collection[str],
        now: datetime,
    ) -> Step | None:
        after = self._settings.accept_after / self._speed
        if task.unit:
            free = (name for name in sorted(people_of(reader, task.unit)) if name in people and name not in busy)
            who = next((name for name in free if name not in in_person), None)
            waited = now - task.created_at >= after
            return Step(task, who, TaskState.ACCEPTED) if who is not None and waited else None
        for offer in reader.offers(task.id):
            mine = offer.is_open and offer.responder in people and offer.responder not in in_person
            if mine and self._answers(offer) and now - offer.offered_at >= after and now < offer.expires_at:
                return Step(task, offer.responder, TaskState.ACCEPTED)
        return None

    def _answers(self, offer: Offer) -> bool:
        chance = random.Random(f"{self._seed}:{offer.task_id}:{offer.responder}")  # noqa: S311 - no secret  # nosec B311
        return chance.random() >= self._settings.unanswered


def take_step(store: Store, vault: EvidenceVault, step: Step, now: datetime) -> bool:
    """Do it as the responder would; False when somebody else was quicker. Raises the store's errors."""
    actor, number = Actor(step.who, Role.RESPONDER), step.task.id

    def work(writer: Writer) -> None:
        if step.what is TaskState.ACCEPTED:
            tasks.accept(writer, number, actor, now)
        elif step.what is TaskState.EN_ROUTE:
            tasks.en_route(writer, number, actor, now)
        elif step.what is TaskState.ON_SCENE:
            tasks.on_scene(writer, number, actor, now)
        else:
            checked = range(len(step.task.checklist))
            tasks.report(writer, number, actor, now, REPORT, photo, checked=checked)

    needs = step.what is TaskState.REPORTED and step.task.needs_photo
    photo = vault.keep(drill_photo(number), "image/jpeg", now, step.task.site) if needs else None
    try:
        store.write(work)
    except _TOUCHED as error:
        log.info("task %d: %s", number, error)
        return False
    return True


def drill_photo(number: int) -> bytes:
    """A picture that cannot be taken for a photo of the place, for tasks whose report needs one. JPEG."""
    picture = np.full((360, 640, 3), 235, np.uint8)
    for text, height, size in (("DRILL", 170, 4.0), (f"task {number}: no photo of a place", 260, 0.9)):
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 3)
        cv2.putText(picture, text, ((640 - width) // 2, height), cv2.FONT_HERSHEY_SIMPLEX, size, (40, 40, 200), 3)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def run_responders(heart: Heart, options: RunOptions) -> None:
    """Target of the process of the virtual responders."""
    drill, roads_file = options.drill, options.settings.dispatch.roads
    assert drill is not None
    path = None if roads_file is None else options.base_dir / roads_file
    corners = {} if path is None else corners_of(read_roads(path))
    homes = {one.id: one.location for one in options.settings.responders if one.location is not None}
    streets = Streets(load_roads(path), corners, homes)
    virtual = VirtualResponders(options.settings.drill, drill.speed)
    vault = FolderVault(options.evidence_dir)
    with closing(open_store(options.store, migrate=False, mask=options.mask)) as store:
        confine(options.var_dir)
        while not heart.rest(STEP_S):
            now = datetime.now(UTC)
            move_once(store, streets, now, STEP_S * drill.speed)
            steps: Sequence[Step] = store.read(partial(virtual.due, now=now))
            for step in steps:
                take_step(store, vault, step, now)
