"""A site without its recipes, and the settings that recipes need to be instantiated."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data.model.durations import Duration
from data.model.geo import ConfiguredLocation
from data.model.zone import Zone

WindowSide = Annotated[int, Field(ge=64, le=2048, multiple_of=32)]


class Place(BaseModel):
    """A watched place: its name, its location and its zones in the picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Short name: a-z, 0-9, - and _.")]
    name: Annotated[str, Field(description="Name shown on the screens.")] = ""
    location: Annotated[ConfiguredLocation, Field(description="Place on the ground, WGS-84 degrees.")]
    grid: Annotated[str, Field(description="Grid code (15 digits in the Chinese grid system).")] = ""
    catchment: Annotated[
        str, Field(description="Sites whose water or traffic is one: their alerts of a kind are one event.")
    ] = ""
    profile: Annotated[
        str, Field(description="What kind of place: riverbank, waterlogging_point, no_parking or your own word.")
    ] = ""
    zones: Annotated[tuple[Zone, ...], Field(description="Polygons in the picture that rules refer to.")] = ()

    def zone(self, zone_id: str | None) -> Zone | None:
        """The zone of this id; None for None (the whole picture). Raises KeyError for an unknown one."""
        if zone_id is None:
            return None
        for zone in self.zones:
            if zone.id == zone_id:
                return zone
        raise KeyError(zone_id)


class InferenceSettings(BaseModel):
    """Settings of inference on pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Annotated[
        Literal["openvino", "ultralytics"],
        Field(description="openvino: exported once, fast on CPU. ultralytics: the reference, needs torch."),
    ] = "openvino"
    precision: Annotated[
        Literal["auto", "bf16", "f32"],
        Field(description="Arithmetic of the exported model. auto: bf16 where a trial found it faster and alike."),
    ] = "auto"
    weights: Annotated[
        str, Field(description="A known name (yolo26n) or the path of a .pt file, relative to this file.")
    ] = "yolo26n"
    weights_licence: Annotated[
        str, Field(description="Under which licence you use weights of your own; shown on the set-up page.")
    ] = ""
    allow_unverified_weights: Annotated[
        bool, Field(description="Load .pt files whose SHA-256 is not known. A .pt file can run code: think first.")
    ] = False
    width: Annotated[int, Field(ge=64, le=2048, multiple_of=32, description="Model input width, pixels.")] = 640
    height: Annotated[int, Field(ge=64, le=2048, multiple_of=32, description="Model input height, pixels.")] = 384
    windows: Annotated[
        tuple[tuple[WindowSide, WindowSide], ...],
        Field(
            max_length=4,
            description="Inputs [width, height], pixels, smaller than the model's, for which the same network is "
            "compiled as well. Where all that has moved fits into one, only that part of the picture is looked at, in "
            "the same scale. Each takes about 30 MiB in a worker, once it is busy; [] looks at the whole each time.",
        ),
    ] = ((320, 384),)
    whole_every: Annotated[
        Duration,
        Field(
            gt=timedelta(0), description="After so long at the latest the whole picture is looked at, whatever moved."
        ),
    ] = timedelta(seconds=2)
    threads: Annotated[int, Field(ge=1, le=64, description="Processor threads of one process's model.")] = 1
    per_second: Annotated[float, Field(gt=0, le=30, description="Inferences a second and camera, at most.")] = 5.0
    awake_at_most: Annotated[
        int | None,
        Field(
            ge=1,
            description="Of the cameras of one worker process that rest while nothing moves, so many may be awake at "
            "once; by what the processor carries when left out. The rest is looked at on key frames.",
        ),
    ] = None
    second_looks: Annotated[
        float,
        Field(
            ge=0,
            le=30,
            description="Closer looks a second, in each worker process, at objects of which the model is not sure when "
            "their alert is near; each costs as much as a look at the whole picture. 0: none, every alert goes out as "
            "it is.",
        ),
    ] = 2.0
    canaries: Annotated[
        float,
        Field(
            ge=0,
            le=0.05,
            description="Share of each worker process's time in which canary targets (cut-outs of people and vehicles) "
            "are put into copies of pictures, to count which of them are found. 0: none.",
        ),
    ] = 0.01
    cache_dir: Annotated[
        Path, Field(description="Where downloaded weights and exported models are kept, relative to this file.")
    ] = Path(".cache")
