"""What `app.py settings import` does with a file that was exported on a screen, where its keys are masked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.config.document import of_text
from data.config.reading import ConfigError
from data.config.settings import Settings
from data.model.people import SYSTEM
from data.ports.store import Store
from data.sql.store import open_store
from data.stored.settings_versions import keep_version, proposed
from engine.process.current_settings import document_reader
from engine.process.options import RunOptions
from engine.process.settings_commands import bring_in

ADDRESS = "http://192.0.2.8/quay.jpg?token=kettleharbour42first"
FILE = """\
name: Harbour district
sites:
  - id: quay
    location: {lon: 121.5, lat: 31.2}
    monitor: {kind: http_snapshot, url: "http://192.0.2.8/quay.jpg?token=***"}
"""


@pytest.fixture
def options(tmp_path: Path) -> RunOptions:
    return RunOptions(Settings(config="screen"), var_dir=tmp_path / "var")


@pytest.fixture
def store(options: RunOptions, tmp_path: Path) -> Iterator[Store]:
    monitor = {"kind": "http_snapshot", "url": ADDRESS}
    document = {"sites": [{"id": "quay", "location": {"lon": 121.5, "lat": 31.2}, "monitor": monitor}]}
    with closing(open_store(tmp_path / "yiping.db")) as opened:
        first = proposed(opened, document_reader(options), 0, document)
        opened.write(lambda writer: keep_version(writer, first, SYSTEM, datetime.now(UTC)))
        yield opened


def imported(store: Store, options: RunOptions, file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    return "\n".join(bring_in(store, options, {"file": file, "note": ""}))


def test_masks_of_an_exported_file_stand_for_the_keys_of_the_version_in_force(
    store: Store, options: RunOptions, tmp_path: Path
) -> None:
    told = imported(store, options, tmp_path / "exported.yaml", FILE)
    kept = of_text(store.read(lambda reader: reader.settings_version(2)).document)
    assert kept["sites"][0]["monitor"]["url"] == ADDRESS
    assert "~ name: " in told
    assert "kettleharbour42first" not in told


def test_a_mask_without_a_key_and_a_country_without_a_calendar_are_not_imported(
    store: Store, options: RunOptions, tmp_path: Path
) -> None:
    file = tmp_path / "exported.yaml"
    with pytest.raises(ConfigError, match=r"exported\.yaml.*sites\[0\]\.monitor\.url.*stands for a key") as caught:
        imported(store, options, file, FILE.replace("quay.jpg", "gate.jpg"))
    assert [one.key for one in caught.value.problems] == ["setting.masked"]
    with pytest.raises(ConfigError, match="XX"):
        imported(store, options, file, FILE + "cases: {country: XX}\n")
    assert store.read(lambda reader: reader.newest_settings()) == 1
