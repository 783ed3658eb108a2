"""The street of these tests, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notices.street import Street, city
from tests.stores import new_store


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    store = new_store(tmp_path / "street.db")
    yield Street(store, city())
    store.close()
