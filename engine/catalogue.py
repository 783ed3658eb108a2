"""The kinds there are, found by listing the floors' folders. Importing a kind is put off until it is used."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from data.config.catalogue import Catalogue
from data.ports.channel import ChannelRecipe
from data.ports.recipe import DetectorRecipe, MonitorRecipe, RecipeBase, RuleRecipe

R = TypeVar("R", bound=RecipeBase)


class NotAKind(TypeError):
    """The file has no class `Recipe` of its floor's type."""


def _recipe(module_name: str, base: type[R]) -> type[R]:
    """The class `Recipe` of a kind's file. Raises NotAKind when it is missing or of the wrong floor."""
    recipe = getattr(importlib.import_module(module_name), "Recipe", None)
    if not (isinstance(recipe, type) and issubclass(recipe, base)):
        raise NotAKind(f"{module_name} has no class Recipe({base.__name__})")
    return recipe


def _holds_recipe(folder: Path, name: str) -> bool:
    """Does the file define `class Recipe`? Read as text: listing the kinds imports none of them."""
    return "\nclass Recipe(" in (folder / f"{name}.py").read_text(encoding="utf-8")


def _kinds(package: str, base: type[R]) -> Mapping[str, Callable[[], type[R]]]:
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    return {
        found.name: partial(_recipe, f"{package}.{found.name}", base)
        for folder in folders
        for found in pkgutil.iter_modules([folder])
        if not found.name.startswith("_") and not found.ispkg and _holds_recipe(Path(folder), found.name)
    }


def load_catalogue() -> Catalogue:
    """Every monitor, detector, rule and channel that lies in its folder."""
    return Catalogue(
        monitors=_kinds("monitors", MonitorRecipe),
        detectors=_kinds("detectors", DetectorRecipe),
        rules=_kinds("alerts", RuleRecipe),
        channels=_kinds("notices", ChannelRecipe),
    )
