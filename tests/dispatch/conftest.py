"""The city of these tests, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dispatch.city import City, opened_city


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    with opened_city(tmp_path) as city:
        yield city
