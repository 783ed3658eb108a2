"""The event of an alert, which is opened and filed automatically when somebody is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from data.config.settings import Settings, SiteSettings
from data.errors import IllegalMove
from data.model.alert import Alert, renewed_call
from data.model.alert_life import AlertStep
from data.model.case import Origin
from data.model.people import SYSTEM, Actor
from data.model.task import Event, EventState, Task
from data.model.views import iso
from data.ports.store import AlertQuery, TaskQuery, Writer
from data.stored.trail import event_step, take_alert_step
from dispatch.case_table import EventStep
from dispatch.cases import Given, category_for, take
from dispatch.grouping import near_event
from dispatch.recurrence import repeated

_WORDS_ZH = MappingProxyType(
    {
        "intrusion": "进入禁区",
        "dwell": "超时停留",
        "threshold": "超过限值",
        "time_to_threshold": "即将超限",
        "rate_of_rise": "上涨过快",
        "accumulation": "累计雨量超限",
        "silence": "数据中断",
        "stuck": "读数不变",
        "out_of_range": "读数超量程",
        "sensor_fault": "传感器互相矛盾",
        "gauge_and_camera": "水位计与画面",
        "person": "人员",
        "bicycle": "自行车",
        "car": "小汽车",
        "motorcycle": "摩托车",
        "bus": "公交车",
        "truck": "卡车",
        "geofence": "驶入禁行区域",
        "line_crossing": "越线",
        "vehicle": "车辆",
        "unknown_object": "需核实",
        "unknown": "未知物体",
        "water_level": "水位",
        "water_depth": "积水深度",
        "rainfall": "雨量",
    }
)


def event_of(writer: Writer, alert: Alert, actor: Actor, now: datetime, settings: Settings) -> tuple[Event, Alert]:
    """The alert's event: the open event it belongs to by kind, place and time, or a new one.

    The alert is linked to it, and acknowledged if a human sends somebody.

    Raises IllegalMove when its event is closed, or its site is no longer configured.
    """
    if alert.event_id is not None:
        event = writer.event(alert.event_id)
        if event.closed_at is not None:
            raise IllegalMove(
                f"event {event.id} of alert {alert.id} was closed at {iso(event.closed_at)}",
                key="event.closed",
                event=event.id,
                alert=alert.id,
                at=iso(event.closed_at),
            )
        if event.state is EventState.SUSPENDED:
            text = f"event {event.id} of alert {alert.id} is suspended"
            raise IllegalMove(text, key="event.suspended", event=event.id, alert=alert.id)
    else:
        event = near_event(writer, alert, now, settings) or _open(writer, alert, actor, now, settings)
    return event, _link(writer, alert, event, actor, now)


def unopened(writer: Writer, task: Task, actor: Actor, now: datetime, reason: str) -> bool:
    """Undo what `event_of` did for the dispatch of this task. False if the event existed before, and so stays open.

    An alert that was acknowledged by the dispatch is unacknowledged and calls people again; an event that was opened
    only for this dispatch is voided.
    """
    if task.alert_id is None:
        return False
    alert, event = writer.alert(task.alert_id), writer.event(task.event_id)
    seen = [step for step in writer.alert_steps(alert.id) if step.step is AlertStep.ACKNOWLEDGE]
    by_dispatch = bool(seen) and seen[-1].detail.get("event") == event.id and seen[-1].at >= task.created_at
    if not by_dispatch or alert.acknowledged_by != actor.name:
        return False
    linked = [one for one in writer.alerts(AlertQuery(event_id=event.id, limit=2)) if one.id != alert.id]
    tasks = [one for one in writer.tasks(TaskQuery(event_id=event.id, limit=2)) if one.id != task.id]
    fresh = event.opened_at >= task.created_at and not linked and not tasks
    calls = replace(
        alert,
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledged_until=None,
        event_id=None if fresh else alert.event_id,
    )
    detail = {"task": task.id, **({"event": event.id} if fresh else {})}
    take_alert_step(writer, renewed_call(alert, calls), AlertStep.UNACKNOWLEDGE, actor, now, detail=detail)
    if fresh:
        take(writer, event.id, EventStep.VOID, SYSTEM, now, Given(reason=reason, on_behalf=actor.name))
    return fresh


def _open(writer: Writer, alert: Alert, actor: Actor, now: datetime, settings: Settings) -> Event:
    """Open the event as filed: a human who sends somebody has checked the alert."""
    site = _site(alert, settings)
    category = category_for(writer, alert.kind)
    event = writer.add_event(
        Event(
            title=_title(alert, site, settings.language),
            kind=alert.kind,
            site=site.id,
            location=site.location,
            priority=alert.priority,
            opened_at=now,
            grid=site.grid,
            origin=Origin.ALERT,
            section=category.section,
            lead=category.lead,
            recurs=repeated(writer, alert.kind, site.location, now, settings),
        )
    )
    event_step(writer, event, actor, "open", now, detail={"alert": alert.id})
    return take(writer, event.id, EventStep.FILE, SYSTEM, now, Given(on_behalf=actor.name))


def _link(writer: Writer, alert: Alert, event: Event, actor: Actor, now: datetime) -> Alert:
    seen = alert.acknowledged_at is not None or actor.role is None  # the system sends, so nobody has checked the alert
    if seen and alert.event_id is not None:
        return alert
    # An acknowledgement does not expire while there is work on the alert.
    linked = replace(alert, event_id=event.id, acknowledged_until=None)
    step = AlertStep.LINK
    if not seen:
        linked, step = replace(linked, acknowledged_at=now, acknowledged_by=actor.name), AlertStep.ACKNOWLEDGE
    return take_alert_step(writer, linked, step, actor, now, detail={"event": event.id})


def _site(alert: Alert, settings: Settings) -> SiteSettings:
    try:
        return settings.site(alert.key.site)
    except KeyError as error:
        raise IllegalMove(
            f"site {alert.key.site!r} of alert {alert.id} is no longer configured: its place is unknown"
        ) from error


def _title(alert: Alert, site: SiteSettings, language: str) -> str:
    """`小学门口 · 小汽车超时停留` or `School gate · car dwell`; with the plate where it is known."""
    plate = "" if alert.vehicle is None else f"{alert.vehicle.plate} "
    words = [word for word in (alert.label, alert.kind) if word]
    chinese = "".join(_WORDS_ZH.get(word, word) for word in words)
    return f"{site.name or site.id} · {plate}{chinese if language == 'zh' else ' '.join(words)}"
