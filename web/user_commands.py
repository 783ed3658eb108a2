"""`app.py users …`: each step as a function of the store and what the command line gave; it yields what is printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from data.model.people import Role
from data.model.token_scope import asked_scope
from data.ports.store import Store
from web import accounts

Given = Mapping[str, Any]


def _add(store: Store, given: Given) -> Iterator[str]:
    name, role = given["name"], Role(given["role"])
    accounts.add_user(store, name, role, given["password"], display_name=given["display_name"])
    yield f"{name}: added as {role.value}"


def _set_password(store: Store, given: Given) -> Iterator[str]:
    accounts.set_password(store, given["name"], given["password"])
    yield f"{given['name']}: password changed, sessions and tokens ended"


def _reset(store: Store, given: Given) -> Iterator[str]:
    code = accounts.allow_reset(store, given["name"])
    yield f"{given['name']} opens /reset within 24 h and gives this code, once:"
    yield code


def _token(store: Store, given: Given) -> Iterator[str]:
    kinds, sites, quantities = (given.get(name) or () for name in ("kinds", "sites", "quantities"))
    sources = given.get("sources") or ()
    highest = given.get("highest") or ""
    role = next((user.role for user in accounts.list_users(store) if user.name == given["name"]), None)
    scope = None
    if role is Role.SOURCE or kinds or sites or quantities or highest or sources:
        scope = asked_scope(kinds, sites, quantities, highest, sources)
    yield accounts.issue_token(store, given["name"], valid_for=given["expires"], label=given["label"], scope=scope)


def _revoke(store: Store, given: Given) -> Iterator[str]:
    name = given["name"]
    if given["id"]:
        yield f"{name}: {accounts.revoke_one(store, name, given['id']).kind} {given['id']} revoked"
        return
    ended = accounts.revoke(store, name)
    yield f"{name}: {ended} sessions and tokens revoked, and the password; give a new one to let {name} in again"


def _disable(store: Store, given: Given) -> Iterator[str]:
    yield f"{given['name']}: disabled, {accounts.disable(store, given['name'])} sessions and tokens ended"


def _enable(store: Store, given: Given) -> Iterator[str]:
    accounts.enable(store, given["name"])
    yield f"{given['name']}: enabled, with the password of before"


def _sessions(store: Store, given: Given) -> Iterator[str]:
    for one in accounts.list_sessions(store, given["name"]):
        until = "never expires" if one.expires_at is None else f"until {one.expires_at:%Y-%m-%d %H:%M}Z"
        origin = one.label or f"{one.address} {one.agent[:60]}".strip()
        yield "\t".join((one.id, one.user, one.kind, f"since {one.created_at:%Y-%m-%d %H:%M}Z", until, origin))


def _list(store: Store, given: Given) -> Iterator[str]:
    del given
    for user in accounts.list_users(store):
        line = f"{user.name}\t{user.role.value}\t{user.display_name}"
        at = user.disabled_at
        yield line if at is None else f"{line}\tdisabled {at:%Y-%m-%d %H:%M}Z by {user.disabled_by}"


USER_COMMANDS: Mapping[str, Callable[[Store, Given], Iterator[str]]] = MappingProxyType(
    {
        "add": _add,
        "password": _set_password,
        "reset": _reset,
        "token": _token,
        "revoke": _revoke,
        "disable": _disable,
        "enable": _enable,
        "sessions": _sessions,
        "list": _list,
    }
)
