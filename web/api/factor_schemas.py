"""The shapes of answers about second factors, as OpenAPI describes them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class TotpAnswer(BaseModel):
    """`setup` goes back with the app's first code; `qr` is a data: address."""

    secret: str
    uri: str
    qr: str
    setup: str


class RecoveryAnswer(BaseModel):
    """Shown this once; empty when there were codes already."""

    recovery_codes: list[str]


class LeftAnswer(BaseModel):
    """How many second factors are left."""

    left: int


class PasskeyOptions(BaseModel):
    """PublicKeyCredentialCreationOptionsJSON (WebAuthn)."""

    model_config = ConfigDict(extra="allow")

    challenge: str
    rp: dict[str, Any]
    user: dict[str, Any]
