"""A large file is read as a small one is: the same values, the same lines, the same words about what is wrong."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from data.config.large_yaml import LARGE_CHARACTERS, read_large
from data.config.located import ConfigError, parse_text
from tests.conftest import ROOT

FILLING = "\n" + "# nothing\n" * (LARGE_CHARACTERS // 10 + 1)


def slow(text: str) -> Any:
    return YAML(typ="rt").load(io.StringIO(text))


def lines(tree: Any) -> dict[Any, int]:
    """On which line each key or item begins, as `located.line_of` asks."""
    places = getattr(getattr(tree, "lc", None), "data", None) or {}
    return {key: place[0] for key, place in places.items()}


def parts(tree: Any) -> Iterator[Any]:
    """Every node with its type and lines, in order."""
    yield type(tree), lines(tree), None if isinstance(tree, dict | list) else tree
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from parts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from parts(value)


@pytest.mark.parametrize("name", ["config.yaml", "compose.yaml", "data/demo/cases/organisation.yaml"])
def test_our_own_files_have_the_same_values_on_the_same_lines(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8") + FILLING
    found = read_large(text)
    assert found is not None
    assert list(parts(found)) == list(parts(slow(text)))


@pytest.mark.parametrize(
    "text",
    [
        "a: yes\nb: on\nc: 012\nd: 0o14\ne: 12:30\nf: 1_000\ng: 2024-07-12\nh: ~\ni: .5\nj: 1e3\nk: null\nl: True\n",
        "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\n",
        "a: |\n  one\n  two\nb: >-\n  three\n  four\nc: 'it''s'\nd: \"\\u4e00 \\n\"\n",
        "a: {b: http://x/y, c: [1, 2, ], d: {e: }}\nf:\n- 1\n-\n- - 2\n",
        "? a\n: b\nc: d#e\nf: g #h\n",
    ],
)
def test_values_that_differ_between_the_versions_of_yaml_are_those_of_the_small_file(text: str) -> None:
    found = read_large(text + FILLING)
    assert found is not None
    assert found == slow(text)
    assert [type(value) for value in found.values()] == [type(value) for value in slow(text).values()]


@pytest.mark.parametrize(
    "text", ["a: !!str 1\n", "a: !own 1\n", "%YAML 1.1\n---\na: on\n", "a: b\tc\n", "a: b\u2028c\n"]
)
def test_what_might_be_cut_in_another_way_is_left_alone(text: str) -> None:
    assert read_large(text + FILLING) is None


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "a: [1\nb: 2\n", "a:\n  b: 1\n c: 2\n", "a: *b\n", "a: @b\n"])
def test_what_is_wrong_is_told_in_the_same_words_with_the_same_line(text: str) -> None:
    with pytest.raises(ConfigError) as small:
        parse_text(text, "config.yaml")
    with pytest.raises(ConfigError) as large:
        parse_text(text + FILLING, "config.yaml")
    assert (large.value.problems[0].line, large.value.problems[0].message[:20]) == (
        small.value.problems[0].line,
        small.value.problems[0].message[:20],
    )


SCALARS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12),
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.sampled_from(["yes", "off", "12:30", "0x1F", "1e5", "~", "=", "<<", "- a", "a: b", "#c", "'", '"', "{", "@"]),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc ü中", max_size=4), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(tree=TREES, flow=st.booleans())
def test_any_tree_is_the_same(tree: Any, flow: bool) -> None:
    writer, out = YAML(), io.StringIO()
    writer.default_flow_style = flow
    writer.dump({"tree": tree}, out)
    found = read_large(out.getvalue() + FILLING)
    assert found is None or found == slow(out.getvalue())


def test_the_last_setting_of_a_large_file_has_its_line() -> None:
    text = "a: 1\n" + "".join(f"k{number}: {{b: {number}}}\n" for number in range(6000))
    assert lines(parse_text(text, "config.yaml"))["k5999"] == 6000
