"""Plans, places and call lists read from YAML and CSV; every mistake with its file, place and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.config.plans import NoticeStep, PinStep, TaskStep
from data.config.reading import ConfigError, load_settings
from engine.catalogue import load_catalogue

CONFIG = """\
name: 江边
plans: {files: [plans/crest.yaml]}
sites:
  - {id: quay, name: 码头, location: {lon: 106.5, lat: 29.5}, profile: riverbank}
"""
PLAN = """\
plans:
  - id: crest
    zh: 洪峰值守
    en: Crest
    mode: flood-crest
    steps:
      - {id: lock, zh: 锁门, en: Lock, places: [steps], photo: true}
      - {id: call, zh: 通知, en: Call, calls: shops}
      - {id: pin, do: pin, sites: [quay]}
places:
  - {id: steps, name: 梯坎, location: {lon: 106.5, lat: 29.5}}
call_lists:
  shops: {file: shops.csv, calls: [{name: 茶馆}]}
"""


def write(folder: Path, config: str = CONFIG, plan: str = PLAN, shops: str = "name,phone\n张记,000-1\n") -> Path:
    (folder / "plans").mkdir()
    (folder / "config.yaml").write_text(config, "utf-8")
    (folder / "plans/crest.yaml").write_text(plan, "utf-8")
    (folder / "plans/shops.csv").write_text(shops, "utf-8-sig")  # as spreadsheets write it
    return folder / "config.yaml"


def problems(config: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load_settings(config, load_catalogue(), {})
    return [str(problem) for problem in refused.value.problems]


def test_a_plan_file_is_read_with_its_places_and_its_call_list(tmp_path: Path) -> None:
    settings, _ = load_settings(write(tmp_path), load_catalogue(), {})
    (plan,) = settings.plans.plans
    assert [type(step) for step in plan.steps] == [TaskStep, TaskStep, PinStep]
    assert [place.id for place in settings.plans.places] == ["steps"]
    assert [call.line for call in settings.plans.call_lists["shops"].calls] == ["茶馆", "张记 · 000-1"]
    assert settings.plans.of_mode("flood-crest") == plan


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("zh: 锁门, ", "", "crest.yaml: plans[0].steps[0].zh: is missing: Title in Chinese. (line 7)"),
        ("photo: true", "foto: true", "crest.yaml: plans[0].steps[0].foto: no setting 'foto'"),
        ("places: [steps]", "places: [step]", "crest.yaml: plans[0].steps[0].places[0]: no site or place 'step'"),
        ("calls: shops", "calls: shop", "crest.yaml: plans[0].steps[1].calls: no call list 'shop'"),
        ("sites: [quay]", "sites: [key]", "crest.yaml: plans[0].steps[2].sites[0]: no site 'key'"),
        ("id: call", "id: lock", "plans[0]: step ids must differ; lock stands there twice"),
        ("do: pin", "do: sing", "do: is none of task, notice, pin"),
        (", calls: shops}", "}", "give `marks` or `places`, or else `calls`"),
        ("id: steps", "id: quay", "crest.yaml: places[0].id: id 'quay' is taken (line 11)"),
        ("file: shops.csv", "file: none.csv", "crest.yaml: call_lists.shops: none.csv cannot be read"),
        ("en: Crest\n", "en: Crest\n    alerts: [{rules: [stage]}]\n", "plans[0].alerts[0].rules[0]: no rule 'stage'"),
        ("do: pin, sites: [quay]", "do: notice, channels: [horn], text: 请撤离", "no channel 'horn'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PLAN
    found = problems(write(tmp_path, plan=PLAN.replace(old, new)))
    assert any(said in problem for problem in found), found


def test_a_bad_row_of_a_call_list_is_named_by_its_line(tmp_path: Path) -> None:
    found = problems(write(tmp_path, shops="name,phone\n张记,000-1\n,000-2\n"))
    assert found == [
        "crest.yaml: call_lists.shops: shops.csv, line 3: name: String should have at least 1 character (line 13)"
    ]
    (tmp_path / "plans/shops.csv").write_text("tel\n1\n")
    assert "has no column `name`" in problems(tmp_path / "config.yaml")[0]
    (tmp_path / "plans/shops.csv").write_text(f"name\n{'x' * 200_000}\n")
    assert "shops.csv is no CSV: field larger than field limit" in problems(tmp_path / "config.yaml")[0]


def test_a_missing_plan_file_is_named_where_the_config_names_it(tmp_path: Path) -> None:
    found = problems(write(tmp_path, config=CONFIG.replace("crest.yaml", "no.yaml")))
    assert "no.yaml: cannot be read: No such file or directory" in found
    assert "config.yaml: plans.files[0]: plans/no.yaml cannot be used (line 2)" in found


def test_a_plan_may_stand_in_the_config_itself(tmp_path: Path) -> None:
    inline = CONFIG.replace(
        "plans: {files: [plans/crest.yaml]}",
        "plans: {plans: [{id: a, zh: 甲, en: A, steps: [{id: s, zh: 查, en: Look, marks: [riverbank], sites: [x]}]}]}",
    )
    assert problems(write(tmp_path, config=inline))[0].startswith(
        "config.yaml: plans.plans[0].steps[0].sites: no setting"
    )
    assert NoticeStep.model_fields["do"].is_required()
