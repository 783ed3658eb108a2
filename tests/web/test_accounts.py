"""Users, tokens and the audit trail as the command line manages them, and what the logs may show."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from data.errors import IllegalMove, InputRejected, NotFound
from data.model.people import Role
from data.model.record import AuditEntry
from data.ports.store import Store
from dispatch.responders import sync_responders
from tests.busy import waited_for_processor_s
from tests.stores import new_store
from tests.web.city import PASSWORD, Running, bearer, city
from web.accounts import (
    add_user,
    allow_reset,
    disable,
    enable,
    issue_token,
    list_sessions,
    list_users,
    revoke,
    revoke_one,
    set_password,
)
from web.audit_check import verify_audit
from web.password_policy import PasswordRefused
from web.passwords import PasswordCheck, hash_password
from web.sessions import hash_secret


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = new_store(tmp_path / "yiping.db")
    yield store
    store.close()


def test_a_user_is_added_once_with_a_password_that_is_long_enough(store: Store) -> None:
    user = add_user(store, "li", Role.OPERATOR, PASSWORD, display_name="李")
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$")
    with pytest.raises(IllegalMove):
        add_user(store, "li", Role.ANALYST, PASSWORD)
    with pytest.raises(PasswordRefused, match="at least 12 characters, this one has 5"):
        add_user(store, "wang", Role.OPERATOR, "short")
    with pytest.raises(PasswordRefused, match="easily guessed"):
        add_user(store, "wangwei", Role.OPERATOR, "wangwei-2026!")
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
    token = issue_token(store, "li", label="gauge 4")
    code = allow_reset(store, "li")
    (session,) = list_sessions(store, "li")
    revoke_one(store, "li", session.id)
    set_password(store, "li", "another long password")
    disable(store, "li")
    enable(store, "li")
    revoke(store, "li")
    entries = store.read(lambda reader: reader.audit(subject="user:li"))
    assert [entry.action for entry in entries] == [
        "add_user", "issue_token", "allow_password_reset", "revoke_session", "set_password", "disable_user",
        "enable_user", "revoke",
    ]  # fmt: skip
    assert (entries[1].detail["label"], entries[1].detail["id"]) == ("gauge 4", session.id)
    text = repr(entries)
    for secret in (token, hash_secret(token), code, hash_secret(code), PASSWORD, "another long", "argon2"):
        assert secret not in text


def test_sessions_are_listed_and_revoked_one_by_one(store: Store) -> None:
    add_user(store, "li", Role.OPERATOR, PASSWORD)
    add_user(store, "mast", Role.SOURCE, None)
    for label in ("one", "two"):
        issue_token(store, "mast", label=label)
    issue_token(store, "li", valid_for=None)
    assert [(one.user, one.label, one.expires_at is None) for one in list_sessions(store)] == [
        ("li", "", True), ("mast", "two", False), ("mast", "one", False),
    ]  # fmt: skip
    revoke_one(store, "mast", list_sessions(store, "mast")[0].id)
    assert [one.label for one in list_sessions(store, "mast")] == ["one"]
    with pytest.raises(NotFound, match="mast has no live session or token 'no-such'"):
        revoke_one(store, "mast", "no-such")


def test_revoke_ends_the_password_too_and_disable_can_be_undone(store: Store) -> None:
    add_user(store, "li", Role.OPERATOR, PASSWORD)
    revoke(store, "li")
    assert store.read(lambda reader: reader.user("li")).password_hash is None
    set_password(store, "li", PASSWORD)
    disable(store, "li")
    with pytest.raises(IllegalMove, match="disabled; enable the account first"):
        allow_reset(store, "li")
    enable(store, "li")
    user = store.read(lambda reader: reader.user("li"))
    assert (user.disabled_at, user.disabled_by, user.password_hash is None) == (None, "", False)


def test_a_responder_who_is_configured_no_more_loses_the_token_and_gets_in_again_when_he_is_back(store: Store) -> None:
    settings = city()
    fewer = settings.model_copy(update={"responders": settings.responders[1:]})
    store.write(lambda writer: sync_responders(writer, settings, datetime.now(UTC)))
    issue_token(store, "zhang")
    issue_token(store, "wang")
    store.write(lambda writer: sync_responders(writer, fewer, datetime.now(UTC)))
    assert [one.user for one in list_sessions(store)] == ["wang"]
    gone = store.read(lambda reader: reader.user("zhang"))
    assert (gone.disabled_at is not None, gone.disabled_by) == (True, "config.yaml")
    store.write(lambda writer: sync_responders(writer, settings, datetime.now(UTC)))
    assert store.read(lambda reader: reader.user("zhang")).disabled_at is None
    disable(store, "zhang")
    store.write(lambda writer: sync_responders(writer, settings, datetime.now(UTC)))
    assert store.read(lambda reader: reader.user("zhang")).disabled_by == "console", "what a human disabled stays so"


def drain(socket: ClientConnection) -> None:
    """Read until the socket is closed."""
    while True:
        socket.recv(5)


@pytest.mark.parametrize("how", ["disable", "revoke", "one"])
def test_an_open_socket_is_closed_within_a_second_and_screens_hear_nothing_of_accounts(
    running: Running, how: str
) -> None:
    running.raised += 1
    name = f"socket-{running.raised}"
    add_user(running.store, name, Role.OPERATOR, PASSWORD)
    token = issue_token(running.store, name)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        connect(running.ws("/ws/events"), additional_headers=headers) as mine,
        connect(running.ws("/ws/wall"), additional_headers=headers) as wall,
        connect(
            running.ws("/ws/events"), additional_headers={"Authorization": f"Bearer {running.token('li')}"}
        ) as other,
    ):
        for socket in (mine, other):
            assert '"hello"' in str(socket.recv(5))
        time.sleep(0.3)
        begun, kept = time.monotonic(), waited_for_processor_s()
        if how == "disable":
            disable(running.store, name)
        elif how == "revoke":
            revoke(running.store, name)
        else:
            revoke_one(running.store, name, list_sessions(running.store, name)[0].id)
        for socket in (mine, wall):
            with pytest.raises(ConnectionClosed) as closed:
                drain(socket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401
        assert time.monotonic() - begun < 1.0 + waited_for_processor_s() - kept
        assert httpx.get(f"{running.base}/api/v1/me", headers=headers).status_code == 401
        assert time.monotonic() - begun < 1.0 + waited_for_processor_s() - kept
        running.alert()
        told = (json.loads(other.recv(5)) for _ in range(100))  # with words between them that the link lives
        assert next(one["topic"] for one in told if "topic" in one) == "alert", "the account's change went by unseen"


def test_the_command_line_lists_disables_and_gives_tokens_an_end(tmp_path: Path) -> None:
    def users(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "app.py", "users", *arguments, "--var", str(tmp_path)]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)

    assert users("add", "li", "--role", "operator", "--password-stdin", given="1234567890\n").returncode == 2
    assert "at least 12" in users("add", "li", "--role", "operator", "--password-stdin", given="1234567890").stderr
    assert "easily guessed" in users("add", "li", "--role", "operator", "--password-stdin", given="123456789012").stderr
    assert users("add", "li", "--role", "operator", "--password-stdin", given=PASSWORD).returncode == 0
    assert users("token", "li", "--expires", "90d", "--label", "script").returncode == 0
    listed = users("sessions", "li").stdout.rstrip("\n").split("\t")
    assert (listed[1], listed[2], listed[5]) == ("li", "token", "script")
    assert f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}" in listed[4]
    assert users("token", "li", "--expires", "tomorrow").returncode == 2
    assert users("revoke", "li", "--id", listed[0]).returncode == 0
    assert users("sessions").stdout == ""
    assert users("disable", "li").stdout == "li: disabled, 0 sessions and tokens ended\n"
    assert "disabled 20" in users("list").stdout
    assert users("enable", "li").returncode == 0
    assert "disabled" not in users("list").stdout


def test_a_changed_or_missing_entry_is_found(tmp_path: Path) -> None:
    file = tmp_path / "yiping.db"
    store = new_store(file)

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
    with connect(running.ws("/ws/events"), additional_headers=bearer(token)) as ws:
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


def test_a_name_that_nobody_has_costs_as_much_as_a_wrong_password() -> None:
    """In processor time of this process, the least of three, so that a busy machine does not matter."""

    async def cost_s(check: PasswordCheck, password_hash: str | None) -> float:
        spent = []
        for _ in range(3):
            before_s = time.process_time()
            assert not await check.matches(password_hash, "wrong-kettle-harbour-42")
            spent.append(time.process_time() - before_s)
        return min(spent)

    async def both() -> tuple[float, float]:
        check = PasswordCheck()
        try:
            return await cost_s(check, None), await cost_s(check, hash_password(PASSWORD))
        finally:
            check.close()

    nobody_s, somebody_s = asyncio.run(both())
    assert nobody_s == pytest.approx(somebody_s, rel=0.5)
