"""A short run of schemathesis over the whole API (the long one: `python -m bench.security_schemathesis`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.security_schemathesis import attack, served
from data.model.people import Role


@pytest.mark.slow
@pytest.mark.parametrize("role", [Role.DUTY_OFFICER, Role.SOURCE])
def test_no_operation_answers_what_its_description_does_not_say(tmp_path: Path, role: Role) -> None:
    with served(tmp_path / "var") as (base, tokens):
        run = attack(base, tokens[role], role, ["--max-time", "40", "--max-examples", "3", "--no-shrink"], tmp_path)
    assert run.failures == {}, run.said[-6000:]
    assert run.requests > 250
    assert run.operations > 90
