"""Words of the moving pictures of alerts, Chinese and English."""

from __future__ import annotations

from types import MappingProxyType

CLIPS = MappingProxyType(
    {
        "clip.label": ("{at} 起的录像", "video from {at} on"),
        "clip.follows": ("录像正在生成，约 {n} 秒后可看", "the clip follows in about {n} s"),
        "clip.missing": (
            "没有这段时间的录像：摄像机当时没有画面，或录像中断",
            "no video of this time: the camera was lost, or not recorded",
        ),
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
        "audit.keep_clip": ("保存录像", "clip kept"),
        "audit.miss_clip": ("没有录像", "no clip"),
        "audit.expire_clip": ("删除过期录像", "clip deleted, too old"),
    }
)  # fmt: skip
