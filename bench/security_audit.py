"""Five ways of tampering with the record, each found by `audit verify`: `python -m bench.security_audit`.

Each begins with a city in which alerts were raised, acknowledged and photographed and whose trail was signed; what
an attacker with the database file and the evidence folder can do is done, and the full check must name it. The attacker
has neither the signing key nor VAR/audit; without them a cut or a rebuilt trail is noticed by `--expect` alone.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.lifecycle import acknowledge, raise_alert
from data.config.settings import Settings
from data.local.checkpoint import CheckpointFile, CheckpointKey
from data.local.vault import FolderVault
from data.model.alert import AlertKey, Priority, Raised
from data.model.people import Actor, Role, User
from data.model.record import GENESIS, AuditEntry
from data.sql.store import open_store
from engine.reactions.audit_seal import AuditSeal
from web import account_steps
from web.audit_check import AuditReport, full_check

OFFICER = Actor("li", Role.DUTY_OFFICER)
CONSOLE = Actor("console", None)
ALERTS = 130
_BEGIN = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
_JPEG = b"\xff\xd8\xff\xe0 a picture of the underpass \xff\xd9"


def recorded_city(folder: Path) -> None:
    """A store with users, alerts, acknowledgements and a picture in `folder`; the trail is signed at its end."""
    with closing(open_store(folder / "yiping.db")) as store:
        store.write(
            lambda writer: account_steps.add_user(writer, CONSOLE, User("li", Role.DUTY_OFFICER, None, ""), _BEGIN)
        )
        store.write(lambda writer: account_steps.add_user(writer, CONSOLE, User("wu", Role.ANALYST, None, ""), _BEGIN))
        kept = FolderVault(folder / "evidence").keep(_JPEG, "image/jpeg", _BEGIN, "gate-3")
        for number in range(ALERTS):
            now = _BEGIN + timedelta(seconds=number)
            raised = Raised(AlertKey("gate-3", "dwell", "", str(number)), "dwell", Priority.P3, now, now, label="car")
            picture = kept if number == 0 else None
            alert = store.write(lambda w, raised=raised, picture=picture: raise_alert(w, raised, picture, raised.at))  # type: ignore[misc]
            assert alert is not None
            store.write(lambda w, alert=alert, now=now: acknowledge(w, alert.id, OFFICER, now))  # type: ignore[misc]
        AuditSeal(store, Settings(name="t"), CheckpointKey(folder), CheckpointFile(folder)).poll(_BEGIN)


def check(folder: Path) -> AuditReport:
    """What the full check says of the folder."""
    with closing(open_store(folder / "yiping.db", migrate=False)) as store:
        return full_check(store, folder, FolderVault(folder / "evidence"))


def without_triggers(folder: Path, then: Callable[[sqlite3.Connection], None], *, put_back: bool = True) -> None:
    """Do something to the trail's table with its triggers dropped; then they are as before."""
    with closing(sqlite3.connect(folder / "yiping.db")) as database, database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        guards = [(name, sql) for name, sql in triggers if name.startswith("audit_")]
        for name, _ in guards:
            database.execute(f"DROP TRIGGER {name}")
        then(database)
        for _, sql in guards if put_back else ():
            database.execute(sql)


def cut_the_end(database: sqlite3.Connection) -> None:
    """The last hundred entries go."""
    database.execute("DELETE FROM audit WHERE seq > (SELECT max(seq) - 100 FROM audit)")


def take_everything(database: sqlite3.Connection) -> None:
    """All entries go."""
    database.execute("DELETE FROM audit")


def change_a_row(database: sqlite3.Connection) -> None:
    """One entry is another person's."""
    database.execute("UPDATE audit SET actor = 'somebody' WHERE seq = 40")


def build_anew(database: sqlite3.Connection) -> None:
    """Every hash is computed again, after the fortieth acknowledgement has got another name."""
    database.row_factory = sqlite3.Row
    rows = database.execute("SELECT * FROM audit ORDER BY seq").fetchall()
    database.execute("DELETE FROM audit")
    previous = GENESIS
    for row in rows:
        at = datetime.fromisoformat(str(row["at"])).replace(tzinfo=UTC)
        actor = "wu" if row["seq"] == 40 else str(row["actor"])
        detail = json.loads(row["detail"])
        entry = AuditEntry(at, actor, row["role"], row["action"], row["subject"], detail)
        values = dict(row) | {"actor": actor, "previous_hash": previous, "hash": entry.digest(previous)}
        names = ", ".join(values)
        database.execute(f"INSERT INTO audit ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))
        previous = values["hash"]


def change_a_picture(folder: Path) -> None:
    """One byte of a kept picture."""
    [picture] = (folder / "evidence").rglob("*.jpg")
    picture.write_bytes(picture.read_bytes().replace(b"underpass", b"overpass!"))


TAMPERS: dict[str, Callable[[Path], None]] = {
    "last 100 entries deleted": lambda folder: without_triggers(folder, cut_the_end),
    "all entries deleted": lambda folder: without_triggers(folder, take_everything),
    "whole chain rebuilt": lambda folder: without_triggers(folder, build_anew),
    "an entry changed": lambda folder: without_triggers(folder, change_a_row),
    "a picture changed": change_a_picture,
}


def measure() -> dict[str, object]:
    """How many of the five were found, and that the untouched record is whole."""
    with tempfile.TemporaryDirectory() as temporary:
        whole = Path(temporary, "whole")
        whole.mkdir()
        recorded_city(whole)
        if check(whole).findings:
            raise AssertionError(f"the untouched record is not whole: {check(whole).findings}")
        found = 0
        for number, tamper in enumerate(TAMPERS.values()):
            folder = Path(temporary, str(number))
            shutil.copytree(whole, folder)
            tamper(folder)
            found += bool(check(folder).findings)
    return {"audit_tampers_found": f"{found} of {len(TAMPERS)}"}


if __name__ == "__main__":
    result = measure()
    print(json.dumps(result))
    sys.exit(result["audit_tampers_found"] != f"{len(TAMPERS)} of {len(TAMPERS)}")
