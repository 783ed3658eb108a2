"""What the tests of the running side share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.city import Cities, City


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Cities]:
    """Builds a city; its processes are ended when the test is over."""
    made: list[City] = []

    def build(*names: str, **more: Any) -> City:
        made.append(City(tmp_path, *names, **more))
        return made[-1]

    yield build
    for one in made:
        one.close()
