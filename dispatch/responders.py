"""Responders: synchronised with config.yaml, tracked by their positions, ranked for a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from data.config.settings import ResponderSettings, Settings
from data.errors import IllegalMove, NotFound
from data.model.alert import Alert
from data.model.case import Origin
from data.model.geo import Location
from data.model.people import SYSTEM, Action, Actor, Responder, Role, User, may
from data.model.record import AuditEntry, Change
from data.model.task import Candidate, Ring, Task
from data.ports.store import Reader, Writer
from data.stored.trail import responder_changed
from data.stored.web_push import forget_subscriptions
from dispatch.costs import Costs, closed_roads
from dispatch.plausible import position_doubt
from dispatch.roster import COUNTS_FOR, Roster
from dispatch.routing import Closure, Roads, Route

CONFIG_FILE = "config.yaml"
_PLACED = "responders.placed"  # store value: the location last configured for each responder
_KEPT_ELIGIBLE, _KEPT_REFUSED = 20, 40  # candidates stored with a task, nearest first


def sync_responders(writer: Writer, settings: Settings, now: datetime) -> None:
    """Bring responders and their users in line with the configuration. Idempotent.

    A position sent by a phone is kept; a configured location is used when there is none, and when it was changed.
    Responders that are no longer configured go off shift and their user is disabled: sessions and tokens end. New users
    have no password: an administrator sets one, or issues a token.
    """
    known = {responder.id: responder for responder in writer.responders()}
    users = {user.name: user for user in writer.users()}
    placed: dict[str, list[float]] = dict(writer.value(_PLACED) or {})
    roster = Roster(writer.shifts(since=now - COUNTS_FOR), now)
    for configured in settings.responders:
        on_shift = roster.is_on_shift(configured.id, configured=configured.on_shift)
        writer.put_responder(replace(_from(configured), on_shift=on_shift))
        if configured.id not in users:
            writer.add_user(User(configured.id, Role.RESPONDER, display_name=configured.name))
        elif users[configured.id].disabled_by == CONFIG_FILE:
            _enable_again(writer, users[configured.id], now)
        where = configured.location
        before = known.get(configured.id)
        if where is not None and _unplaced(before, placed.get(configured.id), where):
            writer.put_position(configured.id, now, where)
            placed[configured.id] = [where.lon, where.lat]
        responder_changed(writer, configured.id, now)
    for responder_id in known.keys() - {configured.id for configured in settings.responders}:
        writer.put_responder(replace(known[responder_id], on_shift=False))
        responder_changed(writer, responder_id, now)
        user = users.get(responder_id)
        if user is not None and user.role is Role.RESPONDER and user.disabled_at is None:
            _disable(writer, user, now)
    writer.put_value(_PLACED, placed)


def _disable(writer: Writer, user: User, now: datetime) -> None:
    """Disable the user of a responder who is no longer configured; an account with another role stays."""
    writer.save_user(replace(user, disabled_at=now, disabled_by=CONFIG_FILE))
    writer.end_account_codes_of(user.name, now)
    forget_subscriptions(writer, user.name)
    ended = writer.revoke_sessions_of(user.name, now)
    detail = {"ended": ended, "reason": f"no responder of {CONFIG_FILE} any more"}
    writer.record(AuditEntry(now, SYSTEM.name, "", "disable_user", f"user:{user.name}", detail))
    writer.publish(Change("account", f"user:{user.name}", now, {}))


def _enable_again(writer: Writer, user: User, now: datetime) -> None:
    writer.save_user(replace(user, disabled_at=None, disabled_by=""))
    detail = {"reason": f"a responder of {CONFIG_FILE} again"}
    writer.record(AuditEntry(now, SYSTEM.name, "", "enable_user", f"user:{user.name}", detail))
    writer.publish(Change("account", f"user:{user.name}", now, {}))


class Bar(StrEnum):
    """A hard filter that a responder may fail, in the order in which they are shown."""

    ACCOUNT = "account"  # disabled, or a role without tasks: cannot be overridden
    OFF_SHIFT = "off_shift"
    BUSY = "busy"
    POSITION = "position"  # unknown, or outdated
    SKILL = "skill"
    REACH = "reach"  # it would take longer than `dispatch.reach`


LIFTED: Mapping[Ring, frozenset[Bar]] = MappingProxyType(
    {
        Ring.USUAL: frozenset(),
        Ring.AGAIN: frozenset(),
        Ring.WIDER: frozenset({Bar.POSITION, Bar.REACH}),
        Ring.EVERYBODY: frozenset({Bar.POSITION, Bar.REACH, Bar.SKILL, Bar.OFF_SHIFT}),
    }
)
"""The filters that each wider ring ignores. Only a human can take a busy responder away from other work."""


@dataclass(frozen=True, slots=True)
class SharedPosition:
    """The result of a position report: `kept` as the newest, or only added to the track because of the `doubt`."""

    kept: bool
    doubt: str = ""


def share_position(
    writer: Writer, actor: Actor, now: datetime, location: Location, settings: Settings
) -> SharedPosition:
    """Take a position from a responder's phone; not used if a newer one is known, or if it is implausible.

    Raises Forbidden, NotFound (no responder of this name) and IllegalMove (off shift, when nobody is tracked).
    """
    actor.require(Action.SHARE_POSITION)
    if not writer.responder(actor.name).on_shift:
        raise IllegalMove(f"{actor.name} is off shift; positions are taken on shift only")
    doubt = position_doubt(writer, actor.name, now, location, settings)
    if not writer.put_position(actor.name, now, location, doubt):
        return SharedPosition(kept=False, doubt=doubt)
    responder_changed(writer, actor.name, now)
    return SharedPosition(kept=True)


@dataclass(frozen=True, slots=True)
class Ranking:
    """All responders considered: the eligible, best first, and the others, nearest first, each with the reason."""

    eligible: tuple[Candidate, ...]
    refused: tuple[Candidate, ...]

    @property
    def stored(self) -> tuple[Candidate, ...]:
        """The candidates stored with the task."""
        return self.eligible[:_KEPT_ELIGIBLE] + self.refused[:_KEPT_REFUSED]

    @property
    def shortfall(self) -> tuple[str, ...]:
        """Why nobody can be sent; empty when somebody can."""
        if self.eligible:
            return ()
        return tuple(f"{c.responder}: {c.reason}" for c in self.refused) or ("no responder is configured",)


def rank(
    reader: Reader,
    place: Location,
    now: datetime,
    *,
    roads: Roads,
    settings: Settings,
    excluded: Mapping[str, str] | None = None,
    needs: frozenset[str] = frozenset(),
    grid: str = "",
    reach: timedelta | None = None,
    lifted: frozenset[Bar] = frozenset(),
) -> Ranking:
    """Rank all responders for work at `place` in `grid`: hard filters first, then by cost.

    `excluded`: reasons against single responders (they declined, they did not answer). `needs`: required skills;
    `reach`: longest travel time; `lifted`: filters to ignore. Responders with a route by road come before those without
    one, since a straight line may cross a river. Roads closed by open alerts count as closed.
    """
    responders = reader.responders()
    busy = reader.busy_responders()
    routes = _routes(responders, place, roads, closed_roads(reader, settings))
    weigh = Costs(reader, settings.dispatch.cost, grid, now)
    free = Counter(one.grid for one in responders if one.on_shift and one.id not in busy)
    filters = Filters.read(reader, settings, now, needs=needs, reach=reach)
    eligible: list[Candidate] = []
    refused: list[Candidate] = []
    for responder in responders:
        route = routes.get(responder.id)
        bars = [text for bar, text in filters.against(responder, route) if bar not in lifted]
        reason = (excluded or {}).get(responder.id, "") or next(iter(bars), "")
        candidate = weigh.candidate(responder, _candidate(responder.id, route, reason))
        if not reason and responder.grid and responder.grid != grid and free[responder.grid] == 1:
            candidate = replace(candidate, warning=f"last free unit of grid {responder.grid}")
        (refused if reason else eligible).append(candidate)
    return Ranking(tuple(sorted(eligible, key=_order)), tuple(sorted(refused, key=_order)))


@dataclass(frozen=True, slots=True)
class Filters:
    """The hard filters for one task at one moment."""

    busy: frozenset[str]
    placed: Mapping[str, Location | None]  # configured locations, which do not become outdated
    accounts: Mapping[str, str]  # why an account can do no tasks
    needs: frozenset[str]
    reach: timedelta | None
    position_max_age: timedelta
    now: datetime

    @classmethod
    def read(
        cls, reader: Reader, settings: Settings, now: datetime, *, needs: frozenset[str], reach: timedelta | None
    ) -> Filters:
        return cls(
            busy=reader.busy_responders(),
            placed={configured.id: configured.location for configured in settings.responders},
            accounts={user.name: reason for user in reader.users() if (reason := account_reason(user))},
            needs=needs,
            reach=reach,
            position_max_age=settings.dispatch.position_max_age,
            now=now,
        )

    def against(self, responder: Responder, route: Route | None) -> list[tuple[Bar, str]]:
        """Every filter that this responder fails, with the reason."""
        found: list[tuple[Bar, str]] = []
        if account := self.accounts.get(responder.id):
            found.append((Bar.ACCOUNT, account))
        if not responder.on_shift:
            found.append((Bar.OFF_SHIFT, "off shift"))
        if responder.id in self.busy:
            found.append((Bar.BUSY, "busy with another task"))
        if old := self._position(responder):
            found.append((Bar.POSITION, old))
        if missing := sorted(self.needs - responder.skills):
            found.append((Bar.SKILL, f"lacks {', '.join(missing)}"))
        if self.reach is not None and route is not None and route.travel_s > self.reach.total_seconds():
            limit = self.reach.total_seconds() / 60
            found.append((Bar.REACH, f"too far: {route.travel_s / 60:.0f} min, limit {limit:g} min"))
        return found

    def _position(self, responder: Responder) -> str:
        if responder.position is None or responder.position_at is None:
            return "no position"
        age, limit = self.now - responder.position_at, self.position_max_age
        if age > limit and responder.position != self.placed.get(responder.id):
            return f"last position is {age.total_seconds() / 60:.0f} min old, limit {limit.total_seconds() / 60:g} min"
        return ""


def needs_of(reader: Reader, of: Alert | Task, settings: Settings) -> frozenset[str]:
    """The required skills: by the kind of the alert or event, and by the rule that raised it.

    A task made by fusion or by a plan's step has skills of its own.
    """
    if isinstance(of, Task):
        event = reader.event(of.event_id)
        own = settings.fusion.skills_for(of.site, of.title)
        if event.origin is Origin.PLAN:
            own |= settings.plans.skills_for(event.kind, of.title)
        if own:
            return own
        keys = {event.kind}
        if of.alert_id is not None:
            keys.add(reader.alert(of.alert_id).key.rule)
    else:
        keys = {of.kind, of.key.rule}
    return frozenset(skill for key in keys for skill in settings.dispatch.skills.get(key, ()))


def named(reader: Reader, responder_id: str, place: Location, *, roads: Roads) -> tuple[Candidate, str]:
    """The responder chosen by a human, and the reason against sending them; empty if there is none.

    Shift and other work still count; an outdated position does not, since the human knows better.
    """
    responder = reader.responder(responder_id)
    reason = ""
    if not responder.on_shift:
        reason = "off shift"
    elif responder_id in reader.busy_responders():
        reason = "busy with another task"
    else:
        reason = next((account_reason(user) for user in reader.users() if user.name == responder_id), "")
    return _candidate(responder_id, _routes([responder], place, roads).get(responder_id), ""), reason


def account_reason(user: User) -> str:
    """Why this user can do no task; empty for who can."""
    if user.disabled_at is not None:
        return "account disabled"
    return "" if may(user.role, Action.WORK_TASK) else f"works as {user.role} now"


def routed(
    reader: Reader, place: Location, roads: Roads, settings: Settings
) -> list[tuple[Responder, Candidate, Route | None]]:
    """Every responder with the route to the place, shortest travel time first, without any filter."""
    responders = reader.responders()
    routes = _routes(responders, place, roads, closed_roads(reader, settings))
    found = [(one, _candidate(one.id, routes.get(one.id), ""), routes.get(one.id)) for one in responders]
    return sorted(found, key=lambda each: (each[2] is None, each[1].travel_s, each[0].id))


def _routes(
    responders: Sequence[Responder], place: Location, roads: Roads, closed: Sequence[Closure] = ()
) -> dict[str, Route]:
    """Routes to the place, for responders whose position is known."""
    somewhere = [(r.id, r.position, r.travel) for r in responders if r.position is not None]
    found = roads.routes(place, [(position, travel) for _, position, travel in somewhere], closed)
    return {responder_id: route for (responder_id, _, _), route in zip(somewhere, found, strict=True)}


def _candidate(responder_id: str, route: Route | None, reason: str) -> Candidate:
    if route is None:
        return Candidate(responder_id, 0.0, 0.0, "no position", reason)
    return Candidate(responder_id, route.travel_s, route.distance_m, route.method, reason)


def _order(candidate: Candidate) -> tuple[int, float, str]:
    methods = ("road", "straight line", "no position")
    return methods.index(candidate.method), candidate.cost_s, candidate.responder


def _unplaced(before: Responder | None, placed: list[float] | None, where: Location) -> bool:
    """True if the configured location must be written: never over a phone's position, unless it was changed."""
    if before is None or before.position is None:
        return True
    stands_where_placed = placed == [before.position.lon, before.position.lat]
    return stands_where_placed and before.position != where


def _from(configured: ResponderSettings) -> Responder:
    return Responder(
        id=configured.id,
        name=configured.name,
        team=configured.team,
        grid=configured.grid,
        skills=frozenset(configured.skills),
        phone=configured.phone,
        travel=configured.travel,
        on_shift=configured.on_shift,
    )


def position_of(reader: Reader, responder_id: str) -> Location:
    """The responder's last position. Raises NotFound when it is unknown."""
    position = reader.responder(responder_id).position
    if position is None:
        raise NotFound(f"no position of {responder_id} is known")
    return position
