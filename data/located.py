"""YAML files read with the line of everything in them, so that a problem can say where it is."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from data.catalogue import did_you_mean
from data.errors import YipingError
from data.plan_settings import STEP_KINDS

PathKeys = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file. `line` counts from 1; 0 where it has no place."""

    file: str
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        line = f" (line {self.line})" if self.line else ""
        return f"{self.file}: {place}{self.message}{line}"


class ConfigError(YipingError):
    """The configuration cannot be used; `problems` holds every reason that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


def dotted(keys: PathKeys) -> str:
    """`sites[3].rules[0].zone` from ("sites", 3, "rules", 0, "zone")."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def line_of(tree: Any, keys: PathKeys) -> int:
    """The line on which the deepest existing part of the path begins, from 1."""
    line = 0
    for key in keys:
        places = getattr(getattr(tree, "lc", None), "data", None) or {}
        try:
            line = places[key][0] + 1 if key in places else line
            tree = tree[key]
        except (KeyError, IndexError, TypeError):
            break
    return line


def plain(tree: Any) -> Any:
    """The parsed YAML as plain dicts, lists and scalars."""
    if isinstance(tree, Mapping):
        return {str(key): plain(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [plain(value) for value in tree]
    return tree


def parse(path: Path) -> Any:
    """The YAML tree with line numbers. Raises ConfigError for a missing file or broken YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(path.name, "", 0, f"is not UTF-8 text: {error.reason}")]) from error
    except OSError as error:
        raise ConfigError([Problem(path.name, "", 0, f"cannot be read: {error.strerror}")]) from error
    try:
        return YAML(typ="rt").load(io.StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = (error.problem or "is not YAML").split("\n", maxsplit=1)[0]
        raise ConfigError([Problem(path.name, "", line, f"not valid YAML: {problem}")]) from error
    except YAMLError as error:
        raise ConfigError([Problem(path.name, "", 0, f"not valid YAML: {error}")]) from error


def untagged(where: PathKeys) -> PathKeys:
    """pydantic's place of an error without the name of the alternative it tried (`steps[1].task.marks`)."""
    return tuple(key for n, key in enumerate(where) if not (key in STEP_KINDS and where[max(0, n - 2)] == "steps"))


def worded(kind: str, message: str, model: type[BaseModel], where: PathKeys) -> str:
    """pydantic's message in the words of somebody who writes YAML."""
    owner = _owner(model, where[:-1])
    last = str(where[-1]) if where else ""
    if kind == "extra_forbidden":
        return f"no setting {last!r}{did_you_mean(last, list(owner.model_fields) if owner else [])}"
    if kind == "missing":
        field = owner.model_fields.get(last) if owner else None
        return f"is missing: {field.description}" if field and field.description else "is missing"
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _owner(model: type[BaseModel], keys: PathKeys) -> type[BaseModel] | None:
    """The model class that holds the last key of a path, as far as annotations tell."""
    found: type[BaseModel] | None = model
    for key in keys:
        if isinstance(key, int) or found is None:
            continue
        field = found.model_fields.get(key)
        found = next(_models(field.annotation), None) if field else None
    return found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)
