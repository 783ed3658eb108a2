"""One bit flips in a file of ours: found and named, or without any effect on what is read; never served changed.

Database (pages of a filled SQLite file), spool, inbox, evidence, and the files of a backup.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.faults_io import ROUNDS, STREAM, picture_of, reading_of, unit_of
from data.backup import BackupFailed, make_backup, verify_backup
from data.errors import InputRejected, NotFound, StoreClosed
from data.local.inbox import Inbox
from data.local.vault import FolderVault
from data.model.record import AuditEntry, broken_link
from data.sql.checksums import COLUMN
from data.sql.engine import store_url, writing_engine
from data.sql.soundness import check_database
from data.sql.store import open_store
from engine.judging.spool import Spool
from tests.contracts.crew import whole_unit
from tests.contracts.samples import NOON

FOUND, HARMLESS, UNDETECTED = "found", "harmless", "undetected"
DATABASE_SHARE = 1 / 3  # the others are quicker to look at
ROWS_OF_EACH = 12  # of every table of the database
_READ_BY_NOBODY = {"sqlite_sequence"}  # numbers that SQLite gives next, at least one above those of the table


@dataclass
class FlipResult:
    """`found`: by what file, and how it went."""

    bit_flips: int = 0
    found: Counter[str] = field(default_factory=Counter)
    undetected: list[str] = field(default_factory=list)


def flip(path: Path, chance: random.Random) -> str:
    """One bit of the file; where."""
    content = bytearray(path.read_bytes())
    at, bit = chance.randrange(len(content)), chance.randrange(8)
    content[at] ^= 1 << bit
    path.write_bytes(content)
    return f"{path.name} byte {at} bit {bit}"


class _Files:
    """One of each, whole; `tried` flips a bit of a copy and looks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._whole = folder / "whole"
        spool, inbox = Spool(self._whole / "spool"), Inbox(self._whole, "quay", "stage")
        vault = FolderVault(self._whole / "evidence")
        store = open_store(self._whole / "yiping.db")
        for number in range(1, ROUNDS + 1):
            spool.append(unit_of(number))
            inbox.put((reading_of(number),))
            evidence = vault.keep(picture_of(number), "image/jpeg", NOON, "gate-3")
            store.write(lambda writer, evidence=evidence: writer.add_evidence(evidence))  # type: ignore[misc]
        for number in range(1, 101):
            store.write(whole_unit(number))
        store.close()
        _fill_every_table(self._whole / "yiping.db")
        with closing(sqlite3.connect(self._whole / "yiping.db")) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._backup = make_backup(self._whole / "yiping.db", self._whole, (), folder / "backup", "0").folder
        self._rows = _rows_of(self._whole / "yiping.db")
        self._chain = _chain_of(self._whole / "yiping.db")
        self.kinds: dict[str, Callable[[random.Random], tuple[str, str]]] = {
            "spool": self._flip_spool,
            "inbox": self._flip_inbox,
            "evidence": self._flip_evidence,
            "backup": self._flip_backup,
        }

    def _copy(self, name: str) -> Path:
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self._whole / name, copy / name)
        return copy

    def _flip_spool(self, chance: random.Random) -> tuple[str, str]:
        copy = self._copy("spool")
        where = flip(copy / "spool" / f"{STREAM}.jsonl", chance)
        units, damaged = Spool(copy / "spool").read(STREAM)
        for unit in units:
            if unit.signals != unit_of(unit.number).signals:
                return UNDETECTED, where
        if damaged:
            return FOUND, where
        return (HARMLESS if len(units) == ROUNDS else UNDETECTED), where

    def _flip_inbox(self, chance: random.Random) -> tuple[str, str]:
        copy = self._copy("inbox")
        inbox = Inbox(copy, "quay", "stage")
        path = chance.choice(inbox.waiting())
        whole = inbox.read(path)
        where = flip(path, chance)
        try:
            return (HARMLESS if inbox.read(path) == whole else UNDETECTED), where
        except InputRejected:
            return FOUND, where

    def _flip_evidence(self, chance: random.Random) -> tuple[str, str]:
        copy = self._copy("evidence")
        store = open_store(self._whole / "yiping.db", migrate=False)
        kept = store.read(lambda reader: reader.evidence_between(None, NOON, NOON + timedelta(seconds=1)))
        store.close()
        evidence = chance.choice(list(kept))
        where = flip(copy / "evidence" / evidence.path, chance)
        try:
            FolderVault(copy / "evidence").open(evidence)
        except NotFound:
            return FOUND, where
        return UNDETECTED, where

    def _flip_backup(self, chance: random.Random) -> tuple[str, str]:
        path = chance.choice([path for path in sorted(self._backup.rglob("*")) if path.is_file()])
        whole = path.read_bytes()
        where = flip(path, chance)
        try:
            files = verify_backup(self._backup)
        except BackupFailed:
            return FOUND, where
        finally:
            path.write_bytes(whole)
        same = path.name == "manifest.json" and files == verify_backup(self._backup)
        return (HARMLESS if same else UNDETECTED), where

    def flip_database(self, chance: random.Random) -> tuple[str, str]:
        """Found: by the check, by the audit chain, or by an error. Harmless: every row reads as before."""
        copy = self._folder / "copy.db"
        shutil.copy(self._whole / "yiping.db", copy)
        where = flip(copy, chance)
        found = check_database(copy, thorough=True)
        if found.problems or found.parts:
            return FOUND, where
        try:
            rows = _rows_of(copy)
            if rows == self._rows:
                return HARMLESS, where
            chain = _chain_of(copy)
        except (sqlite3.Error, StoreClosed, ValueError):
            return FOUND, where
        if broken_link(chain) is not None:
            return FOUND, where
        # A time reads the same whatever stands between its date and its hours.
        same = chain == self._chain and {**rows, "audit": []} == {**self._rows, "audit": []}
        return (HARMLESS if same else UNDETECTED), where


def _chain_of(path: Path) -> list[AuditEntry]:
    store = open_store(path, migrate=False)
    try:
        return list(store.read(lambda reader: reader.audit(limit=100_000)))
    finally:
        store.close()


def _rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        wanted = [table for table in tables if table not in _READ_BY_NOBODY]
        return {table: connection.execute(f'SELECT * FROM "{table}"').fetchall() for table in wanted}


def _fill_every_table(path: Path) -> None:
    """Rows in the tables that are empty, written by the store's own connection as its rows are."""
    engine, tables = writing_engine(store_url(path)), sa.MetaData()
    try:
        tables.reflect(engine)
        for table in tables.sorted_tables:
            with engine.begin() as connection:
                if connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one():
                    continue
                for number in range(1, ROWS_OF_EACH + 1):
                    values = {column.name: _value_of(column, number) for column in table.columns}
                    values.pop(COLUMN, None)
                    connection.execute(table.insert().values(values))
    finally:
        engine.dispose()


def _value_of(column: sa.Column[Any], number: int) -> Any:
    """Something of the column's type, other for every row; a row that it refers to has the same number."""
    for key in column.foreign_keys:
        return None if column.nullable else _value_of(key.column, number)
    kind = column.type
    if isinstance(kind, sa.JSON):
        return {"number": number, "text": f"水位 {number}"}
    if isinstance(kind, sa.Boolean):
        return number % 2 == 0
    if isinstance(kind, sa.DateTime):
        return NOON.replace(tzinfo=None) + timedelta(seconds=number)
    if isinstance(kind, sa.Date):
        return NOON.date()
    if isinstance(kind, (sa.Float, sa.REAL, sa.Double)):
        return 1.37 * number
    if isinstance(kind, (sa.Integer, sa.BigInteger)):
        return number
    return f"{column.name} {number} 水位"


def run_flips(number: int, seed: int, folder: Path) -> FlipResult:
    """So many bits, one at a time; a third of them in the database, where SQLite itself keeps no checksums."""
    files, chance, result = _Files(folder), random.Random(seed), FlipResult()
    for n in range(number):
        if n < number * DATABASE_SHARE:
            kind, (how, where) = "database", files.flip_database(chance)
        else:
            kind = chance.choice(list(files.kinds))
            how, where = files.kinds[kind](chance)
        result.bit_flips += 1
        result.found[f"{kind} {how}"] += 1
        if how == UNDETECTED:
            result.undetected.append(f"{kind}: {where}")
    return result
