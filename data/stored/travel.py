"""How long whoever a rule needs travels to its site just now. Rules are told with every Tick.

The clock's process, which has the roads, puts it; the processes that judge read it once a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from data.model.forecast import Travel
from data.ports.store import Reader, Writer

_VALUE = "travel"

Known = Mapping[str, Mapping[str, Travel]]
"""By site and rule."""


def known_travel(reader: Reader) -> Known:
    """Nothing where no rule needs it, or nobody has put any yet."""
    kept = reader.value(_VALUE) or {}
    return {site: {rule: Travel(**one) for rule, one in rules.items()} for site, rules in kept.items()}


def put_travel(writer: Writer, known: Known) -> None:
    """From now on exactly these are known."""
    kept = {site: {rule: asdict(one) for rule, one in rules.items()} for site, rules in known.items()}
    writer.put_value(_VALUE, kept)
