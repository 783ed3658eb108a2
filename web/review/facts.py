"""What the store knows about the subject of a review, as plain JSON: read in bounded queries, with names beside ids.

Every list has a limit in SQL; where there is more, its name stands in `more`. Times are ISO 8601 UTC, durations are
seconds. Members that name sites, alerts, events and tasks are called as in the rest of the API, so that
`web.site_scope` can leave out what a role may not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from data.config.settings import Settings
from data.model.alert_life import AlertStep, TakenStep
from data.model.case import Recorded
from data.model.notice import Notice
from data.model.people import Role
from data.model.plan import RunStep
from data.model.record import Evidence
from data.model.review import Review
from data.model.spans import buckets
from data.model.task import Offer, Task
from data.model.units import UNIT_OF
from data.model.views import iso
from data.ports.store import Reader
from dispatch.review_drafts import GRAVE
from web.review.around import NEAR_SITES, OF_A_SITE, blind, recurrences
from web.review.subject import MOST, Found, Names, alert_told, event_told, find_subject
from web.review.times import alert_times, event_times, task_times

FORMAT = 1
MARGIN = timedelta(minutes=2)  # of pictures and readings, before the beginning and after the end
_READINGS_OF, _READINGS_WITHIN = 10, timedelta(days=3)
_MORE_STEPS = 2000


def gather(reader: Reader, review: Review, settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything, whoever asks: what a role may not know is taken out when it is told. Raises NotFound."""
    found = find_subject(reader, review, settings, now)
    names = Names(reader, settings)
    found.alerts = sorted(found.alerts, key=lambda one: (one.priority, one.raised_at))
    offers = _offers(reader, found)
    numbers = [one.id for one in found.alerts]
    steps = reader.steps_of_alerts(numbers, limit=_MORE_STEPS)
    alerts = [alert_told(one, names) for one in found.alerts]
    tasks = [_task(one, offers.get(one.id, ()), names) for one in found.tasks]
    events = [*([found.event] if found.event else []), *found.events]
    checks = [check for one in found.alerts for check in alert_times(one, steps, found.until)]
    alerts_by_id = {one.id: one for one in found.alerts}
    for one in found.tasks:
        cause = alerts_by_id.get(one.alert_id or 0)
        checks += task_times(one, offers.get(one.id, ()), cause, settings, found.until)
    checks += [check for one in events for check in event_times(one, settings, found.until)]
    subjects = [f"event:{one.id}" for one in events] + [f"alert:{number}" for number in numbers]
    subjects += [f"task:{one.id}" for one in found.tasks]
    subjects += [f"plan:{found.run.id}"] if found.run else []
    notices = found.cut("notices", reader.notices_about(subjects, limit=MOST["notices"] + 1))
    timeline = _timeline(found, steps, offers, names)
    pictures = _pictures(reader, found)
    audit = found.cut("audit", reader.audit_about(subjects, limit=MOST["audit"] + 1))
    facts = {
        "format": FORMAT,
        "topic": review.topic.value,
        "subject": review.subject,
        "since": iso(found.since),
        "until": iso(found.until),
        "made_at": iso(now),
        "timezone": settings.timezone,
        "what": found.what,
        "alerts": alerts,
        "tasks": tasks,
        "events": [event_told(one, names) for one in found.events],
        "checks": [
            check | {"site_name": names.site(check["site"]), "who_name": names.person(check.get("who"))}
            for check in checks
        ],
        "readings": _readings(reader, found, names),
        "pictures": [_picture(one, found, names) for one in pictures],
        "clips": _clips(reader, found, numbers, names),
        "notices": [_notice(one, names) for one in notices],
        "recurrences": recurrences(reader, found, settings, names),
        "blind": blind(reader, found, settings, names, now),
        "timeline": timeline,
        "audit": [
            {
                "seq": one.seq,
                "at": iso(one.at),
                "by": one.actor,
                "by_name": names.person(one.actor),
                "action": one.action,
                "subject": one.subject,
                "hash": one.hash,
            }
            for one in audit
        ],
        "people": _people(timeline),
        "counts": found.counts,
    }
    return facts | {"more": sorted(found.more)}


def _task(task: Task, offers: Sequence[Offer], names: Names) -> dict[str, Any]:
    return {
        "task": task.id,
        "event": task.event_id,
        "title": task.title,
        "site": task.site,
        "site_name": names.site(task.site),
        "priority": task.priority.value,
        "state": task.state.value,
        "unit_name": names.unit(task.unit),
        "responder": task.responder,
        "responder_name": names.person(task.responder),
        "created_by_name": names.person(task.created_by),
        "verified_by_name": names.person(task.verified_by),
        "report_text": task.report_text,
        "report_photo": task.report_photo,
        "promised": None if task.promised is None else task.promised.isoformat(),
        **{
            f"{name}_at": iso(getattr(task, f"{name}_at"))
            for name in ("created", "accepted", "en_route", "on_scene", "reported", "verified", "closed", "cancelled")
        },
        "offers": [
            {
                "responder": one.responder,
                "responder_name": names.person(one.responder),
                "state": one.state.value,
                "offered_at": iso(one.offered_at),
                "delivered_at": iso(one.delivered_at),
                "answered_at": iso(one.accepted_at or one.declined_at or one.expired_at or one.withdrawn_at),
                "travel_s": round(one.travel_s),
                "reason": one.reason,
            }
            for one in offers
        ],
    }


def _notice(notice: Notice, names: Names) -> dict[str, Any]:
    return {
        "subject": notice.subject,
        "channel": notice.channel,
        "title": notice.title,
        "recipients": [names.person(one) for one in notice.recipients[:20]],
        "state": notice.state.value,
        "created_at": iso(notice.created_at),
        "delivered_at": iso(notice.delivered_at),
        "answered_at": iso(notice.answered_at),
        "answered_by_name": names.person(notice.answered_by),
        "attempts": notice.attempts,
    }


def _offers(reader: Reader, found: Found) -> dict[int, list[Offer]]:
    by_task: dict[int, list[Offer]] = {}
    for one in reader.offers_of_tasks([task.id for task in found.tasks]):
        by_task.setdefault(one.task_id, []).append(one)
    return by_task


def _pictures(reader: Reader, found: Found) -> list[Evidence]:
    """Those that are named first; then what the cameras of the place kept in the time, thinned by the database."""
    named = [found.what.get("photo"), *(one.evidence for one in found.alerts)]
    named += [one.report_photo for one in found.tasks]
    wanted = sorted({one for one in named if one})[: MOST["pictures"] + 1]
    pictures = {one.id: one for one in reader.evidence_of(wanted)}
    if found.counts is None and len(pictures) < MOST["pictures"]:
        width = buckets(found.until - found.since + 2 * MARGIN, 20)
        for site in found.sites[:NEAR_SITES]:
            for one in reader.evidence_between(site, found.since - MARGIN, found.until + MARGIN, limit=OF_A_SITE):
                last = max((known.at for known in pictures.values() if known.origin == site), default=None)
                if last is None or one.at - last >= width:
                    pictures.setdefault(one.id, one)
    return list(found.cut("pictures", sorted(pictures.values(), key=lambda one: (one.at, one.id))))


def _picture(picture: Evidence, found: Found, names: Names) -> dict[str, Any]:
    of_task = next((one for one in found.tasks if one.report_photo == picture.id), None)
    site = of_task.site if of_task is not None else picture.origin if ":" not in picture.origin else ""
    alert = next((one.id for one in found.alerts if one.evidence == picture.id), None)
    return {
        "picture": picture.id,
        "sha256": picture.id,
        "at": iso(picture.at),
        "size": picture.size,
        "media_type": picture.media_type,
        "site": site,
        "site_name": names.site(site),
        "camera": picture.origin if of_task is None and site else None,
        "alert": alert,
        "task": None if of_task is None else of_task.id,
        "who_name": "" if of_task is None else names.person(of_task.responder),
    }


def _clips(reader: Reader, found: Found, numbers: Sequence[int], names: Names) -> list[dict[str, Any]]:
    clips = found.cut("clips", reader.clips_of_alerts(numbers, limit=MOST["clips"] + 1))
    return [
        {
            "site": one.site,
            "site_name": names.site(one.site),
            "camera": one.site,
            "state": one.state.value,
            "sha256": one.sha256,
            "size": one.size,
            "from_at": iso(one.from_at or one.since),
            "to_at": iso(one.to_at or one.until),
            "gap_s": round(one.gap_s, 1),
            "reason": one.reason,
        }
        for one in clips
    ]


def _readings(reader: Reader, found: Found, names: Names) -> list[dict[str, Any]]:
    """The lowest and the highest value of each quantity at the sites concerned; the sum of rainfall."""
    span = found.until - found.since + 2 * MARGIN
    sites = found.sites[:_READINGS_OF]
    if not sites or span > _READINGS_WITHIN:
        return []
    extremes: dict[tuple[str, str], list[float]] = {}
    for one in reader.reading_buckets(sites, found.since - MARGIN, found.until + MARGIN, span):
        known = extremes.setdefault((one.site, one.quantity), [one.low, one.high, 0.0])
        extremes[one.site, one.quantity] = [min(known[0], one.low), max(known[1], one.high), known[2] + one.total]
    return [
        {
            "site": site,
            "site_name": names.site(site),
            "quantity": quantity,
            "unit": UNIT_OF.get(quantity, ""),
            "low": round(low, 3),
            "high": round(high, 3),
            "total": round(total, 3) if quantity == "rainfall" else None,
        }
        for (site, quantity), (low, high, total) in sorted(extremes.items())
    ]


# ---- who did what when


def _timeline(
    found: Found, steps: Iterable[TakenStep], offers: Mapping[int, Sequence[Offer]], names: Names
) -> list[dict[str, Any]]:
    of_period = found.counts is not None
    places = {one.id: one.key.site for one in found.alerts if not of_period or one.priority in GRAVE}
    lines: list[dict[str, Any]] = []

    def line(  # noqa: PLR0917 - a line of a table
        at: datetime | None, of: str, site: str, step: str, who: str = "", role: str = "", text: str = ""
    ) -> None:
        if at is not None:
            lines.append(
                {
                    "at": iso(at),
                    "subject": of,
                    "site": site,
                    "site_name": names.site(site),
                    "step": step,
                    "by": who,
                    "by_name": names.person(who),
                    "role": role,
                    "reason": text,
                }
            )

    unseen = {AlertStep.LOOK, AlertStep.FORESEE, AlertStep.CLEAR, AlertStep.RECUR, AlertStep.LINK}
    for taken in steps:
        if taken.step not in unseen and taken.alert_id in places:
            of = f"alert:{taken.alert_id}"
            line(taken.at, of, places[taken.alert_id], taken.step.value, taken.by, taken.role, taken.reason)
    for event in [*([found.event] if found.event else []), *found.events]:
        line(event.opened_at, f"event:{event.id}", event.site, "open")
        _recorded(line, f"event:{event.id}", event.site, event.steps)
    for task in found.tasks:
        of = f"task:{task.id}"
        line(task.created_at, of, task.site, "dispatch", task.created_by)
        for offer in offers.get(task.id, ()):
            line(offer.offered_at, of, task.site, "offer", offer.responder)
            line(offer.declined_at, of, task.site, "decline", offer.responder, text=offer.reason)
            line(offer.expired_at, of, task.site, "expire", offer.responder)
        holder = task.responder or ""
        worker = "" if task.unit else Role.RESPONDER.value
        for name, step in (("accepted", "accept"), ("en_route", "en_route"), ("on_scene", "on_scene")):
            line(getattr(task, f"{name}_at"), of, task.site, step, holder, worker)
        line(task.reported_at, of, task.site, "report", holder, worker, task.report_text)
        line(task.verified_at, of, task.site, "verify", task.verified_by or "")
        line(task.cancelled_at, of, task.site, "cancel")
        _recorded(line, of, task.site, task.steps)
    if found.run is not None:
        for one in found.run.steps:
            line(one.at, f"plan:{found.run.id}", "", f"plan_{RunStep(one.step).value}", one.by, one.role, one.reason)
    lines.sort(key=lambda one: (str(one["at"]), one["subject"]))
    return list(found.cut("timeline", lines))


def _recorded(line: Any, of: str, site: str, steps: Sequence[Recorded]) -> None:
    for one in steps:
        line(one.at, of, site, one.step, one.by, one.role, one.reason)


def _people(timeline: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Who took steps, in the order of their first."""
    told: dict[str, dict[str, Any]] = {}
    for line in timeline:
        name = line["by"]
        if name and name != "system" and line["step"] not in {"offer", "expire"}:
            known = told.setdefault(name, {"by": name, "by_name": line["by_name"], "role": "", "steps": 0})
            known["role"] = known["role"] or line["role"]
            known["steps"] += 1
    return list(told.values())
