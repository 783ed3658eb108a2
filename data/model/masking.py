"""Masking of configured secrets in every external text that is stored, logged or shown.

A gateway may echo a request: the URL with its key, the header with the password in Base64, the body as JSON. A
`SecretMask` knows the secrets of this installation in all these forms. It is made once from the configuration and used
by the log and by the store's writer of each process.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import logging
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from data.model.secrets import Secrets, redact

MASK = "***"
SHORTEST_INSIDE = 6  # shorter ones are masked only where they stand alone: "admin" is a word, too; also of a cut end
SHORTEST = 3
_CUT_FROM = 60  # characters; shorter texts are not taken to be cut off
_SECRET_NAME = re.compile(r"key|token|secret|passw|pwd|auth|sign|cookie|credential", re.IGNORECASE)
_NO_SECRETS = frozenset({"credentials", "keyframes", "keep", "author"})
_IN_PATH = re.compile(r"(?=[A-Za-z_-]*[0-9])(?=[0-9_-]*[A-Za-z])[A-Za-z0-9_-]{20,}")
_LETTER = re.compile("[0-9A-Za-z]")
_TEMPLATE = re.compile(r"\{[a-z_]*\}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://")

V = TypeVar("V")


class SecretMask:
    """Masks the given secrets in text; can be pickled. Never print its `secrets`."""

    def __init__(self, secrets: Iterable[str] = (), pairs: Iterable[tuple[str, str]] = ()) -> None:
        """`pairs`: user names with passwords, which are sent together in Base64."""
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

    def learn(self, other: SecretMask) -> None:
        """Also mask the secrets of another mask from now on, after new settings with other keys are in force."""
        more = SecretMask()
        more.__setstate__((
            tuple(sorted({*self._secrets, *other._secrets})), tuple(sorted({*self._pairs, *other._pairs})),
        ))  # fmt: skip
        if more.__getstate__() == self.__getstate__():
            return
        _ = more._inside, more._alone  # built before it is used, since other threads mask meanwhile
        self.__dict__.update(more.__dict__)

    def __call__(self, text: str) -> str:
        """`text` without secrets, and without the user part of any URL. Linear in the length of the text."""
        text = redact(text)
        if not self._secrets and not self._pairs:
            return text
        text = self._masked(text)
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
        """Sorted, so that the forms that begin with a text are found by bisection."""
        found = {form for secret in self._secrets for form in _forms(secret)}
        found |= {form for pair in self._pairs for form in _base64_forms(pair)}
        return tuple(sorted(found))

    @cached_property
    def _inside(self) -> _FormIndex:
        return _FormIndex((form for form in self._forms if len(form) >= SHORTEST_INSIDE), SHORTEST_INSIDE)

    @cached_property
    def _alone(self) -> _FormIndex:
        return _FormIndex((form for form in self._forms if len(form) < SHORTEST_INSIDE), SHORTEST)

    def _masked(self, text: str) -> str:
        """Mask from left to right, always the longest form. The cost does not depend on the number of secrets."""
        places = self._inside.candidates(text)
        if alone := self._alone.candidates(text):
            places = sorted({*places, *alone})
        parts, done = [], 0
        for at in places:
            if at < done:
                continue
            end = self._inside.end_of_match(text, at) or self._end_of_word(text, at)
            if end:
                parts += [text[done:at], MASK]
                done = end
        return "".join((*parts, text[done:])) if parts else text

    def _end_of_word(self, text: str, at: int) -> int:
        """Where the short secret that stands alone at this place ends; 0 for none."""
        if at and _LETTER.fullmatch(text, at - 1, at):
            return 0
        return self._alone.end_of_match(text, at, is_end=lambda end: not _LETTER.match(text, end))

    def _without_tail(self, text: str) -> str:
        """Remove the beginning of a secret at the end of a text that was cut off inside it."""
        body = text.rstrip("'\"…. )]}")
        first = max(0, len(body) - self._inside.longest)
        for at in self._inside.candidates(body[first:]):
            tail = body[first + at :]
            place = bisect_left(self._forms, tail)
            if place < len(self._forms) and self._forms[place].startswith(tail):
                return body[: first + at] + MASK + text[len(body) :]
        return text


def mask_log_also(mask: SecretMask) -> None:
    """Also mask these secrets in every line that this process logs from now on, by the masks of its formatters."""
    for handler in logging.getLogger().handlers:
        known = getattr(handler.formatter, "mask", None)
        if isinstance(known, SecretMask):
            known.learn(mask)


class _FormIndex:
    """An index of texts by their first characters: searching is as fast for thousands of texts as for one.

    A compiled alternation would try every text at every position.
    """

    def __init__(self, forms: Iterable[str], first: int) -> None:
        """`first`: characters by which they are found; none is shorter."""
        self._first = first
        self._whole: Set[str] = frozenset(forms)
        self.longest = max(map(len, self._whole), default=0)
        lengths: dict[str, set[int]] = {}
        for form in self._whole:
            lengths.setdefault(form[:first], set()).add(len(form))
        self._lengths = {begin: sorted(found, reverse=True) for begin, found in lengths.items()}

    def candidates(self, text: str) -> Sequence[int]:
        """Positions at which a text may begin, ascending."""
        if not self._lengths:
            return ()
        first, begins = self._first, self._lengths
        return [at for at in range(len(text) - first + 1) if text[at : at + first] in begins]

    def end_of_match(self, text: str, at: int, is_end: Callable[[int], bool] = bool) -> int:
        """End of the longest text that matches at this position and may end there; 0 for none."""
        for length in self._lengths.get(text[at : at + self._first], ()):
            if text[at : at + length] in self._whole and is_end(at + length):
                return at + length
        return 0


def secret_mask(settings: BaseModel | Mapping[str, Any], secrets: Secrets, others: Iterable[str] = ()) -> SecretMask:
    """The mask of an installation: its credentials, what config.yaml holds of keys, `others` (the store's URL).

    `settings`: as they were read, or any part of them as plain JSON.
    """
    tree = settings.model_dump() if isinstance(settings, BaseModel) else settings
    found: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for one in secrets.credentials.values():
        password, token = one.password.get_secret_value(), one.token.get_secret_value()
        found |= {password, token}
        pairs.add((one.username, password or token))
    for name, text in (*_texts("", tree), *(("", text) for text in others)):
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
    """The secrets in a setting: by its name, or as part of a URL."""
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
    """User name and password as written in a URL; None without a password."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return None
    user, at, _ = netloc.rpartition("@")
    name, colon, password = user.partition(":")
    return (name, password) if at and colon and password else None


def _forms(secret: str) -> Iterator[str]:
    """The forms in which a secret may appear in an external text."""
    encoded = quote(secret, safe="")
    yield from (secret, encoded, encoded.lower(), quote(secret), quote_plus(secret), quote(encoded, safe=""))
    for form in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield from (form, json.dumps(form)[1:-1], form.replace("/", "\\/"))
    yield from (html.escape(secret), html.escape(secret, quote=False), repr(secret)[1:-1])
    if len(secret) >= SHORTEST_INSIDE:
        for form in {secret, encoded, quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]}:
            yield from _base64_forms(form)
        yield from (secret.encode().hex(), secret.encode().hex().upper())
        # Where a platform accepts the MD5 as the password (WVP), the digest is a secret, too.
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
