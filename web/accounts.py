"""Users, passwords and tokens as the command line manages them. Every step leaves an audit entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from data.model.people import CONSOLE, AccountCode, Role, Session, User
from data.model.token_scope import TokenScope, kept_scope
from data.ports.store import Store
from web import account_steps
from web.deps import utc_now
from web.passwords import hash_password
from web.sessions import hash_secret, new_secret

TOKEN_LIFE = timedelta(days=365)
RESET_LIFE = timedelta(hours=24)


def add_user(store: Store, name: str, role: Role, password: str | None, *, display_name: str = "") -> User:
    """A new user; without a password only tokens let them in.

    Raises IllegalMove when the name is taken, PasswordRefused for a password that is too short or too common.
    """
    account_steps.check_name(name)
    hashed = None if password is None else hash_password(password, name, display_name)
    user = User(name, role, hashed, display_name)
    store.write(lambda writer: account_steps.add_user(writer, CONSOLE, user, utc_now()))
    return user


def set_password(store: Store, name: str, password: str) -> None:
    """A new password; every session of the user ends, tokens too. Raises NotFound, PasswordRefused."""
    user = store.read(lambda reader: reader.user(name))
    hashed = hash_password(password, name, user.display_name)
    store.write(lambda writer: account_steps.set_password(writer, CONSOLE, name, hashed, utc_now()))


def issue_token(
    store: Store,
    name: str,
    *,
    valid_for: timedelta | None = TOKEN_LIFE,
    label: str = "",
    scope: TokenScope | None = None,
) -> str:
    """A bearer token, shown this once; only its hash is stored. None as `valid_for`: it never expires.

    `scope`: what another system may send with it; None: whatever the role may.
    For a responder who is known but has no user, the user is made. Raises NotFound for a name nobody has.
    """
    secret, now = new_secret(), utc_now()
    expires_at = None if valid_for is None else now + valid_for
    token = Session(
        hash_secret(secret),
        name,
        now,
        expires_at,
        kind="token",
        label=label,
        scope=None if scope is None else kept_scope(scope),
    )
    store.write(lambda writer: account_steps.issue_token(writer, CONSOLE, token))
    return secret


def list_sessions(store: Store, name: str | None = None) -> Sequence[Session]:
    """Live sessions and tokens, of one user or of all; the newest first."""
    return store.read(lambda reader: reader.sessions(utc_now(), user=name))


def revoke(store: Store, name: str) -> int:
    """End every session, token and the password of a user; how many ended. Raises NotFound."""
    return store.write(lambda writer: account_steps.revoke(writer, CONSOLE, name, utc_now()))


def revoke_one(store: Store, name: str, session_id: str) -> Session:
    """End one session or token, by the id that `list_sessions` shows. Raises NotFound."""
    return store.write(lambda writer: account_steps.revoke_one(writer, CONSOLE, name, session_id, utc_now()))


def disable(store: Store, name: str) -> int:
    """The user cannot log in any more, and every session and token ends; how many. Raises NotFound."""
    return store.write(lambda writer: account_steps.disable(writer, CONSOLE, name, utc_now()))


def enable(store: Store, name: str) -> None:
    """The user may log in again. Raises NotFound, IllegalMove."""
    store.write(lambda writer: account_steps.enable(writer, CONSOLE, name, utc_now()))


def allow_reset(store: Store, name: str, *, valid_for: timedelta = RESET_LIFE) -> str:
    """A one-time code with which the user sets a new password at `/reset`, shown this once. Raises NotFound."""
    secret, now = new_secret(), utc_now()
    code = AccountCode(hash_secret(secret), name, account_steps.RESET, now, now + valid_for, CONSOLE.name)
    store.write(lambda writer: account_steps.allow_reset(writer, code, CONSOLE))
    return secret


def list_users(store: Store) -> Sequence[User]:
    """By name."""
    return sorted(store.read(lambda reader: reader.users()), key=lambda user: user.name)
