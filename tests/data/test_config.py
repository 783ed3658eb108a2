"""config.yaml: every problem is found at once, with its path, its line and a suggestion."""

from __future__ import annotations

import itertools
import pickle
import time
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from data.config.reading import ConfigError, load_secrets, load_settings
from data.model.zone import Zone
from engine.catalogue import load_catalogue

GOOD = """\
name: 演示街道
timezone: Asia/Shanghai
sites:
  - id: gate-3
    name: 小学门口
    location: {lon: 106.512, lat: 29.583}
    grid: "500105007003012"
    monitor: {kind: rtsp_camera, url: "rtsp://127.0.0.1:8554/gate-3", credentials: gate-cameras}
    detectors: [{kind: yolo, labels: [car, truck, bus]}]
    zones: [{id: lane, polygon: [[0.10, 0.55], [0.62, 0.50], [0.70, 0.90], [0.05, 0.95]]}]
    rules: [{kind: dwell, zone: lane, labels: [car, truck, bus], at_least: 180s, priority: P3}]
responders:
  - {id: wang, name: 王强, location: {lon: 106.51, lat: 29.58}}
"""
LOGIN = {"YIPING_CREDENTIALS_GATE_CAMERAS": "admin:s3cret"}


def problems_of(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    config = tmp_path / "config.yaml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(config, load_catalogue(), LOGIN if environment is None else environment)
    return [str(problem) for problem in caught.value.problems]


def test_the_shape_in_the_documentation_is_read_and_can_be_sent_to_a_process(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(GOOD, encoding="utf-8")
    settings, secrets = load_settings(config, load_catalogue(), LOGIN)
    site = settings.site("gate-3")
    assert site.camera is not None
    assert site.camera.kind == "rtsp_camera"
    assert site.rules[0].name == "dwell"
    assert secrets.credentials["gate-cameras"].password.get_secret_value() == "s3cret"
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("zone: lane", "zone: lan", "sites[0].rules[0].zone: no zone 'lan', did you mean 'lane'? (line 11)"),
        ("kind: dwell", "kind: dwel", "sites[0].rules[0].kind: no rule 'dwel', did you mean 'dwell'? (line 11)"),
        (
            "kind: rtsp_camera",
            "kind: rtsp_cam",
            "sites[0].monitor.kind: no monitor 'rtsp_cam', did you mean 'rtsp_camera'? (line 8)",
        ),
        ("[0.62, 0.50]", "[1.62, 0.50]", "sites[0].zones[0].polygon[1][0]: Input should be less than or equal to 1"),
        ("    zones:", "    zonse:", "sites[0].zonse: no setting 'zonse', did you mean 'zones'? (line 10)"),
        ("timezone: Asia/Shanghai", "timezone: Asia/Shangai", "timezone: no time zone 'Asia/Shangai'"),
        ("at_least: 180s", "at_least: 180", "sites[0].rules[0].at_least: a duration needs a unit: write '180s'"),
        ("    location: {lon: 106.512, lat: 29.583}\n", "", "sites[0].location: is missing: Place on the ground"),
        (
            "credentials: gate-cameras",
            "credentials: gate-camera",
            "sites[0].monitor.credentials: no credentials 'gate-camera', did you mean 'gate-cameras'? (line 8)",
        ),
        ("rtsp://127", "rtsp://admin:s3cret@127", "sites[0].monitor.url: "),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_suggestion(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    problems = problems_of(tmp_path, GOOD.replace(old, new))
    assert any(problem.startswith(f"config.yaml: {said}") for problem in problems), problems
    assert "s3cret" not in "\n".join(problems)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = GOOD.replace("Asia/Shanghai", "Mars").replace("zone: lane", "zone: road").replace("lat: 29.583", "lat: 295")
    problems = problems_of(tmp_path, text)
    assert [problem.split(": ")[1] for problem in problems][:2] == ["timezone", "sites[0].location.lat"]


def test_zones_are_checked_also_when_another_part_of_the_site_is_wrong(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, GOOD.replace("zone: lane", "zone: road").replace("kind: yolo", "kind: jolo"))
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sites: [", "config.yaml: not valid YAML: "),
        ("name: a\nname: b\n", "config.yaml: 'name' stands twice"),
        ("- a\n- b\n", "config.yaml: must be a mapping"),
        ("just words", "config.yaml: must be a mapping"),
        ("", "config.yaml: must be a mapping"),
    ],
)
def test_what_is_not_yaml_is_refused_with_a_reason(tmp_path: Path, text: str, said: str) -> None:
    assert problems_of(tmp_path, text)[0].startswith(said)


def test_the_same_id_twice_is_refused(tmp_path: Path) -> None:
    twice = GOOD + "  - {id: wang, name: 王二}\n"
    assert problems_of(tmp_path, twice) == [
        "config.yaml: responders[1].id: id 'wang' is taken by responders[0] (line 14)"
    ]


def test_a_missing_file_and_binary_rubbish_are_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_settings(tmp_path / "nowhere.yaml", load_catalogue(), {})
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_settings(tmp_path / "config.yaml", load_catalogue(), {})


def test_secrets_come_from_file_and_environment_and_their_errors_show_none(tmp_path: Path) -> None:
    path = tmp_path / "secrets.yaml"
    path.write_text("gate-cameras: {username: a, password: from-file}\nnvr: {token: abc}\n", encoding="utf-8")
    path.chmod(0o600)
    secrets = load_secrets(path, {"YIPING_CREDENTIALS_NVR": "b:from-environment"})
    assert secrets.credentials["gate-cameras"].password.get_secret_value() == "from-file"
    assert secrets.credentials["nvr"].username == "b"
    path.write_text("gate-cameras: {username: a, pasword: s3cret}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_secrets(path, {})
    assert "gate-cameras.pasword" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def said(tmp_path: Path, old: str, new: str) -> str:
    assert old in GOOD
    return "\n".join(problems_of(tmp_path, GOOD.replace(old, new)))


LANE = "{id: lane, polygon: [[0.10, 0.55], [0.62, 0.50], [0.70, 0.90], [0.05, 0.95]]}"


def test_zones_and_desks_are_named_once(tmp_path: Path) -> None:
    twice = said(tmp_path, LANE, f"{LANE}, {{id: lane, polygon: [[0, 0], [0.1, 0], [0.1, 0.1]]}}")
    assert twice == "config.yaml: sites[0].zones[1].id: id 'lane' is taken by sites[0].zones[0] (line 10)"
    desks = said(tmp_path, "timezone:", "desks: [{id: east}, {id: west}, {id: east}]\ntimezone:")
    assert desks == "config.yaml: desks[2].id: id 'east' is taken by desks[0] (line 2)"


@pytest.mark.parametrize(
    ("corners", "sides"),
    [
        ("[[0.1, 0.1], [0.9, 0.8], [0.9, 0.1], [0.1, 0.9]]", "corner 1 cuts the side after corner 3"),
        ("[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.05], [0.1, 0.9]]", "corner 1 cuts the side after corner 3"),
    ],
)
def test_a_zone_that_crosses_itself_is_refused_with_the_sides(tmp_path: Path, corners: str, sides: str) -> None:
    text = said(tmp_path, LANE, f"{{id: lane, polygon: {corners}}}")
    assert "sites[0].zones[0]: the polygon crosses itself" in text
    assert sides in text


def test_a_zone_whose_outline_touches_itself_in_a_corner_is_refused_by_that_corner() -> None:
    corners = ((0.1, 0.1), (0.5, 0.5), (0.9, 0.1), (0.9, 0.9), (0.5, 0.5), (0.1, 0.9))
    with pytest.raises(ValidationError, match="corner 2 lies on the side after corner 4; move it off, or make two"):
        Zone(id="two", polygon=corners)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n" for before, after in itertools.pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "has more than 1,000,000 values with its aliases written out"),
        (
            "sites: &a [&b [*a, *b]]\n",
            "sites[0]: Input should be a valid dictionary or instance of SiteSettings (line 1)",
        ),
        ("a: " + "[" * 5000 + "]" * 5000, "is nested more than 60 levels deep"),
        ("a: " + "{b: " * 70 + "1" + "}" * 70, "is nested more than 60 levels deep"),
        ("a: " + "x" * 5_000_001, "has 5000004 characters, at most 5000000 are read"),
    ],
    ids=["laughs", "itself", "brackets", "mappings", "long"],
)
def test_a_file_that_would_blow_up_is_refused_at_once(tmp_path: Path, text: str, message: str) -> None:
    began_s = time.process_time()
    (problem,) = problems_of(tmp_path, text)
    assert problem == f"config.yaml: {message}"
    assert time.process_time() - began_s < 10


def test_a_key_that_stands_twice_is_named_without_its_values(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text("gate:\n  username: admin\n  password: Tr0ub4dor-1\n  password: Tr0ub4dor-2\n", encoding="utf-8")
    secrets.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load_secrets(secrets, {})
    text = "".join(traceback.format_exception(caught.value))
    assert "secrets.yaml: 'password' stands twice, in what begins in line 2: keep one of them (line 4)" in text
    assert "Tr0ub4dor" not in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('grid: "500105007003012"', "grid: 500105007003012", "sites[0].grid: must be text: write it in quotes"),
        ("[0.62, 0.50]", "[620, 500]", "corners are fractions of the picture's width and height; 960 of 1920 pixels"),
        ("lon: 106.512, lat: 29.583", "lon: 29.583, lat: 106.512", "swapped: write lon: 106.512, lat: 29.583"),
        ("lon: 106.512, lat: 29.583", "lon: 0, lat: 0", "sites[0].location: lon 0, lat 0 is no place of a district"),
        ("    grid:", "    gr\u200bid:", "no setting 'gr\\u200bid': it holds U+200B ZERO WIDTH SPACE (line 7)"),
        ("id: lane,", "id: lane\u00a0,", "begins or ends with a space, or holds a character that cannot be seen"),
        ("    grid: ", "    grid：", "the line holds '：', YAML needs ':'"),
        ("    name: 小学门口", "\tname: 小学门口", "; indent with spaces, not with tabs"),
        ("    zones: ", "    \u00a0zones: ", "U+00A0 NO-BREAK SPACE"),
    ],
)
def test_a_message_says_what_to_write(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = said(tmp_path, old, new)
    assert message in text, text


@pytest.mark.parametrize(
    ("encoding", "looks"),
    [("gb18030", "it looks like GB18030 (GBK)"), ("utf-16", "it looks like UTF-16")],
)
def test_a_file_in_another_encoding_says_which_and_what_to_do(tmp_path: Path, encoding: str, looks: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_bytes(GOOD.encode(encoding))
    with pytest.raises(ConfigError, match="save it again with the encoding UTF-8") as caught:
        load_settings(config, load_catalogue(), LOGIN)
    assert looks in str(caught.value)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_bytes(GOOD.encode("utf-8-sig"))
    assert load_settings(config, load_catalogue(), LOGIN)[0].name == "演示街道"


@pytest.mark.parametrize(
    ("mode", "good"), [(0o600, True), (0o400, True), (0o640, True), (0o644, False), (0o660, False)]
)
def test_secrets_that_others_can_read_are_refused_with_the_command_that_mends_it(
    tmp_path: Path, mode: int, good: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "secrets.yaml"
    path.write_text("nvr: {token: abc-7}\n", encoding="utf-8")
    path.chmod(mode)
    if not good:
        with pytest.raises(ConfigError, match=f"run: chmod 600 {path}"):
            load_secrets(path, {})
        return
    assert load_secrets(path, {}).credentials["nvr"].token.get_secret_value() == "abc-7"
    assert ("its group can read the secrets" in caplog.text) is (mode == 0o640)
