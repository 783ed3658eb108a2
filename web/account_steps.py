"""What can be done to an account, each as a part of one unit of work: changed, told to the server, in the audit trail.

`by` is who does it: an administrator, the user, or the console. No entry holds a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from data.errors import IllegalMove, InputRejected, NotFound
from data.model.people import ENDED_SESSIONS_KEPT, AccountCode, Actor, Role, Session, User
from data.model.record import AuditEntry, Change
from data.ports.store import Writer
from data.stored.web_push import forget_subscriptions

ACCOUNT_TOPIC = "account"  # the server follows it; screens do not get it
RESET = "reset"
_LONGEST_NAME = 64
_NOT_IN_NAMES = frozenset(":/\\?#%")
_LONGEST_DISPLAY_NAME = 200


class CodeRefused(InputRejected):
    """A one-time code that was used, has expired, or never was (HTTP 422)."""

    reason = "code"

    def __init__(self) -> None:
        super().__init__("this code has been used or has expired; ask an administrator for a new one")


def account_subject(name: str) -> str:
    """The user as the audit trail and the outbox name them."""
    return f"user:{name}"


def record(writer: Writer, by: Actor, action: str, name: str, now: datetime, **detail: Any) -> None:
    """One entry of the audit trail about a user."""
    role = "" if by.role is None else by.role.value
    writer.record(AuditEntry(now, by.name, role, action, account_subject(name), detail))


def tell(writer: Writer, name: str, now: datetime, detail: Mapping[str, Any] | None = None) -> None:
    """Make the server look at this user's sessions again, at once."""
    writer.publish(Change(ACCOUNT_TOPIC, account_subject(name), now, dict(detail or {})))


def check_name(name: str) -> str:
    """Raises InputRejected."""
    printable = name.isprintable() and name == name.strip() and not _NOT_IN_NAMES & set(name)
    if not name or len(name) > _LONGEST_NAME or not printable:
        raise InputRejected(
            f"a user name has 1 to {_LONGEST_NAME} printable characters, none of : / \\ ? # %, no blanks around it"
        )
    return name


def check_display_name(text: str) -> str:
    """Raises InputRejected."""
    if len(text) > _LONGEST_DISPLAY_NAME or not text.isprintable():
        raise InputRejected(f"a display name has up to {_LONGEST_DISPLAY_NAME} printable characters")
    return text


def add_user(writer: Writer, by: Actor, user: User, now: datetime) -> None:
    """A new user. Raises IllegalMove when the name is taken, InputRejected for a bad name."""
    check_name(user.name)
    check_display_name(user.display_name)
    writer.add_user(user)
    detail = {"role": user.role.value, "password": user.password_hash is not None}
    record(writer, by, "add_user", user.name, now, **detail)


def change_user(writer: Writer, by: Actor, name: str, now: datetime, *, role: Role, display_name: str) -> User:
    """Another role or display name; with another role every session and token ends. Raises NotFound."""
    user = writer.user(name)
    if role is not user.role:
        _not_oneself(by, name, "change the role of")
        if Role.WALL in (role, user.role):
            raise IllegalMove("a person does not become a screen, nor a screen a person", key="screen.stays")
    changed = replace(user, role=role, display_name=check_display_name(display_name))
    writer.save_user(changed)
    ended = writer.revoke_sessions_of(name, now) if role is not user.role else 0
    record(writer, by, "change_user", name, now, role=role.value, before=user.role.value, ended=ended)
    tell(writer, name, now)
    return changed


def set_password(writer: Writer, by: Actor, name: str, password_hash: str, now: datetime, *, kept: str = "") -> int:
    """A new password; every session and token of the user ends but `kept` (a secret hash). How many ended."""
    writer.save_user(replace(writer.user(name), password_hash=password_hash))
    writer.end_account_codes_of(name, now)
    ended = writer.revoke_sessions_of(name, now, kept=kept)
    record(writer, by, "set_password", name, now, ended=ended)
    tell(writer, name, now)
    return ended


def issue_token(writer: Writer, by: Actor, token: Session) -> None:
    """Store a new bearer token. A responder who has no user yet gets one. Raises NotFound, InputRejected."""
    user = _user_or_responder(writer, by, token.user, token.created_at)
    if user.disabled_at is not None:
        raise InputRejected(f"user {token.user!r} is disabled since {user.disabled_at.isoformat(timespec='seconds')}")
    if token.scope is not None and user.role is not Role.SOURCE:
        raise InputRejected(f"{token.user!r} is no source: kinds, sites and quantities limit what other systems send")
    writer.add_session(token)
    until = None if token.expires_at is None else token.expires_at.isoformat(timespec="seconds")
    record(
        writer,
        by,
        "issue_token",
        token.user,
        token.created_at,
        id=token.id,
        until=until,
        label=token.label,
        scope=token.scope,
    )


def revoke_one(writer: Writer, by: Actor, name: str, session_id: str, now: datetime) -> Session:
    """End one session or token of a user, by its id; also a token that has expired. Raises NotFound."""
    expired = [one for one in writer.tokens_ending(now - ENDED_SESSIONS_KEPT, now, 1000) if one.user == name]
    known = (*writer.sessions(now, user=name), *expired)
    found = next((one for one in known if one.id == session_id), None)
    if found is None:
        raise NotFound(f"{name} has no live session or token {session_id[:20]!r}")
    writer.revoke_session(found.secret_hash, now)
    record(writer, by, "revoke_session", name, now, id=found.id, kind=found.kind)
    tell(writer, name, now)
    return found


def end_sessions(writer: Writer, by: Actor, name: str, now: datetime, *, kept: str = "") -> int:
    """End every session and token but `kept`; the password stays. How many. Raises NotFound."""
    writer.user(name)
    ended = writer.revoke_sessions_of(name, now, kept=kept)
    record(writer, by, "end_sessions", name, now, ended=ended)
    tell(writer, name, now)
    return ended


def revoke(writer: Writer, by: Actor, name: str, now: datetime) -> int:
    """End every session and token, and the password: nobody gets in by what was known before. Raises NotFound.

    Who is to come back needs a new password or token; second factors stay.
    """
    writer.save_user(replace(writer.user(name), password_hash=None))
    writer.end_account_codes_of(name, now)
    forget_subscriptions(writer, name)
    ended = writer.revoke_sessions_of(name, now)
    record(writer, by, "revoke", name, now, ended=ended)
    tell(writer, name, now)
    return ended


def disable(writer: Writer, by: Actor, name: str, now: datetime) -> int:
    """Nobody logs in as this user any more; every session and token ends. The name stays in the trail.

    How many ended. Raises NotFound, and IllegalMove for one's own account.
    """
    _not_oneself(by, name, "disable")
    user = writer.user(name)
    if user.disabled_at is None:
        writer.save_user(replace(user, disabled_at=now, disabled_by=by.name))
    writer.end_account_codes_of(name, now)
    forget_subscriptions(writer, name)
    ended = writer.revoke_sessions_of(name, now)
    record(writer, by, "disable_user", name, now, ended=ended)
    tell(writer, name, now)
    return ended


def enable(writer: Writer, by: Actor, name: str, now: datetime) -> None:
    """The user may log in again with the same password; ended sessions and tokens stay ended. Raises NotFound."""
    user = writer.user(name)
    if user.disabled_at is None:
        raise IllegalMove(f"user {name!r} is not disabled")
    writer.save_user(replace(user, disabled_at=None, disabled_by=""))
    record(writer, by, "enable_user", name, now)
    tell(writer, name, now)


def remove_second_factor(writer: Writer, by: Actor, name: str, now: datetime) -> int:
    """Take away every second factor and recovery code of a user; sessions end. How many ended. Raises NotFound."""
    writer.user(name)
    removed = len(writer.factors(name))
    for factor in writer.factors(name):
        writer.remove_factor(factor.id)
    ended = writer.revoke_sessions_of(name, now)
    record(writer, by, "remove_second_factor", name, now, removed=removed, ended=ended)
    tell(writer, name, now)
    return ended


def allow_reset(writer: Writer, code: AccountCode, by: Actor) -> None:
    """Store a one-time code for setting a password; earlier codes end. The password stays until then.

    Raises NotFound, and IllegalMove for a disabled user.
    """
    if writer.user(code.user).disabled_at is not None:
        raise IllegalMove(f"user {code.user!r} is disabled; enable the account first")
    if writer.user(code.user).role is Role.WALL:
        raise IllegalMove(f"{code.user!r} is a screen and has no password", key="screen.stays")
    writer.end_account_codes_of(code.user, code.created_at)
    writer.add_account_code(code)
    until = code.expires_at.isoformat(timespec="seconds")
    record(writer, by, "allow_password_reset", code.user, code.created_at, until=until)


def reset_password(writer: Writer, code_hash: str, password_hash: str, now: datetime) -> User:
    """Set the password of whom the one-time code is for. Raises CodeRefused."""
    code = usable_code(writer.account_code(code_hash), now)
    user = None if code is None else writer.user(code.user)
    if code is None or user is None or user.disabled_at is not None or not writer.use_account_code(code_hash, now):
        raise CodeRefused()
    set_password(writer, Actor(user.name, user.role), user.name, password_hash, now)
    return user


def usable_code(code: AccountCode | None, now: datetime) -> AccountCode | None:
    """The code while it can be used, else None."""
    usable = code is not None and code.purpose == RESET and code.used_at is None and now < code.expires_at
    return code if usable else None


def _not_oneself(by: Actor, name: str, what: str) -> None:
    """So that the last administrator cannot lock everybody out by a slip. Raises IllegalMove."""
    if by.role is not None and by.name == name:
        raise IllegalMove(f"you cannot {what} your own account")


def _user_or_responder(writer: Writer, by: Actor, name: str, now: datetime) -> User:
    try:
        return writer.user(name)
    except NotFound:
        try:
            responder = writer.responder(name)
        except NotFound:
            raise NotFound(f"there is neither a user nor a responder {name!r}") from None
        user = User(name, Role.RESPONDER, display_name=responder.name)
        add_user(writer, by, user, now)
        return user
