"""How the sites are, as the running side tells: named values `health:<site>`, and changes of topic "site"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.model.record import Change
from data.ports.store import Reader

STORED = "health:"


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """`health`: live, lost or unknown; `at`: since when, ISO 8601, None when nobody has said.

    `degraded`: in what way it is looked at otherwise than configured, empty while it is not: `keyframes`; `looks`, some
    of which are shed; `substream_lost`, so its main stream is looked at; `main_lost`, so only its substream is.
    `cause`: of its loss while it is lost, one of `data.model.loss.CAUSES`. `losses`: the last ones,
    newest first (`{"at", "until", "cause", "reason"}`), without addresses of devices.
    """

    health: str = "unknown"
    at: str | None = None
    degraded: str = ""
    cause: str = ""
    losses: tuple[Mapping[str, Any], ...] = ()


class HealthBoard:
    """The latest health of every site. Lives on the event loop; fed by the outbox."""

    def __init__(self) -> None:
        self._sites: dict[str, SiteHealth] = {}

    def health(self, site: str) -> SiteHealth:
        return self._sites.get(site, SiteHealth())

    def load(self, found: Mapping[str, SiteHealth]) -> None:
        """What was known before this process began; newer news stay."""
        self._sites = dict(found) | self._sites

    def see(self, change: Change) -> None:
        """Take note of a change of topic "site"; others are ignored."""
        if change.topic == "site":
            self._sites[str(change.payload["site"])] = _told(change.payload)


def past_health(reader: Reader, sites: tuple[str, ...]) -> dict[str, SiteHealth]:
    """The last word on each site that anybody has spoken of."""
    values = reader.values([STORED + site for site in sites])
    return {name.removeprefix(STORED): _told(value) for name, value in values.items() if isinstance(value, Mapping)}


def _told(state: Mapping[str, Any]) -> SiteHealth:
    losses = state.get("losses")
    return SiteHealth(
        str(state.get("health", "unknown")),
        state.get("at"),
        str(state.get("degraded") or ""),
        str(state.get("cause") or ""),
        tuple(one for one in losses if isinstance(one, Mapping)) if isinstance(losses, list) else (),
    )
