"""The settings as a document in the store: the content of config.yaml without the keys that belong to the machine."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from io import StringIO
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from data.config.located import DEEPEST, MOST_CHARACTERS, ConfigError, PathKeys, Problem, dotted
from data.config.settings import Settings

MACHINE_KEYS: Sequence[str] = (
    "config", "demo", "web", "workers", "log", "inference", "recording", "observations", "base_map",
    "accounts", "audit", "heartbeat", "store",
)  # fmt: skip
"""Top-level keys that always come from config.yaml: what this machine carries and how it is reached, and what a stolen
session must not be able to switch off (second factors, the sealed audit trail, the sign of life)."""

_OF_VAR = frozenset(
    {
        "audit",
        "evidence",
        "inbox",
        "keys",
        "motion",
        "observations",
        "previews",
        "recordings",
        "replaced",
        "run",
        "spool",
        "tls",
    }
)
_KEYS_AND_DATABASES = frozenset({".crt", ".db", ".der", ".key", ".p12", ".pem", ".pfx", ".sqlite", ".sqlite3"})
NAME = "config.yaml"  # the file name given in a document's problems


def document_of(tree: Any, name: str = NAME) -> dict[str, Any]:
    """The document of a parsed configuration as plain JSON. Raises ConfigError for a value that JSON cannot hold."""
    if not isinstance(tree, Mapping):
        raise ConfigError([Problem(name, "", 0, "must be a mapping of settings", key="setting.mapping")])
    problems: list[Problem] = []
    kept = {
        str(key): _json(value, (str(key),), name, problems) for key, value in tree.items() if key not in MACHINE_KEYS
    }
    if isinstance(kept.get("dispatch"), dict):
        kept["dispatch"].pop("roads", None)  # a file of this machine, read at the start of a process
    if problems:
        raise ConfigError(problems)
    return kept


def plain_of(tree: Any) -> dict[str, Any]:
    """A parsed config.yaml with all its keys as plain JSON. Raises ConfigError for a value that JSON cannot hold."""
    problems: list[Problem] = []
    whole = {str(key): _json(value, (str(key),), NAME, problems) for key, value in tree.items()}
    if problems:
        raise ConfigError(problems)
    return whole


def to_text(document: Mapping[str, Any]) -> str:
    """The document as the text to store. Raises ConfigError for a document that is too large."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(text) > MOST_CHARACTERS:
        long = f"has {len(text)} characters, at most {MOST_CHARACTERS} are kept"
        values = {"n": len(text), "limit": MOST_CHARACTERS}
        raise ConfigError([Problem(NAME, "", 0, long, key="setting.large", values=values)])
    return text


def of_text(text: str) -> dict[str, Any]:
    """The document of a stored text. Raises ValueError, RecursionError."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("a document of settings is a mapping")
    return document


def digest(text: str) -> str:
    """SHA-256 of a stored text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def as_yaml(document: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """A config.yaml with this document and the keys of the machine; `machine`: a whole file as plain JSON."""
    whole = {key: value for key, value in machine.items() if key in MACHINE_KEYS} | dict(document)
    if roads := _roads(machine):
        whole["dispatch"] = {**dict(whole.get("dispatch") or {}), "roads": roads}
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = None
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.allow_unicode = True
    writer.width = 120
    stream = StringIO()
    writer.dump(whole, stream)
    return stream.getvalue()


def with_machine_keys(settings: Settings, machine: Settings) -> Settings:
    """The settings of a document, with this machine's keys from `machine`, the settings of config.yaml."""
    own: dict[str, Any] = {key: getattr(machine, key) for key in MACHINE_KEYS}
    own["dispatch"] = settings.dispatch.model_copy(update={"roads": machine.dispatch.roads})
    return settings.model_copy(update=own)


def named_files(settings: BaseModel) -> frozenset[str]:
    """Every file that the settings of a document, or one recipe, name, as written."""
    document = {name: value for name, value in settings.model_dump().items() if name not in MACHINE_KEYS}
    return frozenset(str(path) for path in _paths(document))


def _paths(value: Any) -> Iterator[PurePath]:
    if isinstance(value, PurePath):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _paths(one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _paths(one)


def forbidden_files(document: Mapping[str, Any], names: frozenset[str], base: Path, var: Path) -> Iterator[Problem]:
    """Files among `names` that nobody may bring in from a screen, each with its first place in the document.

    A gauge's file that cannot be read as one is shown line by line among the rejects: so what lies outside of the
    folders of config.yaml and VAR, secrets, keys and the database are named in config.yaml or on the server only.
    """
    for name in sorted(names):
        if _is_forbidden(name, base, var):
            text = f"{name} may not be named here: a file beside config.yaml, or in a folder of its own in VAR"
            path = dotted(next(_places(document, name), ()))
            yield Problem(NAME, path, 0, text, key="setting.file", values={"name": name})


def _is_forbidden(name: str, base: Path, var: Path) -> bool:
    inside_var = name.startswith("var:")
    written = PurePosixPath(name.removeprefix("var:"))
    if written.is_absolute() or ".." in written.parts or any(part.startswith(".") for part in written.parts):
        return True
    whole = (var if inside_var else base) / written
    if whole.is_relative_to(var):
        first = whole.relative_to(var).parts[:1]
        return not first or first[0] in _OF_VAR or first[0].startswith("yiping.")
    return "secret" in whole.name.lower() or whole.suffix.lower() in _KEYS_AND_DATABASES or whole == base / NAME


def _places(value: Any, text: str, keys: PathKeys = ()) -> Iterator[PathKeys]:
    if value == text:
        yield keys
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _places(one, text, (*keys, str(name)))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _places(one, text, (*keys, number))


def foreign_keys(document: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[Problem]:
    """Keys of the machine whose value in a document differs from the file."""
    for key in MACHINE_KEYS:
        if key in document and document[key] != machine.get(key):
            yield _of_machine(key)
    if (roads := _roads(document)) is not None and roads != _roads(machine):
        yield _of_machine("dispatch.roads")


def _of_machine(path: str) -> Problem:
    text = f"{path.partition('.')[2] or path} belongs to this machine: change it in {NAME} and start again"
    return Problem(NAME, path, 0, text, key="setting.machine", values={"name": path})


def _roads(tree: Mapping[str, Any]) -> Any:
    dispatch = tree.get("dispatch")
    return dispatch.get("roads") if isinstance(dispatch, Mapping) else None


def _json(value: Any, keys: PathKeys, name: str, problems: list[Problem]) -> Any:
    """The value as JSON; moments as ISO 8601."""
    if len(keys) > DEEPEST:
        problems.append(Problem(name, dotted(keys[:3]), 0, f"is nested more than {DEEPEST} levels deep"))
        return None
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = str(value)
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            problems.append(Problem(name, dotted(keys), 0, "holds half of a surrogate pair, which cannot be kept"))
        return text
    if isinstance(value, int):
        return bool(value) if "Boolean" in type(value).__name__ else int(value)  # ruamel's booleans with an anchor
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _json(one, (*keys, str(key)), name, problems) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one, (*keys, number), name, problems) for number, one in enumerate(value)]
    problems.append(Problem(name, dotted(keys), 0, f"{type(value).__name__} cannot be kept: write a text or a number"))
    return None
