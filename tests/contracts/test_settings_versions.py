"""Versions of the settings in the store: numbered, never changed, followed, and never able to stop a start."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from data.config.document import digest, to_text
from data.config.reading import DocumentReader
from data.config.settings import Settings
from data.errors import IllegalMove, StaleVersion
from data.model.people import SYSTEM, Actor, Role
from data.model.settings_version import SettingsVersion
from data.ports.store import Store
from data.sql.engine import store_url, writing_engine
from data.sql.store import open_store
from data.stored.settings_versions import (
    InForce,
    SettingsFollower,
    assigned,
    import_once,
    keep_version,
    proposed,
    require_screen,
    settings_in_force,
)
from engine.catalogue import load_catalogue
from tests.contracts.samples import NOON

ADMIN = Actor("admin", Role.ADMINISTRATOR)
WITHIN_S = 2.0


def site(place: str, **more: Any) -> dict[str, Any]:
    camera = {"kind": "rtsp_camera", "url": f"rtsp://192.0.2.7/{place}"}
    return {"id": place, "location": {"lon": 121.5, "lat": 31.2}, "monitor": camera, **more}


def document(*sites: Mapping[str, Any], name: str = "River district") -> dict[str, Any]:
    return {"name": name, "sites": list(sites)}


def reader(workers: int = 2) -> DocumentReader:
    return DocumentReader(Settings(config="screen", workers=workers), load_catalogue())


def save(
    store: Store, given: Mapping[str, Any], before: int | None = None, note: str = "", **more: Any
) -> SettingsVersion:
    base = store.read(lambda look: look.newest_settings()) if before is None else before
    new = proposed(store, reader(), base, given, note=note, **more)
    return store.write(lambda writer: keep_version(writer, new, ADMIN, NOON))


def poison(store: Store, text: str, hashed: str | None = None) -> int:
    """Store a version that cannot be read; its number."""

    def work(writer: Any) -> int:
        number = int(writer.newest_settings()) + 1
        found = digest(text) if hashed is None else hashed
        writer.add_settings_version(SettingsVersion(number, NOON, "mallory", "", "", text, found))
        return number

    return store.write(work)


def until(condition: Callable[[], Any]) -> float:
    """Seconds until it came true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 5, "did not come true"
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.fixture
def follower(store: Store) -> Iterator[SettingsFollower]:
    made = SettingsFollower(store, reader(), settings_in_force(store, reader()))
    yield made
    made.close()


def test_the_file_becomes_version_1_once(store: Store) -> None:
    assert import_once(store, reader(), document(site("quay")), SYSTEM, NOON)
    assert not import_once(store, reader(), document(), SYSTEM, NOON)
    found = settings_in_force(store, reader())
    assert (found.version, [one.id for one in found.settings.sites], found.trouble) == (1, ["quay"], "")


def test_a_save_leaves_who_when_why_and_what_differs_in_the_store_and_in_the_audit_trail(store: Store) -> None:
    save(store, document(site("quay")))
    made = save(store, document(site("quay", name="Old quay"), site("gate")), note="the gate has a camera now")
    (newest, first) = store.read(lambda look: look.settings_versions())
    assert (newest.number, newest.who, newest.role, newest.at, newest.note) == (
        2, "admin", "administrator", NOON, "the gate has a camera now",
    )  # fmt: skip
    assert [one["path"] for one in newest.difference] == ["sites[quay].name", "sites[gate]"]
    assert newest.difference[0] == {"path": "sites[quay].name", "before": "", "after": "Old quay"}
    assert newest.document == "", "a list comes without the documents"
    assert store.read(lambda look: look.settings_version(2)) == made
    assert first.number == 1
    entry = store.read(lambda look: look.audit(subject="settings:2"))[0]
    assert (entry.action, entry.actor, entry.role) == ("save_settings", "admin", "administrator")
    assert entry.detail["hash"] == made.hash
    assert entry.detail["difference"] == list(newest.difference)
    (change,) = store.read(lambda look: look.changes(0, topics=["settings"]))[1:]
    assert (change.subject, change.payload) == ("settings:2", {"version": 2})


def test_who_saves_on_top_of_an_older_version_is_refused_by_name(store: Store) -> None:
    save(store, document(site("quay")))
    save(store, document(site("gate")))
    with pytest.raises(StaleVersion, match="admin saved the settings meanwhile") as caught:
        save(store, document(), before=1)
    assert (caught.value.key, caught.value.values) == ("settings.stale", {"base": 1, "version": 2, "who": "admin"})
    assert store.read(lambda look: look.newest_settings()) == 2


def test_two_who_save_at_once_are_never_both_heard(store: Store) -> None:
    save(store, document())
    news = [proposed(store, reader(), 1, document(site(name))) for name in ("quay", "gate", "pier")]
    futures = [store.submit(lambda writer, n=new: keep_version(writer, n, ADMIN, NOON)) for new in news]  # type: ignore[misc]
    done = [future.exception() is None for future in futures]
    assert sum(done) == 1
    assert store.read(lambda look: look.newest_settings()) == 2


def test_a_version_is_never_changed(store: Store, url: str) -> None:
    save(store, document(site("quay")))
    engine = writing_engine(store_url(url))
    try:
        with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(sa.text("UPDATE settings_versions SET who = 'nobody'"))
    finally:
        engine.dispose()
    assert store.read(lambda look: look.settings_version(1)).who == "admin"


POISON = {
    "empty": "",
    "no mapping": "[]",
    "cut off": "{",
    "a text": '"x"',
    "more after it": "{}{}",
    "no list of sites": '{"sites": 7}',
    "half a site": '{"sites": [{"id": "quay"}]}',
    "sites of anything": '{"sites": [null, 1, "x", [[]], {"rules": {}, "zones": 3, "monitor": []}]}',
    "endlessly deep": "[" * 100_000,
    "no number": '{"name": {"a": 1e999}}',
    "a file that is not there": '{"plans": {"files": ["../../nowhere.yaml"]}}',
}


@pytest.mark.parametrize("text", POISON.values(), ids=POISON)
def test_a_poisoned_version_never_stops_a_start(store: Store, text: str) -> None:
    save(store, document(site("quay")))
    number = poison(store, text)
    found = settings_in_force(store, reader())
    assert (found.version, found.newest) == (1, number)
    assert [one.id for one in found.settings.sites] == ["quay"]
    assert found.trouble.startswith(f"version {number}: ")


def test_a_version_whose_text_was_changed_is_passed_over(store: Store) -> None:
    save(store, document(site("quay")))
    poison(store, to_text(document(site("gate"))), hashed=digest("another text"))
    found = settings_in_force(store, reader())
    assert found.version == 1
    assert found.trouble == "version 2: its text does not fit its hash"


def test_with_nothing_but_poison_the_machine_starts_without_sites(store: Store) -> None:
    poison(store, "{")
    found = settings_in_force(store, reader())
    assert (found.version, found.settings.sites) == (0, ())
    assert found.trouble


def test_a_poisoned_version_is_mended_by_saving_on_top_of_it(store: Store) -> None:
    save(store, document(site("quay")))
    poison(store, "{")
    assert save(store, document(site("gate"))).number == 3
    found = settings_in_force(store, reader())
    assert (found.version, found.trouble) == (3, "")


def test_going_back_is_a_new_version_with_the_old_document(store: Store) -> None:
    first = save(store, document(site("quay")))
    save(store, document(site("gate")))
    back = save(store, json.loads(first.document), restored=1)
    assert (back.number, back.restored, back.document, back.hash) == (3, 1, first.document, first.hash)
    assert store.read(lambda look: look.audit(subject="settings:3"))[0].action == "restore_settings"


def test_a_follower_tells_of_a_save_within_two_seconds_and_once(store: Store, follower: SettingsFollower) -> None:
    assert follower.changed() is None
    save(store, document(site("quay")))
    took_s = until(lambda: follower.now.version == 1)
    assert took_s < WITHIN_S
    told = follower.changed()
    assert told is not None
    assert [one.id for one in told.sites] == ["quay"]
    assert follower.changed() is None
    assert follower.cameras_of("worker-1") == ("quay",)


def test_a_follower_stays_with_what_runs_when_a_poisoned_version_comes(
    store: Store, follower: SettingsFollower
) -> None:
    save(store, document(site("quay")))
    until(lambda: follower.changed() is not None)
    running = follower.now.settings
    poison(store, "{")
    until(lambda: follower.now.newest == 2)
    assert follower.changed() is None
    assert follower.now.settings is running
    assert follower.now.trouble.startswith("version 2: ")


def test_a_follower_never_goes_back_when_what_runs_cannot_be_read_again(store: Store, tmp_path: Path) -> None:
    (tmp_path / "plans.yaml").write_text("plans: []\n")
    here = DocumentReader(Settings(config="screen", workers=2), load_catalogue(), base_dir=tmp_path)
    save(store, document(site("quay")))
    new = proposed(store, here, 1, document(site("gate")) | {"plans": {"files": ["plans.yaml"]}})
    store.write(lambda writer: keep_version(writer, new, ADMIN, NOON))
    with closing(SettingsFollower(store, here, settings_in_force(store, here))) as follower:
        running = follower.now
        assert running.version == 2
        (tmp_path / "plans.yaml").unlink()
        poison(store, "{")
        follower.start()
        until(lambda: follower.now.newest == 3)
        assert follower.changed() is None
        assert (follower.now.version, follower.now.settings) == (2, running.settings)
        assert follower.now.trouble.startswith("version 3: ")


def test_a_kind_whose_library_is_not_there_is_passed_over(store: Store) -> None:
    def library() -> Any:
        raise ModuleNotFoundError("No module named 'camera_sdk'")

    save(store, document(site("quay")))
    poison(store, to_text(document({"id": "gate", "location": {"lon": 1, "lat": 2}, "monitor": {"kind": "sdk"}})))
    known = load_catalogue()
    catalogue = replace(known, monitors={**known.monitors, "sdk": library})
    found = settings_in_force(store, DocumentReader(Settings(config="screen", workers=2), catalogue))
    assert (found.version, found.trouble) == (1, "version 2: No module named 'camera_sdk'")


def test_a_process_that_begins_with_old_options_settles_on_the_newest_version(store: Store) -> None:
    save(store, document(site("quay")))
    old = settings_in_force(store, reader())
    save(store, document(site("quay"), site("gate")))
    follower = SettingsFollower(store, reader(), old)
    assert [one.id for one in follower.settle().settings.sites] == ["quay", "gate"]
    assert follower.changed() is None, "what it settled on is no news"
    follower.close()


def test_with_the_file_as_the_truth_nothing_is_followed_or_saved(store: Store) -> None:
    of_file = Settings(config="file")
    follower = SettingsFollower(store, DocumentReader(of_file, load_catalogue()), InForce(of_file))
    save(store, document(site("quay")))
    assert follower.settle().settings is of_file
    assert follower.changed() is None
    assert not follower.follows
    with pytest.raises(IllegalMove, match="config: screen") as caught:
        require_screen(of_file)
    assert caught.value.key == "settings.file"


def test_a_follower_lives_through_a_store_that_goes_away(empty_url: str) -> None:
    with closing(open_store(empty_url)) as store:
        follower = SettingsFollower(store, reader(), settings_in_force(store, reader()))
        follower.start()
        save(store, document(site("quay")))
        until(lambda: follower.now.version == 1)
        follower.close()
        assert not follower.wait_for(2, 0.05)


def cameras(*names: str, workers: int = 3) -> Settings:
    made = DocumentReader(Settings(config="screen", workers=workers), load_catalogue())
    return made.read(document(*(site(name) for name in names)))


def test_a_camera_stays_with_its_worker_and_a_new_one_goes_where_the_fewest_are() -> None:
    at_first = assigned(cameras("a", "b", "c", "d"), {})
    assert at_first == {"a": 1, "b": 2, "c": 3, "d": 1}
    without_b = assigned(cameras("a", "c", "d"), at_first)
    assert without_b == {"a": 1, "c": 3, "d": 1}
    assert assigned(cameras("e", "a", "c", "d", "f"), without_b) == {"e": 2, "a": 1, "c": 3, "d": 1, "f": 2}


def test_no_more_workers_than_cameras_and_none_beyond_what_the_machine_carries() -> None:
    assert assigned(cameras(), {}) == {}
    assert assigned(cameras("a"), {}) == {"a": 1}
    assert assigned(cameras("a", "b", workers=1), {"a": 1, "b": 2}) == {"a": 1, "b": 1}
