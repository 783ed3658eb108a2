"""Where a monitor under test stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from data.model.geo import Location
from data.model.place import Place
from data.model.secrets import Credentials, Secrets
from data.ports.recipe import Context


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Site gate-3, the credentials `camera` (admin, p@ss:word), files under the test's folder."""
    login = Credentials(username="admin", password=SecretStr("p@ss:word"))
    return Context(
        Place(id="gate-3", location=Location(lon=106.5, lat=29.6)),
        secrets=Secrets(credentials={"camera": login}),
        base_dir=tmp_path,
        var_dir=tmp_path / "var",
    )
