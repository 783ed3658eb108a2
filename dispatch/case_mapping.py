"""What a mapping finds in the message of another system. Pure: no store, no clock."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from data.config.case_sources import CaseSource, JsonPath, PersonalField, value_at
from data.errors import InputRejected
from data.model.alert import Priority
from data.model.geo import Location

LONGEST_ID, LONGEST_TEXT, LONGEST_PERSONAL = 200, 1000, 500  # characters
MASK = "＊＊＊"
_SHORTEST_SCRUBBED = 2  # a single sign stands in too many words
# Telephone, identity and bank numbers; dates, amounts and short codes stay.
_LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){10,}[xX]?")


@dataclass(frozen=True, slots=True)
class MappedCase:
    """A message as its mapping reads it.

    `external_id`: as it came, to be hashed only. `reference`, `description`: as everybody may read them: what the
    personal fields hold is masked in them, too. `place` None: the message names none. `missing`: the settings whose
    paths found nothing usable.
    """

    external_id: str
    reference: str
    description: str
    place: Location | None
    priority: Priority | None
    personal: tuple[tuple[PersonalField, str], ...]
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        return f"MappedCase(missing={self.missing!r})"


def map_case(source: CaseSource, document: Any, language: str) -> MappedCase:
    """Read the message. Raises InputRejected only where the case cannot be told from others: all else loses nothing.

    No refusal repeats what stands in the message.
    """
    external_id = _text(document, source.external_id)
    if not external_id or len(external_id) > LONGEST_ID:
        wanted = f"no text or number of 1 to {LONGEST_ID} characters"
        raise InputRejected(f"external_id: {source.external_id} finds {wanted}")
    missing: list[str] = []
    personal = []
    for number, field in enumerate(source.personal):
        value = _text(document, field.path)[:LONGEST_PERSONAL]
        if value:
            personal.append((field, value))
        else:
            missing.append(f"personal[{number}].path")
    lines = []
    for number, line in enumerate(source.description):
        text = _text(document, line.path)[:LONGEST_TEXT]
        if text:
            lines.append(f"{line.label(language)}：{text}" if language == "zh" else f"{line.label(language)}: {text}")
        else:
            missing.append(f"description[{number}].path")
    values = [value for _, value in personal]
    place = _place(source, document)
    if place is None and source.lon is not None:
        missing += ["lon", "lat"]
    priority = None
    if source.priority is not None:
        priority = source.priority.values.get(_text(document, source.priority.path))
        if priority is None:
            missing.append("priority.values")
    return MappedCase(
        external_id=external_id,
        reference=scrubbed(external_id, values),
        description=_LONG_NUMBER.sub(MASK, scrubbed("\n".join(lines), values)),
        place=place,
        priority=priority,
        personal=tuple(personal),
        missing=tuple(missing),
    )


def scrubbed(text: str, personal: list[str]) -> str:
    """The text without these values, the longest first, since one may be a part of another."""
    for value in sorted(personal, key=len, reverse=True):
        if len(value) >= _SHORTEST_SCRUBBED:
            text = text.replace(value, MASK)
    return text


def _text(document: Any, path: JsonPath) -> str:
    """The text or number at this path; empty for anything else."""
    value = value_at(document, path)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return str(value).strip()


def _place(source: CaseSource, document: Any) -> Location | None:
    if source.lon is None or source.lat is None:
        return None
    try:
        found = Location(lon=float(_text(document, source.lon)), lat=float(_text(document, source.lat)))
    except (ValueError, ValidationError):
        return None
    return found if math.isfinite(found.lon) and math.isfinite(found.lat) else None


def rounded(place: Location, digits: int) -> Location:
    return Location(lon=round(place.lon, digits), lat=round(place.lat, digits))
