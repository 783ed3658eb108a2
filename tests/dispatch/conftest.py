"""The city of these tests, on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.sql.store import open_store
from dispatch.responders import sync_responders
from tests.dispatch.city import City, settings


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    store = open_store(tmp_path / "city.db")
    city = City(store, settings())
    city.do(lambda writer: sync_responders(writer, city.settings, city.now))
    yield city
    store.close()
