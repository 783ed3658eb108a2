"""What the parent process tells the server's process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from data.config.catalogue import Catalogue
from data.config.settings import Settings
from data.model.drill import Drill
from data.model.masking import SecretMask
from data.model.secrets import Secrets
from web.front_door import FrontDoor

SOURCE_PATH = "/source.tar.gz"  # of the program's source, for whoever uses it (AGPL-3.0, section 13)


@dataclass(frozen=True)
class ServeOptions:
    """What the server's process needs; can be pickled. The parent makes it without loading the server."""

    settings: Settings
    store: str  # path of the SQLite file, or a postgresql:// URL (a secret)
    var_dir: Path
    host: str = "127.0.0.1"
    port: int = 8050
    tls_cert: Path | None = None
    tls_key: Path | None = None
    catalogue: Catalogue | None = None
    version: str = "0"
    file: Mapping[str, Any] = field(default_factory=dict)  # config.yaml as plain JSON
    credentials: Secrets = field(default_factory=Secrets)  # names alone
    base_dir: Path = Path()
    settings_version: int = 0
    workers: Mapping[str, int] = field(default_factory=dict)
    source_url: str = ""
    roads: Path | None = None  # the road network; settings.dispatch.roads made absolute
    base_map: Path | None = None
    door: FrontDoor = field(default_factory=FrontDoor)
    mask: SecretMask = field(default_factory=SecretMask)
    oidc_secret: SecretStr | None = None  # of the identity provider
    drill: Drill | None = None  # the drill that this is
