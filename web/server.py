"""The server put together, and the process that runs it. One process, one event loop; nothing blocks it."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from dash import Dash
from fastapi import FastAPI
from starlette.types import ASGIApp

from data.config.settings import Settings
from data.errors import InputRejected
from data.local.confinement import confine
from data.local.descriptors import allow_descriptors
from data.local.feed_socket import SocketFrameHub
from data.local.vault import FolderVault
from data.model.record import Change
from data.sql.store import open_store
from dispatch.clocks import calendar_of
from dispatch.routing import load_roads
from layouts.context import ScreenContext
from layouts.shell import build_dash, page_html, rename, words_script
from web.access import AccessGate, ApiRoute
from web.access_log import AccessLog, WithoutQuery
from web.account_pages import account_pages_router
from web.api import build_api
from web.auth import AuthMiddleware, ScreenPage, content_policy
from web.body_limit import BodyLimit
from web.claims import ClaimBook
from web.clips import clip_media_router
from web.compression import CompressedFiles
from web.connections import ConnectionGate, ConnectionLimits, GatedConfig
from web.dash_guard import DashGuard
from web.deps import ServerDeps
from web.diagnosis import diagnose
from web.drill_mark import DrillMark
from web.events_socket import events_router
from web.front_door_middleware import FrontDoorMiddleware
from web.health import HealthBoard, past_health
from web.identity import Identity, identity_of
from web.inspection_codes import inspection_code_router
from web.live_view import live_router
from web.login import login_router
from web.lookback import preview_router
from web.media import media_router
from web.metrics import WebMeters
from web.oidc import Provider
from web.oidc_login import oidc_router
from web.oidc_logout import ProviderLogout
from web.open311 import open311_router
from web.outbox import Outbox
from web.phone import phone_router
from web.problems import install_problems
from web.request_ids import RequestIds
from web.screens import screen_router, visitor_of_callback, words_router
from web.second_login import second_login_router
from web.serve_options import ServeOptions
from web.service import service_router
from web.sessions import SessionBook
from web.settings import CurrentSettings
from web.source import source_router
from web.store_watch import StoreWatch
from web.style_hashes import STYLE_HASHES
from web.wall_socket import wall_router

log = logging.getLogger(__name__)

# How long a thread computes before it must hand over to the event loop. Each statement of the database gives up the
# interpreter's lock: an acknowledgement asks for it some fifty times, and would wait Python's 5 ms each time.
_SWITCH_S = 0.0005
_GRACE_S = 3
PROJECT = Path(__file__).resolve().parents[1]


def _end_process() -> None:
    """As SIGINT would: uvicorn ends its connections, the store is closed, and the supervisor starts a new process."""
    log.error("the store's disk failed: this process ends, and the next one opens the store again")
    signal.raise_signal(signal.SIGINT)


def _findings(deps: ServerDeps) -> list[tuple[str, str, str, Mapping[str, Any]]]:
    """How the system is, as the page Health is given it."""
    findings = diagnose(deps.settings, deps.store, deps.var_dir, deps.now(), deps.certificate, in_force=deps.in_force)
    return [(one.part, one.state.value, one.key, one.values) for one in findings]


def build_server(deps: ServerDeps, store_failed: Callable[[], None] = _end_process) -> FastAPI:
    """All routes, sockets and screens, behind login. Nothing runs before the application's lifespan begins.

    `store_failed` is called when the store's disk has failed, so that a new process can open it again.
    """
    board, meters = HealthBoard(), WebMeters()
    book = SessionBook(deps)
    identity = identity_of(deps, book)

    def taken(_before: Settings, now: Settings) -> None:
        screens.settings = now
        rename(dash, screens)

    current = CurrentSettings(deps, taken)

    def see(change: Change) -> None:
        current.see(change)
        board.see(change)
        book.see(change)

    outbox = Outbox(deps, see)
    watch = StoreWatch(deps, lambda news: outbox.tell_all(news.message()), store_failed, meters.probed)

    @asynccontextmanager
    async def lifespan(_server: FastAPI) -> AsyncIterator[None]:
        await current.start()
        await outbox.start()
        await identity.start()
        sites = tuple(site.id for site in deps.settings.sites)
        board.load(await deps.read(lambda reader: past_health(reader, sites)))
        for hub in (deps.hub, deps.live):
            await hub.start()
        watch.start()
        try:
            yield
        finally:
            await watch.stop()
            for hub in (deps.live, deps.hub):
                await hub.stop()
            await outbox.stop()
            await current.stop()
            identity.passwords.close()

    screens = ScreenContext(
        diagnose=partial(_findings, deps),
        settings=deps.settings,
        store=deps.store,
        vault=deps.vault,
        source_url=deps.source_url,
        version=deps.version,
        demo=deps.settings.demo,
        base_map=deps.base_map,
        visitor=visitor_of_callback,
        lanes=deps.lanes,
        base=deps.door.base,
    )
    server = FastAPI(openapi_url=None, lifespan=lifespan)
    install_problems(server)
    claims = ClaimBook(outbox.tell, deps.now)
    server.router.routes.append(ApiRoute(build_api(deps, board.health, meters, identity, current, claims)))
    oidc = deps.settings.accounts.oidc
    logout = ProviderLogout(None if oidc is None else Provider(oidc, deps.oidc_secret), deps.door.base)
    events = events_router(deps, book, outbox, meters, watch.message)
    for router in (
        login_router(identity, logout),
        oidc_router(identity, logout),
        second_login_router(identity),
        service_router(deps, outbox, meters),
        media_router(deps),
        clip_media_router(deps),
        preview_router(deps),
        phone_router(deps),
        inspection_code_router(deps),
        source_router(PROJECT, deps.lanes),
        account_pages_router(deps),
        open311_router(deps),
        events,
        wall_router(deps, book, meters),
        live_router(deps, book, meters),
        words_router(*words_script()),
        screen_router(lambda visitor: page_html(dash, screens, visitor.user)),
    ):
        server.router.routes.extend(router.routes)
    dash = build_dash(server, screens)
    _add_middleware(server, deps, identity, meters, lambda visitor: page_html(dash, screens, visitor.user), dash)
    return server


def _add_middleware(  # noqa: PLR0917 - what the layers stand on
    server: FastAPI, deps: ServerDeps, identity: Identity, meters: WebMeters, page: ScreenPage, dash: Dash
) -> None:
    """Added last, so that they stand outside of Dash's own middleware; the last one is the outermost."""
    policy = content_policy(tuple(dash.csp_hashes()), STYLE_HASHES)
    server.add_middleware(DashGuard, callbacks=dash.callback_map, paths=dash.registered_paths)
    server.add_middleware(BodyLimit, uploads=deps.uploads)
    server.add_middleware(CompressedFiles)
    server.add_middleware(
        AuthMiddleware,
        book=identity.book,
        gate=AccessGate(server),
        policy=lambda: policy,
        screens=page,
        allowed_origins=deps.door.origins,
        hands=identity.hands,
        user_named=lambda name: deps.read(lambda reader: reader.user(name)),
    )
    if deps.drill is not None:
        server.add_middleware(DrillMark)
    server.add_middleware(AccessLog, meters=meters)
    server.add_middleware(FrontDoorMiddleware, door=deps.door)
    server.add_middleware(RequestIds)


def serve(options: ServeOptions) -> None:
    """Run until SIGTERM or SIGINT, then close sockets and store. The target of the web child."""
    calendar_of(options.settings)  # loads the holidays: the first event of the day must not do it within the write lock
    store = open_store(options.store, mask=options.mask)
    deps = ServerDeps(
        settings=options.settings,
        store=store,
        vault=FolderVault(options.var_dir / "evidence"),
        hub=SocketFrameHub(options.var_dir / "run" / "frames.sock"),
        roads=load_roads(options.roads),
        var_dir=options.var_dir,
        catalogue=options.catalogue,
        version=options.version,
        file=options.file,
        credentials=options.credentials,
        base_dir=options.base_dir,
        settings_version=options.settings_version,
        workers=options.workers,
        mask=options.mask,
        source_url=options.source_url,
        base_map=options.base_map,
        door=options.door,
        oidc_secret=options.oidc_secret,
        certificate=options.tls_cert,
        drill=options.drill,
    )
    if options.drill is not None:
        confine(options.var_dir)
    config = server_config(build_server(deps), options)
    # uvicorn raises the signal again when it has stopped; the store must still be closed then.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    allow_descriptors()
    sys.setswitchinterval(_SWITCH_S)
    try:
        uvicorn.Server(config).run(listening(options))
    except KeyboardInterrupt:
        log.info("stopped from the keyboard")
    finally:
        deps.lanes.close()
        store.close()


def listening(options: ServeOptions) -> list[socket.socket] | None:
    """The socket for `::`, which takes IPv4, too; None where uvicorn makes its own. Raises InputRejected."""
    if options.host != "::":
        return None
    try:
        return [socket.create_server(("::", options.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=2048)]
    except OSError as error:
        raise InputRejected(f"cannot listen at [::]:{options.port}: {error.strerror}") from error


def server_config(app: ASGIApp, options: ServeOptions) -> GatedConfig:
    """uvicorn as we want it: our own access log, no query strings in any log, small incoming socket messages."""
    uvicorn_log = logging.getLogger("uvicorn.error")
    uvicorn_log.setLevel(logging.INFO)  # its details are the headers of sockets, cookies among them
    uvicorn_log.addFilter(WithoutQuery())
    logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)  # its lines hold query strings; AccessLog's do not
    connections = options.settings.web.connections
    limits = ConnectionLimits(connections.total, connections.per_address, options.door.networks)
    return GatedConfig(
        app,
        ConnectionGate(limits),
        host=options.host,
        port=options.port,
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        loop="web.server_loop:new_loop",
        proxy_headers=False,  # FrontDoorMiddleware believes the named proxy only
        ws_per_message_deflate=False,  # pictures are compressed already, changes are small
        ws_max_size=64 * 1024,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_S,
    )
