"""What WVP (github.com/648540858/wvp-GB28181-pro) is asked: one login, and the play address of each channel.

Its answers are `{"code": 0, "msg": ..., "data": {...}}`; a play answer's data name addresses by protocol. An address
may carry a signature, so it is a secret, and no error repeats it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from data.errors import DeviceLost
from data.model.masking import SecretMask
from data.model.secrets import Credentials
from data.net.guarded_http import GuardedTransport

if TYPE_CHECKING:
    from monitors.video.wvp_camera import Recipe

# What can be played, the one we like best first: the names of WVP's answer and the schemes they must have.
_PLAYABLE = (
    ("rtsp", ("rtsp", "rtsps")),
    ("rtsps", ("rtsps", "rtsp")),
    ("flv", ("http", "https")),
    ("https_flv", ("https", "http")),
    ("rtmp", ("rtmp", "rtmps")),
    ("fmp4", ("http", "https")),
    ("https_fmp4", ("https", "http")),
    ("ts", ("http", "https")),
    ("https_ts", ("https", "http")),
    ("hls", ("http", "https")),
    ("https_hls", ("https", "http")),
)
_OTHERS = ("ws_flv", "wss_flv", "ws_fmp4", "wss_fmp4", "ws_hls", "ws_ts", "rtc", "rtcs", "webrtc")
_REFUSED_FOR_S = 30.0  # a login that was refused is not tried again for so long, by none of its channels
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Playing:
    """Where a channel is played from, a secret. `doubt`: what speaks against it, if nothing should come."""

    address: str
    doubt: str = ""


class Platform:
    """One platform as one process knows it: all of its channels share a login. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token = ""
        self._refused: tuple[float, str] | None = None  # until when, and why

    def play(self, recipe: Recipe, name: str, credentials: Credentials | None) -> Playing:
        """Ask the platform to play the channel. Raises DeviceLost."""
        timeout = httpx.Timeout(recipe.timeout.total_seconds())
        path = f"/api/play/start/{recipe.device}/{recipe.channel}"
        with httpx.Client(
            base_url=recipe.url, timeout=timeout, trust_env=False, transport=GuardedTransport()
        ) as client:
            if credentials is None:
                return playing(_asked(client, path, name, "playing", {}), recipe, name)
            key = credentials.token.get_secret_value()
            if key:
                client.headers["api-key"] = key
                return playing(_asked(client, path, name, "playing", {}), recipe, name)
            token = self._logged_in(client, name, credentials, "")
            client.headers["access-token"] = token
            try:
                data = _asked(client, path, name, "playing", {})
            except _LoginExpired:
                client.headers["access-token"] = self._logged_in(client, name, credentials, token)
                data = _asked(client, path, name, "playing", {})
            return playing(data, recipe, name)

    def _logged_in(self, client: httpx.Client, name: str, credentials: Credentials, expired: str) -> str:
        """The token that is known, unless it is the expired one; else of a new login."""
        with self._lock:
            if self._token and self._token != expired:
                return self._token
            if self._refused is not None and time.monotonic() < self._refused[0]:
                raise DeviceLost(f"{name}: {self._refused[1]}")
            self._token = ""
            # The API wants the password's MD5: no protection at all, so let the platform be reached by https.
            digest = hashlib.md5(credentials.password.get_secret_value().encode(), usedforsecurity=False).hexdigest()
            query = {"username": credentials.username, "password": digest}
            try:
                data = _asked(client, "/api/user/login", name, "the login", query)
            except _Refused as error:
                self._refused = (time.monotonic() + _REFUSED_FOR_S, error.why)
                raise
            token = data.get("accessToken") if isinstance(data, Mapping) else None
            if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
                raise DeviceLost(f"{name}: the platform gave no access token")
            self._token, self._refused = token, None
            return token


class _Refused(DeviceLost):
    """The platform answers that it will not. `why`: without the channel's name."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.why = why


class _LoginExpired(_Refused):
    """It wants a login."""


def _asked(client: httpx.Client, path: str, name: str, what: str, query: dict[str, str]) -> Any:
    """The data of an answer. Raises DeviceLost, without the query: it holds the password."""
    try:
        answer = client.get(path, params=query)
        content = answer.json()
    except httpx.TimeoutException:
        raise DeviceLost(f"{name}: the platform does not answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeviceLost(f"{name}: the platform cannot be asked: {type(error).__name__}") from None
    except ValueError:
        raise DeviceLost(f"{name}: the platform answers {answer.status_code} without JSON") from None
    code = content.get("code") if isinstance(content, dict) else None
    if answer.status_code != httpx.codes.OK or code != 0:
        said = str(content.get("msg", "")) if isinstance(content, dict) else ""
        # What was agreed on with the platform is in no configuration: the token of the login, the digest, the key.
        said = SecretMask((*_login_headers(client), *query.values()))(said)[:100]
        why = f"the platform refuses {what}: HTTP {answer.status_code}, code {code} {said}".rstrip()
        raise (_LoginExpired if _UNAUTHORIZED in {answer.status_code, code} else _Refused)(name, why)
    return content.get("data")


def _login_headers(client: httpx.Client) -> tuple[str, ...]:
    return tuple(client.headers[name] for name in ("api-key", "access-token") if name in client.headers)


def playing(data: object, recipe: Recipe, name: str) -> Playing:
    """What a play answer's data give. Raises DeviceLost, saying what is missing."""
    if not isinstance(data, Mapping) or not data:
        raise DeviceLost(f"{name}: the platform has opened no stream: its answer holds no data")
    for field, schemes in _PLAYABLE:
        address = _located(data.get(field), schemes, recipe.media_host)
        if address:
            return Playing(address, _doubt(data))
    others = [field for field in _OTHERS if data.get(field)]
    besides = f"; it has only {', '.join(others)}" if others else ""
    raise DeviceLost(f"{name}: the platform names no rtsp address or other that can be played{besides}")


def _doubt(data: Mapping[str, Any]) -> str:
    """A stream that the platform has open, while its device sends nothing."""
    media = data.get("mediaInfo")
    told = {**data, **media} if isinstance(media, Mapping) else data
    speed = told.get("bytesSpeed")
    if isinstance(speed, int | float) and not isinstance(speed, bool) and speed == 0:
        return "the platform receives nothing from the device (bytesSpeed 0)"
    return ""


def _located(address: object, schemes: tuple[str, ...], media_host: str | None) -> str:
    """The address, at `media_host` where one is given; empty when it is none of these schemes."""
    try:
        parts = urlsplit(address.strip() if isinstance(address, str) else "")
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in schemes or not parts.hostname:
        return ""
    if media_host is None:
        return urlunsplit(parts)
    login, at, _ = parts.netloc.rpartition("@")
    has_port = media_host.rpartition("]")[2].count(":") == 1
    own = "" if has_port or not port else f":{port}"
    return urlunsplit(parts._replace(netloc=f"{login}{at}{media_host}{own}"))
