"""What is configured at each site, for administrators: monitors, detectors with their weights, zones, marks, health."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from data.config.settings import Settings, SiteSettings
from data.model.masking import secret_mask
from data.model.place import InferenceSettings
from data.model.secrets import Secrets, redact
from data.ports.recipe import RecipeBase
from layouts.words_setup_fields import setting_words

_OURS = ("yolo26n", "yolo26n-seg")
_LICENCE_OF_OURS = "AGPL-3.0, Ultralytics YOLO26"


def setup_view(settings: Settings) -> dict[str, Any]:
    """Addresses of devices are in it; keys in them, in headers and bodies are masked. Passwords are in no settings."""
    view: dict[str, Any] = {
        "inference": _inference_view(settings.inference),
        "sites": [_site_view(site, settings.inference) for site in settings.sites],
        "words": setting_words(),
    }
    return secret_mask(settings, Secrets()).within(view)


def _inference_view(inference: InferenceSettings) -> dict[str, Any]:
    return {
        "weights": inference.weights,
        "licence": inference.weights_licence or (_LICENCE_OF_OURS if inference.weights in _OURS else ""),
        "backend": inference.backend,
        "input": f"{inference.width} x {inference.height}",
        "per_second": inference.per_second,
    }


def _site_view(site: SiteSettings, inference: InferenceSettings) -> dict[str, Any]:
    monitors = ([site.camera] if site.camera is not None else []) + list(site.sensors)
    return {
        "id": site.id,
        "name": site.name or site.id,
        "profile": site.profile,
        "camera": site.camera is not None,
        "monitors": [{"name": one.name, **_recipe_view(one)} for one in monitors],
        "detectors": [_detector_view(one, inference) for one in site.detectors],
        "rules": [{"name": one.name, "priority": one.priority.value, **_recipe_view(one)} for one in site.rules],
        "zones": [zone.model_dump(mode="json") for zone in site.zones],
        "health": site.health.model_dump(mode="json"),
    }


def _detector_view(recipe: RecipeBase, inference: InferenceSettings) -> dict[str, Any]:
    """A detector with own weights shows them; one that finds objects uses those of `inference`."""
    dumped = recipe.model_dump(mode="json")
    weights = dumped.get("weights")
    if isinstance(weights, Mapping):
        shown: dict[str, Any] | None = {
            "path": weights.get("path"),
            "task": weights.get("task"),
            "water_class": weights.get("water_class"),
            "licence": weights.get("licence"),
            "threshold": weights.get("threshold"),
            "sha256": weights.get("sha256"),
        }
    elif "labels" in dumped:
        model = _inference_view(inference)
        shown = {
            "path": model["weights"],
            "task": "detect",
            "licence": model["licence"],
            "threshold": dumped.get("confidence"),
        }
    else:
        shown = None
    marks = {"line": dumped["line"], "marks": dumped["marks"]} if {"line", "marks"} <= dumped.keys() else None
    return {**_recipe_view(recipe), "weights": shown, "staff": marks}


def _recipe_view(recipe: RecipeBase) -> dict[str, Any]:
    """Kind, title and the settings that differ from what is usual."""
    told = recipe.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "id", "weights", "line", "marks"})
    return {
        "kind": recipe.kind,
        "title": recipe.title,
        "settings": {name: redact(_as_text(value)) for name, value in told.items()},
    }


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
