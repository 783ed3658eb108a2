"""Users, tokens and the audit trail as the command line manages them, and what the logs may show."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from data.errors import IllegalMove, InputRejected, NotFound
from data.people import Role
from data.record import AuditEntry
from data.sql.store import open_store
from data.store import Store
from dispatch.responders import sync_responders
from tests.web.city import PASSWORD, Running, city
from web.accounts import add_user, disable, issue_token, list_users, set_password
from web.audit_check import verify_audit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "yiping.db")
    yield store
    store.close()


def test_a_user_is_added_once_with_a_password_that_is_long_enough(store: Store) -> None:
    user = add_user(store, "li", Role.OPERATOR, PASSWORD, display_name="李")
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$")
    with pytest.raises(IllegalMove):
        add_user(store, "li", Role.ANALYST, PASSWORD)
    with pytest.raises(InputRejected, match="10 to 1024 characters, this one has 5"):
        add_user(store, "wang", Role.OPERATOR, "short")
    for name in ("", " li", "li\n", "a:b", "x" * 65):
        with pytest.raises(InputRejected, match="a user name"):
            add_user(store, name, Role.OPERATOR, None)
    assert [one.name for one in list_users(store)] == ["li"]
    with pytest.raises(NotFound):
        set_password(store, "nobody", PASSWORD)


def test_a_token_can_be_had_for_users_and_known_responders_only(store: Store) -> None:
    with pytest.raises(NotFound, match="neither a user nor a responder 'zhang'"):
        issue_token(store, "zhang")
    settings = city()
    store.write(lambda writer: sync_responders(writer, settings, datetime.now(UTC)))
    token = issue_token(store, "zhang", valid_for=timedelta(hours=1))
    assert len(token) == 43
    assert store.read(lambda reader: reader.user("zhang")).role is Role.RESPONDER
    disable(store, "zhang")
    with pytest.raises(InputRejected, match="disabled"):
        issue_token(store, "zhang")


def test_a_token_works_until_it_ends(running: Running) -> None:
    token = issue_token(running.store, "wang", valid_for=timedelta(hours=1))
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{running.base}/api/v1/me", headers=headers).json()["role"] == "responder"
    running.clock.ahead = timedelta(hours=2)
    assert httpx.get(f"{running.base}/api/v1/me", headers=headers).status_code == 401


def test_every_account_step_is_in_the_trail_without_a_secret(store: Store) -> None:
    add_user(store, "li", Role.OPERATOR, PASSWORD)
    token = issue_token(store, "li")
    set_password(store, "li", "another long password")
    disable(store, "li")
    entries = store.read(lambda reader: reader.audit(subject="user:li"))
    assert [entry.action for entry in entries] == ["add_user", "issue_token", "set_password", "disable_user"]
    text = repr(entries)
    assert token not in text
    assert PASSWORD not in text
    assert "argon2" not in text


def test_a_changed_or_missing_entry_is_found(tmp_path: Path) -> None:
    file = tmp_path / "yiping.db"
    store = open_store(file)

    def write(number: int) -> None:
        entry = AuditEntry(datetime.now(UTC), "li", "operator", "test", f"thing:{number}", {"n": number})
        store.submit(lambda writer: writer.record(entry))

    for number in range(2500):
        write(number)
    store.write(lambda writer: writer.last_change())
    whole = verify_audit(store)
    assert (whole.entries, whole.broken) == (2500, None)
    with sqlite3.connect(file) as forger:
        table = next(
            name
            for (name,) in forger.execute("select name from sqlite_master where type = 'table'")
            if name.startswith("audit")
        )
        for (trigger,) in forger.execute(
            "select name from sqlite_master where type = 'trigger' and tbl_name = ?", (table,)
        ).fetchall():
            forger.execute(f"drop trigger {trigger}")
        forger.execute(f"update {table} set actor = 'somebody else' where seq = 2101")
    found = verify_audit(store)
    assert found.broken is not None
    assert (found.entries, found.broken.seq) == (2100, 2101)
    store.close()


def test_no_secret_is_in_the_logs(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = running.token("li")
    with running.browser("sun") as browser:
        secret, csrf = browser.cookies["yiping_session"], browser.cookies["yiping_csrf"]
        browser.get("/api/v1/alerts?site=quay&secret=in-the-query")
        browser.post("/login", data={"name": "sun", "password": "a wrong password"})
    with connect(running.ws(f"/ws/events?token={token}")) as ws:
        ws.recv(5)
    with pytest.raises(Exception, match="401"), connect(running.ws("/ws/events?token=wrong-token-in-the-query")):
        pass
    with running.client("li") as client:
        client.get("/api/v1/%0Aforged line")
    lines = [record.getMessage() for record in caplog.records if record.name.split(".")[0] in ("web", "uvicorn")]
    text = "\n".join(lines)
    assert "GET /api/v1/alerts 200" in text
    assert "/ws/events" in text
    for hidden in (token, secret, csrf, PASSWORD, "a wrong password", "in-the-query"):
        assert hidden not in text
    assert not any("\n" in line for line in lines if "forged" in line)
