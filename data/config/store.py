"""Where the store is: the setting `store`, and reading it alone for commands that need nothing else of config.yaml."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data.model.secrets import Credentials, with_credentials

_SCHEMES = frozenset({"postgresql", "postgres"})
_PASSWORDS = frozenset({"password", "sslpassword"})
_MENTIONED = re.compile(r"""\bstore["']?\s*:""")


class StoreSettings(BaseModel):
    """The database that every process uses. `store: postgresql://host/name` is short for `store: {url: ...}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[
        str,
        Field(
            description="`postgresql://host:5432/name`, without a password; `?sslmode=verify-full` and the other "
            "parameters of libpq may follow. Several servers: `postgresql:///name?host=a:5432&host=b:5432&"
            "target_session_attrs=read-write`."
        ),
    ]
    credentials: Annotated[
        str | None,
        Field(
            description="Name of user and password in secrets.yaml. Without it the URL's user, and the password that "
            "libpq finds (`PGPASSWORD`, `~/.pgpass`) or the server asks for none."
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"url": given} if isinstance(given, str) else given

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        example = "postgresql://db.example.cn:5432/yiping"
        try:
            parts = urlsplit(url)
            parameters = dict(parse_qsl(parts.query))
            port = parts.port
        except ValueError as error:
            raise ValueError(f"cannot be read as a URL; write {example}") from error
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"write {example}, or leave `store` out for SQLite in the folder --var")
        if not parts.path.strip("/") or "/" in parts.path.strip("/"):
            raise ValueError(f"needs the database's name: {example}")
        if not parts.hostname and not parameters.get("host"):
            raise ValueError(f"needs the server's name: {example}, or its socket's folder: ?host=/run/postgresql")
        if parts.password or _PASSWORDS & parameters.keys():
            raise ValueError("holds a password: put it into secrets.yaml, and its name into store.credentials")
        if port == 0:
            raise ValueError("has port 0; PostgreSQL's own is 5432")
        return url

    @model_validator(mode="after")
    def _one_user(self) -> StoreSettings:
        if self.credentials is not None and urlsplit(self.url).username:
            raise ValueError("the URL names a user and so do the credentials: leave it out of the URL")
        return self

    def address(self, credentials: Credentials | None) -> str:
        """The URL with user and password: a secret."""
        return with_credentials(self.url, credentials)


def mentions_store(text: str) -> bool:
    """False where a configuration surely says nothing of a store, so that it need not be parsed for that."""
    return _MENTIONED.search(text) is not None
