"""What CONTRIBUTING and the container's files say is so."""

from __future__ import annotations

import re
from pathlib import Path

from ruamel.yaml import YAML


def test_every_file_that_contributing_names_is_there(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+/[\w./-]*)`", text)) | set(re.findall(r"\]\(([\w./-]+)\)", text))
    named = {name for name in named if not name.startswith("..")}
    assert {"web/access_table.py", "docs/architecture.md", "data/sql/migrations/versions/"} <= named
    assert [name for name in sorted(named) if not (root / name).exists()] == []


def test_the_image_is_built_from_every_folder_of_the_program_and_from_nothing_that_is_local(root: Path) -> None:
    taken = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert taken[0] == "*"
    floors = {"alerts", "data", "detectors", "dispatch", "engine", "layouts", "monitors", "notices", "web"}
    assert floors <= {line.removeprefix("!") for line in taken}
    assert not {"!var", "!secrets.yaml", "!.cache", "!.git"} & set(taken)


def test_compose_trusts_its_proxy_alone_and_keeps_what_was_made(root: Path) -> None:
    services = YAML(typ="safe").load((root / "compose.yaml").read_text(encoding="utf-8"))["services"]
    command, caddy = services["yiping"]["command"], services["caddy"]
    assert command[command.index("--behind-proxy") + 1] == caddy["networks"]["front"]["ipv4_address"]
    assert "ports" not in services["yiping"], "only the proxy is reached from outside"
    assert "var:/srv/yiping/var" in services["yiping"]["volumes"]
