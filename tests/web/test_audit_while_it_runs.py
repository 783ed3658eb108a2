"""`app.py audit verify` beside a system that goes on: what happens meanwhile is no finding, tampering is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.lifecycle import acknowledge, end_alert, raise_alert
from data.local.vault import FolderVault
from data.model.alert import AlertKey, Ended, Priority, Raised
from data.model.people import Actor, Role, User
from data.model.record import Evidence
from data.ports.store import Store
from tests.stores import new_store
from web import account_steps
from web.audit_check import AuditReport, full_check

NIGHT = datetime(2026, 7, 12, 14, 0, tzinfo=UTC)
ZHAO = Actor("zhao", Role.DUTY_OFFICER)


class BusyVault(FolderVault):
    """While its pictures are looked at, which is after the trail was read, the system goes on."""

    def __init__(self, folder: Path, meanwhile: Callable[[], None]) -> None:
        super().__init__(folder)
        self._meanwhile = meanwhile

    def open(self, evidence: Evidence) -> bytes:
        self._meanwhile()
        return super().open(evidence)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(new_store(tmp_path / "yiping.db")) as made:
        made.write(lambda writer: account_steps.add_user(writer, ZHAO, User("li", Role.OPERATOR, None, ""), NIGHT))
        picture = FolderVault(tmp_path / "evidence").keep(b"\xff\xd8 quay \xff\xd9", "image/jpeg", NIGHT, "quay")
        for number in (1, 2):
            raised = Raised(AlertKey("quay", "dwell", "", str(number)), "dwell", Priority.P3, NIGHT, NIGHT, label="car")
            made.write(lambda writer, raised=raised: raise_alert(writer, raised, picture, NIGHT))  # type: ignore[misc]
        yield made


def checked(store: Store, folder: Path, meanwhile: Callable[[], None]) -> AuditReport:
    return full_check(store, folder, BusyVault(folder / "evidence", meanwhile))


def test_what_happens_while_it_is_checked_is_not_taken_for_tampering(store: Store, tmp_path: Path) -> None:
    def go_on() -> None:
        if store.read(lambda reader: reader.alert(1)).ended_at is None:
            later = NIGHT + timedelta(minutes=1)
            store.write(lambda w: end_alert(w, Ended(AlertKey("quay", "dwell", "", "1"), later, later), later))
            store.write(lambda w: acknowledge(w, 2, ZHAO, later))
            store.write(lambda w: account_steps.change_user(w, ZHAO, "li", NIGHT, role=Role.ANALYST, display_name=""))

    report = checked(store, tmp_path, go_on)
    assert report.findings == ()
    assert report.chain.entries == len(store.read(lambda reader: reader.audit(limit=1000)))


def test_a_row_that_was_changed_behind_the_trail_is_found_although_its_alert_goes_on(
    store: Store, tmp_path: Path
) -> None:
    def go_on() -> None:
        if store.read(lambda reader: reader.alert(1)).acknowledged_by is None:
            store.write(lambda w: acknowledge(w, 1, ZHAO, NIGHT + timedelta(minutes=1)))
            with closing(sqlite3.connect(tmp_path / "yiping.db")) as database, database:
                database.execute("UPDATE alerts SET ended_at = acknowledged_at, row_seal = 0 WHERE id = 1")

    assert checked(store, tmp_path, go_on).findings == ("alert 1 has ended, but the trail does not say so",)
