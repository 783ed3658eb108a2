"""A site that bears a common word as its id is hidden as a place; the word itself is told wherever it means another."""

from __future__ import annotations

from typing import Any

import pytest

from data.model.people import Actor, Role
from web.site_scope import GONE, SiteScope

SCOPE = SiteScope(frozenset({"car"}), frozenset({"汽车城"}), frozenset(), Actor("zhou", Role.ANALYST))
ALERT_AT_QUAY = {
    "id": 7, "site": "quay", "key": ["quay", "car", "car", "car"], "kind": "car", "label": "car",
    "rule": "car", "zone": "car", "monitor": "car", "evidence": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        ALERT_AT_QUAY,
        {"items": [ALERT_AT_QUAY], "labels": {"car": 3, "truck": 1}, "next": None},
        {"site": "quay", "detections": [{"label": "car", "xyxy": [0, 0, 1, 1]}], "labels": ["car", "bus"]},
        {"topic": "account", "subject": "user:car", "payload": {"name": "car", "responder": "car", "unit": "car"}},
        {"id": "car", "kind": "yolo", "zone": "car", "text": "car/bus", "note": "a car: red"},
        {"subject": "quay/car/water_level", "reason": "no car/van seen", "description": "quay/car"},
    ],
)
def test_a_word_that_is_also_a_hidden_site_is_told_where_it_means_no_place(told: dict[str, Any]) -> None:
    assert SCOPE.seen(told, {}) == told


@pytest.mark.parametrize(
    "hidden",
    [
        {"id": 8, "site": "car", "label": "bus"},
        {"place": "car", "title": "lock"},
        {"key": ["car", "dwell", "lane", "1"]},
        {"subject": "car/gauge/water_level"},
        {"subject": "car"},
        {"subject": "health:car"},
        {"reason": "car/stage"},
        {"subject": "alert:12"},
        {"id": "car", "name": "汽车城", "location": {"lon": 1, "lat": 2}, "zones": []},
        {"values": {"site": "汽车城"}},
    ],
)
def test_what_is_at_the_hidden_site_is_left_out_of_a_list(hidden: dict[str, Any]) -> None:
    assert SCOPE.seen({"items": [ALERT_AT_QUAY, hidden]}, {"alert:12": "car"}) == {"items": [ALERT_AT_QUAY]}


def test_lists_and_mappings_of_sites_lose_the_hidden_one_only() -> None:
    told = SCOPE.seen({"pinned": ["car", "quay"], "sites": {"car": 1, "quay": 2}, "labels": ["car"]}, {})
    assert told == {"pinned": ["quay"], "sites": {"quay": 2}, "labels": ["car"]}
    assert SCOPE.seen({"sites": [{"id": "car"}, {"id": "quay"}]}, {}) == {"sites": [{"id": "quay"}]}
    assert SCOPE.seen("car", {}) == "car"
    assert SCOPE.seen({"site": "car"}, {}) is GONE


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("car/stage", True), ("car: water is high", True), ("at 汽车城", True), ("car", True),
        ("a red car stands", False), ("oscar/stage", False), ("quay/car", False),
    ],
)  # fmt: skip
def test_a_text_of_the_system_names_a_place_before_a_slash_or_colon(text: str, *, named: bool) -> None:
    assert SCOPE.mentions(text) is named


def test_rows_of_a_table_pass_as_they_came_but_for_those_of_the_hidden_site() -> None:
    told = '\ufeffsite,note\r\nquay,"two\r\nlines, and a ""car"""\r\ncar,\'=1+1\r\nquay,-3.5\r\n'
    assert SCOPE.rows_seen(told) == '\ufeffsite,note\r\nquay,"two\r\nlines, and a ""car"""\r\nquay,-3.5\r\n'
    assert SCOPE.rows_seen("site\n") == "site\n"
    assert SCOPE.rows_seen("") == ""
