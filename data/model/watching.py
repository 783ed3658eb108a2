"""Who may watch which cameras, and which sites a role may know of at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.model.people import Action, Role, User, may


class WatchSettings(BaseModel):
    """Limits some users to some cameras."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: Annotated[tuple[str, ...], Field(description="Login names; goes before what is said of their role.")] = ()
    roles: Annotated[tuple[Role, ...], Field(description="Everybody of these roles.")] = ()
    sites: Annotated[tuple[str, ...], Field(description="Sites whose cameras they watch; none when left out.")] = ()


def watched_by(rules: Sequence[WatchSettings], user: User, cameras: frozenset[str]) -> frozenset[str]:
    """The cameras this user may watch: by rules for the name, else for the role, else all cameras."""
    for fitting in (
        [rule for rule in rules if user.name in rule.users],
        [rule for rule in rules if user.role in rule.roles],
    ):
        if fitting:
            return cameras & {site for rule in fitting for site in rule.sites}
    return cameras


def is_limited_by_visible_to(role: Role) -> bool:
    """True for roles from which `visible_to` hides sites.

    Administrators configure the sites. Who works in the street sees nothing but their own tasks, and must find the
    place; machines have tokens with a scope of their own.
    """
    return role is not Role.ADMINISTRATOR and may(role, Action.READ)
