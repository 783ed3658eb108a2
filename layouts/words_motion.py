"""Words of the search for movement in a camera's picture and of its previews, Chinese and English."""

from __future__ import annotations

from types import MappingProxyType

MOTION = MappingProxyType(
    {
        "motion.title": ("画面变动查找", "Movement in the picture"),
        "motion.camera": ("摄像机", "Camera"),
        "motion.least": ("变动大小", "How much must move"),
        "motion.least.any": ("任何变动", "any movement"),
        "motion.least.some": ("占框 10% 以上", "10 % of the box"),
        "motion.least.much": ("占框 30% 以上", "30 % of the box"),
        "motion.search": ("查找", "Search"),
        "motion.whole": ("整幅画面", "Whole picture"),
        "motion.picture": (
            "{name}的画面，查找范围（左、上、右、下）{box}；方向键移动，Shift+方向键改大小，回车查找，Esc 为整幅画面",
            "Picture of {name}, searched box (left, top, right, bottom) {box}; arrows move it, Shift+arrows size it, "
            "Enter searches, Esc takes the whole picture",
        ),
        "motion.hint": (
            "在画面上拖出矩形，查找其中何时有变动。键盘：方向键、Shift+方向键、回车",
            "Drag a box on the picture to find when something moved in it. Keys: arrows, Shift+arrows, Enter",
        ),
        "motion.found": ("变动 {n} 处", "moments of movement: {n}"),
        "motion.none": ("没有变动", "no movement"),
        "motion.span": ("{from} 至 {to}", "{from} to {to}"),
        "motion.more": ("列出最强的 {n} 处", "the strongest {n} are listed"),
        "motion.unseen": (
            "其中约 {n} 分钟没有记录（摄像机中断，或超过保存期限）",
            "nothing is known of about {n} min of it (camera away, or no longer kept)",
        ),
        "motion.changed": (
            "整幅画面突变 {n} 次（灯光变化或镜头移动）",
            "all of the picture changed {n} times (light, or the camera was moved)",
        ),
        "motion.and": ("；", "; "),
        "motion.share": ("{n}%", "{n} %"),
        "motion.mark": ("{at} 起变动 {n} 秒", "movement from {at} for {n} s"),
        "motion.taken": ("画面时间 {at}", "picture of {at}"),
        "motion.no_picture": ("该时刻没有保存的画面", "no picture is kept of this moment"),
        "motion.no_camera": ("没有可以查看的摄像机", "There is no camera that you may watch"),
        "refused.motion.rectangle": ("矩形无效：左须小于右，上须小于下", "The box needs left < right and top < bottom"),
        "refused.motion.span": ("请选不超过 3 天的时段", "Choose a span of up to 3 days"),
        "audit.search_motion": ("查找画面变动", "movement searched"),
        "audit.view_previews": ("查看历史画面", "past pictures viewed"),
    }
)  # fmt: skip
