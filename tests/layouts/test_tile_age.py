"""No tile shows a picture older than five seconds without its age over it: what the script promises, read as text."""

from __future__ import annotations

import re
from pathlib import Path


def test_a_picture_older_than_5_s_is_covered_by_its_age(root: Path) -> None:
    script = (root / "layouts" / "assets" / "33_tiles.js").read_text("utf-8")
    assert re.findall(r"const OLD_AFTER_S = (\d+);", script) == ["5"]
    assert "const old = seconds !== null && seconds > OLD_AFTER_S;" in script
    assert 'old ? t("tile.old", { age: duration(seconds) })' in script
    assert re.search(r"const all = \(\) => \{\s*tiles\.forEach\(drawAge\);", script), "every tile's age is drawn anew"
    assert "everySecond.add(all);" in script, "also while no picture comes"
