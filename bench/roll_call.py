"""A roll-call of 198 people: how long until all are reached through a local channel, and what comes of the answers.

    python -m bench.roll_call

A real store, the real notifier, a gateway on this machine that takes one HTTP request for each message, and the real
server, to which 26 people answer at the same moment, each of them twice, as phones do that lost the first answer.
The last line is JSON: `reached_s` (from the order until the last message was delivered), `people`, `messages`,
`answers`, `lost`, `duplicates`.
"""

from __future__ import annotations

import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from data.config.notices import NoticeSettings, RollCallSettings
from data.model.organisation import Unit, UnitKind
from data.model.people import Actor, Role, User
from data.ports.channel import ChannelContext
from data.ports.store import Writer
from dispatch import roll_calls
from engine.notifier import POLL_S, Notifier
from notices.webhook import Recipe as Webhook
from tests.servers.http_peer import http_peer
from tests.web.city import city, open_deps, start
from web.accounts import issue_token

PEOPLE, ANSWERS = 198, 26
CHIEF = Actor("zhao", Role.DUTY_OFFICER)
PATIENCE_S = 120.0


def people(writer: Writer, many: int) -> None:
    """Users `p-000` and so on in one unit, and the duty officer."""
    writer.add_user(User("zhao", Role.DUTY_OFFICER))
    names = tuple(f"p-{number:03d}" for number in range(many))
    for name in names:
        writer.add_user(User(name, Role.RESPONDER))
    writer.put_unit(Unit("street", UnitKind.STREET, "街道", people=names))


def measure(folder: Path, many: int = PEOPLE, answers: int = ANSWERS) -> dict[str, Any]:
    """The figures of one roll-call."""
    with http_peer() as gateway:
        channel = Webhook(id="sms", url=gateway.url("/sms"))
        notices = NoticeSettings(channels=(channel,), roll_calls=RollCallSettings(channels=("sms",)))
        deps = open_deps(folder, city().model_copy(update={"notices": notices}))
        store = deps.store
        store.write(lambda writer: people(writer, many))
        notifier = Notifier(store, deps.settings, {"sms": channel.make(ChannelContext())})
        server, thread, port = start(deps)
        notifier.poll()  # its followers begin with what comes from now on
        order = roll_calls.Order("暴雨红色：请确认已到岗", "请回复", timedelta(minutes=3), ("sms",))
        begun_s = time.monotonic()
        made = store.write(
            lambda w: roll_calls.order(w, roll_calls.Choice(units=("street",)), order, CHIEF, datetime.now(UTC))
        )
        try:
            reached_s = _wait_until_delivered(deps, notifier, made.id, many) - begun_s
            _answer(deps, f"http://127.0.0.1:{port}/api/v1/roll-calls/{made.id}/answer", answers)
        finally:
            notifier.close()
            server.should_exit = True
            thread.join(15)
        called = store.read(lambda reader: reader.called(made.id))
        told = [e.detail["person"] for e in store.read(lambda r: r.audit(subject=f"roll_call:{made.id}", limit=10_000))
                if e.action == "answer"]  # fmt: skip
        store.close()
        messages = [got.json["delivery_id"] for got in gateway.received]
        answered = [one.person for one in called if one.answered_at is not None]
        return {
            "reached_s": round(reached_s, 2),
            "people": len(called),
            "messages": len(set(messages)),
            "answers": len(answered),
            "lost": answers - len(answered),
            "duplicates": len(messages) - len(set(messages)) + len(told) - len(set(told)),
        }


def _wait_until_delivered(deps: Any, notifier: Notifier, number: int, many: int) -> float:
    """Poll as the notifier's process does; the time when the last of the messages was delivered."""
    ends_s = time.monotonic() + PATIENCE_S
    while True:
        notifier.poll()
        found = deps.store.read(lambda reader: reader.notices(subject=f"roll_call:{number}", limit=10_000))
        if sum(one.delivered_at is not None for one in found) >= many:
            return time.monotonic()
        if time.monotonic() > ends_s:
            raise TimeoutError("not everybody was reached")
        time.sleep(POLL_S)


def _answer(deps: Any, url: str, answers: int) -> None:
    """So many people answer at once, each twice with the same key."""
    tokens = [issue_token(deps.store, f"p-{number:03d}") for number in range(answers)]

    def say(number: int) -> None:
        headers = {"Authorization": f"Bearer {tokens[number]}", "Idempotency-Key": f"phone-{number}"}
        body = {"answer": "present"} if number % 5 else {"answer": "unable", "reason": "车辆故障"}
        for _ in range(2):
            httpx.post(url, json=body, headers=headers, timeout=30).raise_for_status()

    with ThreadPoolExecutor(answers) as phones:
        list(phones.map(say, range(answers)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="roll-call-") as made_folder:
        print(json.dumps(measure(Path(made_folder))))
