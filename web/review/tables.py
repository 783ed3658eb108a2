"""The tables and pictures of a report, as blocks that the page, the HTML file and the PDF all draw.

A table is `{"block": "table", "name", "title", "columns": [{"name", "width"}], "rows": [[cell]], "note"}`; a cell is a
text, or `{"text", "mark"}`, where a mark says that it is abnormal. Pictures are `{"block": "pictures", "name", "title",
"items": [{"picture", "caption"}]}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from web.review.subject import MOST
from web.review.teller import Facts, Teller

Cell = str | Mapping[str, str]
Block = dict[str, Any]
_FUNNEL = {
    "alerts": ("acknowledged", "ended"),
    "events": ("events_closed",),
    "tasks": ("accepted", "on_scene", "reported", "closed"),
}
_PRIORITIES = ("P1", "P2", "P3", "P4")


def _table(
    name: str,
    columns: Sequence[tuple[str, float]],
    rows: Sequence[Sequence[Cell]],
    tell: Teller,
    *,
    cut: bool = False,
    always: bool = False,
) -> Block | None:
    """None where there is nothing to tell, unless `always`. `columns`: word and share of the width."""
    if not rows and not always:
        return None
    return {
        "block": "table",
        "name": name,
        "title": tell.words(f"aar.table.{name}"),
        "columns": [{"name": tell.words(f"aar.col.{column}"), "width": width} for column, width in columns],
        "rows": [list(row) for row in rows],
        "note": tell.words("aar.more", n=len(rows)) if cut else "" if rows else tell.words("aar.none"),
    }


def _verdict(check: Facts, tell: Teller) -> Cell:
    if check["over"]:
        return {"text": tell.words("aar.over_expected" if check["expected"] else "aar.over"), "mark": "over"}
    if check["limit_s"] is None:
        return tell.words("aar.no_limit")
    return tell.words("aar.in_time") if check["took_s"] is not None else tell.words("aar.not_reached")


def _limit(check: Facts, tell: Teller) -> str:
    if check["limit_s"] is None:
        return tell.words("aar.no_limit")
    limit = tell.took(check["limit_s"])
    if check.get("time") == "working":
        return f"{limit} ({tell.words('aar.working')})"
    return tell.words("aar.expected", limit=limit) if check["expected"] else limit


def _check_row(check: Facts, facts: Facts, tell: Teller) -> list[Cell]:
    took = tell.took(check["took_s"])
    return [
        tell.words(f"aar.check.{check['step']}"),
        tell.subject(check["subject"], facts),
        tell.short(check["since"]),
        tell.short(check["until"], "aar.not_reached"),
        {"text": took, "mark": "over"} if check["over"] else took,
        _limit(check, tell),
        _verdict(check, tell),
        tell.who(check["who"], check["who_name"]),
    ]


_CHECKS = (
    ("step", 1.5), ("what", 2.6), ("since", 1.3), ("until", 1.3), ("took", 1.3), ("limit", 1.4), ("verdict", 1.4),
    ("who", 1.2),
)  # fmt: skip


def overview(facts: Facts, tell: Teller) -> Block | None:
    """The gravest alert and its task on one way: seen, acknowledged, offered, accepted, on scene, closed."""
    if facts["topic"] not in {"event", "alert"} or not (facts["alerts"] or facts["tasks"]):
        return None
    of = {f"alert:{one['alert']}" for one in facts["alerts"][:1]}
    of |= {f"task:{one['task']}" for one in facts["tasks"][:1]}
    of |= {f"event:{facts['what'].get('event')}"}
    order = ("seen", "acknowledged", "offered", "accepted", "arrived", "reported", "handling")
    checks = sorted(
        (one for one in facts["checks"] if one["subject"] in of and one["step"] in order),
        key=lambda one: order.index(one["step"]),
    )
    rows = [_check_row(one, facts, tell) for one in checks]
    closed = facts["what"].get("closed_at")
    if closed:
        length = datetime.fromisoformat(closed) - datetime.fromisoformat(facts["since"])
        who = str(facts["what"].get("closed_by_name") or "")
        none = tell.words("aar.no_limit")
        rows.append([
            tell.words("aar.check.closed"), tell.title(facts), tell.short(facts["since"]), tell.short(closed),
            tell.took(length.total_seconds()), none, none, tell.who(who, who),
        ])  # fmt: skip
    return _table("overview", _CHECKS, rows, tell)


def checks(facts: Facts, tell: Teller) -> Block | None:
    """Everything with a limit: what was late first."""
    limited = sorted(
        (one for one in facts["checks"] if one["limit_s"] is not None),
        key=lambda one: (not one["over"], one["priority"]),
    )
    rows = [_check_row(one, facts, tell) for one in limited[: MOST["alerts"]]]
    return _table("checks", _CHECKS, rows, tell, cut=len(limited) > len(rows), always=True)


def funnel(facts: Facts, tell: Teller) -> Block | None:
    """Of all alerts, events and tasks of a period: how many reached which step."""
    counts = facts["counts"]
    if not counts:
        return None
    rows: list[list[Cell]] = []
    for whole, reached in _FUNNEL.items():
        number = counts[whole]
        told = []
        if whole == "alerts":
            told += [f"{one} {counts[f'alerts_{one}']}" for one in _PRIORITIES if counts.get(f"alerts_{one}")]
        for name in reached:
            share = round(100 * counts[name] / number) if number else 0
            told.append(f"{tell.words(f'aar.count.{name}')} {tell.words('aar.share', n=counts[name], share=share)}")
        rows.append([tell.words(f"aar.count.{whole}"), str(number), " · ".join(told)])
    return _table("funnel", (("what", 1), ("count", 0.8), ("reached", 7)), rows, tell)


def events(facts: Facts, tell: Teller) -> Block | None:
    """Each event on one line: how long each step of its gravest alert and its first task took."""
    steps = ("acknowledged", "accepted", "arrived")
    rows = []
    for one in facts["events"]:
        number = one["event"]
        alert = next((each["alert"] for each in facts["alerts"] if each["event"] == number), None)
        task = next((each["task"] for each in facts["tasks"] if each["event"] == number), None)
        of = {f"alert:{alert}", f"task:{task}"}
        checks = {each["step"]: each for each in facts["checks"] if each["subject"] in of}
        rows.append([
            str(number), one["priority"], tell.place(one), one["title"], tell.short(one["opened_at"]),
            *(_took(checks.get(step), tell) for step in steps), tell.short(one["closed_at"], "aar.still"),
            tell.word(f"event.{one['state']}", one["state"]),
        ])  # fmt: skip
    columns = [
        {"name": tell.words(name), "width": width}
        for name, width in (
            ("aar.col.seq", 0.7), ("aar.col.priority", 0.7), ("aar.col.place", 1.8), ("aar.col.what", 2.3),
            ("aar.col.since", 1.5), ("aar.check.acknowledged", 1.4), ("aar.check.accepted", 1.4),
            ("aar.check.arrived", 1.5), ("aar.check.closed", 1.5), ("aar.col.state", 1.1),
        )
    ]  # fmt: skip
    made = _table("events", (), rows, tell, cut="events" in facts["more"])
    return None if made is None else made | {"columns": columns}


def _took(check: Facts | None, tell: Teller) -> Cell:
    if check is None:
        return tell.words("aar.no_limit")
    took = tell.took(check["took_s"])
    return {"text": f"⚠ {took}", "mark": "over"} if check["over"] else took


def alerts(facts: Facts, tell: Teller) -> Block | None:
    rows: list[list[Cell]] = []
    for one in facts["alerts"]:
        who = f" {one['acknowledged_by_name']}" if one["acknowledged_at"] else ""
        unseen: Cell = {"text": tell.words("aar.unacknowledged"), "mark": "over"}
        rows.append([
            one["priority"], tell.place(one), tell.alert(one), tell.value(one), tell.short(one["raised_at"]),
            f"{tell.short(one['acknowledged_at'])}{who}" if one["acknowledged_at"] else unseen,
            tell.short(one["ended_at"], "aar.still"),
            tell.word(f"verification.{one['verification']}", one["verification"]),
        ])  # fmt: skip
    columns = (
        ("priority", 0.7), ("place", 1.7), ("what", 2.0), ("value", 1.0), ("raised", 1.7), ("acknowledged", 2.0),
        ("ended", 1.7), ("verified", 1.1),
    )  # fmt: skip
    return _table("alerts", columns, rows, tell, cut="alerts" in facts["more"], always=True)


def readings(facts: Facts, tell: Teller) -> Block | None:
    rows = [
        [
            tell.place(one), tell.word(f"quantity.{one['quantity']}", one["quantity"]), f"{one['low']:g} {one['unit']}",
            f"{one['high']:g} {one['unit']}", "" if one["total"] is None else f"{one['total']:g} {one['unit']}",
        ]
        for one in facts["readings"]
    ]  # fmt: skip
    return _table("readings", (("place", 2), ("what", 2), ("lowest", 1), ("highest", 1), ("sum", 1)), rows, tell)


def pictures(facts: Facts, tell: Teller) -> Block | None:
    items = []
    for one in facts["pictures"]:
        if one["picture"] is not None:
            of = tell.words("aar.report_photo") if one["task"] is not None else ""
            told = (tell.short(one["at"]), tell.place(one), of, one["who_name"])
            items.append({"picture": one["picture"], "caption": " · ".join(part for part in told if part)})
    if not items:
        return None
    return {"block": "pictures", "name": "pictures", "title": tell.words("aar.table.pictures"), "items": items}


def blind(facts: Facts, tell: Teller) -> Block | None:
    rows = []
    for one in facts["blind"]:
        kind = tell.words("aar.blind.lost") if one["kind"] == "lost" else tell.kind(one["kind"])
        label = tell.word(f"label.{one['label']}", one["label"]) if one["label"] else ""
        cause = tell.word(f"lost.{one['cause']}", one["cause"]) if one["cause"] else ""
        lasted = ""
        if one["until"]:
            length = datetime.fromisoformat(one["until"]) - datetime.fromisoformat(one["since"])
            lasted = tell.took(length.total_seconds())
        rows.append([
            tell.place(one), " · ".join(part for part in (kind, label, cause) if part), tell.short(one["since"]),
            tell.short(one["until"], "aar.still"), lasted,
        ])  # fmt: skip
    columns = (("place", 1.8), ("what", 3), ("since", 1.7), ("until", 1.7), ("took", 1.3))
    return _table("blind", columns, rows, tell, cut="blind" in facts["more"], always=True)


def tasks(facts: Facts, tell: Teller) -> Block | None:
    rows = [
        [
            one["title"], tell.who(one["responder"] or "", one["responder_name"]) or one["unit_name"],
            tell.word(f"task.{one['state']}", one["state"]),
            *(
                tell.short(one[f"{name}_at"], "aar.no_limit")
                for name in ("created", "accepted", "on_scene", "reported")
            ),
            one["report_text"],
        ]
        for one in facts["tasks"]
    ]  # fmt: skip
    columns = [
        {"name": tell.words(name), "width": width}
        for name, width in (
            ("aar.col.task", 2.0), ("aar.col.who", 1.2), ("aar.col.state", 1.0), ("aar.check.offered", 1.7),
            ("aar.check.accepted", 1.7), ("aar.check.arrived", 1.7), ("aar.check.reported", 1.7),
            ("aar.col.report", 2.0),
        )
    ]  # fmt: skip
    table = _table("tasks", (), rows, tell, cut="tasks" in facts["more"], always=True)
    return None if table is None else table | {"columns": columns}


def offers(facts: Facts, tell: Teller) -> Block | None:
    rows: list[list[Cell]] = []
    for task in facts["tasks"]:
        for one in task["offers"]:
            state = tell.words(f"aar.offer.{one['state']}")
            refused = one["state"] in {"declined", "expired"}
            rows.append([
                tell.short(one["offered_at"]), task["title"], tell.who(one["responder"], one["responder_name"]),
                tell.took(one["travel_s"]), {"text": f"⚠ {state}", "mark": "over"} if refused else state,
                tell.short(one["answered_at"], "aar.no_limit"), one["reason"],
            ])  # fmt: skip
    columns = (
        ("at", 1.7), ("task", 2), ("who", 1.2), ("travel", 1.2), ("state", 1.2), ("until", 1.7), ("reason", 1.8),
    )  # fmt: skip
    return _table("offers", columns, rows[: MOST["timeline"]], tell, cut=len(rows) > MOST["timeline"])


def notices(facts: Facts, tell: Teller) -> Block | None:
    rows: list[list[Cell]] = []
    for one in facts["notices"]:
        state = tell.word(f"notice.{one['state']}", one["state"])
        failed = one["state"] == "failed"
        rows.append([
            tell.short(one["created_at"]), one["channel"], one["title"], ", ".join(one["recipients"]),
            {"text": f"⚠ {state}", "mark": "over"} if failed else state,
            tell.short(one["answered_at"] or one["delivered_at"], "aar.no_limit"),
        ])  # fmt: skip
    columns = (("at", 1.7), ("channel", 1), ("what", 2.6), ("who", 2), ("state", 1), ("until", 1.7))
    return _table("notices", columns, rows, tell, cut="notices" in facts["more"])


def timeline(facts: Facts, tell: Teller) -> Block | None:
    rows = [
        [
            tell.short(one["at"]), tell.step(one["step"]), tell.subject(one["subject"], facts),
            tell.who(one["by"], one["by_name"]), tell.word(f"role.{one['role']}", one["role"]), one["reason"],
        ]
        for one in facts["timeline"]
    ]  # fmt: skip
    columns = (("at", 1.7), ("step", 1.3), ("what", 2.6), ("who", 1.2), ("role", 1.1), ("reason", 2.2))
    return _table("timeline", columns, rows, tell, cut="timeline" in facts["more"])


def people(facts: Facts, tell: Teller) -> Block | None:
    rows = [
        [tell.who(one["by"], one["by_name"]), tell.word(f"role.{one['role']}", one["role"]), str(one["steps"])]
        for one in facts["people"]
    ]
    return _table("people", (("who", 2), ("role", 2), ("count", 1)), rows, tell)


def recurrences(facts: Facts, tell: Teller) -> Block | None:
    rows = []
    for one in facts["recurrences"]:
        what = one["title"] or tell.alert(one)
        number = one.get("event") or one.get("alert") or ""
        state = tell.word(f"event.{one['state']}", one["state"]) if "state" in one else ""
        rows.append([
            str(number), what, tell.place(one), tell.at(one["opened_at"]), state,
            tell.words("aar.before" if one["before"] else "aar.after"),
        ])  # fmt: skip
    columns = (("seq", 0.7), ("what", 3), ("place", 2), ("at", 1.7), ("state", 1.2), ("reason", 0.9))
    return _table("recurrences", columns, rows, tell, cut="recurrences" in facts["more"], always=True)


def measures(planned: Sequence[Mapping[str, Any]], tell: Teller) -> Block | None:
    rows: list[list[Cell]] = []
    for number, one in enumerate(planned, start=1):
        state = tell.word(f"task.{one['state']}", one["state"]) if one.get("state") else ""
        late: Cell = {"text": f"⚠ {one['due']}", "mark": "over"}
        rows.append([
            str(number), one["text"], one["owner_name"], late if one.get("late") else one["due"],
            f"{state} #{one['task']}" if one.get("task") else state,
        ])  # fmt: skip
    columns = (("seq", 0.6), ("measure", 4.5), ("owner", 1.8), ("due", 1.3), ("state", 1.4))
    return _table("measures", columns, rows, tell, always=True)


def comments(said: Sequence[Mapping[str, Any]], tell: Teller) -> Block | None:
    rows = [
        [
            tell.at(one["at"]), tell.who(one["who"], one["who_name"]), tell.word(f"role.{one['role']}", one["role"]),
            tell.words(f"aar.part.{one['part']}") if one["part"] else "", one["text"],
        ]
        for one in said
    ]  # fmt: skip
    return _table("comments", (("at", 1.7), ("who", 1.3), ("role", 1.2), ("step", 1.6), ("what", 4)), rows, tell)


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{max(1, round(size / 1000))} kB"


def hashes(facts: Facts, tell: Teller) -> Block | None:
    rows: list[list[Cell]] = [
        [tell.words("aar.picture"), tell.short(one["at"]), tell.place(one), _size(one["size"]), one["sha256"]]
        for one in facts["pictures"]
    ]
    for one in facts["clips"]:
        state = tell.words(f"aar.clip.{one['state']}")
        told = state + (f" {tell.word('clip.' + str(one['reason']), one['reason'])}" if one["reason"] else "")
        gap = tell.words("aar.clip.gap", n=f"{one['gap_s']:g}") if one["gap_s"] else ""
        missing: Cell = {"text": f"⚠ {told}", "mark": "over"}
        rows.append([
            f"{tell.words('aar.clip')} {gap}".strip(), tell.short(one["from_at"]), tell.place(one),
            _size(one["size"]) if one["sha256"] else "", one["sha256"] or missing,
        ])  # fmt: skip
    cut = bool({"pictures", "clips"} & set(facts["more"]))
    columns = (("what", 0.9), ("at", 1.2), ("place", 1.5), ("size", 0.8), ("hash", 5.6))
    return _table("evidence", columns, rows, tell, cut=cut, always=True)


def audit(facts: Facts, tell: Teller) -> Block | None:
    rows = [
        [
            str(one["seq"]), tell.short(one["at"]), tell.who(one["by"], one["by_name"]), tell.step(one["action"]),
            one["subject"], one["hash"],
        ]
        for one in facts["audit"]
    ]  # fmt: skip
    columns = (("seq", 0.6), ("at", 1.2), ("who", 1.0), ("step", 1.4), ("what", 0.9), ("hash", 5.6))
    return _table("audit", columns, rows, tell, cut="audit" in facts["more"])
