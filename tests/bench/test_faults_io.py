"""One read, write or flush fails, of every twentieth: nothing promised is lost. `make faults` takes every one."""

from __future__ import annotations

import shutil

import pytest

from bench.faults_io import MODES, run_io


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whichever_call_on_a_file_fails_what_was_promised_is_there_and_whole() -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to build the library that lets calls fail")
    result = run_io(20)
    print(result)
    assert result.lost == []
    assert result.damage == []
    assert result.by_mode.keys() == MODES.keys()
    assert result.io_faults >= 40
