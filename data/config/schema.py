"""The JSON schema of a document of settings, with every kind of monitor, detector, rule and channel that there is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from data.config.catalogue import Catalogue
from data.config.settings import Settings
from data.ports.recipe import RecipeBase

_REF = "#/$defs/"
_DURATION = r"^\s*(\d+(\.\d+)?\s*(ms|s|min|h|d)|[Pp].+)\s*$"


def document_schema(catalogue: Catalogue, left_out: Collection[str] = ()) -> dict[str, Any]:
    """JSON Schema 2020-12, without the keys `left_out`. Imports every kind, so it is slow at first.

    Where a recipe is expected, `oneOf` lists the kinds and `discriminator` names them; `x-gives` says of a monitor
    whether it gives frames, readings or warnings.
    """
    floors: Mapping[str, Mapping[str, Callable[[], type[RecipeBase]]]] = {
        "MonitorRecipe": catalogue.monitors,
        "DetectorRecipe": catalogue.detectors,
        "RuleRecipe": catalogue.rules,
        "ChannelRecipe": catalogue.channels,
    }
    recipes = {(floor, kind): find() for floor, kinds in floors.items() for kind, find in sorted(kinds.items())}
    models: list[type[BaseModel]] = [Settings, *recipes.values()]
    references, whole = models_json_schema([(model, "validation") for model in models])
    known = whole["$defs"]
    for floor, kinds in floors.items():
        each = {kind: references[recipes[floor, kind], "validation"]["$ref"] for kind in sorted(kinds)}
        for kind, reference in each.items():
            own = known[reference.removeprefix(_REF)]
            own["title"] = recipes[floor, kind].title
            own["properties"]["kind"] = {"const": kind, "type": "string"}
            own["required"] = sorted({*own.get("required", ()), "kind"})
            if gives := getattr(recipes[floor, kind], "gives", ""):
                own["x-gives"] = gives
        known[floor] = {
            "oneOf": [{"$ref": reference} for reference in each.values()],
            "discriminator": {"propertyName": "kind", "mapping": each},
        }
    _write_durations(known)
    settings = known.pop("Settings")
    settings["properties"] = {name: one for name, one in settings["properties"].items() if name not in left_out}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **settings, "$defs": known}


def _write_durations(schema: Any) -> None:
    """Describe durations as `180s`, in place of pydantic's ISO 8601."""
    if isinstance(schema, dict):
        if schema.get("format") == "duration":
            for name in ("format", "gt", "ge", "lt", "le"):
                schema.pop(name, None)
            schema.update(type="string", pattern=_DURATION, examples=["180s", "3min", "2h"])
        for one in schema.values():
            _write_durations(one)
    elif isinstance(schema, list):
        for one in schema:
            _write_durations(one)
