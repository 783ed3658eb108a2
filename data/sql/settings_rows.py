"""The table of versions of the settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from data.sql.columns import ForeignText, big_id
from data.sql.models import Row


class SettingsVersionRow(Row):
    __tablename__ = "settings_versions"

    number: Mapped[int] = mapped_column(big_id(), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    who: Mapped[str]
    role: Mapped[str]
    note: Mapped[str] = mapped_column(ForeignText)
    document: Mapped[str] = mapped_column(ForeignText)
    hash: Mapped[str]
    workers: Mapped[Any] = mapped_column(JSON)
    difference: Mapped[Any] = mapped_column(JSON)
    restored: Mapped[int | None]
