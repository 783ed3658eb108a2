"""The present state of a plan's trigger: the warnings of one chain, our own open alerts, or an order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from urllib.parse import quote, unquote

from data.config.plans import LEVEL_OF, AlertTrigger, PlanSettings
from data.model.alert import Alert
from data.model.alert_life import Verification
from data.model.plan import ALERTS, ORDER, WARNING, PlanRun
from data.model.warning import HazardWarning, WarningArea, WarningId, WarningInfo, WarningLevel, WarningStatus
from data.model.warning_reach import District, Reach
from data.ports.store import AlertQuery, Reader

_MOST_ALERTS = 1000
_LONGEST_CHAIN = 200
_LONGEST_NAME = 200
_MOST_HOLDING = 30  # messages of one chain in force at once
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TriggerState:
    """The level at which a plan is triggered now. None: not at all; `over` is cancelled, lowered, elsewhere or expired.

    `where`: the areas with their levels; empty if it applies everywhere. `ask`: a human has to decide; `doubts`: why,
    apart from the plan being set to ask; `named`: area and sender as the message names them. `exercise`: of status
    Exercise or Test. `because`: the trigger in words; `cause`: for an alert its site, rule, kind and label, which
    screens show in the reader's language. `alerting`: the level at each site with such an alert.
    """

    level: WarningLevel | None
    where: tuple[tuple[WarningLevel, tuple[WarningArea, ...]], ...] = ()
    until: datetime | None = None
    ask: bool = False
    doubts: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    exercise: bool = False
    over: str = ""
    because: str = ""
    cause: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    alerting: Mapping[str, WarningLevel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chain:
    """The stored messages that refer to each other, read once for all plans.

    `keys`: in order of sending, including messages that never arrived. `holding`: the real messages in force now, or
    those of the exercise if no message of the chain is real.
    """

    keys: tuple[WarningId, ...]
    holding: tuple[HazardWarning, ...] = ()
    is_real: bool = False
    is_cancelled: bool = False


def chain_of(reader: Reader, start: WarningId, now: datetime) -> Chain:
    """Every message that refers to this one, or that it refers to, over any number of steps."""
    keys = tuple(reader.warning_chain(start, _LONGEST_CHAIN))
    states = reader.warning_states(keys)
    is_real = any(status is WarningStatus.ACTUAL for status, _ in states)
    wanted = [one for one in WarningStatus if (one is WarningStatus.ACTUAL) is is_real]
    holding = tuple(one for one in reader.warnings_holding(keys, now, wanted, _MOST_HOLDING) if one.is_in_force(now))
    return Chain(keys, holding, is_real, any(cancelled for _, cancelled in states))


def source_of(chain: Chain) -> str:
    """The name of a chain of warnings: its first message."""
    return named_source(chain.keys[0])


def named_source(key: WarningId) -> str:
    """`warning:<sender,identifier,sent>`. An identifier must not hold a comma; one that does is quoted."""
    return f"{WARNING}:{key._replace(identifier=quote(key.identifier) if ',' in key.identifier else key.identifier)}"


def trigger_state(reader: Reader, plan: PlanSettings, run: PlanRun, now: datetime, district: District) -> TriggerState:
    """The present state of this run's trigger."""
    if run.trigger == ORDER:
        return TriggerState(run.level)
    if run.trigger == ALERTS:
        return of_alerts(reader, plan, now)
    return of_chain(plan, chain_of(reader, key_of(run.source), now), now, district)


def of_chain(plan: PlanSettings, chain: Chain, now: datetime, district: District) -> TriggerState:
    """The highest level of the info blocks in force that trigger the plan and reach the district.

    If none certainly does, but the area of one cannot be located, a human decides.
    """
    exercise = not chain.is_real
    fitting = [
        (message, block, trigger)
        for message in chain.holding
        for block in message.holding(now)
        for trigger in plan.warnings
        if trigger.fits_block(block)
    ]
    reaches = [district.meets(block.areas) for _, block, _ in fitting]
    here = [one for one, reach in zip(fitting, reaches, strict=True) if reach is not Reach.NO]
    if not here:
        over = "elsewhere" if fitting else "lowered" if chain.holding else "expired"
        return TriggerState(
            None, over="cancelled" if chain.is_cancelled and not chain.holding else over, exercise=exercise
        )
    message, top, _ = max(here, key=lambda one: (one[1].level.rank, one[1].language.lower().startswith("zh")))
    sure = [one for one, reach in zip(fitting, reaches, strict=True) if reach is Reach.YES]
    is_unknown = max((block.level.rank for _, block, _ in sure), default=-1) < top.level.rank
    doubtful = all(one.is_doubtful for one, _, _ in here)
    doubts = [*(["area_unknown"] if is_unknown else []), *(note.value for note in message.notes if doubtful)]
    return TriggerState(
        level=top.level,
        where=tuple(dict.fromkeys((block.level, block.areas) for _, block, _ in here)),
        until=max(block.ends for _, block, _ in here),
        ask=is_unknown or doubtful or all(trigger.start == "ask" for _, _, trigger in here),
        doubts=tuple(dict.fromkeys(doubts)),
        named={"area": _areas_named(top), "sender": message.key.sender},
        exercise=exercise,
        because=top.headline or f"{top.event} {top.level}",
    )


def _areas_named(block: WarningInfo) -> str:
    names = dict.fromkeys(area.description for area in block.areas if area.description)
    return "、".join(names)[:_LONGEST_NAME]


def of_alerts(reader: Reader, plan: PlanSettings, now: datetime) -> TriggerState:
    """The level by our own open alerts that trigger the plan; not those dismissed, shelved or out of service."""
    fitting = [(alert, trigger) for trigger in plan.alerts for alert in _open(reader, trigger, now)]
    if not fitting:
        return TriggerState(None, over="expired")
    top = min((alert for alert, _ in fitting), key=lambda alert: alert.priority)
    gravest = sorted((alert for alert, _ in fitting), key=lambda alert: alert.priority, reverse=True)
    return TriggerState(
        level=LEVEL_OF[top.priority],
        ask=all(trigger.start == "ask" for _, trigger in fitting),
        because=f"{top.key.site}/{top.key.rule}",
        cause={"site": top.key.site, "rule": top.key.rule, "kind": top.kind, "label": top.label},
        alerting={alert.key.site: LEVEL_OF[alert.priority] for alert in gravest},
    )


def _open(reader: Reader, trigger: AlertTrigger, now: datetime) -> list[Alert]:
    sites: tuple[str | None, ...] = trigger.sites or (None,)
    found = (reader.alerts(AlertQuery(site=site, open_only=True, limit=_MOST_ALERTS)) for site in sites)
    fitting = [alert for alerts in found for alert in alerts if trigger.fits(alert)]
    return [one for one in fitting if one.verification is not Verification.DISMISSED and not one.is_suppressed(now)]


def is_triggered_by(plan: PlanSettings, warning: HazardWarning) -> bool:
    """True if this message could trigger the plan. A Cancel cannot, since it has no content of its own."""
    return any(trigger.fits_block(block) for trigger in plan.warnings for block in warning.blocks)


def key_of(source: str) -> WarningId:
    """The first message of the chain, after which its run is named."""
    text = source.partition(":")[2]
    sender, identifier, sent = text.rsplit(",", 2)
    return WarningId(sender, unquote(identifier) if "%2C" in identifier else identifier, datetime.fromisoformat(sent))
