"""Writes of alerts' clips: requested in the alert's own commit, cut later, deleted when no longer needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import and_, update

from data.model.clip import Clip, ClipState
from data.sql import rows
from data.sql.clips_read import CLIPS, OF_ALERT, PENDING
from data.sql.writing import SqlWriting


class ClipWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about clips."""

    def add_clip(self, clip: Clip, alert_id: int) -> Clip:
        values = rows.plain(clip, "id") | {"state": clip.state.value}
        number = self._number(CLIPS, values, f"clip of {clip.site}")
        self.link_clip(number, alert_id)
        return replace(clip, id=number)

    def link_clip(self, clip_id: int, alert_id: int) -> None:
        statement = self._inserting(OF_ALERT).on_conflict_do_nothing()
        self._execute(statement, {"clip_id": clip_id, "alert_id": alert_id}, f"clip {clip_id} of alert {alert_id}")

    def extend_clip(self, clip_id: int, until: datetime, asked_at: datetime) -> bool:
        longer = update(CLIPS).where(CLIPS.c.id == clip_id, PENDING).values(until=until, asked_at=asked_at)
        return bool(self._connection.execute(longer).rowcount)

    def settle_clip(self, clip: Clip, *, was: ClipState) -> bool:
        known = and_(CLIPS.c.id == clip.id, CLIPS.c.state == was.value)
        if was is ClipState.PENDING:
            known = and_(known, CLIPS.c.until == clip.until)  # another alert has extended it meanwhile: it is cut again
        values = rows.plain(clip, "id") | {"state": clip.state.value}
        return bool(self._connection.execute(update(CLIPS).where(known).values(values)).rowcount)
