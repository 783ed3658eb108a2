"""Every page is reached from the index, and no link of ours leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest


def links(page: Path) -> Iterator[tuple[str, Path]]:
    """The links of a page to files of ours: as written, and where they lead."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            yield target, (page.parent / target.split("#")[0]).resolve()


def headings(page: Path) -> set[str]:
    """The anchors of a page, as code hosts make them from its headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in found}


def pages(root: Path) -> list[Path]:
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def test_every_page_is_reached_from_the_index(root: Path) -> None:
    reached, open_pages = set[Path](), [root / "docs" / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in reached:
            continue
        reached.add(page)
        open_pages += [target for _, target in links(page) if target.suffix == ".md" and target.is_file()]
    assert [page.relative_to(root).as_posix() for page in pages(root) if page not in reached] == []
    index = {target for _, target in links(root / "docs" / "adr" / "README.md")}
    assert [path.name for path in sorted((root / "docs" / "adr").glob("0*.md")) if path not in index] == []


def test_no_link_leads_nowhere(root: Path) -> None:
    broken = []
    for page in pages(root):
        for written, target in links(page):
            anchor = written.partition("#")[2]
            there = target.exists() and (not anchor or target.suffix != ".md" or anchor in headings(target))
            if not there:
                broken.append(f"{page.relative_to(root)}: {written}")
    assert broken == []


@pytest.mark.parametrize("name", ["README.md", "README.en.md"])
def test_both_readmes_lead_to_the_index(root: Path, name: str) -> None:
    assert root / "docs" / "README.md" in {target for _, target in links(root / name)}
