"""Users, roles, rights and responders. There is one table of roles and actions, which every action is checked by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from data.errors import Forbidden
from data.model.geo import Location


class Role(StrEnum):
    """The role of a user."""

    OPERATOR = "operator"
    DUTY_OFFICER = "duty_officer"
    SECTION_HEAD = "section_head"
    COMMANDER = "commander"
    GRID_LEADER = "grid_leader"
    RESPONDER = "responder"
    ANALYST = "analyst"
    ADMINISTRATOR = "administrator"
    WALL = "wall"  # a screen that hangs somewhere: it shows, and does nothing by itself
    SOURCE = "source"  # another system that sends observations, alerts or warnings


class Action(StrEnum):
    """A right. The REST operation of the same name requires it."""

    READ = "read"  # alerts, tasks, sites, responders, pictures
    ACKNOWLEDGE = "acknowledge"
    VERIFY_ALERT = "verify_alert"  # confirm or dismiss an alert
    SHELVE = "shelve"
    OUT_OF_SERVICE = "out_of_service"  # take out of service and return to service
    DISPATCH = "dispatch"
    WORK_TASK = "work_task"  # accept, decline, en route, on scene, report
    VERIFY = "verify"
    CANCEL_TASK = "cancel_task"
    REVIEW = "review"  # replay past incidents
    READ_AUDIT = "read_audit"
    ADMINISTER = "administer"
    SHARE_POSITION = "share_position"
    READ_OWN_TASKS = "read_own_tasks"
    SEND_OBSERVATIONS = "send_observations"  # and alerts and warnings of other systems, with a token
    REPORT_EVENT = "report_event"  # report an event that no camera sees
    RECEIVE_EVENT = "receive_event"  # accept, verify, file or refuse a reported event; call back
    JUDGE_EVENT = "judge_event"  # 研判: lead, co-handlers, deadline; convene; extend; reassign; suspend; rework
    CLOSE_EVENT = "close_event"
    VOID_EVENT = "void_event"
    RULE_EVENT = "rule_event"  # 裁定
    REVIEW_EVENT = "review_event"  # 复盘
    SIGN_REVIEW = "sign_review"  # freeze a report, and send its measures out as tasks
    ORDER_PLAN = "order_plan"  # begin, end or dismiss a plan or a mode of the city
    CALL_ROLL = "call_roll"  # order a roll-call, call again, enter answers given by telephone, close it
    HAND_OVER = "hand_over"  # write and sign a shift handover
    HOLD_EVENT = "hold_event"  # a district takes an event it shares with another one


_LOOK = frozenset({Action.READ, Action.REVIEW})
_RUN_SHIFT = _LOOK | {
    Action.ACKNOWLEDGE,
    Action.VERIFY_ALERT,
    Action.DISPATCH,
    Action.VERIFY,
    Action.REPORT_EVENT,
    Action.RECEIVE_EVENT,
    Action.HAND_OVER,
}
_LEAD_SHIFT = _RUN_SHIFT | {Action.SHELVE, Action.CALL_ROLL, Action.CANCEL_TASK, Action.READ_AUDIT, Action.CLOSE_EVENT}
_WORK = frozenset({Action.WORK_TASK, Action.SHARE_POSITION, Action.READ_OWN_TASKS, Action.REPORT_EVENT})
_JUDGE = frozenset({Action.JUDGE_EVENT, Action.REVIEW_EVENT})

PERMITTED = MappingProxyType(
    {
        Role.OPERATOR: _RUN_SHIFT,
        Role.DUTY_OFFICER: _LEAD_SHIFT
        | {Action.OUT_OF_SERVICE, Action.VOID_EVENT, Action.JUDGE_EVENT, Action.ORDER_PLAN},
        Role.SECTION_HEAD: _LEAD_SHIFT | _JUDGE | {Action.HOLD_EVENT, Action.SIGN_REVIEW},
        Role.COMMANDER: _LEAD_SHIFT
        | _JUDGE
        | {
            Action.OUT_OF_SERVICE,
            Action.VOID_EVENT,
            Action.RULE_EVENT,
            Action.HOLD_EVENT,
            Action.ORDER_PLAN,
            Action.SIGN_REVIEW,
        },
        Role.GRID_LEADER: _LOOK | _WORK | {Action.VERIFY},
        Role.RESPONDER: _WORK,
        Role.ANALYST: _LOOK | {Action.READ_AUDIT, Action.REVIEW_EVENT},
        Role.ADMINISTRATOR: _LOOK | {Action.ADMINISTER, Action.READ_AUDIT},
        Role.WALL: frozenset({Action.READ}),  # of that only what a wall shows: web/access_table.py
        Role.SOURCE: frozenset({Action.SEND_OBSERVATIONS}),
    }
)


def may(role: Role, action: Action) -> bool:
    """True if the table gives this role the right."""
    return action in PERMITTED[role]


@dataclass(frozen=True, slots=True)
class User:
    """A user who can log in. `password_hash` None: by tokens only."""

    name: str
    role: Role
    password_hash: str | None = None
    display_name: str = ""
    disabled_at: datetime | None = None
    disabled_by: str = ""  # who disabled it: a user's name, "console", or "config.yaml"
    identity: str = ""  # issuer and subject at the identity provider, for users who log in there


@dataclass(frozen=True, slots=True)
class Actor:
    """Who takes a step, as named in the audit trail. The system itself is Actor("system", None)."""

    name: str
    role: Role | None

    def require(self, action: Action) -> None:
        """Raise Forbidden unless this actor has the right. The system itself has every right."""
        if self.role is not None and not may(self.role, action):
            raise Forbidden(f"role {self.role} may not {action}", key="role", role=self.role)


ENDED_SESSIONS_KEPT = timedelta(days=31)  # longer than the address of a login counts as known
USED_CODES_KEPT = timedelta(days=7)

SYSTEM = Actor("system", None)
CONSOLE = Actor("console", None)  # the command line on the server


@dataclass(frozen=True, slots=True)
class Responder:
    """A person who can be sent. `id` is also the user's name. `position_at`: time of `position`."""

    id: str
    name: str
    team: str = ""
    grid: str = ""
    skills: frozenset[str] = frozenset()
    phone: str = ""
    travel: str = "walk"  # walk | e-bike | car
    on_shift: bool = True
    position: Location | None = None
    position_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """One position sent by a responder's phone. `doubt`: why it is implausible; empty otherwise."""

    at: datetime
    location: Location
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A logged-in browser or a bearer token; only the SHA-256 of the secret is kept.

    kind: "session", "token", "screen" (of a wall, without an end), or "second_factor" (the password was right, the
    second factor is awaited).
    """

    secret_hash: str
    user: str
    created_at: datetime
    expires_at: datetime | None
    kind: str = "session"
    revoked_at: datetime | None = None
    csrf: str = ""
    address: str = ""  # from where it was opened
    agent: str = ""  # the browser's User-Agent
    label: str = ""  # what a token is for
    provider_session: str = ""  # issuer and session id at the identity provider
    scope: Mapping[str, Any] | None = None  # what another system's token may send (`data.model.token_scope`)

    @property
    def id(self) -> str:
        """Its id in lists and the audit trail, which does not grant access."""
        return self.secret_hash[:16]


class FactorKind(StrEnum):
    """The kind of a second factor."""

    TOTP = "totp"  # a code of an authenticator app (RFC 6238)
    PASSKEY = "passkey"  # WebAuthn
    RECOVERY = "recovery"  # a code for use when the telephone is lost


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor of a user. `body` by kind: encrypted secret, public key, or hash."""

    user: str
    kind: FactorKind
    body: Mapping[str, Any]
    created_at: datetime
    label: str = ""
    used_at: datetime | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class AccountCode:
    """A one-time code for setting a password; only its SHA-256 is stored."""

    code_hash: str
    user: str
    purpose: str  # "reset"
    created_at: datetime
    expires_at: datetime
    issued_by: str
    used_at: datetime | None = None
