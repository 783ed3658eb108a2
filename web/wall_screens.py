"""Screens on a wall: enrolled once by an administrator's code, they only show; who acts there proves who they are.

A screen is a user of the role `wall` with one session that neither idles out nor expires (kind `screen`). It may read
what a wall shows (`web/access_table.py`) and do nothing. For one step an officer lends it a hand: name and password,
and the second factor where there is one, give a grant that this screen may use once, within seconds, for one of
`LENT`. The step is then taken by the officer, by the officer's rights.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from data.errors import Forbidden, IllegalMove, InputRejected, NotFound
from data.model.people import AccountCode, Actor, Role, Session, User
from data.model.record import AuditEntry
from data.ports.store import Writer
from web import account_steps
from web.access_table import LENT, TAKES_BACK
from web.account_steps import CodeRefused
from web.sessions import Visitor, hash_secret, new_secret

SCREEN = "screen"  # the kind of the session, and the purpose of the code
CODE_LIFE = timedelta(minutes=15)
GRANT_LIFE = timedelta(seconds=30)
TAKE_BACK_WITHIN = timedelta(seconds=20)  # longer than `alarms.undo_within`, which decides
OFFICER_HEADER = "x-yiping-officer"
COOKIE_LIFE = timedelta(days=400)  # the longest that browsers keep one; each visit of the page renews it
_SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that looks like another: the code is typed on a wall's keyboard
_CODE_SIGNS = 12  # 59 bits
_MOST_GRANTS = 1000


def new_code() -> str:
    """A code that somebody can type: `7KQM-2XWD-HT9R`."""
    signs = "".join(secrets.choice(_SIGNS) for _ in range(_CODE_SIGNS))
    return "-".join(signs[n : n + 4] for n in range(0, _CODE_SIGNS, 4))


def hash_code(code: str) -> str:
    """What is stored of a code, however it was written."""
    return hash_secret("".join(sign for sign in code.upper() if sign.isalnum()))


def allow_screen(writer: Writer, by: Actor, screen: User, code: str, now: datetime) -> AccountCode:
    """A one-time code by which a browser becomes this screen; earlier codes of it end. A new name makes a new screen.

    Raises IllegalMove where the name is somebody else's, or the screen is disabled.
    """
    try:
        known = writer.user(screen.name)
    except NotFound:
        account_steps.add_user(writer, by, replace(screen, role=Role.WALL, password_hash=None), now)
    else:
        if known.role is not Role.WALL:
            raise IllegalMove(f"{screen.name!r} is the name of a person")
        if known.disabled_at is not None:
            raise IllegalMove(f"screen {screen.name!r} is disabled; enable it first")
    issued = AccountCode(hash_code(code), screen.name, SCREEN, now, now + CODE_LIFE, by.name)
    writer.end_account_codes_of(screen.name, now)
    writer.add_account_code(issued)
    until = issued.expires_at.isoformat(timespec="seconds")
    account_steps.record(writer, by, "allow_screen", screen.name, now, until=until)
    return issued


def enrol_screen(writer: Writer, code_hash: str, opened: Session, now: datetime) -> User:
    """The browser of `opened` is the screen now; a session that it had elsewhere ends. Raises CodeRefused."""
    code = writer.account_code(code_hash)
    if code is None or code.purpose != SCREEN or code.used_at is not None or now >= code.expires_at:
        raise CodeRefused
    user = writer.user(code.user)
    if user.role is not Role.WALL or user.disabled_at is not None or not writer.use_account_code(code_hash, now):
        raise CodeRefused
    ended = writer.revoke_sessions_of(user.name, now)
    writer.add_session(replace(opened, user=user.name))
    by = Actor(user.name, user.role)
    account_steps.record(
        writer, by, "enrol_screen", user.name, now,
        id=opened.id, address=opened.address, allowed_by=code.issued_by, ended=ended,
    )  # fmt: skip
    account_steps.tell(writer, user.name, now)
    return user


def screen_session(secret: str, now: datetime, *, address: str, agent: str) -> Session:
    """The session of a screen: without an end, of no user yet."""
    return Session(hash_secret(secret), "", now, None, kind=SCREEN, csrf=new_secret(), address=address, agent=agent)


@dataclass(frozen=True, slots=True)
class _Grant:
    user: str
    screen: str  # the hash of the screen's session
    until: datetime
    is_used: bool = False  # then it takes back what it did, and no more


@dataclass
class Hands:
    """What officers have lent to screens; a restart takes it all back. Lives on the event loop."""

    now: Callable[[], datetime]
    _grants: dict[str, _Grant] = field(default_factory=dict)

    def lend(self, user: User, screen: Visitor) -> tuple[str, datetime]:
        """The secret of a grant for one step at this screen, and when it ends."""
        now = self.now()
        self._grants = {key: one for key, one in self._grants.items() if one.until > now}
        if len(self._grants) >= _MOST_GRANTS:
            raise InputRejected("too many officers are about to act; try again")
        secret, until = new_secret(), now + GRANT_LIFE
        self._grants[hash_secret(secret)] = _Grant(user.name, screen.session.secret_hash, until)
        return secret, until

    def take(self, secret: str, screen: Visitor, method: str | None, path: str) -> str:
        """Whose hand acts now; the grant is gone. Raises Forbidden."""
        step = (method or "", path)
        if screen.user.role is not Role.WALL or step not in LENT | TAKES_BACK:
            raise Forbidden("an officer's hand is not lent for this")
        grant = self._grants.pop(hash_secret(secret), None)
        is_whole = grant is not None and grant.screen == screen.session.secret_hash and grant.until > self.now()
        if grant is None or not is_whole or grant.is_used is not (step in TAKES_BACK):
            raise Forbidden("this grant was used, has expired or is another screen's", key="hand.gone")
        if step in LENT:
            until = self.now() + TAKE_BACK_WITHIN
            self._grants[hash_secret(secret)] = replace(grant, until=until, is_used=True)
        return grant.user


def record_hand(writer: Writer, officer: User, screen: User, now: datetime) -> None:
    """In the trail: this officer is about to take a step at this screen."""
    detail = {"screen": screen.name}
    writer.record(AuditEntry(now, officer.name, officer.role.value, "lend_hand", f"user:{officer.name}", detail))
