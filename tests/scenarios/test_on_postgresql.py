"""One whole scenario on PostgreSQL with the tests; `make scenarios-postgres` walks all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.postgres import binaries
from tests.stores import CHOSEN, on_postgresql


@pytest.mark.scenario
@pytest.mark.server
@pytest.mark.skipif(on_postgresql(), reason="this run is on PostgreSQL already")
def test_a_complaint_is_handled_to_the_end_on_postgresql_by_the_same_test(root: Path) -> None:
    if binaries() is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/scenarios/test_s7_shop.py"],
        cwd=root,
        env={**os.environ, CHOSEN: "postgresql"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
