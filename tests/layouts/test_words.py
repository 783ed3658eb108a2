"""Every text is there in both languages, and no script asks for one that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data.model.alert import AlertState, Priority
from data.model.alert_life import AlertStep, Condition, Suppression, Verification
from data.model.notice import NoticeState
from data.model.people import Action, Role
from data.model.task import EventState, TaskState
from data.model.units import UNIT_OF
from dispatch.case_table import EventGuard
from layouts.words import TABLE, Words, language_of, tables

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
TRAIL = re.compile(r'_step\([^)]*?,\s*"(\w+)",\s*now', re.DOTALL)


@pytest.mark.parametrize("key", TABLE)
def test_every_word_has_both_languages_with_the_same_gaps(key: str) -> None:
    chinese, english = TABLE[key]
    assert chinese.strip()
    assert english.strip()
    assert PLACEHOLDER.findall(chinese) == PLACEHOLDER.findall(english)
    if key != "language.other":
        assert not CHINESE.search(english), "no Chinese in the English column"


def test_every_key_that_a_script_or_a_page_names_is_in_the_table(root: Path) -> None:
    named = set()
    for file in (root / "layouts").rglob("*"):
        if {"phone", "account"} & set(file.parts) or file.suffix not in {".js", ".py"}:
            continue
        text = file.read_text("utf-8")
        pattern = r'\bt\("([\w.]+)"' if file.suffix == ".js" else r'words\("([\w.]+)"'
        named |= {(file.name, key) for key in re.findall(pattern, text)}
    assert len(named) > 80
    assert {(file, key) for file, key in named if key not in TABLE} == set()


def test_every_state_role_priority_quantity_and_rule_has_its_words(root: Path) -> None:
    rules = [p.stem for p in (root / "alerts").glob("*.py") if "class Recipe(" in p.read_text("utf-8")]
    assert {"intrusion", "dwell", "threshold"} <= set(rules)
    expected = {f"state.{state}" for state in AlertState} | {f"state.short.{state}" for state in AlertState}
    expected |= {f"task.{state}" for state in TaskState} | {f"role.{role}" for role in Role}
    expected |= {f"priority.{priority}" for priority in Priority} | {f"quantity.{name}" for name in UNIT_OF}
    expected |= {f"kind.{kind}" for kind in rules}
    expected |= {
        f"{name}.{one}"
        for axis in (Condition, Suppression, Verification)
        for one in axis
        for name in [axis.__name__.lower()]
    }
    expected |= {f"notice.{state}" for state in NoticeState}
    assert expected - TABLE.keys() == set()


def test_every_step_that_the_trail_records_has_its_word(root: Path) -> None:
    steps = {step.value for step in AlertStep}
    for folder in ("alerts", "dispatch"):
        for file in (root / folder).glob("*.py"):
            steps |= set(TRAIL.findall(file.read_text("utf-8")))
    assert {"raise", "acknowledge", "accept", "verify"} <= steps
    assert {f"audit.{step}" for step in steps} - TABLE.keys() == set()
    assert Action.VERIFY.value == "verify"


def test_every_refusal_that_says_its_key_has_its_sentence(root: Path) -> None:
    keys = {f"case.{condition.value}" for condition in EventGuard}
    for folder in ("alerts", "dispatch", "data/model"):
        for file in (root / folder).glob("*.py"):
            keys |= set(re.findall(r'key="([a-z_.]+)"', file.read_text("utf-8")))
    moves = (root / "alerts" / "moves.py").read_text("utf-8")
    keys |= {f"alert.{key}" for key in re.findall(r'Why\((?:f?"[^"]*"), "(\w+)"', moves)} | {"alert.now"}
    keys |= {f"offer.{how}" for how in ("declined", "expired", "withdrawn", "answered")}
    assert {"alert.acknowledged", "alert.over", "task.state", "nobody", "role"} <= keys
    assert {f"refused.{key}" for key in keys} - TABLE.keys() == set()
    assert {f"event.{state}" for state in EventState} - TABLE.keys() == set()


def test_a_cookie_chooses_the_language_and_nonsense_does_not() -> None:
    assert language_of("en", "zh") == "en"
    assert language_of("fr", "zh") == "zh"
    assert language_of(None, "en") == "en"
    assert Words("zh")("age.s", n=7) == "7 秒前"
    assert Words("en").other == "zh"
    assert tables()["en"]["page.wall"] == "Wall"
