"""Inspections in config.yaml and in packs: merged, with every mistake named by file and line."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from data.config.inspections import Season
from data.config.reading import ConfigError, load_settings
from data.config.settings import Settings
from engine.catalogue import load_catalogue

CONFIG = """\
name: 江边
applications: [./packs/shops]
inspections:
  files: [places.csv]
  types:
    shop:
      zh: 商铺
      en: Shop
      every: 10d
      checklist: [{id: exit, zh: 出口, en: Exit}]
"""
PACK = """\
zh: 商铺
en: Shops
about: {zh: 试验, en: A trial.}
categories:
  - {kind: blocked_exit, zh: 出口堵塞, en: Blocked exit}
inspections:
  types:
    shop:
      zh: 商铺
      en: Shop
      every: 30d
      checklist:
        - {id: exit, zh: 出口, en: Exit, hazard: {kind: blocked_exit}}
    hotel:
      zh: 旅馆
      en: Hotel
      every: 30d
      seasons: [{begins: "06-01", ends: "09-30", every: 15d}]
      checklist:
        - {id: exit, zh: 出口, en: Exit, hazard: {kind: blocked_exit}}
        - {id: alarm, zh: 烟感, en: Smoke alarm}
"""
PLACES = (
    "id,name,type,lon,lat,grid,note\na-1,一号店,shop,106.51,29.58,500105007003012,二楼\na-2,旅馆,hotel,106.52,29.58,,\n"
)


def write(folder: Path, pack: str = PACK, config: str = CONFIG, places: str = PLACES) -> Path:
    (folder / "packs" / "shops").mkdir(parents=True)
    (folder / "packs" / "shops" / "application.yaml").write_text(pack, "utf-8")
    (folder / "places.csv").write_text(places, "utf-8")
    (folder / "config.yaml").write_text(config, "utf-8")
    return folder / "config.yaml"


def read(config: Path) -> Settings:
    return load_settings(config, load_catalogue(), {})[0]


def problems(config: Path) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(config)
    return [str(problem) for problem in refused.value.problems]


def test_types_of_a_pack_and_of_config_yaml_are_one_and_config_yaml_counts_more(tmp_path: Path) -> None:
    book = read(write(tmp_path)).inspections
    assert (book.types["shop"].every, book.types["hotel"].every) == (timedelta(days=10), timedelta(days=30))
    assert [(place.id, place.type, place.grid, place.note) for place in book.places] == [
        ("a-1", "shop", "500105007003012", "二楼"),
        ("a-2", "hotel", "", ""),
    ]
    assert book.types["hotel"].every_on(date(2026, 9, 30)) == timedelta(days=15)
    assert book.types["hotel"].every_on(date(2026, 10, 1)) == timedelta(days=30)


def test_a_season_may_go_over_the_new_year() -> None:
    winter = Season.model_validate({"begins": "12-01", "ends": "02-28", "every": "7d"})
    days = (date(2026, 11, 30), date(2026, 12, 1), date(2027, 1, 15), date(2027, 2, 28), date(2027, 3, 1))
    assert [winter.includes(day) for day in days] == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("every: 30d\n      seasons", "every: 30\n      seasons",
         "shops/application.yaml: inspections.types.hotel.every: a duration needs a unit"),
        ('begins: "06-01"', 'begins: "06-31"', "seasons[0].begins: 06-31 is no day of the year"),
        ("id: alarm", "id: exit", "inspections.types.hotel: item ids must differ; exit stands there twice"),
        ("zh: 烟感, ", "", "shops/application.yaml: inspections.types.hotel.checklist[1].zh: is missing"),
        ("hazard: {kind: blocked_exit}}\n    hotel", "hazard: {kind: blocked_exits}}\n    hotel",
         "inspections.types.shop.checklist[0].hazard.kind: no category 'blocked_exits' in the pack, did you mean "
         "'blocked_exit'? (line 13)"),
        ("every: 30d\n      seasons", "evry: 30d\n      seasons", "no setting 'evry' (line 17)"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_pack_is_named_with_its_file_and_line_and_nothing_else_is_blamed(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in PACK
    found = problems(write(tmp_path, pack=PACK.replace(old, new, 1)))
    assert any(said in problem for problem in found), found
    assert all(problem.startswith("shops/application.yaml: ") and "(line " in problem for problem in found), found


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ("id,name,type,lon\n", "places.csv: has no column lat in its first line"),
        (PLACES.replace("106.52", "east"), "places.csv: line 3: location.lon: Input should be a valid number"),
        (PLACES.replace("a-2", "A 2"), "places.csv: line 3: id: "),
        (PLACES.replace("a-2", "a-1"), "places.csv, line 3: id 'a-1' is taken"),
        (PLACES.replace("hotel", "hotle"), "places.csv, line 3: no type 'hotle', did you mean 'hotel'?"),
    ],
)
def test_a_mistake_in_a_table_of_places_is_named_with_its_line(tmp_path: Path, places: str, said: str) -> None:
    (found,) = problems(write(tmp_path, places=places))
    assert found.startswith("config.yaml: inspections.files[0]: ")
    assert said in found


def test_a_table_that_is_not_there_and_one_outside_of_the_pack_are_refused(tmp_path: Path) -> None:
    config = write(tmp_path, pack=PACK.replace("inspections:\n", "inspections:\n  files: [../../places.csv]\n", 1))
    assert any("lies outside of the pack's folder" in problem for problem in problems(config))
    (tmp_path / "places.csv").unlink()
    assert any("places.csv: cannot be read: No such file" in problem for problem in problems(config))


def test_two_packs_do_not_share_the_name_of_a_type(tmp_path: Path) -> None:
    config = write(tmp_path, config=CONFIG.replace("[./packs/shops]", "[./packs/shops, ./packs/more]"))
    (tmp_path / "packs" / "more").mkdir()
    (tmp_path / "packs" / "more" / "application.yaml").write_text(PACK, "utf-8")
    found = [problem for problem in problems(config) if "is in the pack shops already" in problem]
    assert len(found) == 2


def test_the_pack_of_small_premises_has_nine_types_and_a_sample_of_three_hundred(root: Path, tmp_path: Path) -> None:
    sample = root / "data" / "applications" / "small_premises" / "demo" / "premises.csv"
    config = "name: 试验\napplications: [small_premises]\ninspections: {files: [places.csv]}\n"
    book = read(write(tmp_path, config=config, places=sample.read_text("utf-8"))).inspections
    assert len(book.types) == 9
    assert len(book.places) == 300
    assert {place.type for place in book.places} == set(book.types)
