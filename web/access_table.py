"""Who may use which route: the specification, one row for every registered route and method.

`web.auth` lets nobody pass whom this table does not name: a route that stands in no row is closed to everybody, and
the server does not start with one. Handlers may narrow further (one's own task, one's own position), never widen.
`None` among the roles is a visitor who is not logged in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from data.model.people import Action, Role, may
from dispatch.case_table import TABLE as EVENT_STEPS


@dataclass(frozen=True, slots=True)
class Who:
    """The roles that may use a route. `actions`: what it takes, one of them; for the words of a refusal."""

    roles: frozenset[Role | None]
    actions: tuple[Action, ...] = ()

    def __contains__(self, role: Role | None) -> bool:
        return role in self.roles

    def __or__(self, other: Who) -> Who:
        return Who(self.roles | other.roles, tuple(dict.fromkeys((*self.actions, *other.actions))))


WEBSOCKET = "WEBSOCKET"  # the handshake of a socket, beside the HTTP methods

NOBODY = Who(frozenset())
_PEOPLE = Who(frozenset(role for role in Role if role not in (Role.SOURCE, Role.WALL)))
USERS = Who(frozenset(Role))  # everybody who is logged in, machines with a token included
EVERYBODY = Who(frozenset({*Role, None}))


def permitted(*actions: Action) -> Who:
    """The roles that may do at least one of these. A wall's screen is named where it may come in, and nowhere else."""
    able = (role for role in Role if role is not Role.WALL and any(may(role, action) for action in actions))
    return Who(frozenset(able), actions)


_READ = permitted(Action.READ)
_WALL = Who(frozenset({Role.WALL}), (Action.READ,))
_SHOWN = _READ | _WALL  # what hangs on a wall
_READ_OWN = permitted(Action.READ, Action.READ_OWN_TASKS)
_PHONE = permitted(Action.READ_OWN_TASKS)
_WORK = permitted(Action.WORK_TASK)
_DISPATCH = permitted(Action.DISPATCH)
_VERIFY = permitted(Action.VERIFY)
_ADMINISTER = permitted(Action.ADMINISTER)
_SEND = permitted(Action.SEND_OBSERVATIONS)
_ORDER = permitted(Action.ORDER_PLAN)
_JUDGE_ALERT = permitted(Action.VERIFY_ALERT)
_CALL_ROLL = permitted(Action.CALL_ROLL)
_HAND_OVER = permitted(Action.HAND_OVER)
_SHELVE = permitted(Action.SHELVE)
_SERVICE = permitted(Action.OUT_OF_SERVICE)
_ACKNOWLEDGE = permitted(Action.ACKNOWLEDGE)
_REVIEW = permitted(Action.REVIEW)
_REVIEW_EVENT = permitted(Action.REVIEW_EVENT)

_PUBLIC: Mapping[str, Mapping[str, Who]] = {
    "/login": {"GET": EVERYBODY, "POST": EVERYBODY},
    # The second step of a login, and a login by passkey; the handlers look at the first step's cookie.
    "/login/second": {"GET": EVERYBODY, "POST": EVERYBODY},
    "/login/passkey": {"POST": EVERYBODY},
    "/login/passkey/options": {"POST": EVERYBODY},
    # The identity provider, where one is configured; the handlers check state, cookie and signatures.
    "/login/oidc": {"GET": EVERYBODY},
    "/login/oidc/callback": {"GET": EVERYBODY},
    "/login/oidc/back-channel": {"POST": EVERYBODY},
    # Who has a one-time code has no password yet. The page's own style and script hold nothing.
    "/reset": {"GET": EVERYBODY},
    "/account/assets/{file}": {"GET": EVERYBODY},
    "/api/v1/password-reset": {"POST": EVERYBODY},
    # A browser becomes a wall's screen by an administrator's one-time code.
    "/screen": {"GET": EVERYBODY},
    "/api/v1/screens/enrol": {"POST": EVERYBODY},
    "/healthz": {"GET": EVERYBODY},
    "/readyz": {"GET": EVERYBODY},
    "/metrics": {"GET": EVERYBODY},  # the handler: this machine and administrators
    # Citizens have no login; what they send is rate-limited and waits for a human.
    "/open311/v2/services.{form}": {"GET": EVERYBODY},
    "/open311/v2/services/{code}.{form}": {"GET": EVERYBODY},
    "/open311/v2/requests.{form}": {"GET": EVERYBODY, "POST": EVERYBODY},
    "/open311/v2/requests/{number}.{form}": {"GET": EVERYBODY},
}

SCREENS: Mapping[str, Who] = MappingProxyType(
    {
        "/": _SHOWN,
        "/duty": _READ,
        "/handover": _READ,
        "/roll-call": _READ,
        "/events": _READ,
        "/plans": _READ,
        "/applications": _READ,
        "/case-sources": _READ,
        "/inspections": _READ,
        "/notices": _READ,
        "/kpi": _READ,
        "/drill": _READ,
        "/review": permitted(Action.REVIEW),
        "/reports": permitted(Action.REVIEW),
        "/organisation": _READ,
        "/setup": _ADMINISTER,
        "/load": _ADMINISTER,
        "/health": _ADMINISTER,
        "/rejects": _READ,
    }
)
"""The pages of Dash. A stranger who asks for one is sent to the login, a responder to the phone page."""

_DASH: Mapping[str, Mapping[str, Who]] = {
    "/assets/{path:path}": {"GET": _SHOWN, "HEAD": _SHOWN},
    "/_dash-component-suites/{package_name}/{fingerprinted_path:path}": {"GET": _SHOWN},
    "/words/{mark}.js": {"GET": _SHOWN},
    "/_dash-layout": {"GET": _SHOWN},
    "/_dash-dependencies": {"GET": _SHOWN},
    "/_dash-update-component": {"POST": _SHOWN},
    "/_reload-hash": {"GET": _SHOWN},
    "/_favicon.ico": {"GET": _SHOWN},
    "/_dash-ws-callback": {WEBSOCKET: NOBODY},  # our pages have their own socket
    "{path:path}": {"GET": NOBODY},  # Dash's catch-all: the screens above are routes of their own
}

_OWN: Mapping[str, Mapping[str, Who]] = {
    "/logout": {"POST": Who(USERS.roles - _WALL.roles)},  # a screen is ended by an administrator,
    "/source.tar.gz": {"GET": USERS},
    "/account": {"GET": _PEOPLE},
    "/accounts": {"GET": _ADMINISTER},
    "/api/v1/account": {"GET": _PEOPLE},
    "/api/v1/account/password": {"POST": _PEOPLE},
    "/api/v1/account/end-session": {"POST": _PEOPLE},
    "/api/v1/account/totp": {"POST": _PEOPLE},
    "/api/v1/account/totp/confirm": {"POST": _PEOPLE},
    "/api/v1/account/passkeys": {"POST": _PEOPLE},
    "/api/v1/account/passkeys/options": {"POST": _PEOPLE},
    "/api/v1/account/recovery-codes": {"POST": _PEOPLE},
    "/api/v1/account/remove-factor": {"POST": _PEOPLE},
    "/r": {"GET": _PHONE},
    "/r/live": {"GET": _PHONE},
    "/r/places": {"GET": _PHONE},
    "/inspections/codes": {"GET": _READ},
    "/r/assets/{name}": {"GET": _PHONE},
    "/r/sw.js": {"GET": _PEOPLE},
    "/r/manifest.webmanifest": {"GET": _PHONE},
    "/media/evidence/{evidence_id}": {"GET": _READ_OWN | _WALL},
    "/media/live/{site}.jpg": {"GET": _SHOWN},
    "/media/clips/{sha256}.mp4": {"GET": _READ_OWN | _WALL},
    "/media/previews/{site}.jpg": {"GET": _REVIEW},
    "/ws/events": {WEBSOCKET: _READ_OWN | _WALL},
    "/ws/wall": {WEBSOCKET: _SHOWN},
    "/ws/live": {WEBSOCKET: _SHOWN},
}

_READING: Mapping[str, Mapping[str, Who]] = {
    "/api/v1/openapi.json": {"GET": USERS, "HEAD": USERS},
    "/api/v1/me": {"GET": USERS},
    "/api/v1/alarm-cards": {"GET": _SHOWN},
    "/api/v1/alarm-kpi": {"GET": _READ},
    "/api/v1/drill": {"GET": _READ},
    "/api/v1/alarm-kpi.csv": {"GET": _READ},
    "/api/v1/alerts": {"GET": _SHOWN},
    "/api/v1/alerts/{alert_id}": {"GET": _SHOWN},
    "/api/v1/alerts/{alert_id}/clips": {"GET": _SHOWN},
    "/api/v1/alerts/{alert_id}/candidates": {"GET": _DISPATCH},
    "/api/v1/alerts/{alert_id}/surroundings": {"GET": _SHOWN},
    "/api/v1/audit": {"GET": permitted(Action.READ_AUDIT)},
    "/api/v1/case-sources": {"GET": _READ},
    "/api/v1/categories": {"GET": _READ_OWN},
    "/api/v1/claims": {"GET": _SHOWN, "POST": _ACKNOWLEDGE},
    "/api/v1/claims/release": {"POST": _ACKNOWLEDGE},
    "/api/v1/conditions": {"GET": _READ},
    "/api/v1/events": {"GET": _READ, "POST": permitted(Action.RECEIVE_EVENT)},
    "/api/v1/events/{event_id}": {"GET": _READ},
    "/api/v1/events/{event_id}/export": {"GET": permitted(Action.READ_AUDIT)},
    "/api/v1/events/{event_id}/surroundings": {"GET": _READ},
    "/api/v1/evidence": {"GET": _READ},
    "/api/v1/exports": {"GET": permitted(Action.REVIEW, Action.READ_AUDIT)},
    "/api/v1/handovers": {"GET": _READ, "POST": _HAND_OVER},
    "/api/v1/handovers/standing": {"GET": _READ},
    "/api/v1/handovers/{handover_id}": {"GET": _READ},
    "/api/v1/roll-calls": {"GET": _READ, "POST": _CALL_ROLL},
    "/api/v1/roll-calls/choices": {"GET": _CALL_ROLL},
    "/api/v1/roll-calls/mine": {"GET": _READ_OWN},
    "/api/v1/roll-calls/{roll_call_id}": {"GET": _READ},
    "/api/v1/roll-calls/{roll_call_id}/answer": {"POST": _READ_OWN},
    "/api/v1/roll-calls/{roll_call_id}/recall": {"POST": _CALL_ROLL},
    "/api/v1/roll-calls/{roll_call_id}/close": {"POST": _CALL_ROLL},
    "/api/v1/inspections": {"GET": _READ, "POST": _WORK},
    "/api/v1/inspections/route": {"GET": _READ_OWN},
    "/api/v1/inspections/standing": {"GET": _READ},
    "/api/v1/load": {"GET": _ADMINISTER},
    "/api/v1/health": {"GET": _ADMINISTER},
    "/api/v1/rejects": {"GET": _READ},
    "/api/v1/modes": {"GET": _SHOWN},
    "/api/v1/notices": {"GET": _READ},
    "/api/v1/organisation/coverage": {"GET": _READ},
    "/api/v1/applications": {"GET": _READ},
    "/api/v1/places": {"GET": _READ},
    "/api/v1/places/at": {"GET": _READ},
    "/api/v1/plans": {"GET": _READ},
    "/api/v1/plans/{plan_id}": {"GET": _READ},
    "/api/v1/readings": {"GET": _SHOWN},
    "/api/v1/responders": {"GET": _SHOWN},
    "/api/v1/responders/{responder_id}": {"GET": _READ_OWN},
    "/api/v1/responders/{responder_id}/track": {"GET": _READ},
    "/api/v1/spans.parquet": {"GET": _REVIEW},
    "/api/v1/review-reports": {"GET": _REVIEW, "POST": _REVIEW_EVENT},
    "/api/v1/review-reports/{review_id}": {"GET": _REVIEW},
    "/api/v1/review-reports/{review_id}/report.csv": {"GET": _REVIEW},
    "/api/v1/review-reports/{review_id}/report.geojson": {"GET": _REVIEW},
    "/api/v1/review-reports/{review_id}/report.html": {"GET": _REVIEW},
    "/api/v1/review-reports/{review_id}/report.pdf": {"GET": _REVIEW},
    "/api/v1/roster": {"GET": _SHOWN},
    "/api/v1/search": {"GET": _READ},
    "/api/v1/setup": {"GET": _ADMINISTER},
    "/api/v1/shifts": {"GET": _READ, "POST": _ADMINISTER},
    "/api/v1/sites": {"GET": _SHOWN},
    "/api/v1/sites/{site_id}": {"GET": _READ},
    "/api/v1/sites/{site_id}/motion": {"GET": _REVIEW},
    "/api/v1/sites/{site_id}/surroundings": {"GET": _SHOWN},
    "/api/v1/suppressed-alerts": {"GET": _READ},
    "/api/v1/tasks": {"GET": _READ_OWN | _WALL},
    "/api/v1/tasks/{task_id}": {"GET": _READ_OWN},
    "/api/v1/tasks/{task_id}/people": {"GET": _DISPATCH},
    "/api/v1/trends": {"GET": _READ},
    "/api/v1/trends.csv": {"GET": _READ},
    "/api/v1/units": {"GET": _READ},
    "/api/v1/warnings": {"GET": _READ, "POST": _SEND},
    "/api/v1/warnings/{warning_id}": {"GET": _READ},
    "/api/v1/web-push": {"GET": _READ_OWN, "POST": _READ_OWN},
    "/api/v1/what-ifs": {"POST": permitted(Action.REVIEW)},
    "/api/v1/what-ifs/choices": {"GET": permitted(Action.REVIEW)},
    "/api/v1/what-ifs/{request_id}": {"GET": permitted(Action.REVIEW)},
}

_WRITING: Mapping[str, Mapping[str, Who]] = {
    "/api/v1/alarm-cards/acknowledge": {"POST": _ACKNOWLEDGE},
    "/api/v1/alerts/{alert_id}/acknowledge": {"POST": _ACKNOWLEDGE},
    "/api/v1/alerts/{alert_id}/undo": {"POST": _ACKNOWLEDGE},
    "/api/v1/alarm-cards/undo": {"POST": _ACKNOWLEDGE},
    "/api/v1/alerts/{alert_id}/confirm": {"POST": _JUDGE_ALERT},
    "/api/v1/alerts/{alert_id}/dismiss": {"POST": _JUDGE_ALERT},
    "/api/v1/alerts/{alert_id}/shelve": {"POST": _SHELVE},
    "/api/v1/alerts/{alert_id}/unshelve": {"POST": _SHELVE},
    "/api/v1/alerts/{alert_id}/out_of_service": {"POST": _SERVICE},
    "/api/v1/alerts/{alert_id}/return_to_service": {"POST": _SERVICE},
    "/api/v1/alerts/{alert_id}/dispatch": {"POST": _DISPATCH},
    "/api/v1/dispatch": {"POST": _DISPATCH},
    "/api/v1/events/{event_id}/tasks": {"POST": _DISPATCH},
    **{
        f"/api/v1/handovers/{{handover_id}}/{step}": {"POST": _HAND_OVER}
        for step in ("notes", "sign", "return", "take", "drop")
    },
    "/api/v1/entries": {"POST": permitted(Action.RECEIVE_EVENT)},
    "/api/v1/reports": {"POST": permitted(Action.REPORT_EVENT)},
    "/api/v1/notices/{notice_id}/answer": {"POST": _ACKNOWLEDGE},
    "/api/v1/tasks/{task_id}/accept": {"POST": _WORK},
    "/api/v1/tasks/{task_id}/decline": {"POST": _WORK},
    "/api/v1/tasks/{task_id}/en-route": {"POST": _WORK},
    "/api/v1/tasks/{task_id}/on-scene": {"POST": _WORK},
    "/api/v1/tasks/{task_id}/report": {"POST": _WORK},
    "/api/v1/tasks/{task_id}/block": {"POST": _WORK},
    "/api/v1/tasks/{task_id}/unblock": {"POST": _WORK},
    "/api/v1/tasks/{task_id}/return": {"POST": _WORK},
    "/api/v1/tasks/{task_id}/verify": {"POST": _VERIFY},
    "/api/v1/tasks/{task_id}/rework": {"POST": _VERIFY},
    "/api/v1/tasks/{task_id}/cancel": {"POST": permitted(Action.CANCEL_TASK)},
    "/api/v1/tasks/{task_id}/rule": {"POST": permitted(Action.RULE_EVENT)},
    "/api/v1/tasks/{task_id}/reassign": {"POST": _DISPATCH},
    "/api/v1/tasks/{task_id}/ask": {"POST": _DISPATCH},
    "/api/v1/tasks/{task_id}/send": {"POST": _DISPATCH},
    "/api/v1/tasks/{task_id}/call": {"POST": _DISPATCH},
    "/api/v1/tasks/{task_id}/take-back": {"POST": _DISPATCH},
    "/api/v1/responders/{responder_id}/position": {"POST": permitted(Action.SHARE_POSITION)},
    "/api/v1/plans/{plan_id}/begin": {"POST": _ORDER},
    "/api/v1/plans/{plan_id}/end": {"POST": _ORDER},
    "/api/v1/plans/{plan_id}/dismiss": {"POST": _ORDER},
    "/api/v1/modes/{mode}/begin": {"POST": _ORDER},
    "/api/v1/modes/{mode}/end": {"POST": _ORDER},
    "/api/v1/review-reports/{review_id}/comments": {"POST": _REVIEW},
    "/api/v1/review-reports/{review_id}/sign": {"POST": permitted(Action.SIGN_REVIEW)},
    "/api/v1/review-reports/{review_id}/versions": {"POST": _REVIEW_EVENT},
    "/api/v1/web-push/forget": {"POST": _READ_OWN},
    "/api/v1/datastreams/{site}/{monitor}/observations": {"POST": _SEND},
    "/api/v1/vehicles": {"GET": _SHOWN},
    "/api/v1/vehicles/{plate}/track": {"GET": _SHOWN},
    "/api/v1/datastreams/{site}/{monitor}/positions": {"POST": _SEND},
    "/api/v1/alertmanager": {"POST": _SEND},
    "/api/v1/case-sources/{source}/cases": {"POST": _SEND},
    "/api/v1/case-sources/try": {"POST": _ADMINISTER},
    "/api/v1/events/{event_id}/personal-data": {"POST": _READ_OWN},
    "/api/v1/units/{unit_id}": {"PUT": _ADMINISTER, "DELETE": _ADMINISTER},
    "/api/v1/shifts/{shift_id}": {"DELETE": _ADMINISTER},
    "/api/v1/categories/{kind}": {"PUT": _ADMINISTER},
    "/api/v1/organisation/import": {"POST": _ADMINISTER},
    "/api/v1/sites/{site_id}/learn-view": {"POST": _ADMINISTER},
    "/api/v1/sites/{site_id}/references": {"POST": _ADMINISTER},
    "/api/v1/sites/{site_id}/references/{name}": {"GET": _ADMINISTER},
    "/api/v1/settings/camera-test": {"POST": _ADMINISTER},
    "/api/v1/settings/gauge-test": {"POST": _ADMINISTER},
    "/api/v1/settings": {"GET": _ADMINISTER, "PUT": _ADMINISTER},
    "/api/v1/settings/check": {"POST": _ADMINISTER},
    "/api/v1/settings/what-if": {"POST": _ADMINISTER},
    "/api/v1/settings/export": {"GET": _ADMINISTER},
    "/api/v1/settings/schema": {"GET": _ADMINISTER},
    "/api/v1/settings/sites": {"POST": _ADMINISTER},
    "/api/v1/settings/sites/{site_id}": {"PATCH": _ADMINISTER, "DELETE": _ADMINISTER},
    "/api/v1/settings/versions": {"GET": _ADMINISTER},
    "/api/v1/settings/versions/{number}": {"GET": _ADMINISTER},
    "/api/v1/settings/versions/{number}/restore": {"POST": _ADMINISTER},
}

_ACCOUNTS: Mapping[str, Mapping[str, Who]] = {
    "/api/v1/screens": {"POST": _ADMINISTER},
    "/api/v1/screens/hand": {"POST": _WALL},
    "/api/v1/users": {"GET": _ADMINISTER, "POST": _ADMINISTER},
    "/api/v1/users/{name}": {"PUT": _ADMINISTER},
    "/api/v1/users/{name}/sessions": {"GET": _ADMINISTER},
    **{
        f"/api/v1/users/{{name}}/{step}": {"POST": _ADMINISTER}
        for step in ("reset", "tokens", "end-session", "disable", "enable", "revoke", "remove-second-factor")
    },
}

_EVENT_STEPS: Mapping[str, Mapping[str, Who]] = {
    f"/api/v1/events/{{event_id}}/{step.value}": {"POST": permitted(move.action)}
    for step, move in EVENT_STEPS.items()
    if move.action is not None
}

TABLE: Mapping[str, Mapping[str, Who]] = MappingProxyType(
    {
        **_PUBLIC,
        **{path: {"GET": who} for path, who in SCREENS.items()},
        **_DASH,
        **_OWN,
        **_READING,
        **_WRITING,
        **_ACCOUNTS,
        **_EVENT_STEPS,
    }
)

LENT: frozenset[tuple[str, str]] = frozenset(
    ("POST", f"/api/v1/{path}")
    for path in (
        "alarm-cards/acknowledge",
        "alerts/{alert_id}/acknowledge",
        "alerts/{alert_id}/dispatch",
    )
)
"""The steps that an officer may take at a wall's screen, with name and password for each (`web/wall_screens.py`)."""

TAKES_BACK: frozenset[tuple[str, str]] = frozenset(
    ("POST", f"/api/v1/{path}") for path in ("alarm-cards/undo", "alerts/{alert_id}/undo", "tasks/{task_id}/take-back")
)
"""How the hand that took such a step takes it back."""

PAGES: frozenset[str] = frozenset({*SCREENS, "/inspections/codes", "/r", "/source.tar.gz", "/account", "/accounts"})
"""Where a person types the address: refused with a redirect instead of a problem document."""

WITHOUT_CSRF_TOKEN: frozenset[tuple[str, str]] = frozenset(
    {
        ("POST", "/login"),
        ("POST", "/login/second"),
        ("POST", "/login/passkey"),
        ("POST", "/login/passkey/options"),
        ("POST", "/_dash-update-component"),
        ("POST", "/api/v1/password-reset"),
        ("POST", "/api/v1/screens/enrol"),
    }
)
"""Writes that a session cookie may make without X-CSRF-Token; SameSite and the Origin check hold them.

The login has no session yet, and who resets a password or enrols a screen shows a one-time code.
Dash's renderer sends the token when it has one; its callbacks change nothing.
"""

ENROLMENT: frozenset[str] = frozenset(
    {path for path in TABLE if path == "/api/v1/account" or path.startswith(("/api/v1/account/", "/account"))}
    - {"/accounts"}
    | {"/api/v1/me", "/logout", *_PUBLIC}
)
"""What somebody may use whose role needs a second factor and who has none yet."""
