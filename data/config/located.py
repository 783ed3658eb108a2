"""YAML files parsed with line numbers, so that every problem has its place."""

from __future__ import annotations

import contextlib
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from data.config.catalogue import did_you_mean
from data.config.large_yaml import read_large
from data.config.plans import STEP_KINDS
from data.errors import YipingError

MOST_CHARACTERS = 5_000_000
MOST_VALUES = 1_000_000
DEEPEST = 60
MOST_BRACKETS = 300  # open at once; more than DEEPEST, since brackets in quoted texts count, too
_ODD_SPACES = frozenset("\u00a0\u3000\u2002\u2003\u2007\u2009\u202f")
_FULL_WIDTH = MappingProxyType(dict(zip("：，｛｝［］“”‘’－", ":,{}[]\"\"''-", strict=True)))

PathKeys = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One problem of a file. `line` counts from 1; 0 without a place.

    `key`, `values`: the same for screens, as of `data.errors.YipingError`; empty where there is only the English text.
    """

    file: str
    path: str
    line: int
    message: str
    key: str = ""
    values: Mapping[str, str | int | None] = field(default_factory=dict)

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        line = f" (line {self.line})" if self.line else ""
        return f"{self.file}: {place}{self.message}{line}"


class ConfigError(YipingError):
    """The configuration cannot be used; `problems` lists every reason found."""

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
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(path.name, "", 0, f"cannot be read: {error.strerror}")]) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(path.name, "", line, _encoding_advice(content))]) from None
    return parse_text(text, path.name)


def parse_text(text: str, name: str) -> Any:
    """As `parse`, for a text; `name` stands for the file. Aliases that would expand beyond a limit are refused."""
    if len(text) > MOST_CHARACTERS:
        raise ConfigError([Problem(name, "", 0, f"has {len(text)} characters, at most {MOST_CHARACTERS} are read")])
    if _brackets_deep(text) > MOST_BRACKETS:
        # Parsing time rises with the square of the open brackets: 2,000 take 12 s.
        raise ConfigError([Problem(name, "", 0, f"is nested more than {DEEPEST} levels deep")])
    try:
        tree = read_large(text) or YAML(typ="rt").load(io.StringIO(text))
    except DuplicateKeyError as error:
        raise ConfigError([_key_twice(error, text, name)]) from None  # the cause would show both values
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problem = (error.problem or "is not YAML").split("\n", maxsplit=1)[0]
        raise ConfigError([Problem(name, "", line, f"not valid YAML: {problem}{_advice(text, line)}")]) from error
    except YAMLError as error:
        raise ConfigError([Problem(name, "", 0, f"not valid YAML: {str(error).splitlines()[0]}")]) from error
    except RecursionError:
        raise ConfigError([Problem(name, "", 0, f"is nested more than {DEEPEST} levels deep")]) from None
    except ValueError as error:  # an invalid date, or a number with too many digits
        raise ConfigError([Problem(name, "", 0, f"not valid YAML: {str(error)[:200]}")]) from None
    _refuse_explosion(tree, name)
    return tree


def _brackets_deep(text: str) -> int:
    """The largest number of open brackets; those in quotes and comments count, too."""
    depth = deepest = 0
    for sign in re.findall(r"[\[\]{}]", text):
        depth = depth + 1 if sign in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _refuse_explosion(tree: Any, name: str) -> None:
    """Refuse aliases that expand excessively: nine lines of them can give a thousand million values."""
    waiting: list[tuple[Any, int]] = [(tree, 1)]
    values = 0
    while waiting:
        node, depth = waiting.pop()
        values += 1
        if values > MOST_VALUES:
            raise ConfigError(
                [Problem(name, "", 0, f"has more than {MOST_VALUES:,} values with its aliases written out")]
            )
        if depth > DEEPEST:
            raise ConfigError([Problem(name, "", 0, f"is nested more than {DEEPEST} levels deep")])
        if isinstance(node, Mapping):
            waiting += [(value, depth + 1) for value in node.values()]
        elif isinstance(node, list | tuple):
            waiting += [(value, depth + 1) for value in node]


def _key_twice(error: DuplicateKeyError, text: str, name: str) -> Problem:
    """The problem of a duplicate key, with both lines but never the values."""
    found = re.match(r'found duplicate key "?(.*?)"? with value', error.problem or "", re.DOTALL)
    key = found.group(1)[:60] if found else "?"
    line = error.problem_mark.line + 1 if error.problem_mark else 0
    begins = error.context_mark.line + 1 if error.context_mark else 0
    within = f", in what begins in line {begins}" if begins and begins != line else ""
    return Problem(name, "", line, f"{key!r} stands twice{within}: keep one of them{_advice(text, line)}")


def _encoding_advice(content: bytes) -> str:
    looks = ""
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        looks = "; it looks like UTF-16"
    else:
        with contextlib.suppress(UnicodeDecodeError):
            content.decode("gb18030")
            looks = "; it looks like GB18030 (GBK)"
    return f"is not UTF-8 text{looks}: save it again with the encoding UTF-8"


def invisible_in(text: str) -> str:
    """Names of invisible characters in the text (`U+00A0 NO-BREAK SPACE`); empty if there are none."""
    odd = dict.fromkeys(c for c in text if c in _ODD_SPACES or unicodedata.category(c) in {"Cf", "Cc"})
    return ", ".join(f"U+{ord(c):04X} {unicodedata.name(c, 'control character')}" for c in odd)


def _advice(text: str, line: int) -> str:
    """The likely cause near a place where YAML cannot be parsed; empty if nothing is conspicuous."""
    near = text.splitlines()[max(0, line - 2) : line]
    for content in reversed(near):
        indent = content[: len(content) - len(content.lstrip())]
        if "\t" in indent:
            return "; indent with spaces, not with tabs"
        if hidden := invisible_in(content.replace("\t", " ")):
            return f"; the line holds an invisible character: {hidden}"
        outside = re.sub(r'"[^"]*"|\'[^\']*\'|#.*', "", content)
        if wide := [c for c in outside if c in _FULL_WIDTH]:
            return f"; the line holds {wide[0]!r}, YAML needs {_FULL_WIDTH[wide[0]]!r}"
    return ""


def untagged(where: PathKeys) -> PathKeys:
    """pydantic's place of an error without the name of the alternative it tried (`steps[1].task.marks`)."""
    return tuple(key for n, key in enumerate(where) if not (key in STEP_KINDS and where[max(0, n - 2)] == "steps"))


def worded(kind: str, message: str, model: type[BaseModel], where: PathKeys) -> str:
    """pydantic's message, reworded for people who write YAML."""
    owner = _owner(model, where[:-1])
    last = str(where[-1]) if where else ""
    if kind == "extra_forbidden":
        hidden = invisible_in(last)
        hint = f": it holds {hidden}" if hidden else did_you_mean(last, list(owner.model_fields) if owner else [])
        return f"no setting {last!r}{hint}"
    if kind == "missing":
        field = owner.model_fields.get(last) if owner else None
        return f"is missing: {field.description}" if field and field.description else "is missing"
    if kind == "string_type":
        return "must be text: write it in quotes, so that long numbers and leading zeros stay as they are"
    if "polygon" in where and kind in _OUT_OF_BOUNDS:
        return f"{message}: corners are fractions of the picture's width and height; 960 of 1920 pixels is 0.5"
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def keyed(kind: str, context: Mapping[str, Any], where: PathKeys) -> tuple[str, dict[str, str | int | None]]:
    """The key of a sentence among the screens' words, and what stands in it; empty where there is only pydantic's text.

    `kind`, `context`: of an error of pydantic. Our own validators give a key themselves (`setting.zone.crosses`).
    """
    if kind.startswith("setting."):
        return kind, {name: value if isinstance(value, int) else str(value) for name, value in context.items()}
    key = _KEY_OF.get(kind, "")
    limit = next((context[name] for name in _LIMITS if name in context), None)
    values: dict[str, str | int | None] = {} if limit is None else {"limit": str(limit)}
    if kind in {"extra_forbidden", "missing"}:
        values["name"] = str(where[-1]) if where else ""
    if "expected" in context:
        values["expected"] = str(context["expected"])
    return key, values if key else {}


_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length")
_KEY_OF: Mapping[str, str] = MappingProxyType(
    {
        "extra_forbidden": "setting.unknown",
        "missing": "setting.missing",
        "string_type": "setting.text",
        "int_type": "setting.integer",
        "int_parsing": "setting.integer",
        "int_from_float": "setting.integer",
        "float_type": "setting.number",
        "float_parsing": "setting.number",
        "bool_type": "setting.bool",
        "bool_parsing": "setting.bool",
        "list_type": "setting.list",
        "tuple_type": "setting.list",
        "dict_type": "setting.mapping",
        "model_type": "setting.mapping",
        "greater_than_equal": "setting.at_least",
        "greater_than": "setting.above",
        "less_than_equal": "setting.at_most",
        "less_than": "setting.below",
        "literal_error": "setting.choice",
        "enum": "setting.choice",
        "too_short": "setting.few",
        "too_long": "setting.many",
        "string_too_short": "setting.short",
        "string_too_long": "setting.long",
        "string_pattern_mismatch": "setting.pattern",
    }
)
_OUT_OF_BOUNDS = frozenset({"less_than_equal", "greater_than_equal"})


def _owner(model: type[BaseModel], keys: PathKeys) -> type[BaseModel] | None:
    """The model class of the last key of a path, as far as annotations show it."""
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
