"""A camera was turned on purpose: from now on what it shows is its scene."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from data.model.people import Actor
from data.model.record import AuditEntry
from data.ports.store import Reader, Writer

_VALUE = "views"


def views_asked(reader: Reader) -> Mapping[str, str]:
    """By site: when somebody last said so (ISO 8601); sites of which nobody did are left out."""
    kept = reader.value(_VALUE) or {}
    return {str(site): str(at) for site, at in kept.items()}


def learn_view(writer: Writer, site: str, actor: Actor, now: datetime) -> None:
    """The worker that owns the camera forgets its usual scene and learns the present one."""
    writer.put_value(_VALUE, {**views_asked(writer), site: now.isoformat()})
    role = actor.role.value if actor.role is not None else "system"
    writer.record(AuditEntry(now, actor.name, role, "learn_view", f"site:{site}", {}))
