"""Recipes and the live things they make: Monitor (SEE), Detector (FIND), Rule (JUDGE).

A recipe is a frozen pydantic model read from config.yaml; its file's name is its `kind`
(`kind: http_gauge` is `monitors/http_gauge.py`, class `Recipe`). It can be pickled to another process; `make`
builds the live thing there, and only there heavy libraries are imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from data.model.alert import Alert, Priority, Signal, Standing
from data.model.datum import Datums
from data.model.frame import Frame, Image
from data.model.live_recall import CanaryTarget
from data.model.observation import HISTORY_AFTER, Detections, Observation, Reading, Rejected, Sensed, Tick
from data.model.place import InferenceSettings, Place
from data.model.secrets import Secrets
from data.model.warning import HazardWarning

Cells = npt.NDArray[np.bool_]


class Resources:
    """What the live things of one process share: a compiled model, a thread pool. Made once per name.

    Thread-safe; while one thing is made, which may take long, the others can be had.
    """

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}

    def share(self, name: str, make: Callable[[], Any]) -> Any:
        """The thing called `name`, made by the first who asks."""
        with self._lock:
            if name in self._made:
                return self._made[name]
            making = self._making.setdefault(name, threading.Lock())
        with making:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]


class RecordingSink(Protocol):
    """Takes a camera's original video as fragmented MP4. Never waits and never raises."""

    def begin(self, codec: str, header: bytes) -> None:
        """The fragments that follow need this header (`ftyp`, `moov`). `codec`: FFmpeg's name, such as h264."""
        ...

    def fragment(self, content: bytes | memoryview, since_s: float, until_s: float, *, key: bool) -> None:
        """`moof` and `mdat` of the pictures taken in this time, seconds since the epoch.

        `key`: it begins with a key picture.
        """
        ...

    def refuse(self, reason: str) -> None:
        """This stream cannot be recorded."""
        ...


@dataclass(frozen=True)
class Context:
    """Where a recipe's live thing runs."""

    site: Place
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    secrets: Secrets = field(default_factory=Secrets)
    base_dir: Path = Path()  # relative paths in config.yaml start here
    var_dir: Path = Path("var")
    resources: Resources = field(default_factory=Resources)
    timezone: str = "UTC"  # IANA name: what a rule's hours of the day mean
    datums: Datums = field(default_factory=Datums)
    stale_after: timedelta = timedelta(seconds=10)  # without a look, what was found is stale
    known_until: Mapping[str, datetime] = field(default_factory=dict)  # by monitor: its newest reading in the store
    recording: RecordingSink | None = None  # who keeps a camera's video; nobody when left out
    in_detail: bool = False  # a detector looks at each picture in full resolution, too
    gauges: Mapping[str, str] = field(default_factory=dict)  # by monitor whose readings come here: what it measures

    def located(self, path: Path) -> Path:
        """A configured path: `var:demo/quay.mp4` is in the var folder, other relative ones beside config.yaml."""
        text = path.as_posix()
        return self.var_dir / text.removeprefix("var:") if text.startswith("var:") else self.base_dir / path


class Monitor(Protocol):
    """One camera or sensor. Opened by its recipe's `make`, read by `observe`, closed by `close`."""

    def observe(self) -> Iterator[Frame | Sensed | Rejected | None]:
        """Whatever comes, in order; None at least once a second while nothing does.

        Ends when the source has an end. Raises DeviceLost when it cannot be read now (the runtime makes a new
        monitor after a pause), InputRejected when it never can. No single step takes longer than the
        recipe's time-out.
        """
        ...

    def committed(self, given: Sensed, /) -> None:
        """The store has this reading or position (a broker may now forget it). May be called from another thread."""
        ...

    def close(self) -> None:
        """Release the device. Idempotent; may be called from another thread to end a blocked read."""
        ...


@runtime_checkable
class SharesThread(Protocol):
    """A monitor that can say when something has come: the runtime reads many of them on one thread."""

    def wake_by(self, wake: Callable[[], None]) -> None:
        """Open it, then call `wake` whenever something may have come, until the monitor is closed.

        Takes no longer than the recipe's time-out, and no time where the recipe `opens_at_once`. Raises DeviceLost
        when it cannot be opened now.
        """
        ...

    def waiting(self) -> Iterator[Sensed | Rejected]:
        """What has come, without waiting for more. Raises DeviceLost when it cannot be read now."""
        ...


@runtime_checkable
class Attentive(Protocol):
    """A camera that decodes less while nothing goes on (`watch: on_activity`)."""

    def attend(self, awake: bool, at: datetime, *, quiet: bool = False) -> bool:
        """Decode everything, since shortly before the picture taken at `at`; or as little as is safe.

        `quiet`: nothing is there and nothing moves, so not even until the next key picture.

        True: that picture and those before it, as far as they were not given, come again in the order of their
        times. May be called from another thread.
        """
        ...

    @property
    def decode_state(self) -> int:
        """0 key frames only, 1 the substream at rest. From 2 on every picture is given: 2 of the main stream, 4 of the
        substream, 5 of the main stream since the substream is lost, 6 of the substream since the main is lost."""
        ...


@runtime_checkable
class Replays(Protocol):
    """A camera whose pictures are of another time than the present: a recording."""

    @property
    def shift(self) -> timedelta | None:
        """From a picture's time to when it was due by our clock: zero for a recording shown as the present.

        None while nothing was shown yet, or of a recording read as fast as it goes: there nothing is due.
        """
        ...


@runtime_checkable
class WarningSource(Protocol):
    """A monitor that gives official warnings, beside what `observe` gives, and wants to know when they are stored."""

    def warnings(self) -> Sequence[HazardWarning]:
        """Those that came since this was asked last; asked after each step of `observe`, in the same thread."""
        ...

    def warned(self, warning: HazardWarning) -> None:
        """The store has this warning. May be called from another thread."""
        ...


@runtime_checkable
class Answering(Protocol):
    """A monitor that knows whether its device has answered. A connection alone is not an answer."""

    @property
    def has_answered(self) -> bool:
        """Has the device answered since this monitor was opened? May be asked from another thread."""
        ...


@runtime_checkable
class Receptive(Protocol):
    """A sensor's recipe whose readings or positions are sent to our server: it does not ask for them."""

    def accept(self, site: str, sent: Any, now: datetime) -> Sequence[Sensed]:
        """What is in a message (parsed JSON). Raises InputRejected, saying what is wrong and where."""
        ...

    def receiver(self, site: str, latest: datetime | None) -> Receiver:
        """One that remembers the order of what it was sent. `latest`: the newest reading known of this sensor."""
        ...


class Receiver(Protocol):
    """The receiving side of one sensor, kept as long as its process lives."""

    def accept(self, sent: Any, now: datetime) -> Sequence[Sensed | Rejected]:
        """As `Receptive.accept`; a message that is refused changes nothing."""
        ...


class Detector(Protocol):
    """Finds something in pictures of one site. Deterministic: the same frames give the same observations."""

    def find(self, frame: Frame) -> Sequence[Observation]: ...


@runtime_checkable
class Glances(Protocol):
    """A detector of objects that can tell whether a camera is worth waking."""

    def glance(self, frame: Frame) -> Detections:
        """What may be an object in this one picture, uncertain ones too. Follows and changes nothing."""
        ...


class Moves(Protocol):
    """Where something moved before one camera."""

    def between(self, since: datetime, until: datetime) -> Cells | None:
        """bool (rows, columns) over the whole picture: where something moved in the picture of `since`, in that of
        `until`, or between. None when that is not known, or too much changed."""
        ...


@runtime_checkable
class SupportsRegionOfInterest(Protocol):
    """A detector of objects that need not look at the whole picture each time."""

    def find_near(self, frame: Frame, moves: Moves) -> Sequence[Observation]:
        """As `find`; where nothing has moved, what was found there stands."""
        ...


@dataclass(frozen=True, slots=True)
class LookWanted:
    """A rule is not sure of an object, and an alert about it is near.

    subject: the stay, as in its alert's key. label: as what it is seen now. xyxy: its box in the newest picture, as
    fractions. due_in_s: seconds until the alert, 0 or less when it waits.
    """

    subject: str
    label: str
    xyxy: tuple[float, float, float, float]
    due_in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CloserSight:
    """What one closer look shows at the place of an object.

    score: how sure the network is of the same kind of object there, 0..1; 0 where it finds none. label: as what.
    instead: something else that it is sure to see in the object's stead, empty where nothing. magnify: scale of the
    look in that of the look before.
    """

    score: float
    label: str
    magnify: float
    instead: str = ""


@runtime_checkable
class LooksCloser(Protocol):
    """A detector of objects that can look again at one place, enlarged."""

    def look_closer(self, frame: Frame, wanted: LookWanted) -> CloserSight | None:
        """One inference on a part of the full picture; follows and changes nothing. None: not of its labels."""
        ...


@runtime_checkable
class FindsCanaries(Protocol):
    """A detector of objects that can be tried with cut-outs put into a copy of a picture."""

    @property
    def kinds(self) -> frozenset[str]:
        """The families of its labels (`data.model.labels.family`)."""
        ...

    def canary_picture(self, frame: Frame) -> Image:
        """The picture at the scale in which objects are looked for; a copy."""
        ...

    def find_canaries(
        self, frame: Frame, targets: Sequence[CanaryTarget], earlier: Image | None = None
    ) -> Sequence[bool]:
        """Which of the targets it finds in a copy of the frame; follows and changes nothing.

        `earlier`: what `canary_picture` gave of a frame shortly before, from which noise and rain are learned.
        """
        ...


@runtime_checkable
class AsksSecondLook(Protocol):
    """A rule that has a doubtful object looked at again before its alert goes out."""

    def offer_second_looks(self) -> None:
        """From now on there is somebody who looks. Before that no alert waits for a look."""
        ...

    def looks_wanted(self) -> Sequence[LookWanted]:
        """After each picture: what is to be looked at in it."""
        ...

    def looked(self, subject: str, sight: CloserSight, at: datetime) -> Sequence[Signal]:
        """What was seen of a wanted object in the newest picture; what follows from it."""
        ...


class Rule(Protocol):
    """Judges one site's observations. Knows no clock: only the times of what it is given."""

    def judge(self, seen: Observation | Tick) -> Sequence[Signal]: ...

    def resume(self, open_alerts: Sequence[Alert]) -> None:
        """After a restart: the alerts of this rule that are open in the store. Called before any `judge`."""
        ...


@runtime_checkable
class GivesWay(Protocol):
    """A rule whose alert is of no use any more once another rule of the site has raised its own."""

    def heard(self, signals: Sequence[Signal]) -> Sequence[Signal]:
        """What the other rules have said on the same observation or tick; what follows from it."""
        ...


@runtime_checkable
class SendsAhead(Protocol):
    """A rule's recipe that judges by how long whoever it needs travels to the site (`Tick.travel`)."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Skills of which a unit each must be there."""
        ...

    @property
    def travel(self) -> timedelta:
        """What is taken where nobody who can go is known."""
        ...


@runtime_checkable
class FiltersReadings(Protocol):
    """A rule that knows which readings cannot be; those about the place do not get to see them."""

    def believes(self, reading: Reading) -> bool: ...


@runtime_checkable
class KnowsByReadings(Protocol):
    """A rule that keeps state, most of which the newest stored reading of each gauge tells as well.

    Its state changes with every reading; it need not be stored with each of them.
    """

    @property
    def gauges(self) -> Collection[str]:
        """Of which it has a state. When that changes, the state is stored at once."""
        ...

    def note_stored(self, reading: Reading) -> None:
        """The newest stored reading of a gauge. Called after `restore`, whose state may be older."""
        ...


@runtime_checkable
class KeepsState(Protocol):
    """A rule that knows more than its open alerts: what has not raised yet must survive a restart, too."""

    def snapshot(self) -> Any:
        """What it knows now, as JSON; None when there is nothing to keep. Cheap: called every few seconds."""
        ...

    def restore(self, state: Any) -> None:
        """Go on from what `snapshot` gave in an earlier process. Called after `resume`, before any `judge`.

        The state may be older than the open alerts, which are right where the two differ. The time between the
        snapshot and the first look is a gap. A state that cannot be read raises ValueError and changes nothing.
        """
        ...


@runtime_checkable
class ReportsPending(Protocol):
    """A rule that can tell what is pending or clearing: beyond its limit, or normal again, not yet for long enough."""

    def standings(self) -> Sequence[Standing]:
        """PENDING and CLEARING of now, at most one for each key. Cheap: asked every second."""
        ...


class RecipeBase(BaseModel):
    """What every kind of recipe has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: ClassVar[str] = ""
    """One line for the setup page, Chinese / English."""

    kind: Annotated[str, Field(description="Which adapter, detector or rule: the name of its file.")]


class MonitorRecipe(RecipeBase):
    """A camera or sensor as configured.

    `gives` tells whether it yields frames, readings, official warnings or positions of vehicles.
    """

    gives: ClassVar[Literal["frames", "readings", "warnings", "positions"]] = "readings"

    connects: ClassVar[bool] = False
    """Is opening it an attempt that counts against the budget all cameras share (`engine.process.connections`)?"""

    opens_at_once: ClassVar[bool] = False
    """Does opening and closing it never wait for anything? Then no thread is begun for it: one opens all of these.

    What `make` gives is a `SharesThread` then, and connects in the background.
    """

    @property
    def picture_every(self) -> timedelta | None:
        """How long it may be between two pictures of a camera that gives single ones; None for a stream."""
        return None

    @property
    def measures(self) -> str:
        """The quantity of a gauge; empty for what is none, or gives several."""
        return ""

    @property
    def has_video(self) -> bool:
        """Does it give moving pictures that can be recorded as they come?"""
        return False

    id: Annotated[str, Field(description="Name of the monitor at its site; its kind when left out.")] = ""

    @property
    def name(self) -> str:
        """The monitor's id, by default its kind: the `monitor` of its readings."""
        return self.id or self.kind

    @property
    def history_limit(self) -> timedelta | None:
        """A reading older than this when it comes is history: stored, never judged as the present.

        None for a recording: there is no present but its own.
        """
        return HISTORY_AFTER

    def make(self, context: Context) -> Monitor:
        """Open the device. Raises DeviceLost, InputRejected."""
        raise NotImplementedError


class DetectorRecipe(RecipeBase):
    """A detector as configured.

    `regions_of_interest`: its live thing is a `SupportsRegionOfInterest`, so motion is watched for it.
    """

    regions_of_interest: ClassVar[bool] = False

    @property
    def zones_looked_into(self) -> frozenset[str]:
        """Zones whose outlines decide what it finds: had one been elsewhere, it would have found something else."""
        return frozenset()

    def make(self, context: Context) -> Detector:
        """Load what it needs. Raises UnverifiedWeights, InputRejected."""
        raise NotImplementedError


class RuleRecipe(RecipeBase):
    """A rule as configured. `id` names it in alerts and must be unique at its site.

    `about`: a rule about the place is not given readings that cannot be (`FiltersReadings`), one about the gauge is.
    """

    about: ClassVar[Literal["place", "gauge"]] = "place"
    judges_positions: ClassVar[bool] = False
    """Is it given the positions of vehicles? What it raises by them is evidence of its own kind (`position`)."""

    id: Annotated[str, Field(description="Name of the rule at its site; its kind when left out.")] = ""
    zone: Annotated[str | None, Field(description="Zone the rule watches; the whole picture when left out.")] = None
    priority: Annotated[Priority, Field(description="P1 red, P2 orange, P3 yellow, P4 blue.")] = Priority.P3

    @property
    def name(self) -> str:
        """The rule's id, by default its kind."""
        return self.id or self.kind

    def make(self, context: Context) -> Rule:
        raise NotImplementedError
