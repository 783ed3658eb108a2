"""The triggers that keep the audit trail are looked at, on both databases."""

from __future__ import annotations

import sqlalchemy as sa

from data.sql.engine import store_url, writing_engine
from data.sql.store import open_store


def test_a_trigger_that_is_gone_off_or_toothless_is_named(url: str) -> None:
    store = open_store(url)
    engine = writing_engine(store_url(url))
    try:
        assert list(store.read(lambda reader: reader.missing_audit_guards())) == []
        sqlite = engine.dialect.name == "sqlite"
        name = "audit_refuses_delete" if sqlite else "audit_refuses_change"
        with engine.begin() as connection:
            if sqlite:
                connection.execute(sa.text("DROP TRIGGER audit_refuses_delete"))
                connection.execute(
                    sa.text("CREATE TRIGGER audit_refuses_delete BEFORE DELETE ON audit WHEN 0 BEGIN SELECT 1; END")
                )
            else:
                connection.execute(sa.text("ALTER TABLE audit DISABLE TRIGGER audit_refuses_change"))
        assert list(store.read(lambda reader: reader.missing_audit_guards())) == [name]
        if not sqlite:
            with engine.begin() as connection:
                connection.execute(sa.text("ALTER TABLE audit ENABLE TRIGGER audit_refuses_change"))
                toothless = "LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"
                connection.execute(
                    sa.text(f"CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger {toothless}")
                )
            assert list(store.read(lambda reader: reader.missing_audit_guards())) == [name]
    finally:
        engine.dispose()
        store.close()
