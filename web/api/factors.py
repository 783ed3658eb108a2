"""Second factors of one's own: authenticator app, passkeys, recovery codes. From a browser's session only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from data.errors import NotFound
from data.model.people import Factor
from data.ports.store import Writer
from web.account_steps import record
from web.api.account import Password, own_session
from web.api.factor_schemas import LeftAnswer, PasskeyOptions, RecoveryAnswer, TotpAnswer
from web.api.schemas import answers, api_router
from web.identity import Identity
from web.second_factor import FactorRefused, new_recovery_codes, real_factors, relying_party, remove_all_factors
from web.sessions import Visitor

_Label = Annotated[str, Field(max_length=100, description="What it is called in the list.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PasswordBody(_Body):
    """The password once more."""

    password: Password


class ConfirmTotpBody(_Body):
    """`setup` as it was given, and the app's first code."""

    setup: Annotated[str, Field(max_length=2000)]
    code: Annotated[str, Field(max_length=20)]
    label: _Label = ""


class NewPasskeyBody(_Body):
    """What the browser's `credentials.create` gave."""

    credential: dict[str, Any]
    label: _Label = ""


class RemoveFactorBody(_Body):
    """Which one."""

    id: Annotated[int, Field(ge=1, le=2**62)]
    password: Password


def factors_router(identity: Identity) -> APIRouter:
    """`/account/totp`, `/account/passkeys`, `/account/recovery-codes`, `/account/remove-factor`"""
    router = api_router("account")
    deps = identity.deps

    async def keep(visitor: Visitor, factor: Factor) -> dict[str, Any]:
        """Store it; the first factor brings recovery codes. Other sessions end: they were without."""

        def work(writer: Writer) -> list[str]:
            first = not real_factors(writer.factors(factor.user))
            writer.add_factor(factor)
            codes = new_recovery_codes(writer, factor.user, deps.now()) if first else []
            ended = writer.revoke_sessions_of(factor.user, deps.now(), kept=visitor.session.secret_hash) if first else 0
            record(
                writer, visitor.actor, "add_second_factor", factor.user, deps.now(), kind=factor.kind.value,
                label=factor.label, ended=ended,
            )  # fmt: skip
            return codes

        return {"recovery_codes": await identity.change(factor.user, work)}

    @router.post("/account/totp", response_model=None, responses=answers(TotpAnswer, 403, 422, 429, 503))
    async def begin_totp(request: Request, body: PasswordBody) -> dict[str, str]:
        """A new secret for an authenticator app, as text and QR code; it counts when its first code is confirmed."""
        user = await identity.confirm(request, own_session(request), body.password)
        return identity.totp.begin(user, f"一屏 {deps.settings.name}")

    @router.post("/account/totp/confirm", response_model=None, responses=answers(RecoveryAnswer, 403, 422, 429))
    async def confirm_totp(request: Request, body: ConfirmTotpBody) -> dict[str, Any]:
        """The app's first code. `recovery_codes`, with the first factor: shown this once."""
        visitor = own_session(request)
        attempt = identity.limit.reserve_second(visitor.user.name, "set-up")
        factor = identity.totp.confirm(visitor.user, body.setup, body.code, body.label, deps.now())
        identity.limit.succeeded(attempt, visitor.user.name)
        return await keep(visitor, factor)

    @router.post(
        "/account/passkeys/options", response_model=None, responses=answers(PasskeyOptions, 403, 422, 429, 503)
    )
    async def passkey_options(request: Request, body: PasswordBody) -> dict[str, Any]:
        """Options for the browser's `credentials.create`."""
        user, party = await identity.confirm(request, own_session(request), body.password), relying_party(request)
        if not party.possible:
            raise FactorRefused("passkeys need TLS and a host name, not an IP address")
        known = await deps.read(lambda reader: reader.factors(user.name))
        return identity.passkeys.creation_options(party, user, known)

    @router.post("/account/passkeys", response_model=None, responses=answers(RecoveryAnswer, 403, 422))
    async def add_passkey(request: Request, body: NewPasskeyBody) -> dict[str, Any]:
        """Store the new passkey. `recovery_codes`, with the first factor: shown this once."""
        visitor = own_session(request)
        party = relying_party(request)
        return await keep(
            visitor, identity.passkeys.created(party, visitor.user, body.credential, body.label, deps.now())
        )

    @router.post("/account/recovery-codes", response_model=None, responses=answers(RecoveryAnswer, 403, 422, 429, 503))
    async def recovery_codes(request: Request, body: PasswordBody) -> dict[str, Any]:
        """Ten new codes, shown this once; those of before are void."""
        visitor = own_session(request)
        user = await identity.confirm(request, visitor, body.password)

        def work(writer: Writer) -> list[str]:
            codes = new_recovery_codes(writer, user.name, deps.now())
            record(writer, visitor.actor, "new_recovery_codes", user.name, deps.now())
            return codes

        return {"recovery_codes": await identity.change(user.name, work)}

    @router.post("/account/remove-factor", response_model=None, responses=answers(LeftAnswer, 403, 404, 422, 429, 503))
    async def remove(request: Request, body: RemoveFactorBody) -> dict[str, Any]:
        """One factor less; with the last one the recovery codes go, too."""
        visitor = own_session(request)
        user = await identity.confirm(request, visitor, body.password)

        def work(writer: Writer) -> int:
            factor = next((one for one in real_factors(writer.factors(user.name)) if one.id == body.id), None)
            if factor is None:
                raise NotFound(f"no second factor {body.id}")
            writer.remove_factor(factor.id)
            left = real_factors(writer.factors(user.name))
            if not left:
                remove_all_factors(writer, user.name)
            record(
                writer, visitor.actor, "remove_second_factor", user.name, deps.now(), kind=factor.kind.value,
                label=factor.label,
            )  # fmt: skip
            return len(left)

        return {"left": await identity.change(user.name, work)}

    return router
