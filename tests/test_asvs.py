"""docs/asvs.md has every requirement of ASVS 4.0.3 level 2 once, and the tests that it names exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Section: the requirements of levels 1 and 2 in it, by the numbers of the standard.
REQUIREMENTS = {
    "1.1": (1, 2, 3, 4, 5, 6, 7),
    "1.2": (1, 2, 3, 4),
    "1.4": (1, 4, 5),
    "1.5": (1, 2, 3, 4),
    "1.6": (1, 2, 3, 4),
    "1.7": (1, 2),
    "1.8": (1, 2),
    "1.9": (1, 2),
    "1.10": (1,),
    "1.11": (1, 2),
    "1.12": (2,),
    "1.14": (1, 2, 3, 4, 5, 6),
    "2.1": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
    "2.2": (1, 2, 3),
    "2.3": (1, 2, 3),
    "2.4": (1, 2, 3, 4, 5),
    "2.5": (1, 2, 3, 4, 5, 6, 7),
    "2.6": (1, 2, 3),
    "2.7": (1, 2, 3, 4, 5, 6),
    "2.8": (1, 2, 3, 4, 5, 6, 7),
    "2.9": (1, 2, 3),
    "2.10": (1, 2, 3, 4),
    "3.1": (1,),
    "3.2": (1, 2, 3, 4),
    "3.3": (1, 2, 3, 4),
    "3.4": (1, 2, 3, 4, 5),
    "3.5": (1, 2, 3),
    "3.7": (1,),
    "4.1": (1, 2, 3, 5),
    "4.2": (1, 2),
    "4.3": (1, 2, 3),
    "5.1": (1, 2, 3, 4, 5),
    "5.2": (1, 2, 3, 4, 5, 6, 7, 8),
    "5.3": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    "5.4": (1, 2, 3),
    "5.5": (1, 2, 3, 4),
    "6.1": (1, 2, 3),
    "6.2": (1, 2, 3, 4, 5, 6),
    "6.3": (1, 2),
    "6.4": (1, 2),
    "7.1": (1, 2, 3, 4),
    "7.2": (1, 2),
    "7.3": (1, 3, 4),
    "7.4": (1, 2, 3),
    "8.1": (1, 2, 3, 4),
    "8.2": (1, 2, 3),
    "8.3": (1, 2, 3, 4, 5, 6, 7, 8),
    "9.1": (1, 2, 3),
    "9.2": (1, 2, 3, 4),
    "10.2": (1, 2),
    "10.3": (1, 2, 3),
    "11.1": (1, 2, 3, 4, 5, 6, 7, 8),
    "12.1": (1, 2, 3),
    "12.2": (1,),
    "12.3": (1, 2, 3, 4, 5, 6),
    "12.4": (1, 2),
    "12.5": (1, 2),
    "12.6": (1,),
    "13.1": (1, 3, 4, 5),
    "13.2": (1, 2, 3, 5, 6),
    "13.3": (1, 2),
    "13.4": (1, 2),
    "14.1": (1, 2, 3, 4),
    "14.2": (1, 2, 3, 4, 5, 6),
    "14.3": (2, 3),
    "14.4": (1, 2, 3, 4, 5, 6, 7),
    "14.5": (1, 2, 3, 4),
}
STATES = {"met", "exception", "n/a"}
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


def rows() -> list[tuple[str, ...]]:
    """Number, words, state, test and remark of each row."""
    found = _ROW.findall((ROOT / "docs" / "asvs.md").read_text("utf-8"))
    return [tuple(cell.strip() for cell in row) for row in found]


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_requirement_of_level_2_stands_in_the_table_once_and_in_order() -> None:
    wanted = [f"{section}.{number}" for section, numbers in REQUIREMENTS.items() for number in numbers]
    assert len(wanted) == 259
    assert [row[0] for row in rows()] == wanted


def test_each_row_is_met_by_a_test_that_exists_or_says_why_not() -> None:
    known: dict[str, set[str]] = {}
    for number, words, state, test, remark in rows():
        assert words, number
        assert state in STATES, number
        assert state == "met" or remark, f"{number}: an exception needs its reason"
        assert test or remark, f"{number}: shown by nothing"
        for named in re.findall(r"`([^`]+)`", test):
            file, _, name = named.partition("::")
            assert (ROOT / file).is_file(), f"{number}: there is no {file}"
            known.setdefault(file, names_in(ROOT / file))
            assert name.startswith("test_"), f"{number}: {named} names no test"
            assert name in known[file], f"{number}: there is no {named}"


def test_the_figures_in_security_md_are_those_of_the_table() -> None:
    text = " ".join((ROOT / "docs" / "SECURITY.md").read_text("utf-8").split())
    states = [row[2] for row in rows()]
    met, exceptions, absent = (states.count(state) for state in ("met", "exception", "n/a"))
    assert f"{met} are met, {exceptions} are exceptions with their reason, {absent} are about things" in text
