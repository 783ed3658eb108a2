"""Writes of shift handovers: one is open at a time, steps and notes only grow, and what both have signed stays."""

from __future__ import annotations

from dataclasses import replace

from data.errors import IllegalMove
from data.model.handover import Handover
from data.sql.handover_rows import handover_values
from data.sql.handovers_read import HANDOVERS
from data.sql.writing import SqlWriting


class HandoverWriting(SqlWriting):
    """The part of `data.ports.store.Writer` about shift handovers."""

    def add_handover(self, handover: Handover) -> Handover:
        other = self.open_handover()
        if other is not None:
            raise IllegalMove(f"handover {other.id} is open", key="handover.open", handover=other.id)
        stored = replace(handover, version=1)
        return replace(stored, id=self._number(HANDOVERS, handover_values(stored), "handover"))

    def save_handover(self, handover: Handover) -> Handover:
        before = self.handover(handover.id)
        if before.version == handover.version:
            if not before.is_open:
                raise IllegalMove(
                    f"handover {handover.id} is {before.state} and stays as it is",
                    key="handover.over",
                    handover=handover.id,
                )
            kept = handover.steps[: len(before.steps)], handover.notes[: len(before.notes)]
            if kept != (before.steps, before.notes):
                raise IllegalMove(f"handover {handover.id}: recorded steps and notes stay as they are")
        return replace(handover, version=self._save(HANDOVERS, handover, handover_values(handover), "handover"))
