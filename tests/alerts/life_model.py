"""An alarm's life in plain words: what each move does to one alarm, with no store and none of the product's moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

MINUTES = timedelta(minutes=1)
ACKNOWLEDGED_FOR = {"P1": 30 * MINUTES, "P2": 120 * MINUTES, "P3": 480 * MINUTES, "P4": None}
SHELVE_AT_MOST = {"section_head": 120 * MINUTES, "duty_officer": 480 * MINUTES, "commander": 1440 * MINUTES}


@dataclass
class Alarm:
    """One key: its present alert, by what people would say of it."""

    number: int = 0  # how many alerts of this key there were
    open: bool = False
    ended: datetime | None = None
    priority: str = ""
    told: set[str] = field(default_factory=set)  # priorities it ever had
    occurrence: int = 0
    calls: int = 0
    fired: list[datetime] = field(default_factory=list)
    acknowledged: bool = False
    acknowledged_until: datetime | None = None
    shelved_until: datetime | None = None
    inhibited: bool = False
    work_order: str = ""
    truth: str = "unverified"
    clearing: datetime | None = None
    silent: bool = False
    latched: bool = False

    def condition(self) -> str:
        if not self.open:
            return "cleared"
        return "stale" if self.silent else "clearing" if self.clearing else "active"

    def quiet(self, now: datetime) -> bool:
        shelved = self.shelved_until is not None and now < self.shelved_until
        return shelved or self.inhibited or bool(self.work_order)

    def seen(self, now: datetime) -> bool:
        return self.acknowledged and (self.acknowledged_until is None or now < self.acknowledged_until)

    def attention(self, now: datetime) -> bool:
        return not (self.seen(now) or self.quiet(now) or self.truth == "dismissed")

    def calling(self) -> bool:
        """Nobody has taken it on and nothing keeps it quiet, as far as the steps say."""
        quiet = self.shelved_until is not None or self.inhibited or bool(self.work_order)
        return self.open and not (self.acknowledged or quiet or self.truth == "dismissed")

    # What rules say.

    def fire(self, priority: str, now: datetime, *, inhibited: bool) -> None:
        if self.open:
            self._go_on(priority, now)
        elif self.ended is not None and now - self.ended <= 30 * MINUTES:
            self._again(priority, now)
        else:
            shelf = self.shelved_until if self.shelved_until is not None and now < self.shelved_until else None
            order, number = self.work_order, self.number
            self.__init__()  # type: ignore[misc]
            self.number, self.open, self.priority, self.told = number + 1, True, priority, {priority}
            self.occurrence, self.calls, self.fired = 1, 1, [now]
            self.shelved_until, self.work_order = shelf, order
        self.inhibit(inhibited and self.priority != "P1")

    def _again(self, priority: str, now: datetime) -> None:
        self.open, self.ended, self.priority = True, None, priority
        self.told.add(priority)
        self.occurrence, self.calls = self.occurrence + 1, self.calls + 1
        self.acknowledged, self.acknowledged_until, self.truth = False, None, "unverified"
        self.fired.append(now)
        self._latch_if_it_flaps(now)

    def _go_on(self, priority: str, now: datetime) -> None:
        self.silent, self.clearing = False, None
        worse = priority < self.priority
        before = any(told <= priority for told in self.told)
        self.priority = priority
        self.told.add(priority)
        if worse and not (before and self.latched):
            self.calls += 1
            self.acknowledged, self.acknowledged_until, self.shelved_until = False, None, None
            self.truth = "unverified" if self.truth == "dismissed" else self.truth
        if worse and before:
            self.fired.append(now)
        if worse:
            self._latch_if_it_flaps(now)

    def _latch_if_it_flaps(self, now: datetime) -> None:
        if len([at for at in self.fired if at > now - 10 * MINUTES]) >= 3:
            self.latched = True

    def end(self, now: datetime) -> None:
        if not self.open:
            return
        if self.latched:
            if self.clearing is None:
                self.clearing, self.silent = now, False
            return
        self._over(now)

    def _over(self, at: datetime) -> None:
        self.open, self.ended, self.acknowledged_until = False, at, None
        self.clearing, self.silent, self.latched = None, False, False

    def note(self, condition: str, now: datetime) -> None:
        if not self.open:
            return
        if condition == "stale":
            self.silent = True
            return
        self.silent = False
        if not self.latched:
            self.clearing = (self.clearing or now) if condition == "clearing" else None

    def inhibit(self, inhibited: bool) -> None:
        before = self.calling()
        self.inhibited = inhibited
        self.calls += self.calling() and not before

    # What people do: None when it is done, else the kind of refusal.

    def acknowledge(self, now: datetime) -> str | None:
        if self.seen(now):
            return "illegal"
        counts_for = ACKNOWLEDGED_FOR[self.priority]
        self.acknowledged = True
        self.acknowledged_until = now + counts_for if counts_for is not None and self.open else None
        return None

    def shelve(self, role: str, how_long: timedelta, now: datetime) -> str | None:
        if role not in SHELVE_AT_MOST:
            return "forbidden"
        if not self.open or self.work_order or (self.shelved_until is not None and now < self.shelved_until):
            return "illegal"
        if how_long > SHELVE_AT_MOST[role]:
            return "forbidden"
        self.shelved_until = now + how_long
        return None

    def unshelve(self, role: str) -> str | None:
        if role not in SHELVE_AT_MOST:
            return "forbidden"
        if self.shelved_until is None:
            return "illegal"
        self.shelved_until = None
        self.calls += self.calling()
        return None

    def take_out(self, role: str, order: str) -> str | None:
        if role not in {"duty_officer", "commander"}:
            return "forbidden"
        if not self.open or self.work_order:
            return "illegal"
        self.work_order = order
        return None

    def bring_back(self, role: str) -> str | None:
        if role not in {"duty_officer", "commander"}:
            return "forbidden"
        if not self.work_order:
            return "illegal"
        self.work_order = ""
        self.calls += self.calling()
        return None

    def verify(self, truth: str, *, human: bool) -> str | None:
        if self.truth == truth:
            return "illegal" if human or truth == "dismissed" else None  # the system may say it again
        if truth == "probable" and self.truth != "unverified":
            return "illegal"
        if truth == "confirmed" and self.truth == "dismissed" and not human:
            return "illegal"
        before = self.calling()
        self.truth = truth
        self.calls += self.calling() and not before
        return None

    def dues(self) -> list[datetime]:
        """When something may be over by itself."""
        quiet = self.clearing + 10 * MINUTES if self.latched and self.clearing is not None else None
        return [due for due in (self.shelved_until, self.acknowledged_until, quiet) if due is not None]

    def time_passes(self, now: datetime) -> None:
        if self.shelved_until is not None and self.shelved_until <= now:
            self.shelved_until = None
            self.calls += self.calling()
        if self.open and self.acknowledged_until is not None and self.acknowledged_until <= now:
            self.acknowledged, self.acknowledged_until = False, None
            self.calls += self.calling()
        if self.open and self.latched and self.clearing is not None and self.clearing + 10 * MINUTES <= now:
            self._over(self.clearing)
