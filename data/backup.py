"""A copy of all that must survive, made while the system runs, and the way back from it.

A backup is a folder: `yiping.db` or `yiping.dump` (PostgreSQL), `var/` with evidence, keys and what has been accepted
but is not in the database yet, `config/`, and `manifest.json` with the digest of every file. Inbox, spool, signed
checkpoints and observations are copied before the database and evidence after it: every row finds its picture, what
moves meanwhile is there twice, and nothing is there that the audit trail will only tell of later.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, inspect
from sqlalchemy.exc import DBAPIError

from data.errors import YipingError
from data.model.secrets import redact
from data.sql.engine import reading_engine, store_url
from data.sql.server_check import place, refusal
from data.sql.soundness import check_database

MANIFEST, DATABASE, DUMP = "manifest.json", "yiping.db", "yiping.dump"
FORMAT = 1
# Made again at every start; small pictures of a day, gigabytes of them; what a restore has put aside; exercises.
_NOT_KEPT = frozenset({"run", "demo", "previews", "replaced", "drills"})
_BEFORE_DATABASE = frozenset({"inbox", "spool", "audit", "observations"})  # what the database tells of is not newer
_CHUNK = 1024 * 1024


class BackupFailed(YipingError):
    """The copy, or the way back, did not come about; what was there before is as it was."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied. `damaged`: pictures and rows that are not what was kept; copied all the same, and named."""

    folder: Path
    files: int
    size: int
    damaged: tuple[str, ...]


def make_backup(store: str | Path, var_dir: Path, configs: Sequence[Path], target: Path, version: str) -> Backup:
    """Copy into `target`, which must not be there yet; it appears under its name only when all is on the disk.

    Raises BackupFailed, also for a copy of the database that is not whole.
    """
    part = target.with_name(f"{target.name}.part")
    if target.exists():
        raise BackupFailed(f"{target} is there already; give another name, such as {target}-{datetime.now(UTC):%H%M}")
    if target.resolve().is_relative_to(var_dir.resolve()):
        raise BackupFailed(f"{target} lies in the folder that is copied; give one elsewhere, best on another disk")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, mode=0o700)
        url = store_url(store)
        for name in _BEFORE_DATABASE:
            _copy_tree(var_dir / name, part / "var" / name)
        changed = _copy_database(url, part)
        database = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
        for path in sorted(var_dir.iterdir()) if var_dir.is_dir() else ():
            if path.name not in _NOT_KEPT | _BEFORE_DATABASE and not _is_of_database(path, database):
                _copy_tree(path, part / "var" / path.name)
        for config in configs:
            if config.is_file():
                _copy_file(config, part / "config" / config.name)
        files = {path.relative_to(part).as_posix(): _digest(path) for path in _files(part)}
        _write_manifest(part, version, files)
        _flush_tree(part)
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise BackupFailed(f"the backup could not be made: {redact(str(error))}") from error
    except BackupFailed:
        shutil.rmtree(part, ignore_errors=True)
        raise
    damaged = tuple(name for name, digest in files.items() if _is_evidence(name) and Path(name).stem != digest)
    damaged += tuple(f"{DATABASE}: {part_of_it}" for part_of_it in changed)
    return Backup(target, len(files), sum(path.stat().st_size for path in _files(target)), damaged)


def verify_backup(folder: Path) -> Mapping[str, str]:
    """The files of a backup with their digests. Raises BackupFailed, naming every file that is not what was copied."""
    try:
        sealed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = dict(sealed["files"])
        if sealed["format"] != FORMAT or sealed["digest"] != _digest_of_names(files):
            raise ValueError(sealed["format"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupFailed(f"{folder} is no backup, or its {MANIFEST} is damaged") from error
    wrong = [name for name, digest in files.items() if not _is_file_of(folder, name, str(digest))]
    if wrong:
        raise BackupFailed(f"{folder} is damaged: {', '.join(wrong[:10])}{' …' if len(wrong) > 10 else ''}")
    return files


def restore_backup(folder: Path, store: str | Path, var_dir: Path, *, replace: bool = False) -> int:
    """Bring a verified backup back; how many files. Nobody may use the store meanwhile (see `held_in_store`).

    What is there already is an error, or with `replace` put aside in `VAR/replaced/<time>`; a PostgreSQL database is
    replaced in one transaction. Raises BackupFailed.
    """
    files = verify_backup(folder)
    url = store_url(store)
    sqlite = url.get_backend_name() == "sqlite"
    if (DATABASE if sqlite else DUMP) not in files:
        raise BackupFailed(f"{folder} holds no {DATABASE if sqlite else DUMP}: it is of the other kind of database")
    if not sqlite and not replace and _holds_store(url):
        raise BackupFailed(f"{place(url)} holds a store already; --replace puts the backup in its place")
    try:
        _restore_files(folder, url, var_dir, replace=replace)
        if not sqlite:
            command = ["pg_restore", "--no-owner", "--clean", "--if-exists", "--single-transaction", "-d"]
            _postgres(command, url, folder / DUMP)
    except OSError as error:
        raise BackupFailed(f"the backup could not be brought back: {error}") from error
    return len(files)


def _holds_store(url: URL) -> bool:
    """Is there a schema of ours in the PostgreSQL database? Raises BackupFailed when it cannot be reached."""
    engine = reading_engine(url)
    try:
        with engine.connect() as connection:
            return inspect(connection).has_table("alembic_version")
    except DBAPIError as error:
        raise BackupFailed(str(refusal(url, error))) from None
    finally:
        engine.dispose()


def _restore_files(folder: Path, url: URL, var_dir: Path, *, replace: bool) -> None:
    database = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
    var_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    mine = [var_dir / path.name for path in sorted((folder / "var").glob("*"))]
    if database is not None:
        mine += [database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))]
    there = [path for path in mine if path.exists()]
    if there and not replace:
        raise BackupFailed(f"{there[0]} is there already; --replace puts it aside")
    aside = var_dir / "replaced" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    for path in there:
        aside.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.move(path, aside / path.name)
    for path in sorted((folder / "var").glob("*")):
        _copy_tree(path, var_dir / path.name)
        _flush_tree(var_dir / path.name)
    if database is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
        _copy_file(folder / DATABASE, database)
        _flush_tree(database.parent)


def _copy_database(url: URL, part: Path) -> tuple[str, ...]:
    """The parts of it that are damaged (rows whose checksum does not fit); they are copied as they are.

    Raises BackupFailed when the whole cannot be trusted.
    """
    if url.get_backend_name() != "sqlite":
        _postgres(["pg_dump", "--format=custom", "--file", str(part / DUMP), "-d"], url)
        return ()
    source, copy = Path(str(url.database)), part / DATABASE
    if not source.exists():
        raise BackupFailed(f"there is no database {source}")
    # In one step: a snapshot as any reader has it, which no writer has to wait for.
    with closing(sqlite3.connect(source, timeout=60)) as live, closing(sqlite3.connect(copy)) as made:
        live.backup(made, pages=-1)
        made.execute("PRAGMA journal_mode = DELETE")
    copy.chmod(0o600)
    found = check_database(copy, thorough=True)
    if found.problems:
        raise BackupFailed(f"the database is damaged: {found.problems[0]}; keep the older backups")
    return found.parts


def _postgres(command: list[str], url: URL, *files: Path) -> None:
    """One of PostgreSQL's own programs; the password goes by the environment, which others do not see."""
    plain = url.set(drivername="postgresql")
    environment = {**os.environ, **({"PGPASSWORD": str(plain.password)} if plain.password else {})}
    where = plain._replace(password=None).render_as_string()
    try:
        subprocess.run([*command, where, *map(str, files)], env=environment, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BackupFailed(f"{command[0]} is needed (Debian package postgresql-client)") from error
    except subprocess.CalledProcessError as error:
        raise BackupFailed(f"{command[0]}: {redact(error.stderr.strip()[-500:])}") from error


def _is_of_database(path: Path, database: Path | None) -> bool:
    """The database itself, what SQLite keeps beside it, and locks."""
    return path.name.endswith(".lock") or (database is not None and path.name.startswith(database.name))


def _is_evidence(name: str) -> bool:
    return name.startswith("var/evidence/") and len(Path(name).stem) == 64


def _is_file_of(folder: Path, name: str, digest: str) -> bool:
    path = (folder / name).resolve()
    try:
        return path.is_relative_to(folder.resolve()) and _digest(path) == digest
    except OSError:
        return False


def _copy_tree(source: Path, target: Path) -> None:
    """Files that vanish meanwhile were taken into the database; unfinished ones were promised to nobody."""
    if source.is_file():
        with suppress(FileNotFoundError):
            _copy_file(source, target)
        return
    for path in _files(source) if source.is_dir() else ():
        if not path.name.startswith(".") and path.suffix != ".part":
            try:
                _copy_file(path, target / path.relative_to(source))
            except FileNotFoundError:
                for renamed in path.parent.glob(f"{glob.escape(path.stem)}.*"):  # a block that was closed meanwhile
                    _copy_tree(renamed, (target / path.relative_to(source)).with_name(renamed.name))


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(source, target)
    target.chmod(0o600)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _digest_of_names(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def _write_manifest(part: Path, version: str, files: Mapping[str, str]) -> None:
    content = {
        "format": FORMAT,
        "version": version,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": _digest_of_names(files),
        "files": files,
    }
    path = part / MANIFEST
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    path.chmod(0o600)


def _flush_tree(folder: Path) -> None:
    """Files and the folders that name them, to the disk."""
    paths = [folder, *folder.rglob("*")] if folder.is_dir() else [folder, folder.parent]
    for path in paths:
        if path.is_socket() or path.is_fifo() or not path.exists():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
