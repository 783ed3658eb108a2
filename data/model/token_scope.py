"""The scope of another system's bearer token: kinds of messages, sites and quantities it may send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from data.errors import Forbidden, InputRejected
from data.model.alert import Priority
from data.model.units import UNIT_OF


class Sends(StrEnum):
    """Kinds of messages that other systems send."""

    OBSERVATION = "observation"
    ALERT = "alert"  # Alertmanager
    POSITION = "position"  # of vehicles
    WARNING = "warning"  # CAP; it may put a plan in force
    CASE = "case"  # of the `case_sources` that the token names


@dataclass(frozen=True, slots=True)
class TokenScope:
    """`sites`, `quantities` None: all of them. `highest`: the highest priority that its alerts may have.

    `sources`: ids of the `case_sources` whose cases it may send; only those that it names.
    """

    kinds: frozenset[Sends] = frozenset({Sends.OBSERVATION})
    sites: frozenset[str] | None = None
    quantities: frozenset[str] | None = None
    highest: Priority = Priority.P2
    sources: frozenset[str] = frozenset()

    def require_kind(self, kind: Sends) -> None:
        """Raises Forbidden."""
        if kind not in self.kinds:
            raise Forbidden(f"this token may send {_listed(self.kinds)}, not {kind.value}s")

    def require_site(self, site: str) -> None:
        """Raises Forbidden, without revealing which sites exist."""
        if not self.covers(site):
            raise Forbidden(f"this token may not send for site {site[:80]!r}")

    def require_quantity(self, quantity: str) -> None:
        """Raises Forbidden."""
        if self.quantities is not None and quantity not in self.quantities:
            raise Forbidden(f"this token may not send the quantity {quantity[:80]!r}")

    def require_source(self, source: str) -> None:
        """Raises Forbidden, without revealing which sources exist."""
        if source not in self.sources:
            raise Forbidden(f"this token may not send cases of {source[:80]!r}")

    def covers(self, site: str) -> bool:
        return self.sites is None or site in self.sites

    def capped(self, priority: Priority) -> Priority:
        """The priority, lowered to the highest allowed one (P1 is higher than P2)."""
        return max(priority, self.highest)


EVERYTHING = TokenScope(frozenset(Sends), highest=Priority.P1)
"""Scope of tokens from before scopes were stored, and of people's own tokens, which are limited by role."""


def scope_of(kept: Mapping[str, Any] | None) -> TokenScope:
    """The scope as it is stored with a token; None: a token without one."""
    if kept is None:
        return EVERYTHING
    return TokenScope(
        frozenset(Sends(kind) for kind in kept["kinds"]),
        None if kept["sites"] is None else frozenset(kept["sites"]),
        None if kept["quantities"] is None else frozenset(kept["quantities"]),
        Priority(kept["highest"]),
        frozenset(kept.get("sources", ())),  # tokens from before there were any have none
    )


def kept_scope(scope: TokenScope) -> dict[str, Any]:
    """JSON that is stored with the token, listed and audited."""
    return {
        "kinds": sorted(kind.value for kind in scope.kinds),
        "sites": None if scope.sites is None else sorted(scope.sites),
        "quantities": None if scope.quantities is None else sorted(scope.quantities),
        "highest": scope.highest.value,
        **({"sources": sorted(scope.sources)} if scope.sources else {}),
    }


def asked_scope(
    kinds: Sequence[str] = (),
    sites: Sequence[str] = (),
    quantities: Sequence[str] = (),
    highest: str = "",
    sources: Sequence[str] = (),
) -> TokenScope:
    """The scope requested by names. Defaults: observations, all sites, all quantities, P2; `sources` alone: cases.

    Raises InputRejected for a kind, quantity or priority that there is not, and for cases without their sources.
    """
    kinds = kinds or ([Sends.CASE.value] if sources else [])
    for field, given, known in (
        ("kinds", kinds, [kind.value for kind in Sends]),
        ("quantities", quantities, list(UNIT_OF)),
        ("highest", [highest] if highest else [], [priority.value for priority in Priority]),
    ):
        for name in given:
            if name not in known:
                raise InputRejected(f"{field}: {name[:40]!r} is none of {', '.join(known)}")
    if (Sends.CASE.value in kinds) != bool(sources):
        raise InputRejected("sources: a token for cases names the case_sources it may send for")
    return TokenScope(
        frozenset(Sends(kind) for kind in kinds) or frozenset({Sends.OBSERVATION}),
        frozenset(sites) if sites else None,
        frozenset(quantities) if quantities else None,
        Priority(highest) if highest else Priority.P2,
        frozenset(sources),
    )


def _listed(kinds: frozenset[Sends]) -> str:
    return ", ".join(sorted(f"{kind.value}s" for kind in kinds))
