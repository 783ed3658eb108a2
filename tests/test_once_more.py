"""What CI prints of tests that fail and pass when they are asked once more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BROKEN = """
from pathlib import Path

def test_of_chance():
    again = Path("asked")
    first = not again.exists()
    again.touch()
    assert not first, "the place came late"

def test_that_is_broken():
    assert 1 == 2

def test_that_is_well():
    pass
"""


def asked(project: Path, root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.once_more", "-p", "no:dash", *args]
    env = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)


def test_each_repeat_is_printed_with_its_first_error_and_its_second_answer(root: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").touch()
    (tmp_path / "test_some.py").write_text(BROKEN, encoding="utf-8")
    assert asked(tmp_path, root, "-p", "no:cacheprovider").returncode == 1
    (tmp_path / "asked").unlink()
    assert asked(tmp_path, root, "-n", "1").returncode == 1
    second = asked(tmp_path, root, "--once-more")
    assert second.returncode == 1
    assert "failed at first: 2, of which passed when asked once more: 1" in second.stdout
    place = "test_some.py::test_of_chance: at first (call) line 8, AssertionError: the place came late"
    assert f"\npassed: {place}\n" in second.stdout
    broken = "test_some.py::test_that_is_broken: at first (call) line 11, assert 1 == 2"
    assert f"\nFAILED AGAIN: {broken}\n" in second.stdout
    assert "test_that_is_well" not in second.stdout


def test_nine_failures_are_not_asked_once_more_and_all_are_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").touch()
    text = "".join(f"def test_{n}():\n    assert not {n + 1}\n" for n in range(9))
    (tmp_path / "test_many.py").write_text(text, encoding="utf-8")
    assert asked(tmp_path, root).returncode == 1
    second = asked(tmp_path, root, "--once-more")
    assert second.returncode == 4
    said = second.stdout + second.stderr
    assert "9 tests failed, at most 8 are asked once more" in said
    assert [
        n for n in range(9) if f"test_many.py::test_{n}: at first (call) line {2 * n + 2}, assert not" not in said
    ] == []
