"""A gauge that sends its observations to our server: OGC SensorThings names, behind a bearer token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from data.errors import InputRejected
from data.inbox import Inbox
from data.observation import Reading
from data.recipe import Context, Monitor
from monitors._observation import WrittenGauge, measured_in, observations


class Recipe(WrittenGauge):
    """Observations sent to `POST /api/v1/datastreams/SITE/MONITOR/observations`.

    Names of OGC SensorThings: phenomenonTime, resultTime, result, resultQuality, parameters (unit, verticalDatum). One,
    a list, or `{"value": [...]}`; either all are taken or none. The token is that of a user with the role `source`.
    """

    title: ClassVar[str] = "HTTP 推送（SensorThings） / HTTP push (SensorThings)"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "readings"

    kind: Annotated[Literal["http_push"], Field(description="A gauge that sends to our server.")] = "http_push"

    def accept(self, site: str, sent: Any, now: datetime) -> tuple[Reading, ...]:
        """The readings in a message. Raises InputRejected, saying which observation is wrong."""
        items = observations(sent)
        found = []
        for place, item in enumerate(items):
            try:
                found.append(self.reading(site, measured_in(self, item, now), now))
            except InputRejected as error:
                raise InputRejected(str(error) if len(items) == 1 else f"observation {place + 1}: {error}") from None
        return tuple(found)

    def make(self, context: Context) -> Monitor:
        from monitors._letters import Letters  # noqa: PLC0415 - where it runs

        return Letters(context.site.id, self.name, Inbox(context.var_dir, context.site.id, self.name))
