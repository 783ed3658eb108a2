"""How the sites are: the last "site" change of each, as the outbox tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.record import Change
from data.store import Reader

_PAGE = 5000
_STORED = "health:"  # a value of this name and the site's id, where the running side keeps one


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """`health`: live, lost or unknown; `at`: since when, ISO 8601, None when nobody has said."""

    health: str = "unknown"
    at: str | None = None


class HealthBoard:
    """The latest health of every site. Lives on the event loop; fed by the outbox's tailer."""

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
            site, health = _told(change.payload)
            self._sites[site] = health


def past_health(reader: Reader, sites: tuple[str, ...], *, look_back: int = 50_000) -> dict[str, SiteHealth]:
    """The last word on each site in the newest `look_back` rows of the outbox, else in the stored values."""
    found: dict[str, SiteHealth] = {}
    for site in sites:
        stored = reader.value(_STORED + site)
        if isinstance(stored, Mapping):
            found[site] = SiteHealth(str(stored.get("health", "unknown")), stored.get("at"))
    last = reader.last_change()
    after = max(0, last - look_back)
    while after < last:
        changes = reader.changes(after, _PAGE)
        if not changes:
            break
        for change in changes:
            if change.topic == "site":
                site, health = _told(change.payload)
                found[site] = health
        after = changes[-1].seq
    return found


def _told(payload: Mapping[str, Any]) -> tuple[str, SiteHealth]:
    return str(payload["site"]), SiteHealth(str(payload["health"]), payload.get("at"))
