"""The checkers of the scripts find what they are there for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scripts.node import NODE, ROOT, checks, install_packages, node_environment

BASE = """
yiping.part = (() => {
  "use strict";
  /** @param {Rest["AlertView"]} alert */
  const state = (alert) => alert.STATE;
  return { state };
})();
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the settings of the checkers and the declared types; the scripts are the test's own."""
    for name in ("biome.json", "tsconfig.json"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "layouts" / "types", tmp_path / "layouts" / "types")
    (tmp_path / "layouts" / "assets").mkdir()
    (tmp_path / "node_modules").symlink_to(install_packages(ROOT))
    return tmp_path


def check(project: Path, tool: str) -> tuple[int, str]:
    command = next(one for one in checks(project / "node_modules") if Path(one[0]).name == tool)
    done = subprocess.run(
        [NODE, *command], cwd=project, env=node_environment(), check=False, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("member", "status"), [("state", 0), ("stat", 2)])
def test_a_member_that_no_answer_of_the_server_has_is_found(project: Path, member: str, status: int) -> None:
    (project / "layouts" / "assets" / "part.js").write_text(BASE.replace("STATE", member), encoding="utf-8")
    found, said = check(project, "tsc")
    assert found == status, said
    assert ("Property 'stat' does not exist" in said) == (status != 0)


@pytest.mark.parametrize(
    ("script", "rule"),
    [
        ("debugger;\n", "lint/suspicious/noDebugger"),
        ("export const sum = (a, a) => a;\n", "lint/suspicious/noDuplicateParameters"),
        ("export const one   =   1;\n", "format"),
        ("export const one = 1;\n", ""),
    ],
)
def test_a_module_is_linted_and_its_format_is_checked(project: Path, script: str, rule: str) -> None:
    (project / "layouts" / "assets" / "part.mjs").write_text(script, encoding="utf-8")
    found, said = check(project, "biome")
    assert found == (1 if rule else 0), said
    assert rule in said
