"""Pages of figures: each table stands between two marks and is written by the command that measures it."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "ACCURACY.md"


def write_section(name: str, text: str, page: Path = PAGE) -> None:
    """Replace what stands between the marks of this name; of docs/ACCURACY.md where no other page is named."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, mark, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closing, after = rest.partition(end)
    if not mark or not closing:
        raise ValueError(f"{page} has no section between {begin.strip()} and {end.strip()}")
    page.write_text(f"{before}{begin}{text.rstrip()}\n{end}{after}", encoding="utf-8")
