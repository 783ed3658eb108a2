"""A backup made while others write, and the way back from it: whole, checked, and nothing there is lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from data.backup import BackupFailed, make_backup, restore_backup, verify_backup
from data.local.checkpoint import CheckpointKey
from data.local.inbox import Inbox
from data.local.observations import Block
from data.local.vault import FolderVault
from data.model.people import Role, User
from data.model.record import broken_link
from data.ports.store import AlertQuery
from data.sql.lease import held_in_store
from data.sql.soundness import check_database
from data.sql.store import open_store
from tests.contracts.crew import whole_unit
from tests.contracts.postgres import binaries, running_cluster
from tests.contracts.samples import NOON, a_reading
from web.account_key import AccountKey
from web.second_factor import Totp
from web.tls import init as tls_init


class Instance:
    """A VAR folder with all that a backup has to keep."""

    def __init__(self, folder: Path, store: str = "") -> None:
        self.var, self.config = folder / "var", folder / "config.yaml"
        self.var.mkdir(parents=True)
        self.config.write_text("name: 测试\n")
        (folder / "secrets.yaml").write_text("mqtt: s3cret\n")
        self.where = store or str(self.var / "yiping.db")
        self.store = open_store(self.where)
        self.vault = FolderVault(self.var / "evidence")
        (self.var / "keys").mkdir()
        (self.var / "keys" / "accounts.key").write_bytes(bytes(range(32)))
        (self.var / "run").mkdir()
        (self.var / "run" / "web.pid").write_text("1")
        self.picture = self.vault.keep(b"\xff\xd8 the quay", "image/jpeg", NOON, "gate-3")
        self.store.write(lambda writer: writer.add_evidence(self.picture))
        for number in range(1, 21):
            self.store.write(whole_unit(number))
        Inbox(self.var, "dip-1", "gauge").put((a_reading(),))

    def backup(self, target: Path) -> Path:
        configs = (self.config, self.config.with_name("secrets.yaml"))
        return make_backup(self.where, self.var, configs, target, "1.2.3").folder


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path / "here")
    yield made
    made.store.close()


def subjects(store: str) -> list[str]:
    with closing(open_store(store)) as opened:
        alerts = opened.read(lambda reader: reader.alerts(AlertQuery(limit=100_000)))
        assert broken_link(opened.read(lambda reader: reader.audit(limit=100_000))) is None
    return [alert.key.subject for alert in reversed(alerts)]


def test_what_was_copied_comes_back_in_another_folder(instance: Instance, tmp_path: Path) -> None:
    made = instance.backup(tmp_path / "backup")
    there = tmp_path / "there" / "var"
    files = restore_backup(made, there / "yiping.db", there)
    assert files == len(verify_backup(made)) >= 6
    assert subjects(str(there / "yiping.db")) == [str(number) for number in range(1, 21)]
    assert FolderVault(there / "evidence").open(instance.picture) == b"\xff\xd8 the quay"
    assert (there / "keys" / "accounts.key").read_bytes() == bytes(range(32))
    assert [Inbox.read(path) for path in Inbox(there, "dip-1", "gauge").waiting()] == [(a_reading(),)]
    assert not (there / "run").exists()
    assert (made / "config" / "secrets.yaml").read_text() == "mqtt: s3cret\n"
    for path in (made, made / "yiping.db", made / "config" / "secrets.yaml", there / "yiping.db"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_observations_are_copied_even_when_their_block_is_closed_meanwhile(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block gets another name when it is closed: here just after the names were listed."""
    block = Block(instance.var / "observations", "worker-1", datetime(2024, 7, 12, 4, tzinfo=UTC))
    block.write(b'["s",0,0,"gate-3.camera"]\n')
    copied = shutil.copyfile

    def close_first(source: Path, target: Path) -> object:
        if block.path.exists() and source == block.path:
            block.close()
        return copied(source, target)

    monkeypatch.setattr("data.backup.shutil.copyfile", close_first)
    made = instance.backup(tmp_path / "backup")
    restore_backup(made, tmp_path / "there" / "yiping.db", tmp_path / "there")
    (back,) = (tmp_path / "there" / "observations" / "2024-07-12").iterdir()
    assert back.name == "040000.000000-worker-1.closed"


def test_a_backup_made_while_others_write_is_one_moment_and_holds_up_nobody(instance: Instance, tmp_path: Path) -> None:
    ended, written = threading.Event(), [20]

    def write() -> None:
        while not ended.is_set():
            instance.store.write(whole_unit(written[-1] + 1))
            written.append(written[-1] + 1)

    thread = threading.Thread(target=write)
    thread.start()
    before = written[-1]
    made = [instance.backup(tmp_path / f"backup-{number}") for number in range(3)]
    after = written[-1]
    ended.set()
    thread.join()
    assert after > before, "writing went on"
    for number, folder in enumerate(made):
        there = tmp_path / f"there-{number}"
        restore_backup(folder, there / "yiping.db", there)
        found = subjects(str(there / "yiping.db"))
        assert found == [str(one) for one in range(1, len(found) + 1)]
        assert len(found) >= before


def test_every_damaged_file_of_a_backup_is_named_and_nothing_is_restored(instance: Instance, tmp_path: Path) -> None:
    made = instance.backup(tmp_path / "backup")
    for name in verify_backup(made):
        path = made / name
        whole = path.read_bytes()
        for at in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(BackupFailed, match=name.rpartition("/")[2]):
                restore_backup(made, tmp_path / "there" / "yiping.db", tmp_path / "there")
        path.write_bytes(whole)
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["files"].popitem()
    (made / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BackupFailed, match="is no backup, or its manifest"):
        restore_backup(made, tmp_path / "there" / "yiping.db", tmp_path / "there")
    assert not (tmp_path / "there").exists()


def test_what_is_there_is_put_aside_only_when_asked(instance: Instance, tmp_path: Path) -> None:
    made = instance.backup(tmp_path / "backup")
    instance.store.write(whole_unit(21))
    instance.store.close()
    with pytest.raises(BackupFailed, match="is there already; --replace puts it aside"):
        restore_backup(made, instance.where, instance.var)
    assert len(subjects(instance.where)) == 21
    restore_backup(made, instance.where, instance.var, replace=True)
    assert len(subjects(instance.where)) == 20
    (aside,) = (instance.var / "replaced").iterdir()
    assert len(subjects(str(aside / "yiping.db"))) == 21


def test_a_damaged_picture_is_copied_and_named(instance: Instance, tmp_path: Path) -> None:
    (instance.var / "evidence" / instance.picture.path).write_bytes(b"\xff\xd8 the quaY")
    made = make_backup(instance.where, instance.var, (), tmp_path / "backup", "1.2.3")
    assert made.damaged == (f"var/evidence/{instance.picture.path}",)


def test_a_damaged_database_is_no_backup_and_leaves_nothing(instance: Instance, tmp_path: Path) -> None:
    instance.store.close()
    with closing(sqlite3.connect(instance.where)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = Path(instance.where)
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096):
        content[page * 4096 : page * 4096 + 8] = b"\x07" * 8
    path.write_bytes(content)
    assert check_database(path).problems
    with pytest.raises(BackupFailed):
        instance.backup(tmp_path / "backup")
    assert [one.name for one in tmp_path.iterdir()] == ["here"]


def test_a_target_that_is_there_or_inside_of_what_is_copied_is_refused(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    with pytest.raises(BackupFailed, match="is there already"):
        instance.backup(tmp_path / "full")
    with pytest.raises(BackupFailed, match="best on another disk"):
        instance.backup(instance.var / "backup")


def app(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "app.py", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_the_commands_back_up_refuse_while_it_runs_and_restore(instance: Instance, tmp_path: Path, root: Path) -> None:
    config, var = str(instance.config), str(instance.var)
    done = app(root, "backup", str(tmp_path / "backup"), "--config", config, "--var", var)
    assert done.returncode == 0, done.stderr
    assert "files" in done.stdout
    instance.store.close()
    with held_in_store(instance.where, "instance", "Yiping"):
        refused = app(root, "restore", str(tmp_path / "backup"), "--var", var, "--replace")
        assert (refused.returncode, "is running already" in refused.stderr) == (2, True)
    done = app(root, "restore", str(tmp_path / "backup"), "--var", str(tmp_path / "there"))
    assert done.returncode == 0, done.stderr
    assert "20 audit entries, the chain holds" in done.stdout
    done = app(root, "restore", str(tmp_path / "nothing"), "--var", str(tmp_path / "elsewhere"))
    assert (done.returncode, "is no backup" in done.stderr) == (2, True)


@pytest.mark.server
@pytest.mark.slow
def test_postgresql_is_backed_up_and_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = binaries()
    if folder is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    with running_cluster(folder) as cluster:
        instance = Instance(tmp_path / "here", cluster.new_database())
        made = instance.backup(tmp_path / "backup")
        instance.store.write(whole_unit(21))
        instance.store.close()
        with pytest.raises(BackupFailed, match=r"t_\w+ on 127\.0\.0\.1:\d+ holds a store already; --replace"):
            restore_backup(made, instance.where, tmp_path / "there")
        assert len(subjects(instance.where)) == 21
        assert not (tmp_path / "there").exists()
        other = cluster.new_database()
        restore_backup(made, other, tmp_path / "new")
        for where in (other, instance.where):
            restore_backup(made, where, tmp_path / "there", replace=True)
            assert subjects(where) == [str(number) for number in range(1, 21)]
        with pytest.raises(BackupFailed, match="the other kind of database"):
            restore_backup(made, tmp_path / "x.db", tmp_path / "x")


def test_every_key_comes_back_and_opens_what_it_sealed_before(instance: Instance, tmp_path: Path) -> None:
    (instance.var / "keys" / "accounts.key").unlink()
    before, signer, li = Totp(AccountKey(instance.var)), CheckpointKey(instance.var), User("li", Role.COMMANDER)
    begun = before.begin(li, "Yiping")
    app = pyotp.TOTP(begun["secret"])
    factor = before.confirm(li, begun["setup"], app.at(NOON), "", NOON)
    noted = signer.public
    tls_init(instance.var, ["yiping.example.cn"], [])
    made = instance.backup(tmp_path / "backup")
    there = tmp_path / "there" / "var"
    restore_backup(made, there / "yiping.db", there)

    later = NOON + timedelta(minutes=5)
    assert Totp(AccountKey(there)).used(factor, app.at(later), later) is not None
    assert Totp(AccountKey(tmp_path / "elsewhere")).used(factor, app.at(later), later) is None, (
        "another key opens nothing"
    )
    assert CheckpointKey(there).public == noted
    keys = [path for folder in ("keys", "tls") for path in sorted((instance.var / folder).iterdir())]
    assert {path.name for path in keys} >= {"accounts.key", "audit.key", "server.key"}
    for path in keys:
        copied = there / path.relative_to(instance.var)
        assert copied.read_bytes() == path.read_bytes()
        assert stat.S_IMODE(copied.stat().st_mode) & 0o077 == 0, copied
