"""The settings as a document: the same settings come out of the store and of an exported file, whatever is in them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.config.document import MACHINE_KEYS, as_yaml, document_of, foreign_keys, of_text, plain_of, to_text
from data.config.located import parse
from data.config.reading import ConfigError, DocumentReader, load_at_start, load_settings
from data.config.settings import Settings
from engine.catalogue import load_catalogue
from tests.conftest import ROOT

QUAY: dict[str, Any] = {
    "name": "River district",
    "sites": [
        {
            "id": "quay",
            "location": {"lon": 121.5, "lat": 31.2},
            "monitor": {"kind": "rtsp_camera", "url": "rtsp://192.0.2.7/quay"},
            "zones": [{"id": "lane", "polygon": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]}],
            "rules": [{"kind": "dwell", "zone": "lane", "labels": ["car"], "at_least": "60s"}],
        }
    ],
}


def reader(base: Path = ROOT, machine: Settings | None = None) -> DocumentReader:
    return DocumentReader(machine or Settings(config="screen"), load_catalogue(), base_dir=base)


def quay(**site: Any) -> dict[str, Any]:
    return QUAY | {"sites": [QUAY["sites"][0] | site]}


def problem_of(document: dict[str, Any]) -> Any:
    with pytest.raises(ConfigError) as caught:
        reader().read(document)
    (found,) = caught.value.problems
    return found


_WORD = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Zl", "Zp")), min_size=1, max_size=20).map(
    str.strip
)
_TRICKY = st.sampled_from(
    ["yes", "on", "null", "~", "1e3", "0o17", "007", "09:00", "2024-07-12", "a: b", "- x", "#1", "一屏"]
)
_TEXT = st.one_of(_WORD, _TRICKY)
_ID = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,11}\Z")


@st.composite
def _outline(draw: st.DrawFn) -> list[list[float]]:
    """Corners in order around a point: never crossing."""
    angles = draw(st.lists(st.integers(0, 35), min_size=3, max_size=9, unique=True))
    far = draw(st.floats(0.1, 0.4))
    turns = [math.radians(10 * angle) for angle in sorted(angles)]
    return [[round(0.5 + far * math.cos(turn), 4), round(0.5 + far * math.sin(turn), 4)] for turn in turns]


@st.composite
def _site(draw: st.DrawFn, name: str) -> dict[str, Any]:
    zones = draw(st.lists(_ID, max_size=3, unique=True))
    labels = st.lists(st.sampled_from(["car", "truck", "bus"]), min_size=1, max_size=3, unique=True)
    rules = [
        {
            "kind": "dwell",
            "id": f"stay-{zone}",
            "zone": zone,
            "labels": draw(labels),
            "at_least": f"{draw(st.integers(1, 900))}s",
        }
        for zone in zones
    ]
    level = {
        "kind": "threshold",
        "id": "deep",
        "quantity": "water_depth",
        "above": draw(st.floats(0, 50)),
        "unit": "cm",
    }
    gauge = {"kind": "http_push", "id": "probe", "quantity": "water_depth", "unit": "cm"}
    made: dict[str, Any] = {
        "id": name,
        "name": draw(_TEXT),
        "location": {"lon": draw(st.floats(-179, 179)), "lat": draw(st.floats(-80, 80))},
        "zones": [{"id": zone, "polygon": draw(_outline())} for zone in zones],
        "rules": rules,
    }
    watched: bool = draw(st.booleans())
    if zones or watched:
        made["monitor"] = {"kind": "rtsp_camera", "url": f"rtsp://192.0.2.7/{name}"}
        made["detectors"] = [{"kind": "yolo", "labels": ["car", "truck", "bus"]}]
    gauged: bool = draw(st.booleans())
    if gauged:
        made["monitors"] = [gauge]
        made["rules"] = [*rules, level]
    return made


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(_ID, max_size=4, unique=True))
    people = draw(st.lists(_ID, max_size=3, unique=True))
    return {
        "name": draw(_TEXT),
        "timezone": draw(st.sampled_from(["UTC", "Asia/Shanghai"])),
        "sites": [draw(_site(name)) for name in names],
        "responders": [
            {"id": person, "name": draw(_TEXT), "skills": draw(st.lists(_TEXT, max_size=2))} for person in people
        ],
        "cases": {"working_hours": [["09:00", "12:00"]]},
        "dispatch": {"accept_within": {"P1": "60s"}},
    }


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(document=documents())
def test_what_is_imported_kept_and_exported_are_the_same_settings(document: dict[str, Any], tmp_path: Path) -> None:
    try:
        at_first = reader().read(document)
    except ConfigError:
        return  # such as two corners in one place
    assert reader().read(of_text(to_text(document))) == at_first
    exported = tmp_path / "config.yaml"
    exported.write_text(as_yaml(document, {"config": "screen"}), encoding="utf-8")
    assert load_settings(exported, load_catalogue(), {})[0] == at_first
    assert document_of(parse(exported)) == document


def test_the_demo_city_is_the_same_out_of_the_store_and_out_of_an_exported_file(tmp_path: Path) -> None:
    config = ROOT / "config.yaml"
    at_first, secrets = load_settings(config, load_catalogue(), {})
    machine, _ = load_at_start(config, load_catalogue(), {})
    document = document_of(parse(config))
    assert not set(document) & set(MACHINE_KEYS)
    kept = DocumentReader(machine, load_catalogue(), secrets, ROOT).read(of_text(to_text(document)))
    assert kept == at_first
    file = tmp_path / "config.yaml"
    file.write_text(as_yaml(document, plain_of(parse(config))), encoding="utf-8")
    (tmp_path / "data").symlink_to(ROOT / "data")
    assert load_settings(file, load_catalogue(), {})[0] == at_first


def test_keys_of_the_machine_come_from_the_file_whatever_a_document_says(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("config: screen\nworkers: 3\nlog: {format: json}\nsites: [broken\n".replace("[broken", "broken"))
    machine, _ = load_at_start(config, load_catalogue(), {})  # what belongs to the store is not even looked at
    found = DocumentReader(machine, load_catalogue()).read(
        QUAY | {"workers": 7, "dispatch": {"roads": "other.geojson"}}
    )
    assert (found.config, found.workers, found.log.format, found.dispatch.roads) == ("screen", 3, "json", None)
    assert [site.id for site in found.sites] == ["quay"]


def test_at_the_start_what_is_wrong_is_told_with_its_line_and_all_of_it_where_the_file_is_the_truth(
    tmp_path: Path,
) -> None:
    config = tmp_path / "config.yaml"
    wrong = "config: {mode}\nsites: []\nworkers: many\nresponders: 7\n"

    def told(mode: str) -> list[tuple[str, int]]:
        config.write_text(wrong.replace("{mode}", mode))
        with pytest.raises(ConfigError) as caught:
            load_at_start(config, load_catalogue(), {})
        return [(one.path, one.line) for one in caught.value.problems]

    assert told("screen") == [("workers", 3)]
    assert sorted(told("file")) == [("responders", 4), ("workers", 3)]


def test_a_document_that_would_change_the_machine_is_refused_by_name() -> None:
    file = {"workers": 3, "web": {"allowed_hosts": ["yiping.example.cn"]}}
    same = QUAY | file
    assert list(foreign_keys(same, file)) == []
    found = list(foreign_keys(same | {"workers": 4, "dispatch": {"roads": "x.geojson"}}, file))
    assert [(one.path, one.key) for one in found] == [
        ("workers", "setting.machine"),
        ("dispatch.roads", "setting.machine"),
    ]


def test_a_mistake_in_a_document_is_named_as_one_in_the_file() -> None:
    found = problem_of(quay(rules=[{"kind": "dwell", "zone": "lan", "labels": ["car"], "at_least": "60s"}]))
    assert str(found) == "config.yaml: sites[0].rules[0].zone: no zone 'lan', did you mean 'lane'?"
    assert (found.key, found.values) == ("setting.zone", {"name": "lan", "near": "lane"})


@pytest.mark.parametrize(
    ("polygon", "key", "values"),
    [
        ([[0.1, 0.1], [0.5, 0.5], [0.5, 0.1], [0.1, 0.5]], "setting.zone.crosses", {"first": 1, "second": 3}),
        # A corner on the side of another: two zones that meet in a point.
        ([[0, 0], [0.5, 0.5], [1, 0], [1, 1], [0.5, 0.5], [0, 1]], "setting.zone.touches", {"corner": 2, "side": 4}),
        # A spike: out and back on the same line.
        (
            [[0, 0], [0.5, 0], [0.5, 0.5], [0.9, 0.5], [0.5, 0.5], [0, 0.5]],
            "setting.zone.touches",
            {"corner": 3, "side": 4},
        ),
        ([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]], "setting.zone.no_area", {}),
    ],
)
def test_an_outline_that_crosses_or_touches_itself_is_refused_with_words_for_both_languages(
    polygon: list[list[float]], key: str, values: dict[str, int]
) -> None:
    found = problem_of(quay(zones=[{"id": "lane", "polygon": polygon}]))
    assert found.path == "sites[0].zones[0]"
    assert found.key == key
    assert dict(found.values) == values


def test_an_outline_that_is_closed_by_its_first_corner_is_taken() -> None:
    closed = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.1]]
    assert reader().read(quay(zones=[{"id": "lane", "polygon": closed}])).sites[0].zones[0].id == "lane"


def test_a_password_in_an_address_is_refused_in_a_document_as_in_the_file() -> None:
    found = problem_of(quay(monitor={"kind": "rtsp_camera", "url": "rtsp://viewer:f1ood-Gate@192.0.2.7/quay"}))
    assert found.path == "sites[0].monitor.url"
    assert "f1ood" not in str(found)


def test_what_json_cannot_hold_is_refused_when_a_file_is_imported(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("name: !!binary aGVyb24=\ndatums: {a: {b: .inf}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.yaml: datums\.a\.b"):
        document_of(parse(config))
