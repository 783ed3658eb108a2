"""What WVP (github.com/648540858/wvp-GB28181-pro) is asked: a login, and the play address of a channel.

Its answers are `{"code": 0, "msg": ..., "data": {...}}`; a play answer's data hold `rtsp`. The address may carry a
signature, so it is a secret, and no error repeats it.
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from data.errors import DeviceLost
from data.secrets import Credentials
from monitors.wvp_camera import Recipe


def play_address(recipe: Recipe, name: str, credentials: Credentials | None) -> str:
    """The channel's rtsp:// address, a secret. Raises DeviceLost."""
    timeout = httpx.Timeout(recipe.timeout.total_seconds())
    with httpx.Client(base_url=recipe.url, timeout=timeout, trust_env=False) as client:
        if credentials is not None and credentials.token.get_secret_value():
            client.headers["api-key"] = credentials.token.get_secret_value()
        elif credentials is not None:
            # The API wants the password's MD5: no protection at all, so let the platform be reached by https.
            digest = hashlib.md5(credentials.password.get_secret_value().encode(), usedforsecurity=False).hexdigest()
            query = {"username": credentials.username, "password": digest}
            data = _asked(client, "/api/user/login", name, "the login", query)
            token = data.get("accessToken")
            if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
                raise DeviceLost(f"{name}: the platform gave no access token")
            client.headers["access-token"] = token
        data = _asked(client, f"/api/play/start/{recipe.device}/{recipe.channel}", name, "playing", {})
    return _located(data.get("rtsp"), recipe.media_host, name)


def _asked(client: httpx.Client, path: str, name: str, what: str, query: dict[str, str]) -> dict[str, Any]:
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
        said = str(content.get("msg", ""))[:100] if isinstance(content, dict) else ""
        raise DeviceLost(f"{name}: the platform refuses {what}: HTTP {answer.status_code}, code {code} {said}".rstrip())
    data = content.get("data")
    return data if isinstance(data, dict) else {}


def _located(address: object, media_host: str | None, name: str) -> str:
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"rtsp", "rtsps"} or not parts.hostname:
        raise DeviceLost(f"{name}: the platform names no rtsp address to play from")
    if media_host is None:
        return urlunsplit(parts)
    login, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}{media_host}" + (f":{port}" if port else "")))
