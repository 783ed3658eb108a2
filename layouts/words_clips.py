"""Words of the moving pictures of alerts, Chinese and English."""

from __future__ import annotations

from types import MappingProxyType

CLIPS = MappingProxyType(
    {
        "clip.label": ("{at} 起的录像", "video from {at} on"),
        "clip.follows": ("录像正在生成，约 {n} 秒后可看", "the clip follows in about {n} s"),
        "clip.late": (
            "录像尚未生成，仍在处理；最迟 {n} 分钟内会有结果",
            "the clip is late and still being made; what became of it is told within {n} min",
        ),
        "clip.missing": ("录像未能生成：{why}", "no clip could be made: {why}"),
        "clip.no_video": (
            "当时摄像机没有画面，或录像中断",
            "the camera gave no video then, or was not recorded",
        ),
        "clip.codec_refused": ("该编码无法保存为 MP4", "its codec cannot be put into MP4"),
        "clip.disk": ("磁盘无法写入", "the disk did not take it"),
        "clip.not_cut": ("处理该摄像机的进程没有运行", "the process of this camera does not run"),
        "clip.not_recorded": ("该摄像机已不再录像", "the camera is not recorded any more"),
        "clip.expired": ("录像已超过保存期限，已删除", "the clip is older than clips are kept, and was deleted"),
        "clip.codec": (
            "浏览器不能播放 {codec} 录像，可下载后用播放器观看",
            "this browser cannot play {codec} video; download it and use a player",
        ),
        "clip.broken": ("录像不能播放", "the clip cannot be played"),
        "clip.gap": ("其中缺少 {n} 秒：当时没有收到画面", "{n} s of it are missing: no video came then"),
        "clip.download": ("下载", "download"),
        "kind.recording": ("录像中断", "video is not recorded"),
        "label.disk_full": ("磁盘将满", "disk nearly full"),
        "label.disk_error": ("磁盘写入失败", "disk refuses writing"),
        "label.disk_slow": ("磁盘过慢", "disk too slow"),
        "label.codec": ("编码不能录制", "codec cannot be recorded"),
        "label.stalled": ("录像停滞", "no video written"),
        "label.gap": ("录像有缺口", "gap in the video"),
        "label.clips_protected": (
            "预警录像超出容量，且全部属于未办结的预警或事件",
            "clips need more room than they may take, and all belong to open alerts or events",
        ),
        "audit.recording_gap": ("录像缺口", "gap in the video"),
        "audit.keep_clip": ("保存录像", "clip kept"),
        "audit.miss_clip": ("没有录像", "no clip"),
        "audit.expire_clip": ("删除过期录像", "clip deleted, too old"),
    }
)  # fmt: skip
