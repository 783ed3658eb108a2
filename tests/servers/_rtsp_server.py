"""A real RTSP server (gst-rtsp-server) that plays clips in a loop over TCP. Run by the system's python3 (gi).

Usage: python3 _rtsp_server.py '{"port": 0, "streams": {"gate": {"paths": ["a.mp4"], "codec": "h264"}}, "auth": null}'
Prints the port once it listens. The clips are already encoded; each client gets them from their first frame on.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any, NamedTuple

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ROLE = "viewer"


class AccessUnit(NamedTuple):
    """One coded picture; times in nanoseconds from the clip's start."""

    content: bytes
    pts: int
    dts: int
    duration: int


class Clip(NamedTuple):
    """A clip's coded pictures, and how long it is in nanoseconds."""

    codec: str
    units: list[AccessUnit]
    length: int


def read_clip(path: str, codec: str) -> Clip:
    """The coded pictures of an MP4 file, as byte stream with parameter sets before each key frame."""
    launch = (
        f"filesrc name=file ! qtdemux ! {codec}parse config-interval=-1 ! "
        f"video/x-{codec},stream-format=byte-stream,alignment=au ! appsink name=sink sync=false max-buffers=0"
    )
    pipeline = Gst.parse_launch(launch)
    pipeline.get_by_name("file").set_property("location", path)
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    units: list[AccessUnit] = []
    while (sample := sink.emit("pull-sample")) is not None:
        buffer = sample.get_buffer()
        dts = buffer.dts if buffer.dts != Gst.CLOCK_TIME_NONE else buffer.pts
        units.append(AccessUnit(buffer.extract_dup(0, buffer.get_size()), buffer.pts, dts, buffer.duration))
    pipeline.set_state(Gst.State.NULL)
    if not units:
        raise SystemExit(f"no {codec} pictures in {path}")
    step = units[1].dts - units[0].dts if len(units) > 1 else Gst.SECOND // 10
    first = min(unit.dts for unit in units)
    units = [unit._replace(pts=unit.pts - first, dts=unit.dts - first, duration=step) for unit in units]
    return Clip(codec, units, units[-1].dts + step)


def joined(clips: list[Clip]) -> Clip:
    """One clip after the other, as of a camera whose resolution is changed."""
    units: list[AccessUnit] = []
    length = 0
    for clip in clips:
        units += [unit._replace(pts=unit.pts + length, dts=unit.dts + length) for unit in clip.units]
        length += clip.length
    return Clip(clips[0].codec, units, length)


class LoopFactory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]
    """Plays one clip over and over; times go on rising across the seam."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.clip = clip

    def do_create_element(self, _url: Any) -> Any:
        caps = f"video/x-{self.clip.codec},stream-format=byte-stream,alignment=au"
        element = Gst.parse_launch(
            f"( appsrc name=source is-live=false format=time max-bytes=400000 caps={caps} "
            f"! {self.clip.codec}parse ! rtp{self.clip.codec}pay name=pay0 pt=96 config-interval=-1 )"
        )
        sent = {"count": 0}
        element.get_by_name("source").connect("need-data", self._feed, sent)
        return element

    def _feed(self, source: Any, _length: int, sent: dict[str, int]) -> None:
        round_, index = divmod(sent["count"], len(self.clip.units))
        unit = self.clip.units[index]
        buffer = Gst.Buffer.new_wrapped(unit.content)
        shift = round_ * self.clip.length
        buffer.pts, buffer.dts, buffer.duration = unit.pts + shift, unit.dts + shift, unit.duration
        sent["count"] += 1
        source.emit("push-buffer", buffer)


def guard(server: Any, auth: dict[str, str]) -> None:
    """Let in only who knows user and password; others get 401."""
    door = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    if auth["method"] == "digest":
        door.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        door.add_digest(auth["user"], auth["password"], token)
    else:
        door.add_basic(GstRtspServer.RTSPAuth.make_basic(auth["user"], auth["password"]), token)
    server.set_auth(door)


def main() -> None:
    options = json.loads(sys.argv[1])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(options["port"]))
    if options["auth"]:
        guard(server, options["auth"])
    for name, stream in options["streams"].items():
        factory = LoopFactory(joined([read_clip(path, stream["codec"]) for path in stream["paths"]]))
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
        factory.set_shared(bool(options.get("shared")))
        if options["auth"]:
            permissions = GstRtspServer.RTSPPermissions()
            for what in ("media.factory.access", "media.factory.construct"):
                permissions.add_permission_for_role(ROLE, what, True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(f"/{name}", factory)
    loop = GLib.MainLoop()
    if server.attach(None) == 0:
        raise SystemExit(f"cannot listen on port {options['port']}")
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    print(server.get_bound_port(), flush=True)
    loop.run()


if __name__ == "__main__":
    main()
