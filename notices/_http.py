"""One HTTP request that carries a message, and the meaning of its answer. Errors name the peer, never the whole URL."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from data.ports.channel import DeliveryFailed

RETRIED = frozenset({408, 425, 429})  # the 4xx that are tried again; the others mean a wrong request
EXCERPT_LIMIT = 200  # characters of an answer that are kept


@dataclass(frozen=True, slots=True)
class Answer:
    """What the peer answered."""

    status: int
    text: str


def request(
    method: str,
    url: str,
    *,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    body: Any = None,
    content: bytes | None = None,
) -> Answer:
    """Send the request. Raises DeliveryFailed, marked permanent for an answer that will not change."""
    import httpx  # noqa: PLC0415 - 12 MiB, and every process reads the settings that hold channels

    from data.net.guarded_http import GuardedTransport, RefusedByUs  # noqa: PLC0415 - loads httpx

    peer = urlsplit(url).hostname or "?"
    try:
        with httpx.Client(timeout=timeout_s, trust_env=False, transport=GuardedTransport(verify=_tls())) as client:
            found = client.request(
                method,
                url,
                params=params,
                headers={name.encode(): header_value(value) for name, value in (headers or {}).items()},
                json=body,
                content=content,
                follow_redirects=False,
            )
    except RefusedByUs as error:
        raise DeliveryFailed(str(error), permanent=True) from None
    except httpx.HTTPError as error:
        late = isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout)
        away = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        words = "did not answer in time" if late else "cannot connect" if away else type(error).__name__
        raise DeliveryFailed(f"{peer}: {words}") from None  # the cause would show the URL and its key
    answer = Answer(found.status_code, found.text)
    if answer.status >= 300:
        permanent = answer.status < 500 and answer.status not in RETRIED
        raise DeliveryFailed(f"{peer} answered {answer.status}: {excerpt(answer)}", permanent=permanent)
    return answer


@cache  # loading the certificate authorities takes 30 ms of a core, more than all the rest of a message
def _tls() -> ssl.SSLContext:
    """What every channel's TLS rests on; read once, at the first message of the process."""
    import httpx  # noqa: PLC0415

    return httpx.create_ssl_context()


def header_value(text: str) -> bytes:
    """A text as a header value: one line in UTF-8, without control characters."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable()).encode()


def excerpt(answer: Answer) -> str:
    """The answer's text, shortened to one line."""
    return " ".join(answer.text.split())[:EXCERPT_LIMIT]


def expect(answer: Answer, wanted: Mapping[str, Any]) -> None:
    """Check values of the JSON answer, since many gateways refuse with status 200. Raises DeliveryFailed."""
    if not wanted:
        return
    try:
        found = json.loads(answer.text)
    except (ValueError, RecursionError):
        raise DeliveryFailed(f"the answer is not JSON: {excerpt(answer)}") from None
    for path, value in wanted.items():
        got = at(found, path)
        if got != value:
            raise DeliveryFailed(f"the peer refused: {path} is {got!r}, not {value!r}: {excerpt(answer)}")


def at(tree: Any, path: str) -> Any:
    """The value at a path such as `data.0.status` of parsed JSON; None if there is none."""
    for key in path.split("."):
        if isinstance(tree, Mapping):
            tree = tree.get(key)
        elif isinstance(tree, list) and key.isdecimal() and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            return None
    return tree
