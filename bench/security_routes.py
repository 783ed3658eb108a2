"""Every route × method × role × nobody of a running server, held against the access table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from data.model.people import Role
from tests.web.city import PASSWORD, ROLES, Clock, Running, open_deps, start
from tests.web.test_access import METHODS, NAME_OF, add_machines, address, app_of, refused
from web.access import CATCH_ALL, registered_routes
from web.access_table import TABLE, WEBSOCKET
from web.accounts import add_user

# A wrong login would lock the address out, a logout would end the token.
_NOT_TRIED = frozenset({("POST", "/login"), ("POST", "/login/second"), ("POST", "/logout")})
_OF_ONE_THING = frozenset({"/api/v1/responders/{responder_id}", "/api/v1/responders/{responder_id}/position"})


@contextmanager
def _served(var: Path) -> Iterator[Running]:
    deps = open_deps(var)
    for name, role in ROLES.items():
        add_user(deps.store, name, role, PASSWORD)
    add_machines(deps.store)
    server, thread, port = start(deps)
    try:
        yield Running(f"http://127.0.0.1:{port}", deps.store, deps, Clock(), server)
    finally:
        server.should_exit = True
        thread.join(20)
        deps.store.close()


def _answers_as_the_table_says(client: httpx.Client, method: str, path: str, role: Role | None) -> tuple[bool, bool]:
    """Is the answer right, and was it let in although the table names nobody of this role?"""
    who = TABLE.get(path, {}).get(method)
    answer = client.request(method, address(path), json={} if method in {"POST", "PUT"} else None)
    if who is None or role not in who:
        return refused(answer), not refused(answer)
    # What a handler itself refuses is about one thing: another's task, another's position.
    let_in = answer.status_code not in {401, 500} and (path in _OF_ONE_THING or answer.status_code != 403)
    return let_in, False


def measure(prefix: str = "") -> dict[str, object]:
    """How many routes and cells there are, which are open to a stranger against the table, which answer otherwise.

    `prefix`: only of the paths that begin so.
    """
    routes, cells, wrong, open_to_strangers = 0, 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="yiping-routes-") as folder, _served(Path(folder)) as running:
        found = [
            one for one in registered_routes(app_of(running)) if one.path != CATCH_ALL and one.path.startswith(prefix)
        ]
        routes = sum(len(one.methods) for one in found)
        for role, name in NAME_OF.items():
            with running.client(name) as client:
                for one in found:
                    if WEBSOCKET in one.methods:
                        continue
                    for method in METHODS:
                        if (method, one.path) in _NOT_TRIED:
                            continue
                        right, let_in = _answers_as_the_table_says(client, method, one.path, role)
                        cells += 1
                        wrong += not right
                        open_to_strangers += role is None and let_in
                        if not right:
                            print(f"  {role or 'nobody'}: {method} {one.path} answers otherwise", flush=True)
    return {
        "routes": routes,
        "open_routes_unexpected": open_to_strangers,
        "role_cells": cells,
        "role_cells_wrong": wrong,
    }


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    found = measure()
    print(json.dumps(found))
    return int(found["role_cells_wrong"] != 0 or found["open_routes_unexpected"] != 0)


if __name__ == "__main__":
    sys.exit(main())
