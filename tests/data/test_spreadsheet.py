"""No text from outside is run as a formula by a spreadsheet, in any export."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from data.model.spreadsheet import harmless_cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0", "\n@x", "＝1", "|x"]
)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert harmless_cell(text) == "'" + text


@pytest.mark.parametrize("value", ["underpass 5", "水位", "", "5-6", 12.5, -3, None])
def test_anything_else_stays_as_it_is(value: object) -> None:
    assert harmless_cell(value) == value


def test_every_module_that_writes_csv_makes_its_cells_harmless(root: Path) -> None:
    """A new export that forgets it fails here."""
    for floor in ("web", "layouts", "dispatch", "notices"):
        for path in sorted((root / floor).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            calls = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
            if calls & {"to_csv", "writerow", "writerows"}:
                assert "harmless_cell" in text, path
