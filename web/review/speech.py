"""The sentences of a draft: what the system writes into each part of a report that nobody has written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from data.model.review import ReviewPart
from web.review.teller import Facts, Teller

_SPOKEN_TASKS, _SPOKEN_LATE, _SPOKEN_PEAKS = 4, 6, 3


def _joined(sentences: Sequence[str], tell: Teller) -> str:
    return ("" if tell.words.language == "zh" else " ").join(sentences)


def _late(facts: Facts) -> list[Facts]:
    """Limits that were exceeded; travel times that were only expected are told in the table alone."""
    late = [one for one in facts["checks"] if one["over"] and not one["expected"]]
    return sorted(late, key=lambda one: str(one["priority"]))


def _say_summary(facts: Facts, tell: Teller) -> str:
    what, words = facts["what"], tell.words
    told = []
    if facts["topic"] in {"event", "alert"}:
        subject = what["title"] or (tell.alert(facts["alerts"][0]) if facts["alerts"] else tell.kind(what["kind"]))
        priority = tell.priority(str(what["priority"]))
        told += [
            words("aar.say.event", at=tell.at(facts["since"]), place=tell.place(what), what=subject, priority=priority)
        ]
    elif facts["topic"] == "plan_run":
        level = tell.word(f"level.{what['level']}", what["level"])
        told += [words("aar.say.run", at=tell.at(facts["since"]), what=tell.title(facts), level=level)]
    else:
        told += [words("aar.say.span", since=tell.at(facts["since"]), until=tell.at(facts["until"]))]
    counts = facts["counts"] or {"alerts": len(facts["alerts"]), "tasks": len(facts["tasks"])}
    told += [words("aar.say.work", alerts=counts["alerts"], tasks=counts["tasks"])]
    if facts["topic"] != "span":
        if what.get("closed_at"):
            length = datetime.fromisoformat(what["closed_at"]) - datetime.fromisoformat(facts["since"])
            told += [words("aar.say.ended", at=tell.at(what["closed_at"]), took=tell.took(length.total_seconds()))]
        else:
            told += [words("aar.say.open", at=tell.at(facts["made_at"]))]
    late = _late(facts)
    told += [
        words("aar.say.over", n=len(late), grave=sum(one["priority"] in {"P1", "P2"} for one in late))
        if late
        else words("aar.say.in_time")
    ]
    told += [_say_recurrence(facts, tell), _say_blind(facts, tell)]
    return _joined(told, tell)


def _say_recurrence(facts: Facts, tell: Teller) -> str:
    number = len(facts["recurrences"])
    return tell.words("aar.say.recurs", n=number) if number else tell.words("aar.say.no_recurs")


def _say_blind(facts: Facts, tell: Teller) -> str:
    names = list(dict.fromkeys(tell.place(one) for one in facts["blind"]))
    if not names:
        return tell.words("aar.say.sighted")
    shown = ("、" if tell.words.language == "zh" else ", ").join(names[:8]) + (" …" if len(names) > 8 else "")
    return tell.words("aar.say.blind", n=len(names), names=shown)


def _say_sensing(facts: Facts, tell: Teller) -> str:
    told, words = [], tell.words
    if facts["alerts"]:
        of_period = facts["counts"] is not None
        first = facts["alerts"][0] if of_period else min(facts["alerts"], key=lambda one: str(one["raised_at"]))
        seen, known = (
            next((c for c in facts["checks"] if c["subject"] == f"alert:{first['alert']}" and c["step"] == step), None)
            for step in ("seen", "acknowledged")
        )
        told.append(
            words(
                "aar.say.gravest" if of_period else "aar.say.first",
                place=tell.place(first),
                what=" ".join(part for part in (tell.alert(first), tell.value(first)) if part),
                began=tell.at(first["started_at"]),
                raised=tell.at(first["raised_at"]),
                took=tell.took(seen["took_s"]) if seen else words("aar.unknown"),
            )
        )
        if known and known["until"]:
            who = tell.who(known["who"], known["who_name"])
            told.append(words("aar.say.ack", who=who, at=tell.at(known["until"]), took=tell.took(known["took_s"])))
        else:
            told.append(words("aar.say.no_ack"))
    for one in facts["readings"][:_SPOKEN_PEAKS]:
        if one["total"] is not None:
            told.append(words("aar.say.rain", place=tell.place(one), value=f"{one['total']:g}", unit=one["unit"]))
        else:
            quantity = tell.word(f"quantity.{one['quantity']}", one["quantity"])
            told.append(
                words(
                    "aar.say.peak", place=tell.place(one), quantity=quantity, value=f"{one['high']:g}", unit=one["unit"]
                )
            )
    return _joined([*told, _say_blind(facts, tell)], tell)


def _say_handling(facts: Facts, tell: Teller) -> str:
    told, words = [], tell.words
    for one in facts["tasks"][:_SPOKEN_TASKS]:
        who = tell.who(one["responder"] or "", one["responder_name"]) or one["unit_name"]
        if one["accepted_at"]:
            arrived, reported = (tell.at(one[f"{name}_at"], "aar.not_reached") for name in ("on_scene", "reported"))
            told.append(
                words(
                    "aar.say.task",
                    title=one["title"],
                    who=who,
                    accepted=tell.at(one["accepted_at"]),
                    arrived=arrived,
                    reported=reported,
                )
            )
        else:
            told.append(
                words("aar.say.task_open", title=one["title"], state=tell.word(f"task.{one['state']}", one["state"]))
            )
    if not facts["tasks"]:
        told.append(words("aar.say.no_tasks"))
    if facts["notices"]:
        reached = [one for one in facts["notices"] if one["delivered_at"]]
        heard = [one for one in facts["notices"] if one["answered_at"]]
        told.append(words("aar.say.notices", n=len(facts["notices"]), delivered=len(reached), answered=len(heard)))
    return _joined(told, tell)


def _say_late(check: Facts, facts: Facts, tell: Teller) -> str:
    step, what = tell.words(f"aar.check.{check['step']}"), tell.subject(check["subject"], facts)
    limit = tell.took(check["limit_s"])
    if check["took_s"] is None:
        return tell.words("aar.say.missed", step=step, what=what, limit=limit)
    return tell.words("aar.say.late", step=step, what=what, took=tell.took(check["took_s"]), limit=limit)


def _say_evaluation(facts: Facts, tell: Teller) -> str:
    late = [f"· {_say_late(one, facts, tell)}" for one in _late(facts)[:_SPOKEN_LATE]]
    return "\n".join([*(late or [tell.words("aar.say.in_time")]), _say_recurrence(facts, tell)])


def _say_improvement(facts: Facts, tell: Teller) -> str:
    """What somebody has to explain; the measures are people's."""
    late = [f"· {_say_late(one, facts, tell)}" for one in _late(facts)[:_SPOKEN_LATE]]
    return "\n".join([tell.words("aar.say.explain"), *late]) if late else tell.words("aar.say.nothing_to_explain")


SPEECH = {
    ReviewPart.SUMMARY: _say_summary,
    ReviewPart.SENSING: _say_sensing,
    ReviewPart.HANDLING: _say_handling,
    ReviewPart.EVALUATION: _say_evaluation,
    ReviewPart.IMPROVEMENT: _say_improvement,
}
