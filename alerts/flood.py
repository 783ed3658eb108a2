"""Alarm floods: which alerts an operator gets one by one, which on one card per grid, and which in the log only.

A flood begins when more than 10 new alarms come to one operator in 10 minutes and ends when fewer than 5 do
(EEMUA 191; ISA-18.2). During it P1 still come one by one, P2 and P3 on one card for each grid, P4 go to the log.
Nothing is dropped: every alert is on a card or in the log. Everything follows from the times at which the alerts
came, so that a reload or a restart gives the same cards.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from data.model.alert import Priority

WINDOW = timedelta(minutes=10)
BEGINS_ABOVE = 10
ENDS_BELOW = 5
NEW_CARDS = 10
"""Cards of P2 to P4 that may newly appear in a window; a grid that finds no room joins the card opened last."""


class Arrival(NamedTuple):
    """An alert at the time it came to an operator. `grid`: alerts of one grid share a card during a flood."""

    id: int
    grid: str
    priority: Priority
    at: datetime


class FloodSpan(NamedTuple):
    """A flood; `ended` None while it lasts."""

    began: datetime
    ended: datetime | None


class FloodWatch:
    """Detects alarm floods of one operator. Feed it every new alarm in order."""

    def __init__(self) -> None:
        self.past: list[FloodSpan] = []
        self.since: datetime | None = None
        self._recent: deque[datetime] = deque()

    def hear(self, at: datetime) -> None:
        """Count a new alarm. One that is older than the last counts as coming with it."""
        if self._recent:
            at = max(at, self._recent[-1])
        self.settle(at)
        self._recent.append(at)
        while self._recent[0] <= at - WINDOW and len(self._recent) > ENDS_BELOW:
            self._recent.popleft()
        if self.since is None and len(self._recent) > BEGINS_ABOVE:
            self.since = at

    def settle(self, now: datetime) -> None:
        """End the flood at the first moment up to `now` at which fewer than 5 alarms lay in the last 10 minutes."""
        if self.since is None:
            return
        ended = self._recent[-ENDS_BELOW] + WINDOW
        if ended <= now:
            self.past.append(FloodSpan(self.since, ended))
            self.since = None

    def count(self, now: datetime) -> int:
        """How many came in the 10 minutes before `now`."""
        return sum(at > now - WINDOW for at in self._recent)


@dataclass
class Screening:
    """Puts one operator's alerts on cards, one by one as they come; a card has the id of its first alert."""

    watch: FloodWatch = field(default_factory=FloodWatch)
    logged: set[int] = field(default_factory=set)
    _card_of: dict[int, int] = field(default_factory=dict)  # card of each alert that shares one
    _opened: deque[Arrival] = field(default_factory=deque)  # alerts that opened a card in the last window, without P1
    _card_of_grid: dict[str, int] = field(default_factory=dict)  # in this flood
    _rest: int | None = None  # in this flood, the shared card of all further grids

    def take(self, arrival: Arrival) -> None:
        """Place an alert that came, or came again. One that shares a card, or is in the log only, stays there."""
        was = self.watch.since
        self.watch.hear(arrival.at)
        while self._opened and self._opened[0].at <= arrival.at - WINDOW:
            self._opened.popleft()
        if self.watch.since is not None and self.watch.since != was:
            self._fold()
        if arrival.priority is Priority.P1 or arrival.id in self._card_of or arrival.id in self.logged:
            return
        if self.watch.since is None:
            self._opened.append(arrival)
        elif arrival.priority is Priority.P4:
            self.logged.add(arrival.id)
        else:
            self._card_of[arrival.id] = self._card(arrival)

    def card(self, alert_id: int) -> int:
        """The card that holds this alert; the alert's own id when it shares none."""
        return self._card_of.get(alert_id, alert_id)

    @property
    def grouped(self) -> int:
        """How many alerts share a card."""
        return len(self._card_of)

    def groups(self, among: Collection[int]) -> Mapping[int, Sequence[int]]:
        """By card, the alerts in `among` that may share a card with others."""
        found: dict[int, list[int]] = {}
        for alert_id in sorted(among):
            if alert_id in self._card_of:
                found.setdefault(self._card_of[alert_id], []).append(alert_id)
        return found

    def forget(self, kept: Collection[int]) -> None:
        """Forget alerts that nobody works on and that came before the present window."""
        wanted = set(kept) | {arrival.id for arrival in self._opened}
        self._card_of = {alert_id: card for alert_id, card in self._card_of.items() if alert_id in wanted}
        self.logged &= wanted

    def _fold(self) -> None:
        """Begin a flood: of the cards that just appeared, the first of each grid becomes the grid's card."""
        self._card_of_grid, self._rest = {}, None
        for arrival in self._opened:
            # An alert that came late in an earlier flood may already share a card.
            card = self._card_of_grid.setdefault(arrival.grid, self.card(arrival.id))
            self._card_of.setdefault(arrival.id, card)

    def _card(self, arrival: Arrival) -> int:
        known = self._card_of_grid.get(arrival.grid)
        if known is not None:
            return known
        if len(self._opened) < NEW_CARDS:
            card = arrival.id
            self._opened.append(arrival)
        else:
            self._rest = self.card(self._opened[-1].id) if self._rest is None else self._rest
            card = self._rest
        self._card_of_grid[arrival.grid] = card
        return card


def floods(times: Iterable[datetime], until: datetime) -> Sequence[FloodSpan]:
    """Every flood among alarms that came at these times (ascending); one that still lasts at `until` has no end."""
    watch = FloodWatch()
    for at in times:
        watch.hear(at)
    watch.settle(until)
    lasting = [] if watch.since is None else [FloodSpan(watch.since, None)]
    return [*watch.past, *lasting]
