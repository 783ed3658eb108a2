"""Checks that the triggers that refuse changes of the audit trail exist unchanged."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from data.sql.base_queries import BaseQueries
from data.sql.checksums import AUDIT_REPLACE_GUARD

_SQLITE = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
_POSTGRESQL = text(
    "SELECT t.tgname, t.tgenabled, t.tgtype, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
    "WHERE t.tgrelid = 'audit'::regclass AND NOT t.tgisinternal"
)
_ON_CHANGE = 0b111010  # of pg_trigger.tgtype: before, delete, update, truncate, each statement
_REFUSAL = "audit rows are never changed"


class AuditGuardQueries(BaseQueries):
    """The part of `data.ports.store.Reader` about the audit trail's triggers."""

    def missing_audit_guards(self) -> Sequence[str]:
        if self._connection.dialect.name == "sqlite":
            return self._missing_in_sqlite()
        for name, enabled, kind, body in self._connection.execute(_POSTGRESQL):
            refuses = "RAISE EXCEPTION" in body and _REFUSAL in body and "RETURN" not in body.upper()
            if name == "audit_refuses_change" and enabled in {"O", "A"} and kind == _ON_CHANGE and refuses:
                return ()
        return ("audit_refuses_change",)

    def _missing_in_sqlite(self) -> Sequence[str]:
        found = {str(name): " ".join(str(sql).split()) for name, sql in self._connection.execute(_SQLITE)}
        wanted = {
            name: f"CREATE TRIGGER {name} BEFORE {change} ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            for name, change in (("audit_refuses_update", "UPDATE"), ("audit_refuses_delete", "DELETE"))
        } | {"audit_refuses_replace": AUDIT_REPLACE_GUARD}
        return [name for name, sql in wanted.items() if found.get(name) != sql]
