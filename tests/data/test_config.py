"""config.yaml: every problem is found at once, with its path, its line and a suggestion."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from data.config import ConfigError, load_secrets, load_settings
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
        ("name: a\nname: b\n", "config.yaml: not valid YAML: found duplicate key"),
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
    secrets = load_secrets(path, {"YIPING_CREDENTIALS_NVR": "b:from-environment"})
    assert secrets.credentials["gate-cameras"].password.get_secret_value() == "from-file"
    assert secrets.credentials["nvr"].username == "b"
    path.write_text("gate-cameras: {username: a, pasword: s3cret}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_secrets(path, {})
    assert "gate-cameras.pasword" in str(caught.value)
    assert "s3cret" not in str(caught.value)
