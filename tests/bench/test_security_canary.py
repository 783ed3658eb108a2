"""The canary test finds what stands there, and a short run finds nothing in the product."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from bench.security_canary import LEAST_ANSWERED, PEERS, Leak, find_leaks, run

SECRET = "canary of/the tests 1+1"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        f"cut off: {SECRET[:14]}",
        SECRET.encode().hex(),
    ],
)
def test_a_secret_is_found_in_whatever_form_it_stands(written: str) -> None:
    texts = [("log", b"nothing"), ("GET /api/v1/notices", f"refused: {written} ".encode())]
    assert {(leak.what, leak.name) for leak in find_leaks(texts, {"key": SECRET})} == {("GET /api/v1/notices", "key")}


def test_what_the_store_must_know_is_looked_for_everywhere_else() -> None:
    texts = [("var/yiping.db-wal", b"canary-endpoint"), ("table notices", b"canary-endpoint")]
    found = list(find_leaks(texts, {"push endpoint": "canary-endpoint"}))
    assert set(found) == {Leak("table notices", "push endpoint", form) for form in ("canary-endpoint", "canary-endpo")}


@pytest.mark.paired
@pytest.mark.slow
@pytest.mark.timeout(170)
def test_no_secret_comes_back_from_any_peer_in_a_short_run(tmp_path: Path) -> None:
    leaks, seen = run(tmp_path, runs_s=12)
    assert leaks == []
    assert seen["answered"] >= LEAST_ANSWERED
    assert all(seen[f"asked_{peer}"] for peer in PEERS), seen
