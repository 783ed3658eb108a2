"""The differences between two configurations, setting by setting, for people and for the screens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.config.settings import Settings
from data.model.masking import secret_mask
from data.model.secrets import Secrets, redact


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs. `path`: as `sites[gate-3].rules[dwell].at_least`, list members by their name.

    `before`, `after`: plain JSON values; `before` is None where the setting is new, `after` where it has gone.
    """

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.path}: {self.after}"
        if self.after is None:
            return f"- {self.path}: {self.before}"
        return f"~ {self.path}: {self.before} -> {self.after}"


def differences(before: Settings, after: Settings, secrets: Secrets | None = None) -> tuple[Difference, ...]:
    """Every setting in which `after` differs from `before`, in the order of the file; usual values count as written.

    Keys and passwords in addresses are masked. A change of a masked secret alone is listed, too: both sides show ***.
    """
    known = secrets or Secrets()
    masks = secret_mask(before, known), secret_mask(after, known)
    found = _compared("", _plain(before), _plain(after))
    return tuple(
        Difference(one.path, _shown(masks[0].within(one.before)), _shown(masks[1].within(one.after))) for one in found
    )


def _plain(settings: Settings) -> dict[str, Any]:
    """The settings as JSON, packs by their names: what a pack adds is told where it is added."""
    names = [application.id for application in settings.applications]
    return settings.model_dump(mode="json", exclude={"applications"}) | {"applications": names}


def _compared(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield from _compared(f"{path}.{key}" if path else str(key), before.get(key), after.get(key))
        return
    if isinstance(before, list) and isinstance(after, list):
        old, new = by_name(before), by_name(after)
        if old is not None and new is not None:
            for name in dict.fromkeys((*old, *new)):
                yield from _compared(f"{path}[{name}]", old.get(name), new.get(name))
            if set(old) == set(new) and list(old) != list(new):
                yield Difference(f"{path} (order)", list(old), list(new))
            return
    yield Difference(path, before, after)


def by_name(members: Sequence[Any]) -> dict[str, Any] | None:
    """The members by id, else by kind, as rules and monitors are named; None where that does not tell them apart."""
    named: dict[str, Any] = {}
    for member in members:
        name = (member.get("id") or member.get("kind")) if isinstance(member, Mapping) else None
        if not isinstance(name, str) or name in named:
            return None
        named[name] = member
    return named


def _shown(value: Any) -> Any:
    """The value without the user part of any address in it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _shown(one) for key, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list) else value
