"""What the screens are given, and what they ask of the server that mounts them.

The screens' scripts use, all on their own host and with the session cookie:

- `GET /api/v1/me` -> `{"name", "display_name", "role", "may": [actions], "csrf"}`; `csrf` goes into `X-CSRF-Token`.
- `GET /api/v1/alerts|tasks|sites|responders|audit|readings` -> `{"items": [...], "next": ...}` in the form of
  `data.model.views` (a site: `{"id", "name", "health", "at", ...}`; a reading as in `Change.payload`).
- `GET /api/v1/alerts/{id}/candidates` -> `{"items": [{"responder", "travel_s", "distance_m", "method", "reason"}]}`.
- `POST /api/v1/alerts/{id}/acknowledge|dispatch`, `POST /api/v1/tasks/{id}/verify|cancel`.
- `GET /media/evidence/{id}`, the sockets `/ws/events` and `/ws/wall`, `POST /logout`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from data.config.settings import Settings
from data.local.lanes import Lanes
from data.model.people import Action, User, may
from data.ports.store import EvidenceVault, Store


def _no_visitor() -> User:
    raise LookupError("these screens were made without a server, which knows the visitors")


@dataclass(eq=False)
class ScreenContext:
    """Everything `build_dash` needs. `settings`: those in force; the server puts others there when they change.
    `source_url`: where the running version's source is offered (AGPL-3.0, §13).

    `visitor`: who sent the Dash request that is being answered; pages and callbacks give them what they may read.
    `base`: the path of a reverse proxy under which the screens lie, `/yiping`; empty for the whole host.
    `base_map`: a GeoJSON file, or a folder of them, drawn under the sites; None leaves the ground empty.
    """

    settings: Settings
    store: Store
    vault: EvidenceVault
    source_url: str
    version: str
    demo: bool = False
    base_map: Path | None = None
    visitor: Callable[[], User] = _no_visitor
    lanes: Lanes = field(default_factory=Lanes)
    diagnose: Callable[[], Sequence[tuple[str, str, str, Mapping[str, Any]]]] = tuple
    base: str = ""

    def may(self, action: Action) -> bool:
        """True if the present visitor has the right: what Dash's callbacks give depends on it."""
        return may(self.visitor().role, action)

    def seen_by_visitor(self) -> ScreenContext:
        """The same with only the sites of which the present visitor may know."""
        return replace(self, settings=self.settings.seen_by(self.visitor().role))
