"""`/ws/events`: every change as it is committed, numbered; after a break a page goes on from its last number.

The server sends JSON: `hello` (epoch, seq, reset), `store` (data: does the store take writes), `change` (seq, topic,
subject, at, data), `ping` (at, seq) every 5 s, `claim` (data: who is on an alert), `told` (what others did to it).
With `reset` the page reads its snapshots anew and goes on from `seq`.

With `batch=1` changes that come within a tenth of a second are one message, `changes` (a list): in a storm a hundred
screens would else be sent tens of thousands of messages a second, each with the cost of a system call.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.websockets import WebSocket

from data.model.people import Action, Actor, may
from data.model.views import iso
from data.ports.store import Reader, TaskQuery
from web.account_steps import ACCOUNT_TOPIC
from web.auth import visitor_of
from web.deps import ServerDeps
from web.metrics import WebMeters
from web.outbox import Broadcast, Outbox, Subscription, tell
from web.role_views import payload_seen
from web.sessions import SessionBook, Visitor
from web.site_scope import GONE, scope_of
from web.sockets import NOT_ALLOWED, PING_S, TOO_SLOW, close, until_gone, until_one_ends, while_allowed

_OF_PEOPLE = frozenset({"responder", "organisation"})  # an id of theirs may be spelt like that of a site
MOST_REPLAYED = 20_000  # further back a page had better read its snapshots
BATCH_EVERY_S = 0.1  # a page that takes batches is sent no more than one in this time
MOST_IN_BATCH = 500


class WholeCity:
    """What everybody else may follow: all changes, each as their role may see it, by the settings in force.

    `websocket`: whose visitor it is; `deps`: to look up where something is.
    """

    def __init__(self, actor: Actor, deps: ServerDeps, websocket: WebSocket) -> None:
        self._actor = actor
        self._deps = deps
        self._websocket = websocket
        self._settings = deps.settings
        self._sites = scope_of(deps, websocket)

    async def of(self, told: Broadcast) -> Broadcast | None:
        change = told.change
        if change is None:
            return told if not told.about or await self._may_know(told) else None
        seen: Any = payload_seen(change.topic, change.payload, self._actor)
        if self._settings is not self._deps.settings:
            self._settings = self._deps.settings
            self._sites = scope_of(self._deps, self._websocket)
        if self._sites is not None and change.topic not in _OF_PEOPLE:
            sites, document = self._sites, {"subject": change.subject, "data": seen}
            references = frozenset(sites.references(document))
            places = await self._deps.read(lambda reader: sites.places(reader, references)) if references else {}
            narrowed = sites.seen(document, places)
            if narrowed is GONE:
                return None
            seen = seen if narrowed["data"] == seen else narrowed["data"]
        return told if seen is change.payload else tell(change, seen)

    async def _may_know(self, told: Broadcast) -> bool:
        """Is it for this person, and about something that is not hidden from them?"""
        if told.only not in {"", self._actor.name}:
            return False
        if self._sites is None:
            return True
        sites, references = self._sites, frozenset({told.about})
        return not sites.hides(told.about, await self._deps.read(lambda reader: sites.places(reader, references)))


class OwnTasks:
    """What a responder may follow: changes of their own tasks, and of themselves."""

    def __init__(self, actor: Actor, tasks: set[int]) -> None:
        self._actor = actor
        self._name = actor.name
        self._tasks = tasks

    async def of(self, told: Broadcast) -> Broadcast | None:
        """The change as this responder may see it; None when it is not theirs."""
        change = told.change
        if change is None:
            return None if told.about else told
        if change.topic == "responder":
            return told if change.subject == f"responder:{self._name}" else None
        if change.topic != "task":
            return None
        task = change.payload["task"]
        if self._name in (task["offered_to"], *task["also_offered"], task["responder"]):
            self._tasks.add(task["id"])
            return tell(change, payload_seen("task", change.payload, self._actor))
        if task["id"] in self._tasks:
            # It went to somebody else: they learn that it is gone, not who has it.
            self._tasks.discard(task["id"])
            return tell(change, {"task": {"id": task["id"], "version": task["version"], "state": "gone"}})
        return None


def events_router(
    deps: ServerDeps, book: SessionBook, outbox: Outbox, meters: WebMeters, store_news: Callable[[], str | None]
) -> APIRouter:
    """The socket, for everybody who may read, and for responders about their own tasks.

    `store_news`: the message that the store takes no writes, sent after `hello`; None while all is well.
    """
    router = APIRouter()

    async def events(websocket: WebSocket) -> None:
        visitor = visitor_of(websocket)
        await websocket.accept()
        own: OwnTasks | WholeCity | None = await _own(deps, visitor)
        if own is None and may(visitor.user.role, Action.READ):
            own = WholeCity(visitor.actor, deps, websocket)
        if own is None:
            await close(websocket, NOT_ALLOWED, f"role {visitor.user.role} may not follow changes")
            return
        with outbox.follow() as follower, meters.socket("events"):
            sending = _send(websocket, outbox, follower, own, deps, meters, store_news)
            allowed = while_allowed(websocket, book, visitor)
            await until_one_ends(sending, until_gone(websocket), allowed, follower.left_behind())
        if follower.lost:
            await close(websocket, TOO_SLOW, "too slow: connect again with since")

    router.add_api_websocket_route("/ws/events", events)
    return router


async def _own(deps: ServerDeps, visitor: Visitor) -> OwnTasks | None:
    """The filter for those who see their own tasks only."""
    role, name = visitor.user.role, visitor.user.name
    if may(role, Action.READ) or not may(role, Action.READ_OWN_TASKS):
        return None
    query = TaskQuery(responder=name, open_only=True, limit=1000)

    def look(reader: Reader) -> set[int]:
        return {task.id for task in reader.tasks(query)}

    return OwnTasks(visitor.actor, await deps.read_list(look))


async def _send(  # noqa: PLR0917 - one socket with all it needs
    websocket: WebSocket,
    outbox: Outbox,
    follower: Subscription,
    own: OwnTasks | WholeCity,
    deps: ServerDeps,
    meters: WebMeters,
    store_news: Callable[[], str | None],
) -> None:
    since = _number(websocket.query_params.get("since"))
    reset = since is None or websocket.query_params.get("epoch") != outbox.epoch
    reset = reset or since is None or not 0 <= follower.start - since <= MOST_REPLAYED
    await _say(websocket, type="hello", epoch=outbox.epoch, seq=follower.start, reset=reset)
    if (news := store_news()) is not None:
        await websocket.send_text(news)
    batches = websocket.query_params.get("batch") == "1"
    seq = follower.start
    if not reset and since is not None:
        after = since
        while page := await outbox.past(after, follower.start):
            await _pass_on(websocket, page, own, batches=batches)
            after = max(missed.change.seq for missed in page if missed.change is not None)
    sent_s = float("-inf")
    while True:
        told = await follower.next(PING_S)
        if told is None:
            await _say(websocket, type="ping", at=iso(deps.now()), seq=seq)
            continue
        if batches and (early_s := sent_s + BATCH_EVERY_S - time.monotonic()) > 0:
            await asyncio.sleep(early_s)
        batch = [told, *(follower.waiting(MOST_IN_BATCH) if batches else ())]
        await _pass_on(websocket, batch, own, batches=batches)
        sent_s = time.monotonic()
        changes = [one.change for one in batch if one.change is not None]
        if changes:
            seq = changes[-1].seq
            meters.delivered(_age_s(deps.now(), changes[0].at), len(changes))


async def _pass_on(
    websocket: WebSocket, batch: Sequence[Broadcast], own: OwnTasks | WholeCity, *, batches: bool
) -> None:
    """What this visitor may see of it, in order; one by one, or what belongs together as one message."""
    changes: list[str] = []
    for told in batch:
        if told.change is not None and told.change.topic == ACCOUNT_TOPIC:
            continue  # for the server only
        seen = await own.of(told)
        if seen is None:
            continue
        if batches and seen.change is not None:
            changes.append(seen.text)
            continue
        await _send_changes(websocket, changes)
        changes = []
        await websocket.send_text(seen.text)
    await _send_changes(websocket, changes)


async def _send_changes(websocket: WebSocket, texts: Sequence[str]) -> None:
    """One alone is a `change`, several are `changes`."""
    if len(texts) == 1:
        await websocket.send_text(texts[0])
    elif texts:
        await websocket.send_text(f'{{"type":"changes","changes":[{",".join(texts)}]}}')


async def _say(websocket: WebSocket, **message: Any) -> None:
    await websocket.send_text(json.dumps(message))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else None


def _age_s(now: datetime, at: datetime) -> float:
    return max(0.0, (now - at).total_seconds())
