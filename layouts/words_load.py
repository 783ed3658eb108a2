"""The words of the page of the machine's load."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LOAD: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.load": ("负载", "Load"),
        "load.none": ("没有正在分析的摄像机", "No camera is being watched"),
        "load.shedding": (
            "⚠ 算力不足：{n} 路摄像机的识别被减少，解码不受影响",
            "⚠ More cameras than this machine can look at: {n} are looked at less often; all are still decoded",
        ),
        "load.enough": ("算力充足：没有减少识别", "Enough: nothing is shed"),
        "load.sum": (
            "{n} 路摄像机，共占用 {cores} 个处理器核",
            "{n} cameras take {cores} processor cores",
        ),
        "load.saves": (
            "{n} 路在分析主码流，其解码占 {ms} 毫秒/秒；改为分析子码流（looks: substream）约可省去其中八成以上",
            "{n} are looked at by their main stream, whose decoding takes {ms} ms a second; by a substream "
            "(looks: substream) more than four fifths of that would be saved",
        ),
        "load.memory": ("{name} 内存 {n} MiB", "{name} {n} MiB"),
        "load.site": ("点位", "Site"),
        "load.process": ("进程", "Process"),
        "load.state": ("解码", "Decoded"),
        "load.state.0": ("仅关键帧", "key frames"),
        "load.state.1": ("子码流（静止）", "substream (at rest)"),
        "load.state.2": ("全部", "everything"),
        "load.state.3": ("仅关键帧（满载）", "key frames (machine full)"),
        "load.state.4": ("子码流", "substream"),
        "load.state.5": ("全部（子码流中断）", "everything (substream lost)"),
        "load.state.6": ("子码流（主码流中断）", "substream (main stream lost)"),
        "load.pictures": ("画面/秒", "Pictures/s"),
        "load.looks": ("识别/秒", "Looks/s"),
        "load.share": ("识别占比", "Looked at"),
        "load.parts": ("其中局部", "Parts only"),
        "load.shed": ("减少", "Shed"),
        "load.dropped": ("丢弃/秒", "Dropped/s"),
        "load.age": ("画面时延", "Age"),
        "load.cpu": ("每秒 CPU 毫秒", "CPU ms a second"),
        "load.stage.demux": ("收流", "demux"),
        "load.stage.record": ("录像", "record"),
        "load.stage.decode": ("解码", "decode"),
        "load.stage.detail": ("取细节", "detail"),
        "load.stage.gate": ("活动检测", "gate"),
        "load.stage.convert": ("缩放", "convert"),
        "load.stage.infer": ("推理", "infer"),
        "load.stage.track": ("跟踪", "track"),
        "load.stage.judge": ("判定", "judge"),
        "load.stage.encode": ("编码", "encode"),
    }
)
