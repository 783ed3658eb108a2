"""A night as it was kept: a flooded underpass, what was given to its rules, and what people did about the alert."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from PIL import Image

from alerts.lifecycle import acknowledge
from alerts.threshold import Recipe as Threshold
from data.config.settings import SiteSettings
from data.local.observations import FOLDER
from data.local.vault import FolderVault
from data.model.alert import Alert, Raised, Signal
from data.model.geo import Location
from data.model.observation import Reading, Tick
from data.model.people import Actor, Role
from data.ports.store import AlertQuery, Writer
from data.sql.store import open_store
from engine.judging.judgement import UnitOfWork, commit_unit
from tests.engine.kept import LiveSite

BEGAN = datetime(2026, 7, 12, 12, 0, tzinfo=UTC)
UNTIL = BEGAN + timedelta(seconds=120)
SITE = "dip-1"
UNDERPASS = SiteSettings(
    id=SITE,
    name="下穿道",
    location=Location(lon=106.5102, lat=29.58),
    rules=(Threshold(id="deep", quantity="water_depth", above=25, clear_at=20, priority="P1"),),
)
ACKNOWLEDGED_AFTER = timedelta(seconds=90)


def depths() -> Sequence[float]:
    """A reading each second for two minutes: the water rises over 25 cm and falls again in the end."""
    return [min(40.0, 5 + second) if second < 100 else 40.0 - 2 * (second - 100) for second in range(121)]


def record_night(var: Path) -> list[Alert]:
    """Watch it live: observations, alerts and an acknowledgement after 90 s in `var`. Returns the alerts."""
    live = LiveSite(var / FOLDER, UNDERPASS)
    vault = FolderVault(var / "evidence")
    with closing(open_store(var / "yiping.db")) as store:
        number = 0
        for second, depth in enumerate(depths()):
            at = BEGAN + timedelta(seconds=second)
            before = len(live.signals)
            live.give(Reading(SITE, "staff", "water_depth", depth, at))
            live.give(Tick(SITE, at + timedelta(milliseconds=1)))
            decided: tuple[Signal, ...] = tuple(live.signals[before:])
            if not decided:
                continue
            number += 1
            unit = UnitOfWork(f"{SITE}.camera", decided, at, number=number)
            if isinstance(decided[0], Raised):
                unit.evidence = vault.keep(_picture(), "image/jpeg", at, SITE)
            moved = store.write(lambda writer, unit=unit: commit_unit(writer, unit, unit.at))  # type: ignore[misc]
            for alert in moved:
                if alert.is_open:
                    store.write(partial(_acknowledge_late, alert=alert))
        live.log.close()
        return list(store.read(lambda reader: reader.alerts(AlertQuery())))


def _acknowledge_late(writer: Writer, alert: Alert) -> None:
    acknowledge(writer, alert.id, Actor("zhao", Role.DUTY_OFFICER), alert.raised_at + ACKNOWLEDGED_AFTER)


def _picture() -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (64, 36), (20, 60, 90)).save(picture, "JPEG")
    return picture.getvalue()
