"""A level is held against a limit of its own datum, or of one whose offset is configured; never against another."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.config.reading import ConfigError, load_settings
from data.errors import InputRejected
from data.model.datum import Datums
from engine.catalogue import load_catalogue

CHONGQING = Datums({"yellow_sea": {"wusong": 1.64}})


def test_181_metres_above_yellow_sea_are_182_64_above_wusong_and_back() -> None:
    assert CHONGQING.converted(181.0, "yellow_sea", "wusong") == pytest.approx(182.64)
    assert CHONGQING.converted(182.64, "wusong", "yellow_sea") == pytest.approx(181.0)
    assert CHONGQING.converted(181.24, "yellow_sea", "yellow_sea") == 181.24


@pytest.mark.parametrize(("given", "wanted"), [("yellow_sea", "1985"), (None, "wusong"), ("wusong", None)])
def test_a_datum_without_a_configured_offset_is_refused(given: str | None, wanted: str | None) -> None:
    with pytest.raises(InputRejected, match="cannot be held against a limit of"):
        CHONGQING.converted(181.0, given, wanted)


CITY = """
datums: {{yellow_sea: {{wusong: 1.64}}}}
sites:
  - id: quay
    location: {{lon: 106.5, lat: 29.6}}
    monitor: {{kind: mqtt_gauge, host: 127.0.0.1, topic: t, quantity: water_level, vertical_datum: {gauge}}}
    rules:
      - {{kind: threshold, quantity: water_depth, above: 25}}
      - kind: threshold
        id: warning-stage
        quantity: water_level
        above: 182.64
        vertical_datum: {rule}
"""


@pytest.mark.parametrize(
    "rule",
    [
        "{kind: threshold, quantity: water_level, bands: [{above: 181, priority: P3}], vertical_datum: wusong}",
        "{kind: threshold, quantity: water_level, stages: {warning: 181}, vertical_datum: wusong}",
        "{kind: out_of_range, quantity: water_level, highest: 200, vertical_datum: wusong}",
    ],
)
def test_every_rule_with_levels_is_held_against_the_gauge_s_datum(tmp_path: Path, rule: str) -> None:
    path = tmp_path / "config.yaml"
    gauge = "{kind: mqtt_gauge, host: 127.0.0.1, topic: t, quantity: water_level, vertical_datum: '1985'}"
    place = "location: {lon: 106.5, lat: 29.6}"
    path.write_text(f"sites:\n  - id: quay\n    {place}\n    monitor: {gauge}\n    rules:\n      - {rule}\n")
    with pytest.raises(ConfigError) as caught:
        load_settings(path, load_catalogue(), {})
    ((where, line),) = [(problem.path, problem.line) for problem in caught.value.problems]
    assert (where, line) == ("sites[0].rules[0].vertical_datum", 6)


def checked(folder: Path, gauge: str, rule: str) -> list[tuple[str, int, str]]:
    path = folder / "config.yaml"
    path.write_text(CITY.format(gauge=gauge, rule=rule))
    try:
        load_settings(path, load_catalogue(), {})
    except ConfigError as error:
        return [(problem.path, problem.line, problem.message) for problem in error.problems]
    return []


def test_the_check_names_rule_line_and_gauge_of_a_limit_in_another_datum(tmp_path: Path) -> None:
    assert checked(tmp_path, "yellow_sea", "wusong") == []
    assert checked(tmp_path, "wusong", "wusong") == []
    ((path, line, message),) = checked(tmp_path, "'1985'", "wusong")
    assert (path, line) == ("sites[0].rules[1].vertical_datum", 13)
    assert message.startswith("a level of datum '1985' cannot be held against a limit of datum 'wusong'")
    assert message.endswith("(gauge 'mqtt_gauge')")
    ((_, _, unnamed),) = checked(tmp_path, "null", "wusong")
    assert "a level of no named datum" in unnamed
