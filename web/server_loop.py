"""The server's event loop: as uvicorn's, with a time limit for TLS handshakes that are never ended."""

from __future__ import annotations

from typing import Any

import uvloop

HANDSHAKE_S = 10.0


class ServerLoop(uvloop.Loop):
    """uvloop; connections whose TLS handshake takes longer than `HANDSHAKE_S` are closed."""

    async def create_server(self, *args: Any, **settings: Any) -> Any:
        if settings.get("ssl") is not None:
            settings.setdefault("ssl_handshake_timeout", HANDSHAKE_S)
        return await super().create_server(*args, **settings)


def new_loop() -> ServerLoop:
    """For `uvicorn.Config(loop=...)`."""
    return ServerLoop()
