"""TypeScript's types of the REST API's bodies and answers, from our OpenAPI document: layouts/types/rest.d.ts.

`python -m tests.scripts.rest_types` writes the file anew. Only shapes are kept: what a script needs to know of a body
or an answer is its members, and a title or a description that changes is no reason to write the file again.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.scripts.node import NODE, ROOT, install_packages, node_environment
from tests.web.city import open_deps
from web.access import ApiRoute
from web.server import build_server

FILE = ROOT / "layouts" / "types" / "rest.d.ts"
_HEADING = "// Made by `make rest-types` from our OpenAPI document by openapi-typescript. Not to be changed by hand.\n"
_TEXTS = frozenset({"title", "description", "examples", "pattern"})


def openapi_document(folder: Path) -> dict[str, Any]:
    """What `/api/v1/openapi.json` answers; `folder` is for the store that the server is built on."""
    deps = open_deps(folder)
    try:
        routes = build_server(deps).router.routes
        (api,) = (route.api for route in routes if isinstance(route, ApiRoute))
        return dict(api.openapi())
    finally:
        deps.store.close()


def without_texts(schema: Any, *, by_name: bool = False) -> Any:
    """The shape alone; `by_name`: the keys of this object are names of members or schemas, which all stay.

    An object that may have more members than it names has those it names: otherwise any misspelt one would be right.
    """
    if isinstance(schema, list):
        return [without_texts(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: without_texts(part, by_name=not by_name and key in {"properties", "schemas"})
        for key, part in schema.items()
        if by_name or not (key in _TEXTS or (key == "additionalProperties" and part is True))
    }


def rest_types(document: dict[str, Any], folder: Path) -> str:
    """The text of rest.d.ts for this OpenAPI document; `folder` is for what lies in between."""
    shapes = {
        "openapi": document["openapi"],
        "info": {"title": "Yiping", "version": "1"},
        "paths": {},
        "components": {"schemas": without_texts(document["components"]["schemas"], by_name=True)},
    }
    given, made = folder / "shapes.json", folder / "rest.d.ts"
    given.write_text(json.dumps(shapes), encoding="utf-8")
    cli = install_packages(ROOT) / "openapi-typescript" / "bin" / "cli.js"
    subprocess.run(
        [NODE, cli, given, "--alphabetize", "--output", made],
        env=node_environment(), check=True, capture_output=True,
    )  # fmt: skip
    body = made.read_text(encoding="utf-8")
    return _HEADING + body[body.index("export") :]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        FILE.write_text(rest_types(openapi_document(Path(work)), Path(work)), encoding="utf-8")
