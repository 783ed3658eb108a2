"""The store on SQLite or PostgreSQL: one schema, one group commit, one contract."""
