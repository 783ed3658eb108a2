"""Words of the live view of one camera, Chinese and English."""

from __future__ import annotations

from types import MappingProxyType

LIVE = MappingProxyType(
    {
        "live.open": ("实时画面", "Live"),
        "live.connecting": ("正在连接摄像机……", "connecting to the camera …"),
        "live.lag": ("实时，落后 {n} 秒", "live, {n} s behind"),
        "live.lost": ("网络跟不上，跳过了一段", "the network is too slow, a part was left out"),
        "live.silent": ("{n} 秒没有收到画面", "no video for {n} s"),
        "live.again": ("连接中断 {n} 秒，正在重连", "the connection is lost for {n} s, connecting again"),
        "live.recent": ("回看最近 60 秒", "Look back through the last 60 seconds"),
        "live.recent_at": ("回看 {time}", "looking back: {time}"),
        "live.ago": ("{n} 秒前", "{n} s ago"),
        "live.present": ("回到实时", "Back to live"),
        "live.hold": ("暂停", "Pause"),
        "live.play": ("播放", "Play"),
        "live.full": ("全屏", "Full screen"),
        "live.close": ("关闭（Esc）", "Close (Esc)"),
        "live.single": (
            "这台摄像机只提供单张图片，没有连续视频；以下图片每秒更新",
            "This camera gives single pictures and no video; they are renewed each second",
        ),
        "live.codec": (
            "浏览器不能直接播放 {codec} 视频；以下图片每秒更新",
            "This browser cannot play {codec} video as it comes; pictures are renewed each second",
        ),
        "live.no_player": (
            "浏览器不支持连续视频；以下图片每秒更新",
            "This browser cannot play live video; pictures are renewed each second",
        ),
        "live.single_age": ("图片，{n} 秒前", "picture, {n} s old"),
        "live.not_allowed": ("没有这台摄像机，或您无权观看", "There is no such camera that you may watch"),
        "live.too_many": (
            "同时打开的实时画面已达上限；请先关闭其他画面",
            "As many cameras are open as may be; close another one first",
        ),
        "audit.watch_live": ("打开实时画面", "camera opened live"),
        "audit.watch_recent": ("回看最近录像", "newest video looked back through"),
    }
)  # fmt: skip
