"""Every text of the screens, Chinese and English, in one table. The scripts get the same table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
LANGUAGE_COOKIE = "yiping_language"

TABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # shell
        "product": ("一屏", "Yiping"),
        "page.wall": ("大屏", "Wall"),
        "page.duty": ("值班", "Duty"),
        "page.review": ("复盘", "Review"),
        "demo": ("演示", "DEMO"),
        "demo.hint": ("演示城市：画面与人员均为虚构", "Demo city: pictures and people are invented"),
        "language.other": ("English", "中文"),
        "logout": ("退出登录", "Log out"),
        "source": ("源代码 (AGPL-3.0)", "Source code (AGPL-3.0)"),
        "version": ("版本", "Version"),
        "link.live": ("已连接", "Connected"),
        "link.connecting": ("正在连接", "Connecting"),
        "link.lost": ("连接中断，正在重连", "Connection lost, reconnecting"),
        "data.age": ("数据", "Data"),
        "age.now": ("刚刚", "now"),
        "age.s": ("{n} 秒前", "{n} s ago"),
        "age.min": ("{n} 分钟前", "{n} min ago"),
        "age.h": ("{n} 小时前", "{n} h ago"),
        "age.d": ("{n} 天前", "{n} d ago"),
        "age.none": ("无数据", "no data"),
        "not_found": ("没有这个页面", "There is no such page"),
        "home": ("回到大屏", "Back to the wall"),
        "sound.on": ("声音 开", "Sound on"),
        "sound.off": ("声音 关", "Sound off"),
        "loading": ("正在读取…", "Loading…"),
        "error.network": (
            "连不上服务器，请检查网络后重试",
            "The server cannot be reached; check the network and try again",
        ),
        "error.login": ("登录已过期，请重新登录", "Your session has ended; please log in again"),
        "error.403": ("无权执行此操作", "You may not do this"),
        "error.404": ("已不存在", "It no longer exists"),
        "error.409": ("当前状态不允许此操作", "The present state does not allow this"),
        "error.other": ("服务器出错 ({n})", "The server failed ({n})"),
        "who.system": ("系统", "System"),
        "role.operator": ("值班员", "Operator"),
        "role.duty_officer": ("值班长", "Duty officer"),
        "role.section_head": ("板块组长", "Section head"),
        "role.commander": ("指挥长", "Commander"),
        "role.grid_leader": ("网格长", "Grid leader"),
        "role.responder": ("处置人员", "Responder"),
        "role.analyst": ("分析员", "Analyst"),
        "role.administrator": ("管理员", "Administrator"),
        "age.short": ("{n} 秒", "{n} s"),
        # wall
        "panel.map": ("一张图", "Map"),
        "panel.gauges": ("水情雨情", "Gauges"),
        "panel.cameras": ("实时画面", "Cameras"),
        "panel.dispatch": ("联动处置", "Dispatch"),
        "panel.alerts": ("预警", "Alerts"),
        "panel.candidates": ("可派人员", "Who can go"),
        "panel.progress": ("处置进度", "Progress"),
        "panel.report": ("现场反馈", "Report"),
        "panel.nothing_chosen": ("选择一条预警查看与派遣", "Choose an alert to see and dispatch it"),
        "keys": ("J / K 选择 · A 确认 · D 派遣", "J / K choose · A acknowledge · D dispatch"),
        "alerts.nothing": ("目前没有需要处理的预警", "Nothing needs attention now"),
        "alerts.unacknowledged": ("未确认 {n}", "{n} unacknowledged"),
        "alerts.in_hand": ("在办 {n}", "{n} in hand"),
        "gauges.nothing": ("还没有监测数据", "No readings yet"),
        "tile.lost": ("信号中断", "Signal lost"),
        "tile.waiting": ("等待画面", "Waiting for a picture"),
        "tile.old": ("画面停在 {age} 前", "Picture is {age} old"),
        "tile.no_cameras": ("没有配置摄像机", "No camera is configured"),
        "health.live": ("在线", "Live"),
        "health.lost": ("中断", "Lost"),
        "health.unknown": ("未知", "Unknown"),
        "evidence.none": ("无图片", "No picture"),
        "evidence.gone": ("图片不可用", "Picture not available"),
        "do.acknowledge": ("确认", "Acknowledge"),
        "do.dispatch": ("派遣", "Dispatch"),
        "do.dispatch_nearest": ("派遣最近人员", "Dispatch the nearest"),
        "do.send": ("派他去", "Send"),
        "do.verify": ("核实通过，结案", "Verify and close"),
        "verify.not_own": ("自己的处置须由他人核实", "Somebody else must verify your own work"),
        "report.no_text": ("（未填写文字）", "(no text)"),
        "fact.site": ("点位", "Site"),
        "fact.zone": ("区域", "Zone"),
        "fact.started": ("开始", "Began"),
        "fact.lasted": ("持续", "Lasting"),
        "fact.confidence": ("置信度", "Confidence"),
        "fact.rule": ("规则", "Rule"),
        "travel.min": ("{n} 分钟", "{n} min"),
        "candidate.chosen": ("已派", "Sent"),
        "candidate.straight": ("（按直线距离）", "(straight-line distance)"),
        "candidate.nobody": ("没有可派人员", "Nobody can be sent"),
        "person.busy": ("任务中", "On a task"),
        "person.free": ("待命", "Free"),
        "priority.P1": ("一级 红", "P1 red"),
        "priority.P2": ("二级 橙", "P2 orange"),
        "priority.P3": ("三级 黄", "P3 yellow"),
        "priority.P4": ("四级 蓝", "P4 blue"),
        "state.firing": ("未确认", "unacknowledged"),
        "state.acknowledged": ("已确认", "acknowledged by"),
        "state.returned": ("已恢复，未确认", "over, unacknowledged"),
        "state.closed": ("已恢复", "over"),
        "task.draft": ("待派", "to be offered"),
        "task.offered": ("待接单", "offered"),
        "task.accepted": ("已接单", "accepted"),
        "task.en_route": ("赶往现场", "en route"),
        "task.on_scene": ("已到场", "on scene"),
        "task.reported": ("已反馈，待核实", "reported, to be verified"),
        "task.verified": ("已核实", "verified"),
        "task.closed": ("已结案", "closed"),
        "task.cancelled": ("已取消", "cancelled"),
        "step.alert.raised": ("发现", "Detected"),
        "step.alert.acknowledged": ("确认", "Acknowledged"),
        "step.task.created": ("派遣", "Dispatched"),
        "step.task.offered": ("通知", "Offered"),
        "step.task.accepted": ("接单", "Accepted"),
        "step.task.en_route": ("出发", "En route"),
        "step.task.on_scene": ("到场", "On scene"),
        "step.task.reported": ("反馈", "Reported"),
        "step.task.verified": ("核实", "Verified"),
        "step.task.closed": ("结案", "Closed"),
        "step.task.cancelled": ("取消", "Cancelled"),
        "kind.intrusion": ("进入禁区", "in the danger zone"),
        "kind.dwell": ("超时停留", "overstaying"),
        "kind.threshold": ("超过限值", "over the limit"),
        "label.person": ("人", "Person"),
        "label.bicycle": ("自行车", "Bicycle"),
        "label.car": ("小汽车", "Car"),
        "label.motorcycle": ("摩托车", "Motorcycle"),
        "label.bus": ("公交车", "Bus"),
        "label.truck": ("卡车", "Truck"),
        "label.boat": ("船", "Boat"),
        "label.dog": ("狗", "Dog"),
        "quantity.water_level": ("水位", "Water level"),
        "quantity.water_depth": ("积水深度", "Water depth"),
        "quantity.rainfall": ("雨量", "Rainfall"),
        "quantity.rain_intensity": ("雨强", "Rain intensity"),
        "quantity.flow": ("流量", "Flow"),
        "quantity.flood_index": ("淹没指数", "Flood index"),
        "quantity.gas_concentration": ("气体浓度", "Gas"),
        "quantity.temperature": ("气温", "Temperature"),
        "quantity.count": ("数量", "Count"),
    }
)


class Words:
    """The table in one language: `words("page.wall")`. Raises KeyError for a text that is not in the table."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._column = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        return TABLE[key][self._column].format(**values) if values else TABLE[key][self._column]

    @property
    def other(self) -> Language:
        """The language one can switch to."""
        return LANGUAGES[1 - self._column]


def language_of(cookie: str | None, default: Language) -> Language:
    """The language a cookie asks for, else the default."""
    return next((language for language in LANGUAGES if language == cookie), default)


def tables() -> dict[str, dict[str, str]]:
    """Both languages as the scripts get them: `{"zh": {key: text}, "en": {...}}`."""
    return {language: {key: texts[i] for key, texts in TABLE.items()} for i, language in enumerate(LANGUAGES)}
