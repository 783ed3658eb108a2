"""Many passwords at once: none passes the limit, and nobody is locked out by a stranger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from data.model.people import Role
from tests.web.city import PASSWORD, Running, until
from web.account_key import AccountKey
from web.accounts import add_user
from web.addresses import network_of
from web.device_cookie import DeviceCookies
from web.login_limit import LoginLimit, TooManyTries, Trust
from web.passwords import HashingBusy, PasswordCheck

NOON = datetime(2026, 7, 12, 4, tzinfo=UTC)


def officer(running: Running) -> str:
    running.raised += 1
    name = f"officer-{running.raised}"
    add_user(running.store, name, Role.DUTY_OFFICER, PASSWORD)
    return name


def post(running: Running, name: str, password: str, address: str, cookies: httpx.Cookies | None = None) -> int:
    """One login from a loopback address; the status."""
    way = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=running.base, transport=way, timeout=60, cookies=cookies) as client:
        return client.post("/login", data={"name": name, "password": password}).status_code


def test_of_forty_wrong_passwords_at_once_five_are_looked_at(running: Running) -> None:
    name = officer(running)
    with ThreadPoolExecutor(40) as strangers:
        found = list(strangers.map(lambda n: post(running, name, f"wrong {n}", "127.0.1.1"), range(40)))
    assert (found.count(401), found.count(429)) == (5, 35)


def test_a_flood_of_wrong_passwords_slows_strangers_and_locks_nobody_out(running: Running) -> None:
    name = officer(running)
    with running.browser(name) as desk, ThreadPoolExecutor(48) as strangers:
        flood = [strangers.submit(post, running, name, "wrong", f"127.0.2.{n}") for n in range(1, 62)]
        until(lambda: any(attempt.done() for attempt in flood), 60)
        before = sum(attempt.done() for attempt in flood)
        known = httpx.Client(base_url=running.base, cookies=desk.cookies, timeout=60)
        assert known.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
        passed_by = sum(attempt.done() for attempt in flood) - before
        assert passed_by <= 6, "a browser that was here before waits for the hashes under way, not behind strangers"
        assert known.get("/api/v1/me").status_code == 200, "a session is not touched by failed logins"
        known.close()
        statuses = {attempt.result() for attempt in flood}
    assert statuses <= {401, 503}
    assert post(running, name, PASSWORD, "127.0.3.1") == 303, "the owner gets in from a new address, too"


def test_a_device_cookie_is_for_its_user_only(running: Running) -> None:
    one, other = officer(running), officer(running)
    with running.browser(one) as browser:
        device = browser.cookies["yiping_device"]
    kept = httpx.Cookies({"yiping_device": device})
    for _ in range(5):
        assert post(running, other, "wrong", "127.0.4.1", kept) == 401
    assert post(running, other, PASSWORD, "127.0.4.1", kept) == 429


def test_many_tries_at_once_are_counted_before_any_has_failed() -> None:
    limit = LoginLimit()
    for _ in range(5):
        limit.reserve("li", "10.0.0.1")
    with pytest.raises(TooManyTries) as refused:
        limit.reserve("li", "10.0.0.1")
    assert 299 < refused.value.wait_s <= 300
    assert limit.reserve("li", "10.0.0.2").trust is Trust.STRANGER
    assert limit.reserve("wang", "10.0.0.1").trust is Trust.STRANGER


def test_the_limit_counts_pairs_and_addresses_and_forgets() -> None:
    now = [0.0]
    limit = LoginLimit(window_s=300, per_pair=2, per_address=4, clock=lambda: now[0])
    for _ in range(2):
        limit.reserve("li", "10.0.0.1")
    for name in ("a", "b"):
        limit.reserve(name, "10.0.0.1")
    with pytest.raises(TooManyTries):
        limit.reserve("c", "10.0.0.1")
    now[0] = 301.0
    assert limit.reserve("li", "10.0.0.1").delay_s == 0


def test_a_right_password_clears_its_pair_but_not_the_address() -> None:
    limit = LoginLimit(per_pair=3, per_address=5)
    limit.reserve("li", "10.0.0.1")
    limit.reserve("li", "10.0.0.1")
    limit.succeeded(limit.reserve("li", "10.0.0.1"), "li")
    for _ in range(3):
        assert limit.reserve("li", "10.0.0.1").trust is Trust.ADDRESS
    with pytest.raises(TooManyTries):
        limit.reserve("li", "10.0.0.1")


def test_failures_from_everywhere_delay_strangers_by_seconds_at_most() -> None:
    limit = LoginLimit()
    limit.succeeded(limit.reserve("li", "10.9.9.9"), "li")
    delays = [limit.reserve("li", f"10.0.{n // 250}.{n % 250}").delay_s for n in range(500)]
    assert delays[:30] == [0.0] * 30
    assert delays[33] == 1.0
    assert max(delays) == 5.0
    assert limit.reserve("li", "10.9.9.9").delay_s == 0, "a known network does not wait"
    assert limit.reserve("li", "10.8.8.8", device="d").delay_s == 0, "a known browser does not wait"


def test_one_ipv6_subscriber_has_one_count() -> None:
    assert network_of("2001:db8:1:2:aaaa::1") == network_of("2001:db8:1:2:bbbb::2") == "2001:db8:1:2::/64"
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("unix socket") == "unix socket"


@pytest.fixture
def check() -> Iterator[PasswordCheck]:
    check = PasswordCheck(at_once=1, most_waiting=3)
    yield check
    check.close()


def test_the_line_serves_the_known_first_and_refuses_the_last_when_full(check: PasswordCheck) -> None:
    right = PasswordHasher().hash("right")

    async def go() -> tuple[list[str], list[object]]:
        order: list[str] = []

        async def one(name: str, urgency: int, sender: str) -> bool:
            found = await check.matches(right, "right", urgency=urgency, sender=sender)
            order.append(name)
            return found

        asked = [("first", 2, "a"), ("a1", 2, "a"), ("a2", 2, "a"), ("b1", 2, "b"), ("desk", 0, "c")]
        works = [asyncio.create_task(one(*each)) for each in asked]
        return order, await asyncio.gather(*works, return_exceptions=True)

    order, results = asyncio.run(go())
    assert order == ["first", "desk", "a1", "b1"]
    assert isinstance(results[2], HashingBusy), "the second of one sender gives way"
    assert [results[n] for n in (0, 1, 3, 4)] == [True, True, True, True]


def test_a_visitor_who_goes_away_leaves_the_line_and_holds_no_place(check: PasswordCheck) -> None:
    right = PasswordHasher().hash("right")

    async def go() -> bool:
        first = asyncio.create_task(check.matches(right, "right"))
        gone = [asyncio.create_task(check.matches(right, "right")) for _ in range(3)]
        await asyncio.sleep(0)
        for one in (first, *gone):
            one.cancel()
        await asyncio.gather(first, *gone, return_exceptions=True)
        async with asyncio.timeout(5):
            return await check.matches(right, "right")

    assert asyncio.run(go()) is True


def test_a_device_cookie_ends_and_cannot_be_made_by_others(tmp_path: Path) -> None:
    ours, theirs = DeviceCookies(AccountKey(tmp_path / "a")), DeviceCookies(AccountKey(tmp_path / "b"))
    value = ours.issue("李.wang", NOON)
    assert len(ours.device_of(value, "李.wang", NOON + timedelta(days=179))) == 16
    for wrong in (
        ours.device_of(value, "li", NOON),
        ours.device_of(value, "李.wang", NOON + timedelta(days=181)),
        ours.device_of(value[:-1] + ("0" if value[-1] != "0" else "1"), "李.wang", NOON),
        ours.device_of("…", "李.wang", NOON),
        ours.device_of(None, "李.wang", NOON),
        theirs.device_of(value, "李.wang", NOON),
    ):
        assert wrong == ""
    key = tmp_path / "a" / "keys" / "accounts.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert DeviceCookies(AccountKey(tmp_path / "a")).device_of(value, "李.wang", NOON) != ""


def test_logging_in_again_ends_the_session_before(running: Running) -> None:
    name = officer(running)
    with running.browser(name) as browser:
        before = browser.cookies["yiping_session"]
        assert browser.post("/login", data={"name": name, "password": PASSWORD}).status_code == 303
        assert browser.cookies["yiping_session"] != before
        kept = {"Cookie": f"yiping_session={before}"}
        assert httpx.get(f"{running.base}/api/v1/me", headers=kept).status_code == 401
