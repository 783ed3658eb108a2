"""A gateway of vehicles' terminals that sends their positions to our server, behind a bearer token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from data.local.inbox import Inbox
from data.model.observation import Position, Rejected
from data.ports.recipe import Context, Monitor, Receiver
from monitors.gauges._vehicles import VehicleSource


class Recipe(VehicleSource):
    """Positions sent to `POST /api/v1/datastreams/SITE/MONITOR/positions`: one, a list, or `{"positions": [...]}`.

    The token is that of a user with the role `source` whose scope has the kind `position`.
    """

    title: ClassVar[str] = "车辆位置 HTTP 推送 / Positions of vehicles, HTTP push"
    gives: ClassVar[Literal["frames", "readings", "warnings", "positions"]] = "positions"
    opens_at_once: ClassVar[bool] = True

    kind: Annotated[Literal["vehicle_push"], Field(description="A gateway that sends positions to our server.")] = (
        "vehicle_push"
    )

    def accept(self, site: str, sent: Any, now: datetime) -> Sequence[Position]:
        return [one for one in self.read(site, sent, now).given if isinstance(one, Position)]

    def receiver(self, site: str, latest: datetime | None) -> Receiver:
        del latest  # positions are judged by their own times, whatever order they come in
        return _Receiver(self, site)

    def make(self, context: Context) -> Monitor:
        from monitors.gauges._inbox_monitor import InboxMonitor, InboxWatch  # noqa: PLC0415 - where it runs

        inbox = Inbox(context.var_dir, context.site.id, self.name)
        return InboxMonitor(context.site.id, self.name, inbox, InboxWatch.of(context))


class _Receiver:
    """Implements `data.ports.recipe.Receiver`."""

    def __init__(self, recipe: Recipe, site: str) -> None:
        self._recipe = recipe
        self._site = site

    def accept(self, sent: Any, now: datetime) -> Sequence[Position | Rejected]:
        return self._recipe.read(self._site, sent, now).given
