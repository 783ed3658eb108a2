"""Application packs: data from a folder, merged before anything is checked; a mistake has the pack's file and line."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import pytest

from data.config.difference import differences
from data.config.document import document_of
from data.config.located import parse
from data.config.reading import ConfigError, DocumentReader, load_settings
from data.config.settings import Settings
from engine.catalogue import load_catalogue

CONFIG = """\
name: 江边
applications: [./packs/gas]
sites:
  - {id: tank-1, name: 一号池, location: {lon: 106.5, lat: 29.5}, template: tank}
  - id: tank-2
    name: 二号池
    location: {lon: 106.6, lat: 29.5}
    template: tank
    profile: our_own
    rules: [{kind: threshold, id: methane, quantity: methane, above: 40, priority: P2}]
responders:
  - {id: wang, name: 王强, skills: [gas], location: {lon: 106.51, lat: 29.58}}
"""
HEAD = """\
zh: 气体
en: Gas
about: {zh: 试验, en: A trial.}
owner: safety
templates:
  tank:
    profile: tank
    rules:
      - {kind: threshold, id: methane, quantity: methane, above: 20, priority: P1}
      - {kind: threshold, id: oxygen, quantity: oxygen, below: 19.5}
    respond:
      rules: [methane]
      tasks_when: probable
      send: [{zh: 警戒, en: Cordon, skills: [gas], checklist: [禁火 / No flame]}]
skills: {oxygen: [gas]}
categories:
  - {kind: gas, zh: 气体, en: Gas}
"""
PLAN = """\
plans:
  - id: gas
    zh: 气体处置
    en: Gas
    alerts: [{rules: [methane], start: ask}]
    steps:
      - {id: pump, zh: 抽排, en: Pump, marks: [tank], only_alerting: true, to: nearest, skills: [gas]}
call_lists:
  near: {file: near.csv}
"""


def write(folder: Path, head: str = HEAD, plan: str = PLAN, config: str = CONFIG) -> Path:
    pack = folder / "packs" / "gas"
    pack.mkdir(parents=True)
    (pack / "application.yaml").write_text(head, "utf-8")
    (pack / "plan.yaml").write_text(plan, "utf-8")
    (pack / "near.csv").write_text("name\n学校\n", "utf-8")
    (folder / "config.yaml").write_text(config, "utf-8")
    return folder / "config.yaml"


def read(config: Path) -> Settings:
    return load_settings(config, load_catalogue(), {})[0]


def problems(config: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(config)
    return [str(problem) for problem in refused.value.problems]


def test_a_site_has_what_its_template_says_and_what_it_says_itself_counts_more(tmp_path: Path) -> None:
    settings = read(write(tmp_path))
    one, two = settings.sites
    assert [(rule.name, rule.priority) for rule in one.rules] == [("methane", "P1"), ("oxygen", "P3")]
    assert [(rule.name, rule.priority) for rule in two.rules] == [("methane", "P2"), ("oxygen", "P3")]
    assert (one.profile, two.profile) == ("tank", "our_own")
    places = {place.id: place for place in settings.fusion.places}
    assert {name: place.send[0].title for name, place in places.items()} == {"tank-1": "警戒", "tank-2": "警戒"}
    assert places["tank-1"].tasks_when == "probable"
    assert settings.dispatch.skills == {"oxygen": ("gas",)}
    assert [plan.id for plan in settings.plans.plans] == ["gas"]
    assert [call.name for call in settings.plans.call_lists["near"].calls] == ["学校"]
    (application,) = settings.applications
    assert (application.id, application.zh, application.owner) == ("gas", "气体", "safety")
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_titles_of_its_tasks_are_in_the_language_of_the_city(tmp_path: Path) -> None:
    settings = read(write(tmp_path, config=CONFIG + "language: en\n"))
    assert settings.fusion.places[0].send[0].title == "Cordon"


def test_what_config_yaml_says_of_a_site_s_fusion_and_of_skills_counts_more(tmp_path: Path) -> None:
    own = "fusion: {places: [{id: tank-1, rules: [oxygen]}]}\ndispatch: {skills: {oxygen: [diver]}}\n"
    settings = read(write(tmp_path, config=CONFIG + own))
    assert {place.id: place.rules for place in settings.fusion.places} == {
        "tank-1": ("oxygen",), "tank-2": ("methane",),
    }  # fmt: skip
    assert settings.dispatch.skills == {"oxygen": ("diver",)}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("quantity: methane", "quantity: methan",
         "templates.tank.rules[0]: quantity: no quantity 'methan', did you mean 'methane'? (line 9)"),
        ("kind: threshold, id: oxygen", "kind: treshold, id: oxygen",
         "gas/application.yaml: templates.tank.rules[1].kind: no rule 'treshold', did you mean 'threshold'? (line 10)"),
        ("below: 19.5}", "below: low}", "gas/application.yaml: templates.tank.rules[1].below: "),
        ("zh: 气体\nen: Gas\n", "zh: 气体\n", "gas/application.yaml: en: is missing: Name in English."),
        ("zh: 警戒, ", "", "gas/application.yaml: templates.tank.respond.send[0].zh: is missing"),
        ("rules: [methane]\n      tasks", "rules: [methan]\n      tasks", "the template has no rule 'methan'"),
        ("profile: tank", "profil: tank", "gas/application.yaml: templates.tank.profil: no setting 'profil'"),
        ("kind: gas, zh: 气体,", "kind: gas,", "gas/application.yaml: categories[0].zh: is missing"),
        ("owner: safety", "owner: [safety", "gas/application.yaml: not valid YAML"),
        ("owner: safety", "plans: []", "gas/plan.yaml: plans: stands in gas/application.yaml already"),
        ("about: {", "abuot: {", "gas/application.yaml: abuot: no setting 'abuot', did you mean 'about'? (line 3)"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_the_pack_s_file_and_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in HEAD
    found = problems(write(tmp_path, head=HEAD.replace(old, new, 1)))
    assert any(said in problem for problem in found), found
    assert all(problem.startswith("gas/") for problem in found), "and nothing else is blamed"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rules: [methane]", "rules: [methan]",
         "gas/plan.yaml: plans[0].alerts[0].rules[0]: no rule 'methan', did you mean 'methane'? (line 5)"),
        ("zh: 抽排, ", "", "gas/plan.yaml: plans[0].steps[0].zh: is missing: Title in Chinese. (line 7)"),
        ("to: nearest, ", "", "skills: belong to `to: nearest`"),
        ("file: near.csv", "file: far.csv", "gas/plan.yaml: call_lists.near: far.csv cannot be read: "),
        ("file: near.csv", "file: ../../config.yaml", "gas/plan.yaml: call_lists.near: ../../config.yaml lies outside"),
    ],
)  # fmt: skip
def test_a_mistake_of_its_plan_is_named_with_file_and_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PLAN
    found = problems(write(tmp_path, plan=PLAN.replace(old, new, 1)))
    assert any(said in problem for problem in found), found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[./packs/gas]", "[gas]", "config.yaml: applications[0]: no application 'gas'; those that come with"),
        ("[./packs/gas]", "[./packs/none]", "applications[0]: there is no folder ./packs/none (line 2)"),
        ("[./packs/gas]", "[../gas]", "applications[0]: ../gas lies outside of the folder of config.yaml"),
        ("[./packs/gas]", "[/etc/ssl]", "applications[0]: /etc/ssl lies outside of the folder of config.yaml"),
        ("[./packs/gas]", "[./packs/gas, ./packs/gas]", "applications[1]: an application 'gas' stands there already"),
        ("[./packs/gas]", "[{id: gas}]", "applications[0]: write the name of a pack"),
        (
            "template: tank}",
            "template: tanks}",
            "sites[0].template: no template 'tanks', did you mean 'tank'? (line 4)",
        ),
    ],
)
def test_a_pack_that_cannot_be_used_is_named_where_config_yaml_names_it(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    found = problems(write(tmp_path, config=CONFIG.replace(old, new, 1)))
    assert any(said in problem for problem in found), found


def test_two_packs_may_not_have_templates_of_one_name(tmp_path: Path) -> None:
    config = write(tmp_path, config=CONFIG.replace("[./packs/gas]", "[./packs/gas, ./packs/more]"))
    more = tmp_path / "packs" / "more"
    more.mkdir()
    head, _, _ = HEAD.partition("\nskills:")
    (more / "all.yaml").write_text(head, "utf-8")
    assert problems(config) == ["more/all.yaml: templates.tank: a template 'tank' is in the pack gas already (line 6)"]


def test_a_pack_runs_no_code_and_names_no_files(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    tagged = HEAD.replace("owner: safety", f'owner: !!python/object/apply:os.system ["touch {touched}"]')
    assert any("owner" in problem for problem in problems(write(tmp_path / "a", head=tagged)))
    assert not touched.exists()
    weights = "    detectors: [{kind: flood_extent, zone: z, references: [a.jpg, b.jpg], fixed: [w]}]\n    rules:\n"
    found = problems(write(tmp_path / "b", head=HEAD.replace("    rules:\n", weights, 1)))
    assert any(
        problem.startswith("gas/application.yaml: templates.tank.detectors[0]: a pack names no files, but")
        for problem in found
    ), found


def test_a_document_of_the_store_names_packs_too(tmp_path: Path) -> None:
    config = write(tmp_path)
    machine = Settings(config="screen")
    document = document_of(parse(config))
    assert document["applications"] == ["./packs/gas"], "the store keeps the name; the pack stays on the disk"
    read_back = DocumentReader(machine, load_catalogue(), base_dir=tmp_path).read(document)
    assert [rule.name for rule in read_back.sites[0].rules] == ["methane", "oxygen"]


def test_the_demo_series_of_septic_tanks_rises_over_a_fifth_of_the_explosive_limit_and_falls(root: Path) -> None:
    with (root / "data/applications/septic_tanks/demo/methane.csv").open(encoding="utf-8") as file:
        values = [float(row["value"]) for row in csv.DictReader(file)]
    assert values[0] < 4
    assert max(values) > 20
    assert values[-1] < 4


@pytest.mark.parametrize("name", ["muck_trucks", "septic_tanks"])
def test_a_pack_added_to_a_copy_of_the_demo_city_by_one_line_changes_nothing_else(
    root: Path, tmp_path: Path, name: str
) -> None:
    text = (root / "config.yaml").read_text("utf-8")
    (tmp_path / "data").symlink_to(root / "data")
    config = tmp_path / "config.yaml"
    config.write_text(text, "utf-8")
    before = read(config)
    config.write_text(f"{text}\napplications: [{name}]\n", "utf-8")
    after = read(config)
    (application,) = after.applications
    assert application.about.zh
    assert application.about.en
    own = {f"plans.plans[{plan.id}]" for plan in application.plans}
    assert {difference.path for difference in differences(before, after)} - own == {"applications"}
    assert (after.sites, after.responders, after.fusion) == (before.sites, before.responders, before.fusion)
