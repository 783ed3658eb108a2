"""The level of an info block, and whether it is over: each from the field that is meant for it, never from any word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType

from data.model.warning import WarningLevel, WarningNote

_COLOURS = MappingProxyType(
    {
        **dict.fromkeys(("绿", "綠", "green"), WarningLevel.GREEN),
        **dict.fromkeys(("蓝", "藍", "blue"), WarningLevel.BLUE),
        **dict.fromkeys(("黄", "黃", "yellow"), WarningLevel.YELLOW),
        **dict.fromkeys(("橙", "orange"), WarningLevel.ORANGE),
        **dict.fromkeys(("红", "紅", "red"), WarningLevel.RED),
    }
)
_SIGNS = "绿綠蓝藍黄黃橙红紅"
# The usual correspondence where a message names no colour.
_BY_SEVERITY = MappingProxyType(
    {
        "extreme": WarningLevel.RED,
        "severe": WarningLevel.ORANGE,
        "moderate": WarningLevel.YELLOW,
        "minor": WarningLevel.BLUE,
    }
)
_GRAVE = frozenset((WarningLevel.RED, WarningLevel.ORANGE))
_LEVEL_NAMES = frozenset(
    (
        "color",
        "colour",
        "level",
        "alertlevel",
        "awareness_level",
        "severitycolor",
        "warninglevel",
        "预警级别",
        "预警颜色",
    )
)
_AWARENESS = MappingProxyType(
    {"1": WarningLevel.GREEN, "2": WarningLevel.YELLOW, "3": WarningLevel.ORANGE, "4": WarningLevel.RED}
)  # MeteoAlarm's numbers
_WORD = re.compile(rf"[a-z]+|[{_SIGNS}](?=色|$)")
_LIFTED = re.compile(r"解除|取消|撤销")
_WARNS = re.compile(r"预警|預警|警报|信号")
_CLAUSE = re.compile(r"[，,；;。！!\n]|并(?=发布)|同时(?=发布)")
_BECOMES = re.compile(r"(?:升级|降级|变更|调整|更新|升|降)[为至到成]?\s*([绿綠蓝藍黄黃橙红紅])色")
_HAZARDS = (
    "暴雨|大风|台风|颱風|雷电|雷雨大风|强对流|高温|寒潮|暴雪|大雾|霾|冰雹|洪水|山洪|山洪灾害|地质灾害|干旱"
    "|道路结冰|霜冻|沙尘暴|内涝"
)
_HEADLINE = re.compile(
    rf"([{_SIGNS}])色(?:[（(\[【]?[ⅠⅡⅢⅣI1-4一二三四]{{0,3}}级?[）)\]】]?)?\s*(?:{_HAZARDS})?(?:气象)?"
    "(?:预警|預警|警报|警告|警戒|信号|信號)"
)
_LONGEST = 500  # characters of a headline or an event that are looked at
_ALL_CLEAR = "allclear"


def level_of(
    named: Iterable[tuple[str, str]], severity: str, headline: str, event: str, notes: set[WarningNote]
) -> WarningLevel:
    """The colour a parameter or code names, else that of the Chinese headline, else what goes with the severity.

    `named`: names and values of the block's parameters and event codes.
    """
    by_severity = _BY_SEVERITY.get(severity.lower(), WarningLevel.UNKNOWN)
    level = _named(named) or _word(severity) or _titled(headline) or _titled(event) or by_severity
    if level is WarningLevel.GREEN and by_severity in _GRAVE:
        notes.add(WarningNote.LEVEL_CONTRADICTED)
        return by_severity
    return level


def is_over(
    response_types: Iterable[str], urgency: str, headline: str, level: WarningLevel, *, is_update: bool
) -> bool:
    """All clear, past, or green. A Chinese headline that only lifts (解除) counts in an Update, not in an Alert."""
    if any(re.sub(r"\W", "", kind.lower()) == _ALL_CLEAR for kind in response_types) or urgency.lower() == "past":
        return True
    return level is WarningLevel.GREEN or (is_update and _only_lifts(headline))


def _named(named: Iterable[tuple[str, str]]) -> WarningLevel | None:
    for name, value in named:
        plain = name.strip().lower()
        if plain not in _LEVEL_NAMES:
            continue
        level = _word(value)
        if level is None and plain == "awareness_level":
            level = _AWARENESS.get(value.strip()[:1])
        if level is not None:
            return level
    return None


def _word(text: str) -> WarningLevel | None:
    """The one colour in a short value such as `2; yellow; Moderate`."""
    colours = {_COLOURS[word] for word in _WORD.findall(text.lower()[:_LONGEST]) if word in _COLOURS}
    return colours.pop() if len(colours) == 1 else None


def _titled(text: str) -> WarningLevel | None:
    """`渝中区发布暴雨橙色预警`; of several colours that to which it was changed, else the gravest."""
    found = []
    for clause in _CLAUSE.split(text[:_LONGEST]):
        if _LIFTED.search(clause):
            continue
        became = _BECOMES.findall(clause)
        found += [_COLOURS[word] for word in (became or _HEADLINE.findall(clause))]
    return max(found, key=lambda level: level.rank, default=None)


def _only_lifts(headline: str) -> bool:
    clauses = [clause for clause in _CLAUSE.split(headline[:_LONGEST]) if clause.strip()]
    lifted = [clause for clause in clauses if _LIFTED.search(clause) and _WARNS.search(clause)]
    return bool(lifted) and len(lifted) == len(clauses)
