"""Following the outbox: every change of some topics, once, in order, also across a kill.

A follower's place is a named value of the store, written in the same unit of work as what was done about the changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from data.model.record import Change
from data.ports.store import Reader, Store, Writer


@dataclass(frozen=True, slots=True)
class Follower:
    """One that follows `topics`, known to the store by `name`.

    `begin_within`: one that is new to this store begins with what is no older than this, so that a policy which is
    configured today does not call anybody out for the alerts of last year.
    """

    name: str
    topics: tuple[str, ...]
    begin_within: timedelta

    def is_behind(self, reader: Reader) -> bool:
        """Is there anything to `take`? One look-up in an index."""
        place = reader.value(self.name)
        return place is None or bool(reader.changes(int(place), 1, topics=self.topics))

    def catch_up(
        self,
        store: Store,
        handle: Callable[[Writer, Sequence[Change], datetime], None],
        limit: int,
        now: datetime | None = None,
    ) -> None:
        """Give `handle` what has come, with the time: at most `limit` changes in each unit of work.

        `now`: the present where it is not to be asked for. Raises what the store raises.
        """

        def step(writer: Writer) -> None:
            at = now or datetime.now(UTC)
            handle(writer, self.take(writer, at, limit), at)

        while store.read(self.is_behind):
            store.write(step)

    def take(self, writer: Writer, now: datetime, limit: int) -> Sequence[Change]:
        """The next changes; they count as seen when the unit of work is committed. Empty at the end."""
        place = writer.value(self.name)
        after = first_since(writer, now - self.begin_within) if place is None else int(place)
        changes = writer.changes(after, limit, topics=self.topics)
        if changes:
            after = changes[-1].seq
        if place is None or changes:
            writer.put_value(self.name, after)
        return changes


def first_since(reader: Reader, at: datetime) -> int:
    """The `seq` after which changes are of `at` or later; times rise with `seq`, but for slow writers."""
    low, high = 0, reader.last_change()
    while low < high:
        middle = (low + high) // 2
        found = reader.changes(middle, 1)
        if found and found[0].at < at:
            low = found[0].seq
        else:
            high = middle
    return low
