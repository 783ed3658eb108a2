"""Writes of rejects, evidence, the audit chain, the outbox, timers and requests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from data.errors import IllegalMove
from data.model.masking import secret_mask
from data.model.observation import Rejected
from data.model.record import GENESIS, AuditEntry, Change, Evidence, Timer
from data.model.secrets import Secrets
from data.ports.requests import Request
from data.ports.store import Answered
from data.sql import rows
from data.sql.engine import to_json
from data.sql.reader import ANSWERS, AUDIT, EVIDENCE, OUTBOX, REQUESTS, TIMERS, VALUES
from data.sql.rejects_read import REJECTS
from data.sql.step_log import add_ids, step_of
from data.sql.writing import SqlWriting

APPEND_AUDIT = insert(AUDIT).returning(AUDIT.c.seq)
APPEND_CHANGE = insert(OUTBOX).returning(OUTBOX.c.seq)
LAST_HASH = select(AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)


class RecordWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about records."""

    def add_reject(self, rejected: Rejected) -> None:
        masked = replace(rejected, reason=self._mask(rejected.reason), excerpt=self._mask(rejected.excerpt))
        self._execute(insert(REJECTS), rows.plain(masked), f"reject of {rejected.site}")

    def prune_rejects(self, before: datetime, most_of_a_source: int) -> int:
        removed = self._connection.execute(delete(REJECTS).where(REJECTS.c.received_at < before)).rowcount
        source = (REJECTS.c.site, REJECTS.c.monitor)
        many = select(*source).group_by(*source).having(func.count() > most_of_a_source)
        for site, monitor in self._connection.execute(many).all():
            same = (REJECTS.c.site == site, REJECTS.c.monitor == monitor)
            newest = select(REJECTS.c.id).where(*same).order_by(REJECTS.c.id.desc()).limit(1)
            oldest_kept = self._connection.execute(newest.offset(most_of_a_source - 1)).scalar_one()
            removed += self._connection.execute(delete(REJECTS).where(*same, REJECTS.c.id < oldest_kept)).rowcount
        return removed

    def add_evidence(self, evidence: Evidence) -> None:
        statement = self._inserting(EVIDENCE).on_conflict_do_nothing()
        self._execute(statement, rows.plain(evidence), f"evidence {evidence.id}")

    def record(self, entry: AuditEntry) -> AuditEntry:
        # The hash covers the values as they will be read back: UTC, and JSON's own types.
        settled = replace(
            entry, at=rows.utc(entry.at), detail=self._mask.within(json.loads(to_json(dict(entry.detail))))
        )
        previous = self._connection.execute(LAST_HASH).scalar() or GENESIS
        chained = replace(settled, previous_hash=previous, hash=settled.digest(previous))
        seq = self._connection.execute(APPEND_AUDIT, rows.plain(chained, "seq")).scalar_one()
        self.steps.append(step_of(entry))
        return replace(chained, seq=int(seq))

    def publish(self, change: Change) -> Change:
        values = rows.plain(change, "seq") | {"payload": self._mask.within(dict(change.payload))}
        seq = self._connection.execute(APPEND_CHANGE, values).scalar_one()
        if self.steps:
            add_ids(self.steps[-1], change)
        return replace(change, seq=int(seq))

    def publish_all(self, changes: Sequence[Change]) -> None:
        if changes:
            values = [
                rows.plain(change, "seq") | {"payload": self._mask.within(dict(change.payload))} for change in changes
            ]
            self._connection.execute(insert(OUTBOX), values)

    def add_timer(self, timer: Timer) -> Timer:
        return replace(timer, id=self._number(TIMERS, rows.plain(timer, "id"), f"timer {timer.kind}"))

    def postpone_timer(self, timer_id: int, due_at: datetime) -> bool:
        waiting = update(TIMERS).where(TIMERS.c.id == timer_id, TIMERS.c.done_at.is_(None))
        return self._connection.execute(waiting.values(due_at=due_at)).rowcount == 1

    def finish_timer(self, timer_id: int, at: datetime) -> bool:
        waiting = update(TIMERS).where(TIMERS.c.id == timer_id, TIMERS.c.done_at.is_(None))
        return self._connection.execute(waiting.values(done_at=at)).rowcount == 1

    def finish_timers_of(self, kind: str, subject: int, at: datetime) -> int:
        same = update(TIMERS).where(TIMERS.c.kind == kind, TIMERS.c.subject == subject, TIMERS.c.done_at.is_(None))
        return self._connection.execute(same.values(done_at=at)).rowcount

    def remember_answer(self, key: str, user: str, answered: Answered, at: datetime) -> None:
        """Raises IllegalMove when this key has an answer: the second of two racing POSTs must not happen."""
        values = rows.plain(answered) | {"body": dict(answered.body), "key": key, "user_name": user, "at": at}
        statement = self._inserting(ANSWERS).on_conflict_do_nothing().returning(ANSWERS.c.status)
        if self._execute(statement, values, "answer").scalar() is None:
            raise IllegalMove("a request with this Idempotency-Key was answered already")

    def add_request(self, request: Request) -> Request:
        return replace(request, id=self._number(REQUESTS, rows.request_values(request), f"request {request.kind}"))

    def answer_request(self, request_id: int, at: datetime, answer: Mapping[str, Any] | None, error: str = "") -> None:
        """Keys in what was asked are masked from now on, there and in the answer: nobody needs them any more.

        Raises NotFound, and IllegalMove for a second answer.
        """
        asked = self.request(request_id)
        if asked.answered_at is not None:
            raise IllegalMove(f"request {request_id} is answered already")
        payload, own = dict(asked.payload), secret_mask(asked.payload, Secrets())
        values = {
            "answered_at": at,
            "answer": None if answer is None else own.within(self._mask.within(dict(answer))),
            "error": own(self._mask(error)),
            "payload": own.within(self._mask.within(payload)),
        }
        self._execute(update(REQUESTS).where(REQUESTS.c.id == request_id).values(**values), {}, "request")

    def put_value(self, name: str, value: Any) -> None:
        self.put_values({name: value})

    def put_values(self, values: Mapping[str, Any]) -> None:
        if not values:
            return
        statement = self._inserting(VALUES)
        known = statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
        given = [{"name": name, "value": self._mask.within(value)} for name, value in values.items()]
        self._execute(known, given, f"value {', '.join(values)}"[:200])
