"""Times, durations, names and kinds of a report as people read them, in one language and one time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from layouts.words import TABLE, Words

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Teller:
    """Times, durations, names and kinds as people read them."""

    words: Words
    zone: tzinfo
    with_offset: bool = False
    day: date | None = None

    def word(self, key: str, otherwise: str) -> str:
        return self.words(key) if key in TABLE else otherwise

    def at(self, moment: str | None, none: str = "aar.unknown") -> str:
        """`2024-07-12 20:15:03` in the city's time; with its offset where that changes within the report."""
        if not moment:
            return self.words(none)
        local = datetime.fromisoformat(moment).astimezone(self.zone)
        offset = f"{local:%z}"
        return f"{local:%Y-%m-%d %H:%M:%S}" + (f" {offset[:3]}:{offset[3:]}" if self.with_offset else "")

    def short(self, moment: str | None, none: str = "aar.unknown") -> str:
        """For tables: `20:15:03` on the day `day`, else `07-12 20:15:03`; written out where there is no `day`."""
        if not moment or self.day is None or self.with_offset:
            return self.at(moment, none)
        local = datetime.fromisoformat(moment).astimezone(self.zone)
        if local.year != self.day.year:
            return self.at(moment)
        return f"{local:%H:%M:%S}" if local.date() == self.day else f"{local:%m-%d %H:%M:%S}"

    def took(self, seconds: float | None) -> str:
        if seconds is None:
            return self.words("aar.not_reached")
        whole = round(seconds)
        if whole < 60:
            return self.words("aar.s", n=f"{seconds:.1f}".removesuffix(".0") if seconds < 10 else whole)
        if whole < 3600:
            return self.words("aar.min_s", m=whole // 60, n=whole % 60)
        if whole < 2 * 86_400:
            return self.words("aar.h_min", h=whole // 3600, m=whole % 3600 // 60)
        return self.words("aar.d_h", d=whole // 86_400, h=whole % 86_400 // 3600)

    def place(self, one: Mapping[str, Any]) -> str:
        name = str(one.get("site_name") or "")
        return name or (self.words("aar.centre") if one.get("site") == "centre" else self.words("aar.none"))

    def who(self, name: str, display: str) -> str:
        return self.words("who.system") if name == "system" else display or name

    def kind(self, kind: str) -> str:
        return self.word(f"kind.{kind}", kind)

    def priority(self, priority: str) -> str:
        """`P2 二级 橙`, `P2 orange`"""
        name = self.words(f"priority.{priority}")
        return name if name.startswith(priority) else f"{priority} {name}"

    def alert(self, one: Mapping[str, Any]) -> str:
        """`25 cm · over the limit`"""
        label = self.word(f"label.{one['label']}", str(one["label"])) if one.get("label") else ""
        title = self.word(f"rule.{one.get('rule')}", "") or self.kind(one["kind"])
        return " · ".join(part for part in (label, title) if part)

    def value(self, one: Mapping[str, Any]) -> str:
        return "" if one.get("value") is None else f"{one['value']:g} {one.get('unit', '')}".strip()

    def step(self, name: str) -> str:
        return self.word(f"audit.{name}", self.word(f"event.step.{name}", name))

    def subject(self, reference: str, facts: Facts) -> str:
        """What `alert:12` is, in words and with its number."""
        topic, _, number = reference.partition(":")
        if topic == "alert":
            found = next((one for one in facts["alerts"] if str(one["alert"]) == number), None)
            return f"{self.place(found)} {self.alert(found)}" if found else reference
        if topic == "task":
            found = next((one for one in facts["tasks"] if str(one["task"]) == number), None)
            return str(found["title"]) if found else reference
        if topic == "event":
            every = [facts["what"], *facts["events"]]
            found = next((one for one in every if str(one.get("event")) == number), None)
            return str(found["title"]) if found else reference
        return self.title(facts) if topic == "plan" else reference

    def title(self, facts: Facts) -> str:
        """What it is about, in a few words."""
        what = facts["what"]
        if facts["topic"] == "plan_run":
            return str(what["title"] if self.words.language == "zh" else what["title_en"])
        if facts["topic"] == "alert" and facts["alerts"]:
            return f"{self.place(what)} · {self.alert(facts['alerts'][0])}"
        return str(what.get("title") or "") or f"{self.at(facts['since'])} – {self.at(facts['until'])}"


def teller_of(facts: Facts, words: Words, *, written_out: bool = False) -> Teller:
    """`written_out`: times in tables have their date, as in a file that is read by itself."""
    zone = ZoneInfo(str(facts["timezone"]))
    begins, ends = (datetime.fromisoformat(facts[name]).astimezone(zone) for name in ("since", "until"))
    day = None if written_out else begins.date()
    return Teller(words, zone, with_offset=begins.utcoffset() != ends.utcoffset(), day=day)
