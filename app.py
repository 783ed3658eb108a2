"""Yiping 一屏: the command line. It chooses store and runtime; what it starts lies in engine/ and web/.

python app.py init --demo
python app.py run --config config.yaml --var var
python app.py check --config config.yaml
python app.py analyze VIDEO --site ID --start 2024-07-12T08:00:00+08:00 --json
python app.py users add li --role duty_officer --var var
python app.py audit verify --var var
python app.py replay --from 2024-07-12T08:00:00+08:00 --to 2024-07-12T12:00:00+08:00 --var var --json
python app.py drill --from 2024-07-12T20:00:00+08:00 --to 2024-07-12T22:00:00+08:00 --speed 2 --port 8060 --var var
python app.py export 12 --out event-12.zip --config config.yaml --var var
python app.py export verify event-12.zip
python app.py settings versions --config config.yaml --var var
python app.py capacity --config config.yaml
python app.py canary-targets --config config.yaml
python app.py backup /mnt/backup/2024-07-12 --var var
python app.py restore /mnt/backup/2024-07-12 --var var
python app.py migrate-store --from sqlite:var/yiping.db --config config.yaml
"""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import os
import socket
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from data.config.describe import settings_markdown
from data.config.document import plain_of
from data.config.located import parse
from data.config.reading import ConfigError, load_settings, stored_at
from data.errors import YipingError
from data.local.observations import FOLDER as OBSERVATIONS
from data.model.durations import Duration
from data.model.people import Role
from data.model.secrets import redact
from data.ports.recipe import Resources
from engine.catalogue import load_catalogue
from engine.process.current_settings import as_it_would_run, configured, document_reader
from engine.process.fork_server import ForkServer
from engine.process.options import RunOptions
from engine.process.supervisor import Child, fork_server

if TYPE_CHECKING:  # the server's modules, which `check` must not load
    from web.front_door import FrontDoor
    from web.serve_options import ServeOptions

# ruff: noqa: PLC0415 - each command imports what it alone needs: `check` must not wait for a web server's imports

FORKED = ("web.server", "engine.sensors", "engine.clock", "engine.notifier")


def _options(args: argparse.Namespace) -> RunOptions:
    """What the configuration, the store where it holds the settings, and the command line say. Raises ConfigError."""
    return as_it_would_run(configured(args.config, args.var, args.store_url), args.config)


def _store(args: argparse.Namespace) -> str | Path:
    """The store that a command means: --store-url, else what config.yaml names, else the file in --var.

    The URL may hold the password. Raises ConfigError.
    """
    named = args.store_url or ("" if args.config is None else stored_at(args.config))
    return named or args.var / "yiping.db"


def _version() -> str:
    """As pyproject.toml says."""
    project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def init(args: argparse.Namespace) -> int:
    """Write a configuration to begin with: an empty one, or the demo city's. Nothing that exists is overwritten."""
    from data.starter import write_starter

    for path in write_starter(Path(__file__).parent, args.folder, demo=args.demo):
        print(f"written: {path}")
    return 0


def check(args: argparse.Namespace) -> int:
    """Say what is wrong in the configuration, or that nothing is."""
    from dispatch.clocks import calendar_of

    settings, secrets = load_settings(args.config, load_catalogue())
    calendar_of(settings)
    if settings.dispatch.roads is not None:
        from dispatch.routing import load_roads

        print(f"{settings.dispatch.roads.name}: {load_roads(args.config.parent / settings.dispatch.roads).described}")
    print(f"{args.config.name}: {len(settings.sites)} sites, {len(settings.responders)} responders: all right")
    if settings.config == "screen":
        print(
            "config: screen: once the store holds a version, only the keys of the machine count here (app.py settings)"
        )
    if args.against is not None:
        from data.config.difference import differences

        earlier, _ = load_settings(args.against, load_catalogue())
        for difference in (found := differences(earlier, settings, secrets)):
            print(difference)
        print(f"settings that differ from {args.against.name}: {len(found)}")
    return 0


def run(args: argparse.Namespace) -> int:
    """Start everything and stay until told to stop (Ctrl-C, SIGTERM)."""
    os.umask(0o077)  # what is made from here on, by children too, is for its owner alone
    forks = fork_server(FORKED)
    with nullcontext() if forks is None else closing(forks):
        if forks is not None:
            forks.start()  # it loads while the settings are read
        return _run_with(args, forks)


def _run_with(args: argparse.Namespace, forks: ForkServer | None) -> int:
    from engine.process.child import set_up_log
    from engine.run import the_only_instance, with_stored_settings

    options = configured(args.config, args.var, args.store_url)
    set_up_log("main", logging.INFO, options.mask, options.settings.log.format)
    with the_only_instance(options):
        options = with_stored_settings(options, args.config)
        set_up_log("main", logging.INFO, options.mask, options.settings.log.format)  # the secrets in addresses
        return _run(args, options, forks)


def _run(args: argparse.Namespace, options: RunOptions, forks: ForkServer | None) -> int:
    from engine.process.child import Target
    from engine.run import run_all
    from web.front_door import shown_address

    door = _door(args, options)
    others = _demo_children(options) if options.settings.demo else []
    serving = _served(args, options, door, file=plain_of(parse(args.config)))
    scheme = "https" if args.tls_cert else "http"
    where = f"\n  {options.settings.name}: {shown_address(scheme, args.host, args.port)}\n"
    web = Child("web", Target("web.server", "serve"), (serving,), watched=False, forked=True)
    run_all(options, web, others, announce=lambda: print(where, flush=True), forks=forks)
    return 0


def _door(args: argparse.Namespace, options: RunOptions) -> FrontDoor:
    """How browsers reach the server. Raises YipingError."""
    from web.front_door import front_door

    if (args.tls_cert is None) != (args.tls_key is None):
        raise YipingError("--tls-cert and --tls-key go together")
    return front_door(
        options.settings.web,
        args.host,
        args.tls_cert,
        proxies=args.behind_proxy,
        hosts=args.allowed_host,
        path=args.proxy_path,
    )


def _served(args: argparse.Namespace, options: RunOptions, door: FrontDoor, *, file: Mapping[str, Any]) -> ServeOptions:
    """What the server's process is told. `file`: config.yaml as plain JSON."""
    from web.serve_options import SOURCE_PATH, ServeOptions

    roads, oidc = options.settings.dispatch.roads, options.settings.accounts.oidc
    secret = None if oidc is None else options.secrets.get(oidc.credentials)
    return ServeOptions(
        settings=options.settings,
        store=str(options.store),
        var_dir=options.var_dir,
        host=args.host,
        port=args.port,
        tls_cert=args.tls_cert,
        tls_key=args.tls_key,
        catalogue=load_catalogue(),
        version=_version(),
        file=file,
        credentials=options.secrets.names_alone(),
        base_dir=options.base_dir,
        settings_version=options.version,
        workers=options.workers,
        source_url=SOURCE_PATH,
        door=door,
        mask=options.mask,
        roads=None if roads is None else options.base_dir / roads,
        base_map=None if options.settings.base_map is None else options.base_dir / options.settings.base_map,
        oidc_secret=None if secret is None else secret.password,
        drill=options.drill,
    )


def _demo_children(options: RunOptions) -> list[Child]:
    """Compose the demo city's videos, make its logins once, and move its people."""
    from data.sql.store import open_store
    from engine.demo.logins import DEMO_LOGINS
    from engine.demo.prepare import prepare_demo
    from engine.process.child import Target
    from engine.run import prepare
    from web import accounts
    from web.passwords import random_password

    prepare(options)
    prepare_demo(options.settings, options.var_dir, options.settings.inference.cache_dir)
    with closing(open_store(options.store)) as store:
        known = {user.name: user for user in accounts.list_users(store)}
        made = []
        for login in DEMO_LOGINS:
            user = known.get(login.name)
            if user is not None and user.password_hash is not None:
                continue
            password = random_password(login.name, login.display_name)
            if user is None:
                accounts.add_user(store, login.name, login.role, password, display_name=login.display_name)
            else:
                accounts.set_password(store, login.name, password)
            made.append(f"    {login.name:<12}{password:<16}{login.role.value:<16}{login.display_name}")
    if made:
        print("\n  演示账号，只显示这一次 / demo logins, shown this once:\n" + "\n".join(made), flush=True)
    return [Child("demo", Target("engine.demo.responders", "run_demo"), (options,), forked=True)]


def models(args: argparse.Namespace) -> int:
    """Fetch, verify and export the weights that the configuration needs, so that nothing is fetched later."""
    from detectors._prepare import prepare

    options = _options(args)
    more = ("yolo26n-seg",) if options.settings.demo else ()  # cuts the demo's passers-by out of their photo
    for path in prepare(options.settings.inference, options.base_dir, more):
        print(f"ready: {path}")
    return 0


def analyze(args: argparse.Namespace) -> int:
    """Run a recorded video through the pipeline and print its alerts."""
    from engine.analyze import analyze_video, as_text

    options = _options(args)
    ids = [site.id for site in options.settings.sites]
    if args.site not in ids:
        raise YipingError(f"--site: no site {args.site!r}; known: {', '.join(ids)}")
    site = options.settings.site(args.site)
    for line in analyze_video(args.video, site, options.context(site, Resources()), args.start):
        text = as_text(line) if args.json else "  ".join(f"{key}={value}" for key, value in line.items())
        print(text, flush=True)
    return 0


def replay(args: argparse.Namespace) -> int:
    """Judge stored observations again; with --config say what would have been otherwise. Exit status 1: not as live."""
    from data.sql.store import open_for_reading
    from dispatch.routing import Roads, load_roads
    from engine.replay.judging import by_settings
    from engine.replay.occurrences import as_text, canonical_json
    from engine.replay.replayer import Replayer

    with closing(open_for_reading(_store(args))) as store:
        replayer = Replayer(args.var / OBSERVATIONS, load_catalogue(), store)
        notes: list[str] = []
        if args.config is None:
            if args.without_responder:
                raise YipingError("--without-responder needs --config: the configuration with the responders and roads")
            found = replayer.replay(args.since, args.until, args.site)
            text = as_text(found.found) if args.json else found.as_words()
        else:
            new, _ = load_settings(args.config, load_catalogue())
            was = None if args.was is None else load_settings(args.was, load_catalogue())[0]
            file = new.dispatch.roads
            roads = Roads() if file is None else load_roads(args.config.resolve().parent / file)
            without = args.without_responder
            compared = replayer.what_if(
                args.since,
                args.until,
                by_settings(new),
                new,
                args.site,
                was=was,
                without=without,
                roads=roads,
                run_in=args.run_in,
            )
            found, notes = compared.before, [note.text for note in compared.notes]
            told = compared.described(args.since, args.until, without)
            text = canonical_json(told) + "\n" if args.json else compared.as_words()
    sys.stdout.write(text)
    for remark in (*found.remarks, *notes):
        print(f"note: {remark}", file=sys.stderr)
    return 0 if found.same and not found.damaged else 1


def drill(args: argparse.Namespace) -> int:
    """Run a recorded span once more as a live exercise, in a store and a folder of its own, until told to stop."""
    from data.local.drill_folder import FOLDER
    from data.model.drill import Drill
    from engine.drill.prepare import prepare_drill
    from engine.drill.run import as_words, run_drill
    from engine.process.child import Target, set_up_log
    from web.front_door import shown_address

    now = datetime.now(UTC)
    asked = Drill(args.since, args.until, args.speed, now)
    city = _options(args)
    set_up_log("drill", logging.INFO, city.mask, city.settings.log.format)
    os.umask(0o077)
    folder = args.folder or args.var / FOLDER / f"{now:%Y%m%dT%H%M%SZ}"
    options = prepare_drill(city, asked, folder)
    serving = _served(args, options, _door(args, options), file={})
    scheme = "https" if args.tls_cert else "http"
    span = f"{asked.since.isoformat()} – {asked.until.isoformat()}, {asked.speed:g} x, in {folder}"
    print(f"\n  演练 DRILL {span}\n  {shown_address(scheme, args.host, args.port)}\n", flush=True)
    web = Child("web", Target("web.server", "serve"), (serving,), watched=False, forked=True)
    ready = partial(_is_listening, "127.0.0.1" if args.host in {"0.0.0.0", "::"} else args.host, args.port)  # noqa: S104
    print(as_words(run_drill(city, options, web, timedelta(seconds=args.countdown), ready)), end="")
    return 0


def _is_listening(host: str, port: int) -> bool:
    """Does a server take connections there?"""
    try:
        with socket.create_connection((host, port), 0.2):
            return True
    except OSError:
        return False


def capacity(args: argparse.Namespace) -> int:
    """Measure for some seconds, and say how many cameras this machine carries; exit status 1 when it is too few."""
    from engine.capacity import capacity as carried
    from engine.capacity import measure, processors

    options = _options(args)
    sites = options.settings.sites
    if not sites:
        raise YipingError(f"{args.config.name}: no sites, so there is nothing to carry")
    cost = measure(options.settings, options.context(sites[0], Resources()))
    found = carried(options.settings, cost, processors())
    print(json.dumps(found.as_dict()) if args.json else found.as_text())
    return 0 if found.enough else 1


def canary_targets(args: argparse.Namespace) -> int:
    """Cut out people and vehicles for canary targets: our own three, or those of pictures of your own cameras."""
    from data.local.cutouts import FOLDER, load_cutouts
    from engine.canary_cutting import cut_out_of, own_cutouts, save_all

    options = _options(args)
    cache_dir = options.base_dir / options.settings.inference.cache_dir
    for picture in args.pictures or [None]:
        made = save_all(
            own_cutouts(cache_dir) if picture is None else cut_out_of(picture, cache_dir), cache_dir / FOLDER
        )
        for path in made:
            print(f"written: {path}")
        if not made:
            print(f"{picture}: nobody and nothing that is surely and wholly seen", file=sys.stderr)
    known = load_cutouts(cache_dir / FOLDER)
    print(f"canary targets: {len(known)} ({', '.join(one.name for one in known)}); workers read them when they start")
    return 0 if known else 1


def users(args: argparse.Namespace) -> int:
    """Add, change, disable those who may log in; issue and revoke bearer tokens."""
    from data.sql.store import open_store
    from web.user_commands import USER_COMMANDS

    given = {**vars(args), "password": _password(args)} if args.do in {"add", "password"} else vars(args)
    with closing(open_store(_store(args))) as store:
        for line in USER_COMMANDS[args.do](store, given):
            print(line)
    return 0


def _password(args: argparse.Namespace) -> str:
    """From standard input or asked twice at the terminal; never from the command line, which others can see."""
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("password: ")
    if first != getpass.getpass("once more: "):
        raise YipingError("the two passwords differ")
    return first


def audit(args: argparse.Namespace) -> int:
    """Check the trail, its checkpoints and triggers, evidence, alerts, tasks, users; exit status 1 for a fault."""
    from data.local.vault import FolderVault
    from data.sql.store import open_store
    from web.audit_check import AuditExpectation, expected, full_check

    known = AuditExpectation(
        None if args.expect is None else expected(args.expect), args.key.strip().lower(), args.checkpoints
    )
    with closing(open_store(_store(args))) as store:
        found = full_check(store, args.var.resolve(), FolderVault(args.var / "evidence"), known)
    for remark in found.remarks:
        print(f"note: {remark}")
    for finding in found.findings:
        print(finding)
    if found.findings:
        return 1
    unsigned = found.chain.entries - found.signed
    print(f"{found.chain.entries} entries, the chain holds; newest hash {found.chain.last_hash}")
    print(
        f"{found.checkpoints} signed checkpoints hold, {unsigned} entries came after the newest; "
        f"{found.pictures} pictures and clips and {found.observed} blocks of observations are as they were kept"
    )
    print(f"note elsewhere: --expect {found.chain.entries}:{found.chain.last_hash}")
    return 0


def export(args: argparse.Namespace) -> int:
    """An event as a signed ZIP; or verify one, and judge its observations again. Exit status 1: it does not hold."""
    if args.what == "verify":
        return _verify_export(args)
    if not args.what.isdecimal() or args.out is None:
        raise YipingError("write `export EVENT --out FILE.zip` with an event's number, or `export verify FILE.zip`")
    from data.local.vault import FolderVault
    from data.model.people import CONSOLE
    from data.sql.store import open_store
    from web.event_export import Asker, EventExport, begun, ended, look

    options, now, asker = _options(args), datetime.now(UTC), Asker(CONSOLE)
    file = plain_of(parse(args.config))
    with closing(open_store(_store(args))) as store:
        found = store.read(
            lambda reader: look(reader, int(args.what), options.settings, file=file, asker=asker, now=now)
        )
        made = EventExport(found, store, FolderVault(args.var / "evidence"), args.var, _version(), asker, now)
        store.write(lambda writer: writer.record(begun(made)))
        with args.out.open("xb") as out:
            for piece in made.pieces():
                out.write(piece)
        store.write(lambda writer: writer.record(ended(made)))
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB, signed; manifest {made.manifest_digest}")
    return 0


def _verify_export(args: argparse.Namespace) -> int:
    from engine.replay.exported import judged_again
    from web.verify_export import main as check_files

    if args.file is None:
        raise YipingError("name the ZIP: export verify FILE.zip")
    status = check_files([str(args.file), "--key", args.key])
    if status == 2:
        return status
    again = judged_again(args.file, load_catalogue())
    for line in again.lines:
        print(line)
    return 0 if status == 0 and again.same else 1


def backup(args: argparse.Namespace) -> int:
    """Copy database, evidence, keys and configuration into a new folder while everything runs, and check the copy."""
    from data.backup import make_backup

    configs = (args.config, args.config.with_name("secrets.yaml"))
    made = make_backup(_store(args), args.var, configs, args.folder, _version())
    print(f"{made.folder}: {made.files} files, {made.size / 1e6:.1f} MB, checked")
    for name in made.damaged:
        print(f"damaged on the disk already: {name}")
    return 1 if made.damaged else 0


def migrate_store(args: argparse.Namespace) -> int:
    """Copy the SQLite store into an empty PostgreSQL database, each row compared; refuses while the system runs."""
    from data.sql.lease import held_in_store
    from data.store_move import MoveFailed, move_store, source_url

    source = source_url(args.source or args.var / "yiping.db").database
    target = args.target or stored_at(args.config)
    if not target:
        raise MoveFailed(f"where to? Write `store:` into {args.config.name}, or give --to postgresql://host/name")
    held = "Yiping on this store"
    with held_in_store(str(source), "instance", held), held_in_store(target, "instance", held):
        moved = move_store(str(source), target, lambda line: print(line, flush=True))
    print(f"moved: {moved.total} rows of {len(moved.rows)} tables, {moved.audit_entries} audit entries")
    if moved.broken_at is not None:
        print(f"the audit chain is broken at entry {moved.broken_at}, in the source too")
        return 1
    print(f"the audit chain holds. Keep {source} until you are sure; nothing uses it while `store:` names another")
    return 0


def restore(args: argparse.Namespace) -> int:
    """Bring a backup back, after checking every file of it; refuses while the system runs."""
    from data.backup import restore_backup
    from data.sql.lease import held_in_store
    from data.sql.store import open_store
    from web.audit_check import verify_audit

    where = _store(args)
    with held_in_store(where, "instance", "Yiping on this store"):
        files = restore_backup(args.folder, where, args.var, replace=args.replace)
        with closing(open_store(where)) as store:
            found = verify_audit(store)
    if found.broken is not None:
        print(f"restored, but the audit chain is broken at entry {found.broken.seq}")
        return 1
    print(f"{files} files restored; {found.entries} audit entries, the chain holds")
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Say in words what is wrong with the running system and how it is mended; exit status 1 where there is a fault."""
    from data.sql.store import open_store
    from data.stored.settings_versions import settings_in_force
    from layouts.health import worded
    from layouts.words import Words
    from web.diagnosis import State, diagnose

    options = _options(args)
    settings = options.settings
    words = Words(args.language or settings.language)
    with closing(open_store(_store(args), migrate=False)) as store:
        in_force = settings_in_force(store, document_reader(options)) if settings.config == "screen" else None
        findings = diagnose(settings, store, args.var, datetime.now(UTC), args.tls_cert, in_force=in_force)
    for one in findings:
        found, repair = worded(one.key, one.state.value, one.values, words)
        print(f"{words(f'health.state.{one.state}')}  {words(f'health.part.{one.part}')}: {found}")
        if repair:
            print(f"    → {repair}")
    return int(any(one.state is State.FAULT for one in findings))


def tls(args: argparse.Namespace) -> int:
    """Make a local certificate authority and a certificate for this server."""
    from web.tls import init

    made = init(args.var, args.name, args.address)
    print(
        f"certificate {made.certificate}\nkey         {made.key}\nauthority   {made.authority} (install it on phones)"
    )
    return 0


def settings(args: argparse.Namespace) -> int:
    """List, export, import and go back to versions of the settings, where config.yaml says `config: screen`."""
    from data.sql.store import open_store
    from engine.process.settings_commands import SETTINGS_COMMANDS

    options = configured(args.config, args.var, args.store_url)
    with closing(open_store(options.store, mask=options.mask)) as store:
        for line in SETTINGS_COMMANDS[args.do](store, options, vars(args)):
            print(line)
    return 0


def describe(args: argparse.Namespace) -> int:
    """Print the reference of config.yaml."""
    del args
    print(settings_markdown(load_catalogue()), end="")
    return 0


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset; write e.g. 2024-07-12T08:00:00+08:00")
    return at.astimezone(UTC)


def _program() -> str:
    """The name under which it was started: the installed command's, else this file's."""
    return "yiping" if Path(sys.argv[0]).name == "yiping" else "app.py"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_program(), description="Yiping 一屏")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--config", type=Path, default=Path("config.yaml"), help="configuration file")
    where.add_argument("--var", type=Path, default=Path("var"), help="folder of database, evidence and sockets")
    where.add_argument("--store-url", default="", help="another store than config.yaml says: a PostgreSQL URL")
    command = commands.add_parser("init", help=init.__doc__)
    command.add_argument("folder", type=Path, nargs="?", default=Path(), help="where to write it (default: here)")
    command.add_argument("--demo", action="store_true", help="the demo city with its map, roads, units and plans")
    command.set_defaults(command=init)
    command = commands.add_parser("check", parents=[where], help=check.__doc__)
    command.add_argument("--against", type=Path, help="an earlier file: say also which settings differ from it")
    command.set_defaults(command=check)
    for function in (models, describe):
        command = commands.add_parser(function.__name__, parents=[where], help=function.__doc__)
        command.set_defaults(command=function)
    _run_parser(commands.add_parser("run", parents=[where], help=run.__doc__))
    command = commands.add_parser("analyze", parents=[where], help=analyze.__doc__)
    command.add_argument("video", type=Path)
    command.add_argument("--site", required=True, help="id of the site whose zones, detectors and rules apply")
    command.add_argument("--start", type=_instant, required=True, help="when the video begins, ISO 8601 with offset")
    command.add_argument("--json", action="store_true", help="one JSON line per alert")
    command.set_defaults(command=analyze)
    _replay_parser(commands.add_parser("replay", help=replay.__doc__))
    _drill_parser(commands.add_parser("drill", parents=[where], help=drill.__doc__))
    _export_parser(commands.add_parser("export", parents=[where], help=export.__doc__))
    command = commands.add_parser("canary-targets", parents=[where], help=canary_targets.__doc__)
    command.add_argument("pictures", nargs="*", type=Path, help="with people or vehicles; our own when left out")
    command.set_defaults(command=canary_targets)
    command = commands.add_parser("capacity", parents=[where], help=capacity.__doc__)
    command.add_argument("--json", action="store_true", help="one line of JSON")
    command.set_defaults(command=capacity)
    _users_parser(commands, where)
    _settings_parser(commands, where)
    command = commands.add_parser("audit", parents=[where], help=audit.__doc__)
    command.add_argument("do", choices=["verify"])
    command.add_argument("--expect", default=None, metavar="COUNT:HEAD", help="entries and hash that were noted before")
    command.add_argument("--key", default="", help="public key of the checkpoints in hex, instead of the one in --var")
    command.add_argument("--checkpoints", type=Path, default=None, help="checkpoints that another machine has kept")
    command.set_defaults(command=audit)
    _backup_parsers(commands, where)
    command = commands.add_parser("doctor", parents=[where], help=doctor.__doc__)
    command.add_argument(
        "--language", choices=("zh", "en"), help="language of the words; the configuration's by default"
    )
    command.add_argument("--tls-cert", type=Path, help="the certificate that `run` is given")
    command.set_defaults(command=doctor)
    command = commands.add_parser("tls", parents=[where], help=tls.__doc__)
    command.add_argument("do", choices=["init"])
    command.add_argument("--name", action="append", default=[], help="host name in the certificate (repeatable)")
    command.add_argument("--address", action="append", default=[], help="IP address in the certificate (repeatable)")
    command.set_defaults(command=tls)
    return parser


def _backup_parsers(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], where: argparse.ArgumentParser
) -> None:
    command = commands.add_parser("backup", parents=[where], help=backup.__doc__)
    command.add_argument("folder", type=Path, help="a new folder, best on another disk")
    command.set_defaults(command=backup)
    command = commands.add_parser("migrate-store", parents=[where], help=migrate_store.__doc__)
    command.add_argument(
        "--from", dest="source", default="", metavar="SQLITE", help="e.g. sqlite:var/yiping.db; the file in --var"
    )
    command.add_argument("--to", dest="target", default="", metavar="URL", help="the store of --config when left out")
    command.set_defaults(command=migrate_store)
    command = commands.add_parser("restore", parents=[where], help=restore.__doc__)
    command.add_argument("folder", type=Path, help="a backup")
    command.add_argument("--replace", action="store_true", help="put aside what is there (VAR/replaced)")
    command.set_defaults(command=restore)


def _export_parser(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", metavar="EVENT|verify", help="number of the event, or verify")
    command.add_argument("file", type=Path, nargs="?", help="for verify: the ZIP")
    command.add_argument("--out", type=Path, help="the ZIP to write; must not be there yet")
    command.add_argument("--key", default="", help="for verify: the public key that was noted elsewhere, in hex")
    command.set_defaults(command=export)


def _replay_parser(command: argparse.ArgumentParser) -> None:
    command.add_argument("--from", dest="since", type=_instant, required=True, help="ISO 8601 with offset")
    command.add_argument("--to", dest="until", type=_instant, required=True, help="ISO 8601 with offset")
    command.add_argument("--site", action="append", default=[], help="only this site (repeatable)")
    command.add_argument("--config", type=Path, help="another configuration: what would have been otherwise?")
    command.add_argument("--was", type=Path, help="the configuration of that time, as to people; else that of --config")
    command.add_argument(
        "--without-responder",
        action="append",
        default=[],
        metavar="ID",
        help="as if this one were not there (repeatable)",
    )
    command.add_argument(
        "--run-in", type=_span, default="1h", help="what changed rules are given before --from, e.g. 1h"
    )
    command.add_argument("--var", type=Path, default=Path("var"), help="folder of database and observations")
    command.add_argument("--store-url", default="", help="another store than config.yaml says: a PostgreSQL URL")
    command.add_argument("--json", action="store_true", help="one JSON line per alert; with --config one for all")
    command.set_defaults(command=replay)


def _drill_parser(command: argparse.ArgumentParser) -> None:
    command.add_argument("--from", dest="since", type=_instant, required=True, help="ISO 8601 with offset")
    command.add_argument("--to", dest="until", type=_instant, required=True, help="ISO 8601 with offset")
    command.add_argument("--speed", type=float, default=1.0, help="how many times as fast, 1 to 10 (default: 1)")
    command.add_argument(
        "--countdown", type=float, default=60.0, metavar="S", help="seconds before it begins, to log in (60)"
    )
    command.add_argument("--folder", type=Path, help="a new folder for all of the drill (default: VAR/drills/TIME)")
    _door_arguments(command, port=8060)
    command.set_defaults(command=drill)


def _run_parser(command: argparse.ArgumentParser) -> None:
    _door_arguments(command, port=8050)
    command.set_defaults(command=run)


def _door_arguments(command: argparse.ArgumentParser, *, port: int) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    command.add_argument("--port", type=int, default=port)
    command.add_argument("--tls-cert", type=Path, default=None)
    command.add_argument("--tls-key", type=Path, default=None)
    command.add_argument(
        "--behind-proxy", action="append", default=[], metavar="ADDRESS",
        help="address or network of the reverse proxy whose X-Forwarded-* are believed (repeatable)",
    )  # fmt: skip
    command.add_argument("--proxy-path", default=None, metavar="PATH", help="path under which the proxy offers us")
    command.add_argument(
        "--allowed-host", action="append", default=[], metavar="NAME",
        help="host name by which the screens are opened (repeatable)",
    )  # fmt: skip


_USER_STEPS = MappingProxyType(
    {
        "add": "a new user with a password",
        "password": "set a password; sessions and tokens end",
        "reset": "a one-time code with which the user sets a new password",
        "token": "issue a bearer token, shown this once",
        "revoke": "end sessions, tokens and the password, or one session or token",
        "disable": "let nobody in as this user; sessions and tokens end within a second",
        "enable": "let a disabled user in again",
    }
)


def _span(text: str) -> timedelta:
    """`90s`, `12h`, `90d` and so on."""
    try:
        return TypeAdapter(Duration).validate_python(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no span; write e.g. 90s, 12h or 90d") from error


def _life(text: str) -> timedelta | None:
    """`12h`, `90d` and so on; None for `never`."""
    if text == "never":
        return None
    life = _span(text)
    if not timedelta(0) < life <= timedelta(days=3650):
        raise argparse.ArgumentTypeError("a token lasts up to 3650 days; write never for one without an end")
    return life


def _users_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], where: argparse.ArgumentParser
) -> None:
    command = commands.add_parser("users", help=users.__doc__)
    steps = command.add_subparsers(dest="do", required=True)
    steps.add_parser("list", parents=[where]).set_defaults(command=users)
    sessions = steps.add_parser("sessions", parents=[where], help="live sessions and tokens, of one user or of all")
    sessions.add_argument("name", nargs="?", default=None)
    sessions.set_defaults(command=users)
    for step, purpose in _USER_STEPS.items():
        one = steps.add_parser(step, parents=[where], help=purpose)
        one.add_argument("name")
        if step == "token":
            one.add_argument("--expires", type=_life, default="365d", help="e.g. 12h, 90d, or never (default: 365d)")
            one.add_argument("--label", default="", help="what the token is for")
            one.add_argument(
                "--kinds", nargs="+", default=[], metavar="KIND",
                help="of a source: observation, alert, warning, case (default: observation)",
            )  # fmt: skip
            one.add_argument("--sites", nargs="+", default=[], metavar="SITE", help="of a source: only these sites")
            one.add_argument("--sources", nargs="+", default=[], metavar="ID", help="of a source: cases of these")
            one.add_argument("--quantities", nargs="+", default=[], metavar="NAME", help="of a source: only these")
            one.add_argument("--highest", default="", help="of a source: gravest priority of its alerts (default: P2)")
        if step == "revoke":
            one.add_argument("--id", default="", help="only this session or token (see `users sessions`)")
        if step == "add":
            one.add_argument("--role", required=True, choices=[role.value for role in Role])
            one.add_argument("--display-name", default="")
        if step in {"add", "password"}:
            one.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        one.set_defaults(command=users)


def _settings_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], where: argparse.ArgumentParser
) -> None:
    command = commands.add_parser("settings", help=settings.__doc__)
    steps = command.add_subparsers(dest="do", required=True)
    versions = steps.add_parser("versions", parents=[where], help="the newest versions; * is in force")
    export = steps.add_parser("export", parents=[where], help="a config.yaml with the settings in force")
    export.add_argument("--number", type=int, default=0, help="of this version")
    bring_in = steps.add_parser("import", parents=[where], help="make a file the newest version")
    bring_in.add_argument("file", type=Path)
    restore = steps.add_parser("restore", parents=[where], help="make an earlier version the newest")
    restore.add_argument("number", type=int)
    for step in (bring_in, restore):
        step.add_argument("--note", default="", help="why, for the list of versions")
    for step in (versions, export, bring_in, restore):
        step.set_defaults(command=settings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all right, 1 a check failed, 2 bad input (every problem is printed)."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for talkative in ("alembic", "httpx"):  # the latter would write addresses, and some hold a key
        logging.getLogger(talkative).setLevel(logging.WARNING)
    os.environ.setdefault("YOLO_OFFLINE", "true")
    args = _parser().parse_args(arguments)
    try:
        return int(args.command(args))
    except ConfigError as error:
        print(redact(str(error)), file=sys.stderr)
    except YipingError as error:
        print(f"{_program()}: {redact(str(error))}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main())
