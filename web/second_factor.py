"""Second factors: codes of an authenticator app (RFC 6238), recovery codes, passkeys (WebAuthn)."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyotp
import segno
import webauthn
from cryptography.fernet import Fernet, InvalidToken
from fastapi import Request
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from data.errors import InputRejected
from data.model.people import Factor, FactorKind, User
from data.model.views import iso
from data.ports.store import Reader, Writer
from web.account_key import AccountKey
from web.sessions import hash_secret

RECOVERY_CODES = 10
_STEP_S = 30
_SETUP_S = 600
_CHALLENGE_S = 300.0
_MOST_CHALLENGES = 10_000
_LONGEST_LABEL = 100


class FactorRefused(InputRejected):
    """A code or passkey that is not right (HTTP 422)."""

    reason = "factor"

    def __init__(self, detail: str = "the code is wrong or has been used") -> None:
        super().__init__(detail)


def real_factors(factors: Sequence[Factor]) -> list[Factor]:
    """Authenticator apps and passkeys; recovery codes alone are none."""
    return [one for one in factors if one.kind is not FactorKind.RECOVERY]


@dataclass(frozen=True)
class Totp:
    """Authenticator apps. Secrets are encrypted with the server's own key."""

    key: AccountKey

    def begin(self, user: User, issuer: str) -> dict[str, str]:
        """A new secret as text, as address and as picture; `setup` brings it back with the first code."""
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=user.name, issuer_name=issuer)
        setup = self._box().encrypt(json.dumps({"user": user.name, "secret": secret}).encode()).decode()
        qr = segno.make(uri, error="m").svg_data_uri(scale=4, border=2)
        return {"secret": secret, "uri": uri, "qr": qr, "setup": setup}

    def confirm(self, user: User, setup: str, code: str, label: str, now: datetime) -> Factor:
        """The factor to store, after the first right code. Raises FactorRefused."""
        try:
            known = json.loads(self._box().decrypt(setup.encode(), ttl=_SETUP_S))
        except (InvalidToken, ValueError):
            raise FactorRefused("this took too long; begin anew") from None
        step = _step_of(known["secret"], code, now, after=0)
        if known["user"] != user.name or step is None:
            raise FactorRefused
        sealed = self._box().encrypt(known["secret"].encode()).decode()
        return Factor(user.name, FactorKind.TOTP, {"secret": sealed, "step": step}, now, label[:_LONGEST_LABEL])

    def used(self, factor: Factor, code: str, now: datetime) -> Factor | None:
        """The factor after this code, None when the code is wrong or was used before."""
        try:
            secret = self._box().decrypt(str(factor.body["secret"]).encode()).decode()
        except InvalidToken:
            return None  # another key: VAR/keys was not restored
        step = _step_of(secret, code, now, after=int(factor.body["step"]))
        return None if step is None else replace(factor, body={**factor.body, "step": step}, used_at=now)

    def _box(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self.key.derive("totp secrets")))


def _step_of(secret: str, code: str, now: datetime, *, after: int) -> int | None:
    """The 30-second step whose code this is: the present one or a neighbour, never one used before."""
    digits, present = "".join(code.split()), int(now.timestamp()) // _STEP_S
    one_time = pyotp.TOTP(secret)
    fitting = [
        step
        for step in (present - 1, present, present + 1)
        if step > after and hmac.compare_digest(one_time.generate_otp(step).encode(), digits.encode())
    ]
    return fitting[0] if fitting else None


def new_recovery_codes(writer: Writer, user: str, now: datetime) -> list[str]:
    """Ten fresh codes of 120 bits; those of before are gone. Only hashes are stored."""
    for factor in writer.factors(user):
        if factor.kind is FactorKind.RECOVERY:
            writer.remove_factor(factor.id)
    codes = []
    for _ in range(RECOVERY_CODES):
        code = base64.b32encode(secrets.token_bytes(15)).decode()
        writer.add_factor(Factor(user, FactorKind.RECOVERY, {"hash": hash_secret(code)}, now))
        codes.append("-".join(code[n : n + 4] for n in range(0, 24, 4)))
    return codes


def remove_all_factors(writer: Writer, user: str) -> None:
    """No second factor any more, no recovery codes."""
    for factor in writer.factors(user):
        writer.remove_factor(factor.id)


def use_code(writer: Writer, totp: Totp, user: str, code: str, now: datetime) -> FactorKind | None:
    """Take a code of an authenticator app, or a recovery code, which is gone then. None when it is neither."""
    plain = "".join(sign for sign in code.upper() if sign.isalnum())
    for factor in writer.factors(user):
        if factor.kind is FactorKind.TOTP and (used := totp.used(factor, code, now)) is not None:
            writer.save_factor(used)
            return FactorKind.TOTP
        if factor.kind is FactorKind.RECOVERY and hmac.compare_digest(factor.body["hash"], hash_secret(plain)):
            writer.remove_factor(factor.id)
            return FactorKind.RECOVERY
    return None


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """This server as browsers know it. Passkeys need a name, not an IP address, and TLS except on localhost."""

    id: str
    origin: str

    @property
    def possible(self) -> bool:
        try:
            ipaddress.ip_address(self.id)
        except ValueError:
            return self.origin.startswith("https://") or self.id == "localhost"
        return False


def relying_party(request: Request) -> RelyingParty:
    """By the address that the visitor has typed."""
    return RelyingParty(request.url.hostname or "", f"{request.url.scheme}://{request.url.netloc}")


@dataclass
class Passkeys:
    """WebAuthn. Challenges are kept here, five minutes, and each is taken once. Lives on the event loop."""

    key: AccountKey
    _challenges: OrderedDict[bytes, tuple[float, str]] = field(default_factory=OrderedDict)

    def creation_options(self, party: RelyingParty, user: User, known: Sequence[Factor]) -> dict[str, Any]:
        """What the browser needs to make a passkey."""
        options = webauthn.generate_registration_options(
            rp_id=party.id,
            rp_name="一屏 Yiping",
            user_name=user.name,
            user_id=self.key.derive(f"passkey user {user.name}"),
            user_display_name=user.display_name or user.name,
            challenge=self._challenge(f"create {user.name}"),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(known, party),
        )
        made: dict[str, Any] = json.loads(webauthn.options_to_json(options))
        return made

    def created(
        self, party: RelyingParty, user: User, credential: Mapping[str, Any], label: str, now: datetime
    ) -> Factor:
        """The factor to store. Raises FactorRefused."""
        challenge = self._taken(credential, f"create {user.name}")
        try:
            found = webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise FactorRefused("the browser's passkey was not accepted; try again") from error
        body = {
            "credential": bytes_to_base64url(found.credential_id),
            "public_key": bytes_to_base64url(found.credential_public_key),
            "sign_count": found.sign_count,
            "rp_id": party.id,
        }
        return Factor(user.name, FactorKind.PASSKEY, body, now, label[:_LONGEST_LABEL])

    def request_options(self, party: RelyingParty, purpose: str, known: Sequence[Factor]) -> dict[str, Any]:
        """What the browser needs to use a passkey: one of `known`, or any that it has for this server."""
        options = webauthn.generate_authentication_options(
            rp_id=party.id,
            challenge=self._challenge(purpose),
            allow_credentials=_descriptors(known, party),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        made: dict[str, Any] = json.loads(webauthn.options_to_json(options))
        return made

    def used(
        self, party: RelyingParty, purpose: str, credential: Mapping[str, Any], known: Sequence[Factor], now: datetime
    ) -> Factor:
        """The passkey that was used, with its new count. Raises FactorRefused."""
        challenge = self._taken(credential, purpose)
        factor = next((one for one in known if one.body["credential"] == credential.get("id")), None)
        if factor is None or factor.body["rp_id"] != party.id:
            raise FactorRefused("this passkey is not known here")
        try:
            found = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
                credential_public_key=base64url_to_bytes(factor.body["public_key"]),
                credential_current_sign_count=int(factor.body["sign_count"]),
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise FactorRefused("the passkey was not accepted; try again") from error
        return replace(factor, body={**factor.body, "sign_count": found.new_sign_count}, used_at=now)

    def _challenge(self, purpose: str) -> bytes:
        challenge = secrets.token_bytes(32)
        self._challenges[challenge] = (time.monotonic() + _CHALLENGE_S, purpose)
        while len(self._challenges) > _MOST_CHALLENGES:
            self._challenges.popitem(last=False)
        return challenge

    def _taken(self, credential: Mapping[str, Any], purpose: str) -> bytes:
        """The challenge that the browser has signed, if it is one of ours for this purpose. Raises FactorRefused."""
        try:
            client = parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise FactorRefused("this is no answer of a browser") from error
        until, asked = self._challenges.pop(client.challenge, (0.0, ""))
        if asked != purpose or until < time.monotonic():
            raise FactorRefused("this took too long; try again")
        return client.challenge


def passkeys_of(factors: Sequence[Factor]) -> list[Factor]:
    """The passkeys among them."""
    return [one for one in factors if one.kind is FactorKind.PASSKEY]


def all_passkeys(reader: Reader) -> list[Factor]:
    """Of everybody, for a login that begins with the passkey."""
    return list(reader.factors_of_kind(FactorKind.PASSKEY))


def _descriptors(factors: Sequence[Factor], party: RelyingParty) -> list[PublicKeyCredentialDescriptor]:
    fitting = [one for one in passkeys_of(factors) if one.body["rp_id"] == party.id]
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.body["credential"])) for one in fitting]


def factor_view(factor: Factor) -> dict[str, Any]:
    """A factor as the list shows it, without its secret."""
    return {
        "id": factor.id,
        "kind": factor.kind.value,
        "label": factor.label,
        "created_at": iso(factor.created_at),
        "used_at": None if factor.used_at is None else iso(factor.used_at),
    }


def second_factor_view(factors: list[Factor], *, required: bool, possible: bool) -> dict[str, Any]:
    """What the account page shows. `possible`: can this browser's address have passkeys?"""
    return {
        "required": required,
        "factors": [factor_view(one) for one in real_factors(factors)],
        "recovery_left": sum(one.kind is FactorKind.RECOVERY for one in factors),
        "passkeys": len(passkeys_of(factors)),
        "passkeys_possible": possible,
    }
