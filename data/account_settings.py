"""Who must log in with a second factor."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from data.people import Role


class AccountSettings(BaseModel):
    """How people log in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    second_factor: Annotated[
        tuple[Role, ...],
        Field(
            description="Roles that need an authenticator app or a passkey besides the password; until they have one, "
            "they get to their account page only. Others may have one. Recommended for all who order or administer: "
            "`[duty_officer, section_head, commander, administrator]`."
        ),
    ] = ()
