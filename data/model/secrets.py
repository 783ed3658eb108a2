"""Credentials, which never appear in config.yaml, in URLs, or in any text that leaves the process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_AUTHORITY = re.compile(r"://([^\s/'\"]+)")  # one class, nothing after it: linear in time whatever the text


class Credentials(BaseModel):
    """A user name and password, or a bearer token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    username: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")


class Secrets(BaseModel):
    """All credentials by the name that config.yaml uses for them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    credentials: Mapping[str, Credentials] = Field(default_factory=dict)

    def names_alone(self) -> Secrets:
        """The names without the secrets, for processes that only check the names."""
        return Secrets(credentials={name: Credentials() for name in self.credentials})

    def get(self, name: str | None) -> Credentials | None:
        """The credentials called `name`; None for None. Raises KeyError when there are none of that name."""
        return None if name is None else self.credentials[name]


def with_credentials(url: str, credentials: Credentials | None) -> str:
    """The URL a library needs. The result is a secret: pass it on, never print it."""
    if credentials is None or not credentials.username:
        return url
    parts = urlsplit(url)
    user = quote(credentials.username, safe="")
    password = quote(credentials.password.get_secret_value(), safe="")
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


def redact(text: str) -> str:
    """`text` without the user part of any URL. For texts made by libraries."""
    return _AUTHORITY.sub(_without_user, text) if "://" in text else text


def _without_user(found: re.Match[str]) -> str:
    before, at, host = found[1].rpartition("@")
    return f"://***@{host}" if at and before else found[0]
