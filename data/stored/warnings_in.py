"""A warning that arrived: stored once, whatever the number of deliveries, and told to whoever makes work of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from data.model.record import Change
from data.model.views import warning_view
from data.model.warning import HazardWarning
from data.ports.store import Writer


def receive_warning(writer: Writer, warning: HazardWarning, now: datetime) -> HazardWarning | None:
    """The stored warning, with a change of topic "warning" in the same commit; None when it was known already.

    The change's subject is the warning's number; `Reader.warning` gives the whole of it.
    """
    stored = writer.add_warning(replace(warning, received_at=now))
    if stored is not None:
        writer.publish(Change("warning", str(stored.id), now, {"warning": warning_view(stored)}))
    return stored
