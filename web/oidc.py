"""OpenID Connect with an identity provider: authorization code, PKCE, state, nonce; back-channel log-out.

Discovery, keys and tokens are fetched when they are needed: one that is away holds up its own button only.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core.claims import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import SecretStr

from data.config.accounts import OidcSettings
from data.errors import YipingError
from data.model.people import Role
from data.net.guarded_http import GuardedAsyncTransport

log = logging.getLogger(__name__)

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_FLOW_S, _MOST_FLOWS = 600.0, 2000
_DISCOVERED_S, _KEYS_AGAIN_S = 3600.0, 10.0
_TIMEOUT_S = 10.0
_LEEWAY_S = 60
_LOGOUT_AGE_S = 300


class ProviderRefused(YipingError):
    """The provider's answer cannot be used. `reason` is a key of the login page's texts."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class _Flow:
    until: float
    nonce: str
    verifier: str
    browser: str
    redirect_uri: str
    aim: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser is sent, and what it keeps so that only it can come back."""

    url: str
    browser: str


@dataclass(frozen=True, slots=True)
class Known:
    """Whom the provider has let in. `session`: issuer and session id there, for log-out."""

    identity: str
    name: str
    display_name: str
    role: Role | None
    session: str
    id_token: str
    aim: str


class Provider:
    """One identity provider. Lives on the event loop."""

    def __init__(self, settings: OidcSettings, secret: SecretStr | None) -> None:
        self.settings = settings
        self._secret = secret
        self._flows: OrderedDict[str, _Flow] = OrderedDict()
        self._document: tuple[float, dict[str, Any]] = (float("-inf"), {})
        self._keys: tuple[float, KeySet | None] = (float("-inf"), None)
        self._seen_logouts: OrderedDict[str, None] = OrderedDict()
        self._lock = asyncio.Lock()

    async def begin(self, redirect_uri: str, aim: str) -> Begun:
        """A login at the provider. Raises ProviderRefused when the provider cannot be asked."""
        document = await self._discovered()
        state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
        async with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                document["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        self._flows[state] = _Flow(time.monotonic() + _FLOW_S, nonce, verifier, browser, redirect_uri, aim)
        while len(self._flows) > _MOST_FLOWS:
            self._flows.popitem(last=False)
        return Begun(str(url), browser)

    async def finish(self, answer: Mapping[str, str], browser: str) -> Known:
        """Who came back from the provider. Each state works once, in the browser that began. Raises ProviderRefused."""
        flow = self._flows.pop(answer.get("state", ""), None)
        if flow is None or flow.until < time.monotonic() or not hmac.compare_digest(flow.browser, browser):
            raise ProviderRefused("provider_late", "this login was not begun in this browser, or too long ago")
        if answer.get("iss", self.settings.issuer) != self.settings.issuer:
            raise ProviderRefused("provider_failed", "the answer is of another issuer")
        if "error" in answer or "code" not in answer:
            raise ProviderRefused("provider_failed", f"the provider says {answer.get('error', 'nothing')[:60]!r}")
        document = await self._discovered()
        try:
            async with self._client(flow.redirect_uri) as client:
                token = await client.fetch_token(
                    document["token_endpoint"], code=answer["code"], code_verifier=flow.verifier,
                    grant_type="authorization_code",
                )  # fmt: skip
                claims = await self._verified(str(token["id_token"]), flow.nonce, str(token.get("access_token", "")))
                if self.settings.role_of(claims) is None and "userinfo_endpoint" in document:
                    claims = await self._more(client, document["userinfo_endpoint"], claims)
        except (AuthlibBaseError, httpx.HTTPError, KeyError, ValueError) as error:
            raise ProviderRefused("provider_failed", f"the token cannot be had: {type(error).__name__}") from error
        return self._known(claims, str(token["id_token"]), flow.aim)

    async def logged_out(self, token: str) -> tuple[str, str]:
        """The (session, identity) that a back-channel logout token ends; one may be empty. Raises ProviderRefused."""
        claims, _ = await self._decoded(token)
        now = time.time()
        audience = claims.get("aud")
        fits = (
            claims.get("iss") == self.settings.issuer
            and self.settings.client_id in (audience if isinstance(audience, list) else [audience])
            and LOGOUT_EVENT in (claims.get("events") or {})
            and "nonce" not in claims
            and isinstance(claims.get("iat"), int | float)
            and abs(now - claims["iat"]) < _LOGOUT_AGE_S
            and now < claims.get("exp", now + 1) + _LEEWAY_S
            and isinstance(claims.get("jti"), str)
            and claims["jti"] not in self._seen_logouts
        )
        sid, sub = str(claims.get("sid") or ""), str(claims.get("sub") or "")
        if not fits or not (sid or sub):
            raise ProviderRefused("provider_failed", "this is no logout token for us, or it came before")
        self._seen_logouts[claims["jti"]] = None
        while len(self._seen_logouts) > _MOST_FLOWS:
            self._seen_logouts.popitem(last=False)
        return self._joined(sid), self._joined(sub)

    async def log_out_url(self, back: str, id_token: str) -> str | None:
        """Where the browser ends the provider's session; None when the provider has no such address."""
        end = (await self._discovered()).get("end_session_endpoint")
        if not isinstance(end, str):
            return None
        given = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back}
        return str(httpx.URL(end, params=given | ({"id_token_hint": id_token} if id_token else {})))

    def _known(self, claims: dict[str, Any], id_token: str, aim: str) -> Known:
        return Known(
            identity=self._joined(str(claims["sub"])),
            name=str(claims.get(self.settings.name_claim) or "").strip(),
            display_name=str(claims.get(self.settings.display_name_claim) or "").strip(),
            role=self.settings.role_of(claims),
            session=f"{self.settings.issuer}\n{claims.get('sid') or ''}",
            id_token=id_token,
            aim=aim,
        )

    def _joined(self, name: str) -> str:
        return f"{self.settings.issuer}\n{name}" if name else ""

    def _client(self, redirect_uri: str) -> AsyncOAuth2Client:
        secret = None if self._secret is None else self._secret.get_secret_value()
        return AsyncOAuth2Client(
            self.settings.client_id,
            secret,
            scope=" ".join(("openid", *self.settings.scopes)),
            redirect_uri=redirect_uri,
            token_endpoint_auth_method="none" if secret is None else "client_secret_basic",
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
            transport=GuardedAsyncTransport(),
        )

    async def _verified(self, id_token: str, nonce: str, access_token: str) -> dict[str, Any]:
        """The claims of an ID token, all checked. Raises ProviderRefused."""
        claims, header = await self._decoded(id_token)
        options = {
            "iss": {"essential": True, "value": self.settings.issuer},
            "aud": {"essential": True, "value": self.settings.client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"nonce": nonce, "client_id": self.settings.client_id, "access_token": access_token}
        try:
            CodeIDToken(claims, header, options, params).validate(leeway=_LEEWAY_S)
        except (JoseError, AuthlibBaseError, ValueError) as error:
            raise ProviderRefused("provider_failed", f"the ID token is not good: {error}") from error
        return claims

    async def _decoded(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Claims and header of a token that the provider has signed. Raises ProviderRefused."""
        for attempt in (0, 1):
            keys = await self._key_set(again=attempt == 1)
            try:
                found = jwt.decode(token, keys, algorithms=_ALGORITHMS)
            except (JoseError, ValueError) as error:
                if attempt == 1:
                    raise ProviderRefused(
                        "provider_failed", f"the token is not good: {type(error).__name__}"
                    ) from error
                continue
            return dict(found.claims), dict(found.header)
        raise AssertionError  # the loop returns or raises

    async def _more(self, client: AsyncOAuth2Client, address: str, claims: dict[str, Any]) -> dict[str, Any]:
        """The claims with those of the userinfo endpoint, which must be about the same subject."""
        answer = await client.get(address)
        answer.raise_for_status()
        told = answer.json()
        if not isinstance(told, dict) or told.get("sub") != claims["sub"]:
            raise ProviderRefused("provider_failed", "userinfo is about somebody else")
        return {**told, **claims}

    async def _discovered(self) -> dict[str, Any]:
        async with self._lock:
            at, document = self._document
            if time.monotonic() - at > _DISCOVERED_S:
                document = await self._fetched(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
                if document.get("issuer") != self.settings.issuer:
                    raise ProviderRefused("provider_away", "the provider calls itself by another issuer")
                self._document = (time.monotonic(), document)
            return document

    async def _key_set(self, *, again: bool) -> KeySet:
        document = await self._discovered()
        async with self._lock:
            at, keys = self._keys
            age = time.monotonic() - at
            if keys is None or age > _DISCOVERED_S or (again and age > _KEYS_AGAIN_S):
                try:
                    keys = KeySet.import_key_set(await self._fetched(str(document.get("jwks_uri", ""))))  # type: ignore[arg-type]
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise ProviderRefused("provider_away", "the provider's keys cannot be read") from error
                self._keys = (time.monotonic(), keys)
            return keys

    async def _fetched(self, address: str) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, transport=GuardedAsyncTransport()) as client:
                answer = await client.get(address)
                answer.raise_for_status()
                document = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.warning("the identity provider cannot be asked: %s", type(error).__name__)
            raise ProviderRefused("provider_away", "the identity provider cannot be reached") from error
        if not isinstance(document, dict):
            raise ProviderRefused("provider_away", "the identity provider gives no JSON object")
        return document
