"""The coverage-guided fuzzer runs, counts what it has tried, and would see a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.security_fuzz import SHARES, fuzz
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def test_a_short_run_over_one_parser_crashes_nothing(tmp_path: Path) -> None:
    count, crash = fuzz("modbus", 2000, 60, 7, tmp_path)
    assert crash == ""
    assert count >= 2000
    assert sum(SHARES.values()) > 0.99


def test_a_crash_is_seen_and_its_input_kept(tmp_path: Path) -> None:
    code = (
        "import sys, bench.security_fuzz as f\n"
        "def broken(content):\n    raise IndexError(len(content))\n"
        "f._parsers = lambda folder: {'cap': broken}\n"
        f"from pathlib import Path\nf.child('cap', 10, 10, 1, Path({str(tmp_path)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, env=os.environ)
    assert done.returncode != 0
    assert b"IndexError" in done.stdout + done.stderr
    assert list(tmp_path.glob("cap-crash-*"))
    assert json.dumps(sorted(SHARES))
