"""A gauge that sends its observations to our server: OGC SensorThings names, behind a bearer token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from data.errors import InputRejected, NoValue
from data.local.inbox import Inbox
from data.model.observation import Reading, Rejected
from data.ports.recipe import Context, Monitor, Receiver
from monitors.gauges._observation import WrittenGauge, measured_in, observations
from monitors.gauges._times import LocalTimes


class Recipe(WrittenGauge):
    """Observations sent to `POST /api/v1/datastreams/SITE/MONITOR/observations`.

    Names of OGC SensorThings: phenomenonTime, resultTime, result, resultQuality, parameters (unit, verticalDatum). One,
    a list, or `{"value": [...]}`; either all are taken or none; one without a value is a reject of its own. The token
    is that of a user with the role `source`.
    """

    title: ClassVar[str] = "HTTP 推送（SensorThings） / HTTP push (SensorThings)"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "readings"
    opens_at_once: ClassVar[bool] = True

    kind: Annotated[Literal["http_push"], Field(description="A gauge that sends to our server.")] = "http_push"

    def accept(self, site: str, sent: Any, now: datetime) -> tuple[Reading, ...]:
        return self.taken(site, sent, now, None)

    def receiver(self, site: str, latest: datetime | None) -> Receiver:
        return _Receiver(self, site, None if self.timezone is None else LocalTimes(ZoneInfo(self.timezone), latest))

    def make(self, context: Context) -> Monitor:
        from monitors.gauges._inbox_monitor import InboxMonitor, InboxWatch  # noqa: PLC0415 - where it runs

        inbox = Inbox(context.var_dir, context.site.id, self.name)
        return InboxMonitor(context.site.id, self.name, inbox, InboxWatch.of(context))

    def taken(self, site: str, sent: Any, now: datetime, times: LocalTimes | None) -> tuple[Reading, ...]:
        """The readings in a message. Raises InputRejected, saying which observation is wrong or has no value."""
        found = self.read(site, sent, now, times)
        missing = next((one.reason for one in found if isinstance(one, Rejected)), None)
        if missing is not None:
            raise NoValue(missing)
        return tuple(one for one in found if isinstance(one, Reading))

    def read(self, site: str, sent: Any, now: datetime, times: LocalTimes | None) -> tuple[Reading | Rejected, ...]:
        """The readings in a message, and what has no value. Raises InputRejected where an observation is wrong."""
        items = observations(sent)
        found: list[Reading | Rejected] = []
        for place, item in enumerate(items):
            where = "" if len(items) == 1 else f"observation {place + 1}: "
            try:
                found.append(self.reading(site, measured_in(self, item, now, times), now))
            except NoValue as error:
                found.append(Rejected(site, self.name, now, f"{where}{error}", repr(item)[:200]))
            except InputRejected as error:
                raise InputRejected(f"{where}{error}") from None
        return tuple(found)


class _Receiver:
    """Remembers in which order the sensor's local times came (implements `data.ports.recipe.Receiver`)."""

    def __init__(self, recipe: Recipe, site: str, times: LocalTimes | None) -> None:
        self._recipe = recipe
        self._site = site
        self._times = times

    def accept(self, sent: Any, now: datetime) -> tuple[Reading | Rejected, ...]:
        times = None if self._times is None else self._times.copy()
        found = self._recipe.read(self._site, sent, now, times)
        self._times = times
        return found
