"""What `python app.py settings ...` does: on the store, beside a running system, which takes it over by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from data.config.document import MACHINE_KEYS, as_yaml, document_of, of_text, plain_of
from data.config.located import ConfigError, parse
from data.config.masked import masks_left, shown, unmasked
from data.model.people import CONSOLE
from data.ports.store import Store
from data.stored.settings_versions import NewVersion, keep_version, proposed, require_screen, settings_in_force
from dispatch.clocks import calendar_problems
from engine.process.current_settings import document_reader
from engine.process.options import RunOptions

_MOST_LISTED = 50


def list_versions(store: Store, options: RunOptions, given: Mapping[str, Any]) -> Iterator[str]:
    """The newest versions, one line each: number, time, user, number of changes, reason."""
    del given
    found = store.read(lambda reader: reader.settings_versions(limit=_MOST_LISTED))
    if not found:
        yield f"no version is stored; config: {options.settings.config}"
        return
    running = settings_in_force(store, document_reader(options))
    for one in found:
        mark = "*" if one.number == running.version else " "
        source = f"version {one.restored} again" if one.restored else f"{len(one.difference)} settings differ"
        yield f"{mark}{one.number:>5}  {one.at:%Y-%m-%d %H:%M:%S}Z  {one.who:<16} {source:<24} {one.note}".rstrip()
    if running.trouble:
        yield f"in force is version {running.version}: {running.trouble}"


def export(store: Store, options: RunOptions, given: Mapping[str, Any]) -> Iterator[str]:
    """A config.yaml with the document of a version, the one in force when none is named. Raises NotFound."""
    tree = parse(given["config"])
    number = given["number"] or settings_in_force(store, document_reader(options)).version
    if number:
        document = of_text(store.read(lambda reader: reader.settings_version(number)).document)
    else:
        document = document_of(tree)
    yield as_yaml(document, plain_of(tree)).rstrip("\n")


def bring_in(store: Store, options: RunOptions, given: Mapping[str, Any]) -> Iterator[str]:
    """Make a file the newest version. Raises ConfigError with every problem and its line, IllegalMove, StaleVersion.

    A file that was exported on a screen has masks for its keys: those of the version in force stand for them.
    """
    require_screen(options.settings)
    file: Path = given["file"]
    tree = parse(file)
    document = document_of(tree, file.name)
    left = [key for key in MACHINE_KEYS if key in tree]
    reader = document_reader(options)
    reader.read_tree(tree, reader.base_dir / file.name)  # problems with their lines
    now = settings_in_force(store, reader)
    seen = of_text(store.read(lambda look: look.settings_version(now.version)).document) if now.version else {}
    masked = shown(seen)
    whole = unmasked(document, masked, seen)
    if left_masked := list(masks_left(whole, masked, seen)):
        raise ConfigError([replace(one, file=file.name) for one in left_masked])
    yield from _keep(store, proposed(store, reader, now.newest, whole, note=given["note"]))
    if left:
        yield f"left out, since they belong to the machine and stay in config.yaml: {', '.join(left)}"


def restore(store: Store, options: RunOptions, given: Mapping[str, Any]) -> Iterator[str]:
    """Make the document of an earlier version the newest. Raises NotFound, ConfigError, IllegalMove."""
    require_screen(options.settings)
    number: int = given["number"]
    newest, earlier = store.read(lambda look: (look.newest_settings(), look.settings_version(number)))
    reader = document_reader(options)
    document = of_text(earlier.document)
    yield from _keep(store, proposed(store, reader, newest, document, note=given["note"], restored=number))


def _keep(store: Store, new: NewVersion) -> Iterator[str]:
    if problems := list(calendar_problems(new.settings)):
        raise ConfigError(problems)
    version = store.write(lambda writer: keep_version(writer, new, CONSOLE, datetime.now(UTC)))
    yield from (str(one) for one in new.difference)
    yield f"version {version.number} of the settings; a system that runs takes it over within two seconds"


SETTINGS_COMMANDS: Mapping[str, Callable[[Store, RunOptions, Mapping[str, Any]], Iterator[str]]] = MappingProxyType(
    {"versions": list_versions, "export": export, "import": bring_in, "restore": restore}
)
