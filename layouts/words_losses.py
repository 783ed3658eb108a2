"""The words for why a camera or gauge cannot be read: one for each cause of `data.model.loss.CAUSES`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LOSSES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "lost.settings": ("配置有误，无法接入", "Wrong settings: it cannot be opened"),
        "lost.no_push": ("平台收不到设备推流（码率为 0）", "The platform receives nothing from the device (0 bytes/s)"),
        "lost.platform_login": ("平台拒绝登录", "The platform refuses the login"),
        "lost.channel_offline": ("平台报告：设备离线", "The platform says: device offline"),
        "lost.channel_unknown": ("平台上没有该设备或通道", "The platform knows no such device or channel"),
        "lost.channel_silent": ("平台等不到设备的码流", "The platform waits in vain for the device"),
        "lost.platform_refuses": ("平台拒绝播放", "The platform refuses to play"),
        "lost.no_stream": ("平台没有返回码流信息", "The platform has opened no stream"),
        "lost.no_address": ("平台没有给出可播放的地址", "The platform names no address that can be played"),
        "lost.platform_away": ("平台没有响应", "The platform does not answer"),
        "lost.login": ("用户名或密码被拒绝", "User or password refused"),
        "lost.not_found": ("设备上没有该码流（404）", "The device has no such stream (404)"),
        "lost.file": ("文件不存在", "There is no such file"),
        "lost.refused": ("端口拒绝连接，服务未运行", "Connection refused: nothing listens there"),
        "lost.unknown_name": ("主机名无法解析", "Its host name is not known"),
        "lost.silent": ("已连接，但没有新数据", "Connected, but nothing new comes"),
        "lost.unreachable": ("网络不通或超时", "Not to be reached in time"),
        "lost.ended": ("对方结束了码流", "The stream was ended there"),
        "lost.no_video": ("没有可解码的视频", "No video that can be decoded"),
        "lost.broken": ("连接中途断开", "The connection broke"),
        "lost.server": ("设备返回服务器错误", "The device answers with a server error"),
        "lost.defect": ("程序异常，详见日志", "A defect of ours; the log has it"),
        "lost.other": ("其他原因", "Another reason"),
        "setup.losses": ("中断记录（最近在前）", "Losses, newest first"),
        "setup.no_losses": ("没有中断记录", "None so far"),
        "setup.lasted": ("历时 {n} 秒", "for {n} s"),
        "setup.lost_still": ("仍在中断", "still lost"),
    }
)
