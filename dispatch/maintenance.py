"""Opens a maintenance task for a flapping sensor: one event with one task while its alert is latched."""

from __future__ import annotations

from datetime import datetime

from data.config.settings import Settings
from data.model.alert import Alert
from data.model.case import Origin
from data.model.people import SYSTEM
from data.model.task import Event, EventState, Task
from data.ports.store import Writer
from dispatch.case_table import EventStep
from dispatch.case_work import Work, add_task
from dispatch.cases import Given, take
from dispatch.intake import Report, bring_in
from dispatch.routing import Roads

KIND = "maintenance"
CHECKLIST = ("查看探头、镜头和接线", "对照现场实际情况", "校准或更换，拍照")


def maintain(writer: Writer, alert: Alert, now: datetime, *, roads: Roads, settings: Settings) -> Task | None:
    """Make the maintenance task of this alert's sensor; None for an unknown site, or if an event about it exists."""
    name = f"maintenance:{'/'.join(alert.key)}"
    known = writer.value(name)
    if known is not None and writer.event(int(known)).closed_at is None:
        return None
    site = next((site for site in settings.sites if site.id == alert.key.site), None)
    if site is None:
        return None
    report = Report(
        kind=KIND,
        location=site.location,
        title=f"{site.name or site.id} · {alert.key.rule} · 传感器检修 / sensor maintenance",
        description=f"alert {alert.id}: {alert.occurrence}",
        site=site.id,
        grid=site.grid,
    )
    event = _filed(writer, bring_in(writer, report, Origin.ALERT, SYSTEM, now, settings=settings), now)
    writer.put_value(name, event.id)
    work = Work(title=report.title, unit=event.lead, checklist=CHECKLIST, needs_photo=True)
    return add_task(writer, event.id, work, SYSTEM, now, roads=roads, settings=settings)


def _filed(writer: Writer, event: Event, now: datetime) -> Event:
    """File the event at once: it comes from the system, so no human has to check what it is."""
    if event.state is EventState.RECEIVED:
        return take(writer, event.id, EventStep.FILE, SYSTEM, now, Given(on_behalf=SYSTEM.name))
    return event
