"""The difference between two configurations, as an administrator reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import main
from data.config.difference import Difference, differences
from data.config.reading import load_settings
from data.config.settings import Settings
from engine.catalogue import load_catalogue

QUAY = """\
name: River district
sites:
  - id: quay
    name: Quay
    location: {lon: 121.5, lat: 31.2}
    monitor: {kind: rtsp_camera, url: "rtsp://192.0.2.7/quay"}
    zones: [{id: lane, polygon: [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]}]
    rules: [{kind: dwell, zone: lane, labels: [car], at_least: 60s}]
"""


def _read(folder: Path, text: str, name: str = "config.yaml") -> Settings:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_settings(path, load_catalogue(), {})[0]


def test_a_longer_stay_is_named_by_site_and_rule(tmp_path: Path) -> None:
    before = _read(tmp_path, QUAY)
    after = _read(tmp_path, QUAY.replace("60s", "90s"))
    assert differences(before, after) == (Difference("sites[quay].rules[dwell].at_least", "1min", "90s"),)


def test_nothing_differs_where_a_usual_value_is_written_out(tmp_path: Path) -> None:
    before = _read(tmp_path, QUAY)
    assert differences(before, _read(tmp_path, QUAY + "timezone: UTC\n")) == ()


def test_a_new_zone_is_one_difference_and_the_others_stay_out_of_it(tmp_path: Path) -> None:
    before = _read(tmp_path, QUAY)
    gate = "zones: [{id: gate, polygon: [[0.6, 0.6], [0.9, 0.6], [0.9, 0.9]]}, "
    (found,) = differences(before, _read(tmp_path, QUAY.replace("zones: [", gate)))
    assert found.path == "sites[quay].zones[gate]"
    assert found.before is None
    assert found.after["polygon"] == [[0.6, 0.6], [0.9, 0.6], [0.9, 0.9]]


def test_a_key_in_an_address_is_never_shown(tmp_path: Path) -> None:
    before = _read(tmp_path, QUAY.replace("/quay", "/quay?token=heron-4711-secret"))
    after = _read(tmp_path, QUAY.replace("192.0.2.7/quay", "192.0.2.8/quay?token=stork-4712-secret"))
    (found,) = differences(before, after)
    assert "192.0.2.7" in found.before
    assert "192.0.2.8" in found.after
    assert "4711" not in str(found)
    assert "4712" not in str(found)


def test_check_against_an_earlier_file_lists_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _read(tmp_path, QUAY, "earlier.yaml")
    _read(tmp_path, QUAY.replace("60s", "90s"))
    assert main(["check", "--config", f"{tmp_path}/config.yaml", "--against", f"{tmp_path}/earlier.yaml"]) == 0
    assert "~ sites[quay].rules[dwell].at_least: 1min -> 90s" in capsys.readouterr().out
