"""Secrets of accounts in the canary test: an administrator's session, second factor, codes and tokens; VAPID; OIDC."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from data.model.push_subscription import PushSubscription

PUSH_SECRETS: Mapping[str, str] = MappingProxyType(
    {"push endpoint": "canary-endpoint-18-AbCdEf012345", "push auth": "canaryPushAuth19-xyzAB"}
)
_GIVEN = re.compile(r"\{([a-z_]+)\}")
_VALUES = MappingProxyType({"name": "root", "site": "gauge", "site_id": "gauge", "monitor": "poll", "form": "json"})


def vapid_key() -> tuple[str, str]:
    """A private key as configured in secrets.yaml, and its public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_numbers().private_value.to_bytes(32, "big")
    return _text(private), _text(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def subscription(service: str) -> PushSubscription:
    """A browser at this push service, whose address and secret are canaries."""
    _, public = vapid_key()
    return PushSubscription(
        endpoint=f"{service}/{PUSH_SECRETS['push endpoint']}", p256dh=public, auth=PUSH_SECRETS["push auth"]
    )


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class Administrator:
    """The user root in a browser of their own. `answered`: GETs that gave something. Raises what httpx raises."""

    def __init__(self, base: str, password: str) -> None:
        self._password = password
        self._client = httpx.Client(base_url=base, timeout=30)
        self.answered = 0

    def __enter__(self) -> Self:
        answer = self._client.post("/login", data={"name": "root", "password": self._password})
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text[:500]
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._client.close()

    def secrets(self) -> dict[str, str]:
        """What this session was given, each shown once: cookie, TOTP, recovery, reset codes, bearer token."""
        begun = self._post("/account/totp", {"password": self._password})
        app = pyotp.TOTP(begun["secret"])
        codes = self._post("/account/totp/confirm", {"setup": begun["setup"], "code": app.now(), "label": "phone"})
        added = self._post("/users", {"name": "new-one", "role": "operator", "display_name": "New"})
        reset = self._post("/users/new-one/reset", {})
        token = self._post("/users/new-one/tokens", {"label": "canary", "days": 3})
        first = str(codes["recovery_codes"][0])
        self._client.post("/login", data={"name": "root", "password": f"{self._password} wrong"})
        self._client.get("/api/v1/me", headers={"Authorization": f"Bearer {token['token']}x"})
        return {
            "session": self._client.cookies["yiping_session"],
            "totp": begun["secret"],
            "totp setup": begun["setup"][24:],  # what is before is the time
            "recovery": first,
            "recovery as stored": first.replace("-", ""),
            "first code": added["code"],
            "reset code": reset["code"],
            "token": token["token"],
        }

    def answers(self) -> Iterator[tuple[str, bytes]]:
        """The answer of every GET of the API that its description names."""
        described = self._client.get("/api/v1/openapi.json").json()
        for path in [path for path, methods in described["paths"].items() if "get" in methods]:
            where = _GIVEN.sub(lambda found: _VALUES.get(found[1], "1"), path)
            yield f"GET {where}", self.get(where if where.startswith(("/api", "/open311")) else f"/api/v1{where}")

    def get(self, path: str) -> bytes:
        """Body and headers."""
        answer = self._client.get(path)
        self.answered += answer.status_code == httpx.codes.OK
        heads = {name: value for name, value in answer.headers.items() if name.lower() != "set-cookie"}
        return f"{heads}".encode() + answer.content

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"X-CSRF-Token": self._client.cookies["yiping_csrf"], "Idempotency-Key": path}
        answer = self._client.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:500]}"
        found: dict[str, Any] = answer.json()
        return found


def log_in_at_provider(base: str) -> None:
    """Begin a login at the identity provider and come back with a code: the provider refuses the client secret."""
    with httpx.Client(base_url=base, timeout=30) as client:
        begun = client.get("/login/oidc")
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        client.get("/login/oidc/callback", params={"state": state, "code": "a-code-of-the-provider"})
