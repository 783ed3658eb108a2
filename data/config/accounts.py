"""How people log in: second factors, and an identity provider."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.model.people import Role


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OidcSettings(_Settings):
    """Logging in at an identity provider (OpenID Connect: authorization code with PKCE)."""

    issuer: Annotated[
        str, Field(description="The provider's issuer address; `/.well-known/openid-configuration` below it is read.")
    ]
    client_id: Annotated[str, Field(min_length=1, description="As this system is registered there.")]
    credentials: Annotated[
        str | None, Field(description="Name in secrets.yaml whose `password` is the client secret; none: public.")
    ] = None
    label: Annotated[str, Field(min_length=1, max_length=40, description="Words on the login button.")] = (
        "统一认证 / SSO"
    )
    scopes: Annotated[tuple[str, ...], Field(description="What is asked for besides `openid`.")] = ("profile",)
    name_claim: Annotated[str, Field(description="Claim with the user name of a new user.")] = "preferred_username"
    display_name_claim: Annotated[str, Field(description="Claim with the name shown.")] = "name"
    role_claim: Annotated[
        str, Field(description="Claim with roles or groups, a text or a list; `realm_access.roles` goes a level down.")
    ] = "roles"
    roles: Annotated[
        dict[str, Role],
        Field(min_length=1, description="What the claim says → role here; the first that fits. None fits: no entry."),
    ]

    @field_validator("issuer")
    @classmethod
    def _secure(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}):
            raise ValueError("write the https:// address of the issuer")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("an issuer has no query, fragment or user")
        return address

    def role_of(self, claims: dict[str, Any]) -> Role | None:
        """The role given by the claims; None for a person without a role here."""
        found: Any = claims
        for step in self.role_claim.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        claimed = {found} if isinstance(found, str) else {one for one in found or () if isinstance(one, str)}
        return next((role for name, role in self.roles.items() if name in claimed), None)


class AccountSettings(_Settings):
    """How people log in."""

    second_factor: Annotated[
        tuple[Role, ...],
        Field(
            description="Roles that need an authenticator app or a passkey besides the password; until they have one, "
            "they get to their account page only. Others may have one. Recommended for all who order or administer: "
            "`[duty_officer, section_head, commander, administrator]`."
        ),
    ] = ()
    oidc: Annotated[OidcSettings | None, Field(description="An identity provider; off when left out.")] = None
