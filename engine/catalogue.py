"""The kinds there are, found by listing the floors' folders. A kind is imported when it is first used."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from data.config.catalogue import Catalogue
from data.ports.channel import ChannelRecipe
from data.ports.recipe import DetectorRecipe, MonitorRecipe, RecipeBase, RuleRecipe

R = TypeVar("R", bound=RecipeBase)


class NotAKind(TypeError):
    """The file has no class `Recipe` of its floor's type."""


class AmbiguousKind(ValueError):
    """Two files of a floor would be the same kind."""


def _recipe(module_name: str, base: type[R]) -> type[R]:
    """The class `Recipe` of a kind's file. Raises NotAKind when it is missing or of the wrong floor."""
    recipe = getattr(importlib.import_module(module_name), "Recipe", None)
    if not (isinstance(recipe, type) and issubclass(recipe, base)):
        raise NotAKind(f"{module_name} has no class Recipe({base.__name__})")
    return recipe


def _holds_recipe(folder: Path, name: str) -> bool:
    """Does the file define `class Recipe`? Read as text: listing the kinds imports none of them."""
    return "\nclass Recipe(" in (folder / f"{name}.py").read_text(encoding="utf-8")


def _modules(package: str) -> Iterator[tuple[Path, str]]:
    """The public modules of a package and its sub-packages: the folder of each, and its dotted name."""
    spec = importlib.util.find_spec(package)
    for folder in list(spec.submodule_search_locations or []) if spec else []:
        for found in pkgutil.iter_modules([folder]):
            if found.name.startswith("_"):
                continue
            if found.ispkg:
                yield from _modules(f"{package}.{found.name}")
            else:
                yield Path(folder), f"{package}.{found.name}"


def _kinds(package: str, base: type[R]) -> Mapping[str, Callable[[], type[R]]]:
    """Each kind of a floor and how its recipe is imported. Raises AmbiguousKind when two files have one name."""
    kinds: dict[str, Callable[[], type[R]]] = {}
    for folder, module in _modules(package):
        kind = module.rpartition(".")[2]
        if not _holds_recipe(folder, kind):
            continue
        if kind in kinds:
            raise AmbiguousKind(f"{package} has two files {kind}.py with a recipe: a kind is the name of one file")
        kinds[kind] = partial(_recipe, module, base)
    return kinds


def load_catalogue() -> Catalogue:
    """Every monitor, detector, rule and channel that lies in its folder."""
    return Catalogue(
        monitors=_kinds("monitors", MonitorRecipe),
        detectors=_kinds("detectors", DetectorRecipe),
        rules=_kinds("alerts", RuleRecipe),
        channels=_kinds("notices", ChannelRecipe),
    )
