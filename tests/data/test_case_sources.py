"""Mappings of other systems' messages: checked when they are saved, each mistake told by file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from data.config.case_sources import CaseSource, compiled_path, source_named, value_at
from data.config.reading import ConfigError, load_settings
from data.config.settings import Settings
from data.model.people import Role
from engine.catalogue import load_catalogue

PACK = """\
zh: 反诈
en: Fraud
about: {zh: 试验, en: A trial.}
case_sources:
  - id: fraud
    zh: 反诈预警
    en: Fraud warning
    kind: fraud_warning
    external_id: $.id
    location: {lon: 106.5, lat: 29.5}
    description: [{zh: 类型, en: Kind, path: $.kind}]
    personal:
      - {id: name, zh: 姓名, en: Name, path: $.victim.name, roles: [duty_officer]}
    call_out:
      - {zh: 电话, en: Call, within: 5min, to: [{level: community}]}
"""
MAPPING: dict[str, Any] = {
    "id": "fraud", "zh": "反诈预警", "en": "Fraud warning", "kind": "fraud_warning", "external_id": "$.id",
    "location": {"lon": 106.5, "lat": 29.5},
}  # fmt: skip


def read(folder: Path, pack: str, config: str = "applications: [./packs/fraud]\n") -> Settings:
    (folder / "packs" / "fraud").mkdir(parents=True, exist_ok=True)
    (folder / "packs" / "fraud" / "application.yaml").write_text(pack, "utf-8")
    (folder / "config.yaml").write_text(config, "utf-8")
    return load_settings(folder / "config.yaml", load_catalogue(), {})[0]


def test_a_packs_mapping_is_in_force_and_one_of_the_same_id_in_config_yaml_counts_more(tmp_path: Path) -> None:
    packed = source_named(read(tmp_path, PACK).case_sources, "fraud")
    assert packed is not None
    assert (packed.kind, packed.keep.days, packed.personal[0].roles) == ("fraud_warning", 30, (Role.DUTY_OFFICER,))
    own = """\
applications: [./packs/fraud]
case_sources:
  - {id: fraud, zh: 自己的, en: Our own, kind: own, external_id: $.no, location: {lon: 106.5, lat: 29.5}}
"""
    assert [(one.id, one.kind) for one in read(tmp_path, PACK, own).case_sources] == [("fraud", "own")]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ("$.victim.name", "$..name", 13, "may name more than one value"),
        ("$.id", "id", 9, "is no JSONPath"),
        ("roles: [duty_officer]", "roles: [mayor]", 13, "roles"),
        ("roles: [duty_officer]", "roles: [source]", 13, "is no person's role"),
        ("within: 5min", "within: soon", 15, "within"),
        ("path: $.kind", "path: $.victim.name", 5, "is personal, and is shown to everybody as well"),
    ],
)
def test_a_mistake_in_a_mapping_is_told_by_the_packs_file_and_line(
    tmp_path: Path, right: str, wrong: str, line: int, said: str
) -> None:
    assert right in PACK
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, PACK.replace(right, wrong))
    assert any(
        one.file == "fraud/application.yaml" and one.line == line and said in f"{one.path} {one.message}"
        for one in refused.value.problems
    ), refused.value.problems


@pytest.mark.parametrize(
    "path", ["$..a", "$.a[*]", "$.a[0,1]", "$.a[?@.b == 1]", "$.a[?match(@.b, '(a+)+$')]", "a", "$."]
)
def test_only_paths_to_a_single_value_are_taken_so_that_no_message_makes_one_expensive(path: str) -> None:
    with pytest.raises(ValueError, match=r"may name more than one value|is no JSONPath"):
        compiled_path(path)


def test_a_path_finds_its_value_and_nothing_where_there_is_none() -> None:
    document = {"a": [{"b c": 3}], "n": None}
    assert value_at(document, "$.a[0]['b c']") == 3
    assert value_at(document, "$.a[1]['b c']") is None
    assert value_at(document, "$.n") is None


def test_longitude_needs_latitude_and_ids_of_personal_values_stand_once() -> None:
    with pytest.raises(ValidationError, match="write both, or neither"):
        CaseSource.model_validate(MAPPING | {"lon": "$.lon"})
    name = {"id": "name", "zh": "姓名", "en": "Name", "path": "$.name", "roles": ["operator"]}
    with pytest.raises(ValidationError, match="stands there twice"):
        CaseSource.model_validate(MAPPING | {"personal": [name, name | {"path": "$.other"}]})
