"""What is served: nothing of another host, whichever page is asked for first."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from layouts.words import LANGUAGE_COOKIE
from tests.layouts.station import Station

ELSEWHERE = re.compile(r"""(?:src|href)\s*=\s*["'](?:https?:)?//|url\(\s*["']?(?:https?:)?//|@import""")
ADDRESS = re.compile(r"(?:https?|wss?)://[\w.-]+")
NAMESPACES = {"http://www.w3.org"}


def client(station: Station) -> httpx.Client:
    return httpx.Client(base_url=station.url, cookies={c["name"]: c["value"] for c in station.cookies()})


@pytest.mark.parametrize("path", ["/", "/duty", "/review"])
def test_a_page_names_no_other_host_and_brings_its_assets_also_as_the_first_one(station: Station, path: str) -> None:
    with client(station) as visitor:
        answer = visitor.get(path)
    assert answer.status_code == 200
    assert ELSEWHERE.findall(answer.text) == []
    for name in ("00_base.js", "10_feed.js", "30_wall.css", "34_map.js", "40_duty.js", "50_review.js"):
        assert f"assets/{name}" in answer.text


def test_our_scripts_and_styles_hold_no_address(root: Path) -> None:
    files = [file for file in (root / "layouts" / "assets").iterdir() if file.suffix in {".js", ".css"}]
    assert len(files) >= 12
    for file in files:
        text = file.read_text("utf-8")
        assert ELSEWHERE.findall(text) == [], file.name
        assert set(ADDRESS.findall(text)) - NAMESPACES == set(), file.name


def test_a_stranger_gets_no_page(station: Station) -> None:
    answer = httpx.get(f"{station.url}/duty")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


def test_an_unknown_address_says_so(station: Station) -> None:
    body = {
        "output": "page.children",
        "outputs": {"id": "page", "property": "children"},
        "inputs": [{"id": "url", "property": "pathname", "value": "/nowhere"}],
        "changedPropIds": ["url.pathname"],
    }
    with client(station) as visitor:
        visitor.cookies.set(LANGUAGE_COOKIE, "en")
        answer = visitor.post("/_dash-update-component", json=body)
    assert "There is no such page" in answer.text
