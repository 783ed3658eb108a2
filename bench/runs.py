"""The order of the benchmark's measurements; each adds its figures."""

from __future__ import annotations

import importlib.util
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.baselines import best_ultralytics_cameras, naive_cameras
from bench.cameras import Footage, Outcome, Row, camera_names, small_of, trial
from bench.clip import CLIPS, RATE, made, rotated
from bench.machine import cores
from bench.part_load import soak
from bench.report import Figures
from bench.rows import ROWS, footage
from bench.search import most
from bench.system import resident_mib
from data.config.settings import Settings
from data.model.geo import Location
from data.model.place import InferenceSettings, Place
from data.ports.recipe import Context
from detectors._export import exported_model
from detectors._weights import Weights, configured_weights
from engine.capacity import Cost
from engine.capacity import measure as calibrate
from tests.servers.rtsp import missing, rtsp_server

ROOT = Path(__file__).resolve().parents[1]
PART_LOAD = 0.8
LOOKS = 5  # a second, of every camera


def part_of(cameras: int) -> int:
    """So many are at most 80 % of what is carried."""
    return max(1, math.floor(PART_LOAD * cameras + 1e-9))


@dataclass
class Bench:
    """One run of the benchmark. `seconds`: measured time of a trial."""

    shared: Path
    cache: Path
    seconds: float
    say: Callable[[str], None]
    figures: Figures = field(default_factory=dict)
    naive: list[float] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _footage: dict[str, Footage] = field(default_factory=dict)

    @property
    def inference(self) -> InferenceSettings:
        return InferenceSettings(cache_dir=self.cache)

    def weights(self) -> Weights:
        return configured_weights(self.inference, ROOT)

    def footage(self, row: Row) -> Footage:
        if row.clip.name not in self._footage:
            self.say(f"{row.clip.name}: the clip and the events of its full run")
            self._footage[row.clip.name] = found = footage(row, self.shared, self.cache)
            self.say(f"{row.clip.name}: {len(found.events)} events in {row.clip.length_s:.0f} s")
        return self._footage[row.clip.name]

    def run_naive(self, seconds: float) -> None:
        clip = made(CLIPS["busy"], self.shared, self.cache / "bench")
        try:
            self.naive.append(naive_cameras(self.weights().path, clip, seconds, self.cache))
        except RuntimeError as error:
            self.say(f"naive: not measured: {error}")
            return
        self.figures["naive_cameras"] = round(statistics.median(self.naive), 3)
        self.say(f"naive: {self.naive[-1]:.2f} cameras")

    def run_best(self, seconds: float) -> None:
        clip = made(CLIPS["active30"], self.shared, self.cache / "bench")
        model = exported_model(self.weights(), self.inference, self.cache)
        try:
            found = best_ultralytics_cameras(model, clip, seconds, self.cache)
        except RuntimeError as error:
            self.say(f"ultralytics at its best: not measured: {error}")
            return
        self.figures["best_ultralytics_cameras"] = round(found, 2)
        self.say(f"ultralytics at its best: {found:.2f} cameras")

    def calibrate(self) -> Cost:
        site = Place(id="calibration", location=Location(lon=0.0, lat=0.0))
        cost = calibrate(Settings(inference=self.inference), Context(site=site, inference=self.inference))
        self.say(f"calibration: {cost.decode_ms:.2f} ms a picture, {cost.look_ms:.1f} ms a look")
        self.note_limit(cost, cores())
        return cost

    def note_limit(self, cost: Cost, processors: int) -> None:
        """So many cameras if nothing but decoding and looks at whole pictures took time."""
        self.figures["machine_limit_cameras"] = round(processors * 1000 / cost.per_second_ms(LOOKS), 2)

    def try_row(self, name: str, count: int) -> Outcome:
        """One trial; the figures of the row are those of its last carried trial."""
        row = ROWS[name]
        outcome = trial(row, self.footage(row), count, self.seconds)
        self.say(f"{name}: {outcome}")
        if outcome.carried or name not in self.outcomes:
            self.outcomes[name] = outcome
        return outcome

    def row_at(self, name: str, count: int) -> None:
        """The number itself when it is carried, else 0."""
        outcome = self.try_row(name, count)
        self._note(name, count if outcome.carried else 0)

    def search_row(self, name: str, start: int) -> None:
        """The greatest number that is carried."""
        self._note(name, most(lambda count: self.try_row(name, count).carried, start))

    def _note(self, name: str, count: int) -> None:
        self.figures[f"{name}_cameras"] = count
        outcome = self.outcomes[name]
        if ROWS[name].clip.pauses():
            self.figures[f"{name}_recall"] = outcome.recall
        if name == "all_ticks":
            self.figures["worker_rss_mib"] = round(outcome.worker_rss_mib, 1)

    def latency(self, cameras: Mapping[str, int]) -> None:
        """Received → committed at part load, the longer one of the rows. `cameras`: what each carries."""
        longest: list[float] = []
        for name, carried in cameras.items():
            outcome = trial(ROWS[name], self.footage(ROWS[name]), part_of(carried), 2 * self.seconds)
            self.say(f"80 % load of {name}: {outcome}")
            found = outcome.latency_ms_p95
            if found is not None and not math.isinf(found):
                self.figures[f"latency_{name}_ms_p95"] = round(found, 1)
                longest.append(found)
        self.figures["latency_ms_p95"] = round(max(longest), 1) if len(longest) == len(cameras) else None

    def system(self, seconds: float) -> None:
        rss, pss = resident_mib(ROWS["active30"], self.footage(ROWS["active30"]), seconds)
        self.say(f"8 cameras with web: {rss:.0f} MiB resident, {pss:.0f} MiB with shared pages counted once")
        self.figures["system8_rss_mib"] = round(rss, 1)

    def overload(self, cameras: int) -> None:
        """More cameras than are carried: are looks shed evenly, and is what is looked at still new?"""
        outcome = trial(ROWS["all_ticks"], self.footage(ROWS["all_ticks"]), cameras, self.seconds)
        self.say(f"overload: {outcome}")
        self.figures["overload_cameras"] = cameras
        if not math.isinf(outcome.frame_age_ms_p95):
            self.figures["overload_age_ms_p95"] = round(outcome.frame_age_ms_p95, 1)
        if outcome.looks_a_second > 0:
            self.figures["overload_min_share"] = round(outcome.slowest_a_second / outcome.looks_a_second, 3)

    def flat_cost(self) -> None:
        """Processor time of one camera at the row's maximum against one alone."""
        most_cameras = self.outcomes.get("all_ticks")
        if most_cameras is None or not most_cameras.carried:
            return
        alone = trial(ROWS["all_ticks"], self.footage(ROWS["all_ticks"]), 1, self.seconds)
        self.say(f"one camera alone: {alone}")
        if alone.cpu_ms > 0:
            self.figures["cost_ratio"] = round(most_cameras.cpu_ms / alone.cpu_ms, 3)

    def rtsp(self, count: int) -> None:
        """The first row again, from a real RTSP server on this machine, which takes its share of it."""
        if missing():
            self.say(f"RTSP: not run: {missing()}")
            return
        row = ROWS["all_ticks"]
        found = self.footage(row)
        phases = row.clip.phases(count)
        clips = {name: rotated(found.path, phases[n]) for n, name in enumerate(camera_names(count))}
        with rtsp_server(clips) as server:
            outcome = trial(row, found, count, self.seconds, {name: server.url(name) for name in clips})
        self.say(f"RTSP: {outcome}")
        self.figures["rtsp_cameras"] = count if outcome.carried else 0

    def sub(self, start: int, *, search: bool) -> None:
        """Cameras that are looked at by their substream, two streams each from a real RTSP server on this machine.

        Beside it one camera alone by each of its streams, in turn: what a substream saves.
        """
        if missing():
            self.say(f"substream: not run: {missing()}")
            return
        row = ROWS["sub_all_ticks"]
        assert row.small is not None
        small = made(row.small, self.shared, self.cache / "bench")

        def tried(which: Row, count: int) -> Outcome:
            outcome = self._two_streams(which, small, count)
            self.say(f"{'main stream' if which.small is None else 'substream'}, RTSP: {outcome}")
            return outcome

        alone = {which: tried(which, 1) for which in (replace(row, small=None), row)}
        main, sub = alone.values()
        if sub.cpu_ms > 0:
            self.figures["main_to_sub_cost"] = round(main.cpu_ms / sub.cpu_ms, 2)
        last: list[Outcome] = [sub]

        def carries(count: int) -> bool:
            outcome = tried(row, count)
            if outcome.carried:
                last.append(outcome)
            return outcome.carried

        self.figures["sub_all_ticks_cameras"] = most(carries, start) if search else start if carries(start) else 0
        self.figures["full_evidence_share"] = last[-1].full_evidence_share

    def _two_streams(self, row: Row, small: Path, count: int) -> Outcome:
        found = self.footage(row)
        phases = row.clip.phases(count)
        names = camera_names(count)
        clips = {name: rotated(found.path, phases[n]) for n, name in enumerate(names)}
        clips |= {small_of(name): rotated(small, phases[n]) for n, name in enumerate(names)}
        with rtsp_server(clips) as server:
            return trial(row, found, count, self.seconds, {name: server.url(name) for name in clips})

    def soak(self, cameras: int, seconds: float) -> None:
        first, last = soak(ROWS["active30"], self.footage(ROWS["active30"]), cameras, seconds)
        self.say(f"soak, first: {first}\nsoak, last:  {last}")
        self.figures["soak_rss_growth_mib"] = round(last.worker_rss_mib - first.worker_rss_mib, 1)
        self.figures["soak_descriptor_growth"] = last.descriptors - first.descriptors
        self.figures["soak_age_growth_ms"] = round(last.frame_age_ms_p95 - first.frame_age_ms_p95, 1)

    def accuracy(self) -> None:
        """`map_drop` as `python -m bench.accuracy` gives it."""
        if importlib.util.find_spec("bench.accuracy") is None:
            self.say("map_drop: not run: there is no bench.accuracy yet")
            return
        self._take_over("bench.accuracy", "map_drop")

    def sub_events(self) -> None:
        """`sub_events_recall` of what `python -m bench.substream` knows of the present code; that run takes hours."""
        self._take_over("bench.substream", "sub_events_recall", "--kept")

    def _take_over(self, module: str, figure: str, *arguments: str) -> None:
        """From the line of JSON in which that program ends."""
        with tempfile.TemporaryFile("w+") as said:
            command = [sys.executable, "-m", module, *arguments]
            status = subprocess.run(command, cwd=ROOT, stdout=said, check=False).returncode
            said.seek(0)
            lines = said.read().strip().splitlines()
        try:
            self.figures[figure] = json.loads(lines[-1])[figure]
        except (IndexError, ValueError, KeyError):
            self.say(f"{figure}: {module} (exit status {status}) gave no such figure")


def estimates(cost: Cost) -> dict[str, int]:
    """Where the searches begin: what the processors carry when nothing else takes time."""
    budget_ms = 900.0 * cores()
    look_ms = 0.6 * cost.look_ms  # most looks are at a part of the picture
    rest_ms = 15.0  # whatever is neither decoding nor looking

    def partly(awake: float, decode_ms: float) -> float:
        """A camera that is awake for this share of the time, and gives key pictures in the rest of it."""
        return awake * (RATE * decode_ms + 5 * look_ms) + 0.03 * RATE * decode_ms + rest_ms

    dear = {
        "all_ticks": cost.per_second_ms(LOOKS),
        "active30": partly(0.38, cost.decode_ms),
        "active10": partly(0.13, cost.decode_ms),
        "substream30": partly(0.38, cost.decode_ms / 7),
    }
    found = {name: max(1, int(budget_ms / camera_ms)) for name, camera_ms in dear.items()}
    sub_ms = cost.per_second_ms(LOOKS) - 0.87 * RATE * cost.decode_ms
    found["sub_all_ticks"] = max(1, int(budget_ms / sub_ms))
    return {**found, "all_ticks_h265": found["all_ticks"], "active30_h265": found["active30"]}
