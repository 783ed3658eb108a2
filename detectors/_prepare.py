"""Everything the detectors need, fetched and made beforehand, so that the first start needs no network."""

from __future__ import annotations

from pathlib import Path

from data.model.place import InferenceSettings
from detectors._backend import windows
from detectors._export import exported_model
from detectors._weights import configured_weights, known_weights


def prepare(inference: InferenceSettings, base_dir: Path, more: tuple[str, ...] = ()) -> list[Path]:
    """Fill the cache: the configured weights, their exported model, and `more` known weights (`yolo26n-seg`).

    Returns what is now there. Raises UnverifiedWeights, InputRejected, DeviceLost (no source could be reached).
    """
    cache_dir = base_dir / inference.cache_dir
    weights = configured_weights(inference, base_dir)
    ready = [weights.path]
    if inference.backend == "openvino":
        ready += [exported_model(weights, one, cache_dir) for one in (inference, *windows(inference))]
    return ready + [known_weights(name, cache_dir).path for name in more]
