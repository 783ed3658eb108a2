"""What triggers a plan, as it stands now: the warnings of one chain, our own open alerts, an order."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from data.alert import Alert
from data.alert_life import Verification
from data.plan import ALERTS, ORDER, WARNING, PlanRun
from data.plan_settings import LEVEL_OF, AlertTrigger, PlanSettings
from data.store import AlertQuery, Reader
from data.warning import HazardWarning, WarningArea, WarningId, WarningLevel, WarningStatus

_MOST_ALERTS = 1000
_LONGEST_CHAIN = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """`level` None: nothing triggers the plan any more; `over` says how it ended: cancelled or expired.

    `ask`: a human is to decide. `exercise`: of status Exercise or Test. `because`: what it is, in words; `cause`: of
    an alert also its site, rule, kind and label, for a screen to name in its own language.
    """

    level: WarningLevel | None
    areas: tuple[WarningArea, ...] = ()
    until: datetime | None = None
    ask: bool = False
    exercise: bool = False
    over: str = ""
    because: str = ""
    cause: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def chain_of(reader: Reader, warning: HazardWarning) -> tuple[WarningId, ...]:
    """Every message that refers to this one, or that it refers to, over any number of steps, the first sent first.

    Also those that never arrived: they are known by name.
    """
    return _joined(reader, warning.key)


def _joined(reader: Reader, start: WarningId) -> tuple[WarningId, ...]:
    found: dict[WarningId, None] = {start: None}
    to_look_at = deque([start])
    while to_look_at and len(found) < _LONGEST_CHAIN:
        key = to_look_at.popleft()
        here = reader.warning_by_key(key)
        beside = (*(() if here is None else here.references), *(one.key for one in reader.warnings_about(key)))
        for other in beside:
            if other not in found:
                found[other] = None
                to_look_at.append(other)
    return tuple(sorted(found, key=lambda one: (one.sent, one.sender, one.identifier)))


def source_of(chain: Sequence[WarningId]) -> str:
    """The name of a chain of warnings: its first message."""
    return f"{WARNING}:{chain[0]}"


def standing(reader: Reader, plan: PlanSettings, run: PlanRun, now: datetime) -> Standing:
    """How what has triggered this run stands now."""
    if run.trigger == ORDER:
        return Standing(run.level)
    if run.trigger == ALERTS:
        return of_alerts(reader, plan, now)
    return of_chain(reader, plan, chain_named(reader, run), now)


def chain_named(reader: Reader, run: PlanRun) -> tuple[WarningId, ...]:
    """The chain of warnings that triggers this run; empty for what is triggered by something else."""
    return _joined(reader, _key_of(run.source)) if run.trigger == WARNING else ()


def of_chain(reader: Reader, plan: PlanSettings, chain: Sequence[WarningId], now: datetime) -> Standing:
    """The highest of the chain's messages that hold now and that the plan heeds."""
    messages = [one for one in (reader.warning_by_key(key) for key in chain) if one is not None]
    real = [one for one in messages if one.status is WarningStatus.ACTUAL]
    holding = [one for one in real or messages if one.is_in_force(now)]
    fitting = [(one, trigger) for one in holding for trigger in plan.warnings if trigger.fits(one)]
    exercise = not real
    if not fitting:
        cancelled = any(one.cancelled_at is not None for one in messages)
        lowered = bool(holding)
        over = "cancelled" if cancelled and not lowered else "lowered" if lowered else "expired"
        return Standing(None, over=over, exercise=exercise)
    top = max((one for one, _ in fitting), key=lambda one: one.level.rank)
    ends = [one.expires for one, _ in fitting]
    return Standing(
        level=top.level,
        areas=tuple(dict.fromkeys(area for one, _ in fitting for area in one.areas)),
        until=None if None in ends else max(end for end in ends if end is not None),
        ask=all(trigger.start == "ask" for _, trigger in fitting),
        exercise=exercise,
        because=top.headline or f"{top.event} {top.level}",
    )


def of_alerts(reader: Reader, plan: PlanSettings, now: datetime) -> Standing:
    """The highest of our own open alerts that the plan heeds; not what is dismissed, shelved or out of service."""
    fitting = [(alert, trigger) for trigger in plan.alerts for alert in _open(reader, trigger, now)]
    if not fitting:
        return Standing(None, over="expired")
    top = min((alert for alert, _ in fitting), key=lambda alert: alert.priority)
    return Standing(
        level=LEVEL_OF[top.priority],
        ask=all(trigger.start == "ask" for _, trigger in fitting),
        because=f"{top.key.site}/{top.key.rule}",
        cause={"site": top.key.site, "rule": top.key.rule, "kind": top.kind, "label": top.label},
    )


def _open(reader: Reader, trigger: AlertTrigger, now: datetime) -> list[Alert]:
    sites: tuple[str | None, ...] = trigger.sites or (None,)
    found = (reader.alerts(AlertQuery(site=site, open_only=True, limit=_MOST_ALERTS)) for site in sites)
    fitting = [alert for alerts in found for alert in alerts if trigger.fits(alert)]
    return [one for one in fitting if one.verification is not Verification.DISMISSED and not one.is_suppressed(now)]


def heeds(plan: PlanSettings, warning: HazardWarning) -> bool:
    """Could a message of this chain trigger the plan? A Cancel says nothing of its own."""
    return any(trigger.fits(warning) for trigger in plan.warnings)


def _key_of(source: str) -> WarningId:
    text = source.partition(":")[2]
    sender, identifier, sent = text.rsplit(",", 2)
    return WarningId(sender, identifier, datetime.fromisoformat(sent))
