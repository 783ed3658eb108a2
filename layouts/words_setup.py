"""The words of the set-up page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SETUP: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.setup": ("配置", "Setup"),
        "setup.sites": ("点位", "Sites"),
        "setup.monitors": ("接入设备", "Monitors"),
        "setup.detectors": ("识别", "Detectors"),
        "setup.rules": ("规则", "Rules"),
        "setup.zones": ("区域", "Zones"),
        "setup.health": ("摄像机健康", "Camera health"),
        "setup.weights": ("权重", "Weights"),
        "setup.task": ("任务", "Task"),
        "setup.water_class": ("水体类别", "Water class"),
        "setup.threshold": ("本点位阈值", "Threshold of this site"),
        "setup.licence": ("许可", "Licence"),
        "setup.no_licence": ("⚠ 未填写权重的许可", "⚠ No licence of the weights is given"),
        "setup.sha256": ("SHA-256", "SHA-256"),
        "setup.marks": ("水尺标定：行 ↔ 厘米", "Marks of the staff: row ↔ cm"),
        "setup.row": ("行（像素）", "Row (pixels)"),
        "setup.cm": ("厘米", "cm"),
        "setup.usual": ("均为默认值", "as usual"),
        "setup.no_picture": ("暂无画面：{why}", "No picture: {why}"),
        "setup.learn": ("摄像机已调整：重新学习画面", "The camera was turned: learn its view anew"),
        "setup.learned": ("已通知，正在重新学习", "Told; it learns its view anew"),
        "setup.inference": (
            "目标识别模型 {weights}，输入 {input}，每路每秒 {per_second} 次",
            "Objects by {weights}, input {input}, {per_second} looks a second and camera",
        ),
        "setup.health.enabled": ("启用", "Enabled"),
        "setup.health.priority": ("优先级", "Priority"),
        "setup.health.frozen": ("检查冻结", "Frozen pictures"),
        "setup.health.lost_for": ("丢失判定", "Lost for"),
        "setup.health.bad_for": ("异常判定", "Bad for"),
        "setup.health.well_for": ("恢复判定", "Well for"),
    }
)
