"""VAR is for its owner alone, also one that an earlier version has made."""

from __future__ import annotations

import stat
from pathlib import Path

from engine.run import keep_private


def test_a_folder_that_everybody_could_read_is_closed(tmp_path: Path) -> None:
    var = tmp_path / "var"
    (var / "evidence").mkdir(parents=True, mode=0o755)
    (var / "yiping.db").touch(mode=0o644)
    (tmp_path / "outside").touch(mode=0o644)
    (var / "link").symlink_to(tmp_path / "outside")
    keep_private(var)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (var, *var.iterdir())}
    assert modes == {"var": 0o700, "evidence": 0o700, "yiping.db": 0o600, "link": 0o644}
