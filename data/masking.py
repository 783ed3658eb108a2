"""Configured secrets are taken out of every foreign text that is kept, logged or shown.

A gateway may echo what it was sent: the URL with its key, the header with the password in Base64, the body as JSON. A
`SecretMask` knows the secrets of this installation in all these forms. It is made once from the configuration and
handed to the log and to the store's writer of each process.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from data.secrets import Secrets, redact

MASK = "***"
SHORTEST_INSIDE = 6  # shorter ones are masked only where they stand alone: "admin" is a word, too
SHORTEST = 3
_SHORTEST_TAIL = 6  # characters of a secret that a cut-off text may end with
_CUT_FROM = 60  # characters; shorter texts were not cut off
_SECRET_NAME = re.compile(r"key|token|secret|passw|pwd|auth|sign|cookie|credential", re.IGNORECASE)
_NO_SECRETS = frozenset({"credentials", "keyframes", "keep", "author"})
_IN_PATH = re.compile(r"(?=[A-Za-z_-]*[0-9])(?=[0-9_-]*[A-Za-z])[A-Za-z0-9_-]{20,}")
_TEMPLATE = re.compile(r"\{[a-z_]*\}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://")

V = TypeVar("V")


class SecretMask:
    """Masks the given secrets in text; can be pickled. Never print its `secrets`."""

    def __init__(self, secrets: Iterable[str] = (), pairs: Iterable[tuple[str, str]] = ()) -> None:
        """`pairs`: user names with passwords, which go over the wire together in Base64."""
        own = {secret for secret in secrets if len(secret) >= SHORTEST}
        both = {f"{user}:{password}" for user, password in pairs if user and len(password) >= SHORTEST}
        self._secrets = tuple(sorted(own))
        self._pairs = tuple(sorted(both))

    def __repr__(self) -> str:
        return f"SecretMask of {len(self._secrets)} secrets"

    def __getstate__(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self._secrets, self._pairs

    def __setstate__(self, state: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        self._secrets, self._pairs = state

    def __call__(self, text: str) -> str:
        """`text` without secrets, and without what stands before the @ of any URL. Linear in the length of the text."""
        text = redact(text)
        if self._pattern is None:
            return text
        text = self._pattern.sub(MASK, text)
        return self._without_tail(text) if len(text) >= _CUT_FROM else text

    def within(self, value: V) -> V:
        """The same JSON with every text masked, names included."""
        if isinstance(value, str):
            return self(value)  # type: ignore[return-value]
        if isinstance(value, Mapping):
            return {self.within(name): self.within(one) for name, one in value.items()}  # type: ignore[return-value]
        if isinstance(value, list | tuple):
            return [self.within(one) for one in value]  # type: ignore[return-value]
        return value

    @cached_property
    def _forms(self) -> tuple[str, ...]:
        found = {form for secret in self._secrets for form in _forms(secret)}
        found |= {form for pair in self._pairs for form in _base64_forms(pair)}
        return tuple(sorted(found, key=lambda form: (-len(form), form)))

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        if not self._forms:
            return None
        inside = [re.escape(form) for form in self._forms if len(form) >= SHORTEST_INSIDE]
        alone = [re.escape(form) for form in self._forms if len(form) < SHORTEST_INSIDE]
        parts = [*inside, *((rf"(?<![0-9A-Za-z])(?:{'|'.join(alone)})(?![0-9A-Za-z])",) if alone else ())]
        return re.compile("|".join(parts))

    def _without_tail(self, text: str) -> str:
        """Without the beginning of a secret at the end of a text that was cut off in the middle of it."""
        body = text.rstrip("'\"…. )]}")
        for form in self._forms:
            if len(form) <= _SHORTEST_TAIL:
                continue
            at = body.rfind(form[:_SHORTEST_TAIL], -len(form))
            if at >= 0 and form.startswith(body[at:]):
                return body[:at] + MASK + text[len(body) :]
        return text


def secret_mask(settings: BaseModel, secrets: Secrets, others: Iterable[str] = ()) -> SecretMask:
    """The mask of an installation: its credentials, what config.yaml holds of keys, `others` (the store's URL)."""
    found: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for one in secrets.credentials.values():
        password, token = one.password.get_secret_value(), one.token.get_secret_value()
        found |= {password, token}
        pairs.add((one.username, password or token))
    for name, text in (*_texts("", settings.model_dump()), *(("", text) for text in others)):
        found |= set(_secrets_in(name, text))
        if (match := _URL.match(text)) is not None:
            parts = _parts(text[match.start() :])
            pairs |= {(unquote(parts[0]), unquote(parts[1]))} if parts is not None else set()
    return SecretMask(found, pairs)


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text of a tree of settings with the name of its field."""
    if isinstance(value, SecretStr):
        yield "secret", value.get_secret_value()
    elif isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(str(key), one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _texts(name, one)


def _secrets_in(name: str, text: str) -> Iterator[str]:
    """What is secret of a setting: by its name, or as a part of a URL."""
    if _SECRET_NAME.search(name) and name not in _NO_SECRETS and not _TEMPLATE.search(text):
        yield text
        for word in text.split():  # `Bearer xyz`, `session=xyz`
            yield from (part for part in (word, word.partition("=")[2]) if len(part) >= 2 * SHORTEST_INSIDE)
    if _URL.match(text) is None:
        return
    try:
        parts = urlsplit(text)
    except ValueError:
        return
    user = _parts(text)
    if user is not None:
        yield from (user[1], unquote(user[1]))
    for key, value in parse_qsl(parts.query, keep_blank_values=False):
        if _SECRET_NAME.search(key) or len(value) >= 16:
            yield value
    yield from (found[0] for segment in parts.path.split("/") if (found := _IN_PATH.fullmatch(segment)))


def _parts(url: str) -> tuple[str, str] | None:
    """User name and password of a URL as they stand in it; None without a password."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return None
    user, at, _ = netloc.rpartition("@")
    name, colon, password = user.partition(":")
    return (name, password) if at and colon and password else None


def _forms(secret: str) -> Iterator[str]:
    """A secret as it may stand in a foreign text."""
    encoded = quote(secret, safe="")
    yield from (secret, encoded, encoded.lower(), quote(secret), quote_plus(secret), quote(encoded, safe=""))
    for form in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield from (form, json.dumps(form)[1:-1], form.replace("/", "\\/"))
    yield from (html.escape(secret), html.escape(secret, quote=False), repr(secret)[1:-1])
    if len(secret) >= SHORTEST_INSIDE:
        for form in {secret, encoded, quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}:
            yield from _base64_forms(form)
        yield from (secret.encode().hex(), secret.encode().hex().upper())
        # Where a platform takes the MD5 for the password (WVP), the digest lets in as well.
        digest = hashlib.md5(secret.encode(), usedforsecurity=False).hexdigest()
        yield from (digest, digest.upper())


def _base64_forms(text: str) -> Iterator[str]:
    """In Base64, both alphabets, whatever number of bytes stands before: the part that is the same for all of them."""
    content = text.encode()
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + content).decode().rstrip("=")
        first = -(-before * 8 // 6)
        last = (before + len(content)) * 8 // 6
        form = whole[first:last]
        if len(form) >= SHORTEST_INSIDE:
            yield from (form, form.replace("+", "-").replace("/", "_"), quote(form, safe=""))
