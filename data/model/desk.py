"""Desks 席位: the grids that each operator is responsible for. Alarm rates and floods are counted for each desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class DeskSettings(BaseModel):
    """One operator's desk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Short name of the desk.")]
    name: Annotated[str, Field(description="Name shown on the screens.")] = ""
    users: Annotated[tuple[str, ...], Field(description="Login names of those who sit there.")] = ()
    grids: Annotated[
        tuple[str, ...],
        Field(description="Grid codes it looks after, also by their beginning (`500105007` is a whole community)."),
    ] = ()

    def looks_after(self, grid: str) -> bool:
        """True if the desk is responsible for this grid."""
        return any(grid.startswith(beginning) for beginning in self.grids)


def desk_of(desks: Sequence[DeskSettings], user: str) -> DeskSettings | None:
    """The user's desk; None for a user who is responsible for everything."""
    return next((desk for desk in desks if user in desk.users), None)


def is_seen_at(desks: Sequence[DeskSettings], desk: DeskSettings | None, grid: str) -> bool:
    """True if an alert in this grid concerns the desk. Grids without a desk concern all desks."""
    if desk is None or desk.looks_after(grid):
        return True
    return not any(other.looks_after(grid) for other in desks)
