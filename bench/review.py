"""What has been: clips of alerts and a camera's newest video, measured through the real processes.

`make bench-review` prints one line of JSON at its end. `PARTS` are measured one after the other; each returns some of
its keys.

- `clips`: eight cameras of 1080p25 over RTSP are recorded by the real workers while 100 alerts ask for their clips.
  `clip_ready_s_p95` counts from the clip's end until its row tells that it is ready. A clip is bad when it does not
  cover its span to half a second, when a decoder finds fault with it or, for some of them, when Chromium does not
  play it; the pictures of one camera tell when they were taken, so that its clips are held against the truth.
  `recorder_core_share` is the processor time that recording takes for a camera, its clips included, as a share of a
  core.
- `replay`: what keeping observations for replay costs, and whether they are judged again to the same bytes
  (`bench.replay`).
- `lookback`: maps of motion and previews: what they cost, and how fast they are searched (`bench.lookback`).
- `live`: how long after a camera has sent a picture it is seen in a browser that has opened the camera.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import av
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as PlayTimeout

from bench.city import running
from bench.lookback import measure_lookback
from bench.readout import rates, read_workers
from bench.replay import measure_replay
from data.config.reading import load_settings
from data.config.settings import Settings
from data.local.recordings import segment_paths
from data.model.alert import AlertKey, Priority, Raised
from data.model.clip import Clip, ClipState
from data.ports.store import Store
from data.sql.store import open_store
from engine.catalogue import load_catalogue
from engine.judging.judgement import UnitOfWork, commit_unit
from tests.e2e.city import city, sit_down, until
from tests.servers.clock_films import LENGTH_S, SAMPLE, SentClock, clock_film, number_of, sent_clock
from tests.servers.rtsp import rtsp_server

Figures: TypeAlias = dict[str, float | int | bool | str | None]

CAMERAS = 8
ALERTS = 100
BEFORE_S, AFTER_S = 5.0, 5.0
BETWEEN_S = 11.0  # alerts of one camera: their clips must not be one
SLACK_S = 0.5
PLAYED = 3  # clips, in Chromium
BITS_A_SECOND = 4_000_000  # of each camera
WATCHED_S = 10.0
LONGEST_WAIT_S = 60.0
CONFIG = """\
name: 试验街道
recording: {{clip_before: {before}s, clip_after: {after}s, clip_longest: {longest}s}}
sites:
{sites}
"""
SITE = """\
  - {{id: {name}, location: {{lon: 106.5, lat: 29.5}}, monitor: {{kind: rtsp_camera, url: "{url}"}}}}
"""


@dataclass(frozen=True)
class _Made:
    """A clip and how long after its end it was there, seconds; infinite when it never was."""

    clip: Clip
    ready_s: float


def measure_clips() -> Figures:
    """`clip_ready_s_p95`, `clips`, `clips_bad`, `recorder_core_share`."""
    names = [f"cam-{number}" for number in range(CAMERAS)]
    with tempfile.TemporaryDirectory(prefix="yiping-review-") as folder:
        place = Path(folder)
        film = clock_film(place / "film.mp4", 1920, 1080, bits_a_second=BITS_A_SECOND)
        with rtsp_server(dict.fromkeys(names, film), shared=True) as camera:
            settings = _write_config(place, {name: camera.url(name) for name in names})
            with running(place / "config.yaml", place / "var"), sent_clock(camera.url(names[0])) as clock:
                rings = [place / "var" / "recordings" / name for name in names]
                until(lambda: all(segment_paths(ring) for ring in rings), 120, lambda: _log(place))
                time.sleep(BEFORE_S + 3)
                with closing(open_store(place / "var" / "yiping.db", migrate=False)) as store:
                    began = read_workers(place / "var" / "run")
                    made = _ask(store, settings, names)
                    ended = read_workers(place / "var" / "run")
                    evidence = place / "var" / "evidence"
                    bad = [
                        one.clip for one in made if (why := _fault(one.clip, evidence, clock, names[0])) and _say(why)
                    ]
                    unplayed = _unplayed([one.clip for one in made if one.clip not in bad], evidence)
    recorded_s = sum(spent for stage, spent in rates(began, ended, "yiping_stage_cpu_seconds_total", "stage").items()
                     if stage == "record")  # fmt: skip
    ready_s = sorted(one.ready_s for one in made)
    return {
        "clip_ready_s_p95": round(ready_s[int(len(ready_s) * 0.95)], 2),
        "clip_ready_s_max": round(ready_s[-1], 2),
        "clips": len(made),
        "clips_bad": len(bad) + unplayed,
        "recorder_core_share": round(recorded_s / CAMERAS, 4),
    }


def _say(text: str) -> bool:
    print(text, file=sys.stderr)
    return True


def _log(place: Path) -> str:
    return (place / "var" / "bench.log").read_text(encoding="utf-8")[-4000:]


def _write_config(place: Path, urls: Mapping[str, str]) -> Settings:
    sites = "".join(SITE.format(name=name, url=url) for name, url in urls.items())
    text = CONFIG.format(before=BEFORE_S, after=AFTER_S, longest=BEFORE_S + AFTER_S, sites=sites)
    (place / "config.yaml").write_text(text, encoding="utf-8")
    return load_settings(place / "config.yaml", load_catalogue())[0]


def _ask(store: Store, settings: Settings, names: Sequence[str]) -> list[_Made]:
    """Raise alerts at all cameras at once, again and again; what became of their clips, and when."""
    began = datetime.now(UTC)
    count, due_s, asked_s = 0, time.monotonic(), time.monotonic()
    done: dict[int, _Made] = {}
    while len(done) < ALERTS:
        if count < ALERTS and time.monotonic() >= due_s:
            due_s, asked_s = due_s + BETWEEN_S, time.monotonic()
            for name in names[: ALERTS - count]:
                count += 1
                _raise(store, settings, name, count)
        for clip in store.read(lambda reader: reader.clips_between(None, began - timedelta(minutes=1), _NEVER)):
            if clip.id not in done and clip.state is not ClipState.PENDING:
                ready_s = (datetime.now(UTC) - clip.until).total_seconds()
                done[clip.id] = _Made(clip, ready_s if clip.state is ClipState.READY else float("inf"))
        if time.monotonic() - asked_s > LONGEST_WAIT_S:
            raise SystemExit(f"{count - len(done)} clips were not made within {LONGEST_WAIT_S:.0f} s")
        time.sleep(0.05)
    return list(done.values())


_NEVER = datetime(2999, 1, 1, tzinfo=UTC)


def _raise(store: Store, settings: Settings, site: str, number: int) -> None:
    """As the worker's judgement does, in one commit with what asks for the clip."""
    now = datetime.now(UTC)
    signal = Raised(AlertKey(site, "intrusion", "lane", str(number)), "intrusion", Priority.P3, now, now)
    unit = UnitOfWork(f"{site}.bench", (signal,), now, number=number)
    store.write(lambda writer: commit_unit(writer, unit, now, settings))


def _fault(clip: Clip, evidence: Path, clock: SentClock, truthful: str) -> str:
    """What is wrong with it; empty when it is as it should be."""
    if clip.state is not ClipState.READY or clip.from_at is None or clip.to_at is None:
        return f"clip {clip.id}: {clip.state} {clip.reason}"
    slack = timedelta(seconds=SLACK_S)
    if clip.from_at > clip.since + slack or clip.to_at < clip.until - slack or clip.gap_s:
        return (
            f"clip {clip.id}: covers {clip.from_at} to {clip.to_at} of {clip.since} to {clip.until}, gap {clip.gap_s}"
        )
    first, last, places = -1, -1, []
    try:
        with av.open(str(evidence / clip.path)) as container:
            for frame in container.decode(video=0):
                places.append(float(frame.time or 0.0))
                last = number_of(frame.reformat(format="gray").to_ndarray())
                first = last if first < 0 else first
    except (av.FFmpegError, OSError) as error:
        return f"clip {clip.id}: {type(error).__name__}"
    length_s = (clip.to_at - clip.from_at).total_seconds()
    if not places or abs(places[-1] - places[0] - length_s) > SLACK_S:
        return f"clip {clip.id}: its pictures last {places[-1] - places[0] if places else 0:.2f} s of {length_s:.2f} s"
    if clip.site == truthful:
        for number, at in ((first, clip.from_at), (last, clip.to_at)):
            off_s = clock.delay_s(number, at.timestamp())
            if min(off_s, LENGTH_S - off_s) > SLACK_S:
                return f"clip {clip.id}: a picture of {at} was sent {off_s:.2f} s earlier"
    return ""


def _unplayed(clips: Sequence[Clip], evidence: Path) -> int:
    """How many of some clips Chromium does not play."""
    with sync_playwright() as playwright:
        browser = _chromium(playwright.chromium.launch)
        try:
            page = browser.new_page()
            count = 0
            for clip in clips[:: max(1, len(clips) // PLAYED)][:PLAYED]:
                page.goto((evidence / clip.path).resolve().as_uri())
                page.evaluate("document.querySelector('video').play()")
                try:
                    page.wait_for_function("() => document.querySelector('video').currentTime > 0.3", timeout=15_000)
                except PlayTimeout as error:
                    count += _say(f"clip {clip.id}: Chromium does not play it: {error}")
            return count
        finally:
            browser.close()


def _chromium(launch: Callable[..., Browser]) -> Browser:
    return launch(
        executable_path="/usr/bin/chromium", args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    )


def measure_live() -> Figures:
    """`open_camera_delay_ms` (95th percentile over pictures), `open_camera_start_ms`."""
    with tempfile.TemporaryDirectory(prefix="yiping-live-") as folder:
        place = Path(folder)
        film = clock_film(place / "film.mp4", 1920, 1080, bits_a_second=BITS_A_SECOND)
        with rtsp_server({"gate": film}, shared=True) as camera, sent_clock(camera.url("gate")) as clock:
            _write_config(place, {"gate": camera.url("gate")})
            with city(place / "config.yaml", place / "var") as street:
                street.add_user("li", "operator", "li-kettle-harbour-42")
                until(lambda: segment_paths(place / "var" / "recordings" / "gate"), 60, street.log)
                with sync_playwright() as playwright:
                    browser = _chromium(playwright.chromium.launch)
                    try:
                        page = sit_down(browser, street, "li", width=1280, height=720)
                        tile = page.locator('.tile[data-site="gate"]')
                        tile.wait_for(timeout=30_000)
                        begun_s = time.monotonic()
                        tile.dblclick()
                        shown = "() => document.querySelector('dialog.live')?.dataset.state === 'live'"
                        page.wait_for_function(shown, timeout=30_000)
                        start_s = time.monotonic() - begun_s
                        time.sleep(2.0)
                        seen = page.evaluate(SAMPLE, WATCHED_S)
                    finally:
                        browser.close()
    delays_s = [clock.delay_s(number, at_ms / 1000) for number, at_ms in seen]
    return {
        "open_camera_delay_ms": round(1000 * statistics.quantiles(delays_s, n=20)[-1]),
        "open_camera_start_ms": round(1000 * start_s),
        "open_camera_pictures_a_second": round(len(delays_s) / WATCHED_S, 1),
    }


PARTS: Mapping[str, Callable[[], Figures]] = MappingProxyType(
    {"clips": measure_clips, "live": measure_live, "lookback": measure_lookback, "replay": measure_replay}
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("parts", nargs="*", choices=(*PARTS, []), help="all of them when none is named")
    chosen = parser.parse_args().parts or list(PARTS)
    figures: Figures = {}
    for name in chosen:
        figures |= PARTS[name]()
        print(f"{name}: {json.dumps(figures)}", file=sys.stderr, flush=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
