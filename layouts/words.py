"""Every text of the screens, Chinese and English, in one table (parts of it in words_*.py). The scripts get it too."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from layouts.words_alarms import ALARMS
from layouts.words_alerts import ALERTS
from layouts.words_applications import APPLICATIONS
from layouts.words_case_sources import CASE_SOURCES
from layouts.words_cases import CASE_WORDS
from layouts.words_clips import CLIPS
from layouts.words_drill import DRILL
from layouts.words_entry import ENTRY
from layouts.words_fusion import FUSION
from layouts.words_handover import HANDOVER
from layouts.words_health import HEALTH
from layouts.words_inspections import INSPECTIONS
from layouts.words_keyboard import KEYBOARD
from layouts.words_kiosk import KIOSK
from layouts.words_live import LIVE
from layouts.words_load import LOAD
from layouts.words_losses import LOSSES
from layouts.words_motion import MOTION
from layouts.words_notices import NOTICES
from layouts.words_plans import PLANS
from layouts.words_refusals import REFUSALS
from layouts.words_rejects import REJECTS
from layouts.words_reports import REPORTS
from layouts.words_roll_call import ROLL_CALL
from layouts.words_selection import SELECTION
from layouts.words_setup import SETUP
from layouts.words_sightings import SIGHTINGS
from layouts.words_store import STORE
from layouts.words_vehicles import VEHICLES
from layouts.words_what_if import WHAT_IF

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
LANGUAGE_COOKIE = "yiping_language"

_TABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # shell
        "product": ("一屏", "Yiping"),
        "pages": ("页面", "Pages"),
        "menu.duty": ("值守", "On duty"),
        "menu.back": ("回看", "Look back"),
        "menu.setup": ("管理", "Manage"),
        "page.wall": ("大屏", "Wall"),
        "page.duty": ("值班", "Duty"),
        "page.review": ("复盘", "Review"),
        "page.account": ("账号：密码、登录", "Account: password, sessions"),
        "page.accounts": ("用户", "Users"),
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
        "time.zone": ("时间按 {zone}", "times of {zone}"),
        "time.none": ("请填写日期和时间", "Give the date and the time"),
        "time.skipped": (
            "这个时刻不存在：{zone} 的时钟在夏令时开始时跳过了它",
            "This time does not exist: the clocks of {zone} skip it when summer time begins",
        ),
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
        "role.source": ("外部系统", "Other system"),
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
        "chosen.nothing": (
            "尚未选择预警：按 J 或点击一条后再操作",
            "No alert is chosen: press J or click one, then act",
        ),
        "chosen.gone": (
            "所选预警已办结，未执行任何操作；请另选一条",
            "The alert you chose is over: nothing was done. Choose another one",
        ),
        "chosen.shown": (
            "最紧急的一条（未选择）：按 J 或点击后可确认、派遣",
            "The most urgent one, not chosen: press J or click it to acknowledge or dispatch",
        ),
        "chosen.tag": ("未选择", "not chosen"),
        "chosen.joined": (
            "另有 {n} 条是选择之后加入的，未确认；请用 J / K 重新选择此卡后再确认",
            "{n} joined after you chose and are not acknowledged; choose the card again with J / K first",
        ),
        "keys": (
            "J / K 选择 · A 确认 · D 派遣 · Z 撤销 · ? 快捷键",
            "J / K choose · A acknowledge · D dispatch · Z undo · ? shortcuts",
        ),
        "keys.look": (
            "J / K 选择 · ? 快捷键（您的角色只可查看）",
            "J / K choose · ? shortcuts (your role may look only)",
        ),
        "alerts.nothing": ("目前没有需要处理的预警", "Nothing needs attention now"),
        "alerts.unacknowledged": ("未确认 {n}", "{n} unacknowledged"),
        "alerts.in_hand": ("在办 {n}", "{n} in hand"),
        "gauges.corrected": ("更正，先报 {first}", "corrected, first {first}"),
        "gauges.nothing": ("还没有监测数据", "No readings yet"),
        "tile.lost": ("信号中断", "Signal lost"),
        "tile.waiting": ("等待画面", "Waiting for a picture"),
        "tile.old": ("已 {age} 没有新画面", "No new picture for {age}"),
        "tile.lag": ("延迟 {n} 秒", "{n} s behind"),
        "tile.lag_why": ("画面正常到达，但拍摄时间落后；不是故障", "Pictures arrive, but were taken earlier; no fault"),
        "tile.paused": ("检测已暂停", "detection paused"),
        "tile.degraded.keyframes": ("降频分析", "Analysed less often"),
        "tile.degraded_why.keyframes": (
            "同时活动的摄像机过多，机器已满载",
            "Too many cameras are active at once; the machine is full",
        ),
        "tile.degraded.looks": ("降频分析", "Analysed less often"),
        "tile.degraded_why.looks": (
            "摄像机过多，机器已满载",
            "More cameras than this machine can look at",
        ),
        "tile.degraded.substream_lost": ("子码流中断", "Substream lost"),
        "tile.degraded_why.substream_lost": (
            "改为分析主码流，占用更多处理能力",
            "The main stream is looked at instead, which costs more",
        ),
        "tile.degraded.main_lost": ("主码流中断", "Main stream lost"),
        "tile.degraded_why.main_lost": (
            "仅有子码流：照常分析，但没有录像，取证图较小",
            "Only the substream is left: looked at as before, but nothing is recorded and evidence is smaller",
        ),
        "tile.counts": ("{n} 路", "{n} cameras"),
        "tile.counts_lost": ("{n} 路异常", "{n} not well"),
        "map.age": ("人员定位 {age}", "positions {age}"),
        "zone.river": ("河道", "River"),
        "zone.closed": ("封闭梯坎", "Closed steps"),
        "zone.gate": ("校门禁停区", "School gate"),
        "zone.fire-lane": ("消防通道", "Fire lane"),
        "zone.lane": ("禁停区", "No-parking lane"),
        "tile.no_cameras": ("没有配置摄像机", "No camera is configured"),
        "health.live": ("在线", "Live"),
        "health.lost": ("中断", "Lost"),
        "health.unknown": ("未知", "Unknown"),
        "evidence.none": ("无图片", "No picture"),
        "evidence.gone": ("图片不可用", "Picture not available"),
        "evidence.closer": ("放大并提亮（仅供查看）", "Enlarged and brightened, for looking only"),
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
        "candidate.straight": ("直线估计", "straight-line estimate"),
        "candidate.last_unit": ("网格 {grid} 的最后一人", "the last free unit of grid {grid}"),
        "candidate.load": ("已派任务", "load"),
        "candidate.rest": ("刚完成任务", "rest"),
        "candidate.own grid": ("本网格", "own grid"),
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
        "kind.unknown_object": ("无法识别，需核实", "cannot be named, to be verified"),
        "kind.congestion": ("排队拥堵", "congestion"),
        "kind.threshold": ("超过限值", "over the limit"),
        "kind.time_to_threshold": ("即将超限", "limit within reach"),
        "kind.rate_of_rise": ("上涨过快", "rising fast"),
        "kind.accumulation": ("累计雨量超限", "rain accumulated"),
        "kind.silence": ("数据中断", "no data"),
        "kind.stuck": ("读数不变", "stuck value"),
        "kind.out_of_range": ("读数超量程", "impossible value"),
        "rule.warning-stage": ("超警戒水位", "above the warning stage"),
        "rule.guaranteed-stage": ("超保证水位", "above the guaranteed stage"),
        "rule.heavy-rain": ("短时强降雨", "heavy rain"),
        "kind.sensor_fault": ("传感器互相矛盾", "sensors contradict each other"),
        "label.gauge_and_camera": ("水位计与画面", "Gauge and camera"),
        "kind.alertmanager": ("外部系统预警", "from another system"),
        "kind.watchdog": ("升级通知延误", "escalation is late"),
        "kind.damage": ("数据损坏", "data damaged"),
        "kind.clock": ("服务器时钟被调整", "the server's clock was set"),
        "kind.audit": ("审计记录被改动", "the audit trail was tampered with"),
        "kind.timers": ("到期事项无法处理", "timers cannot be ended"),
        "kind.camera_health": ("摄像机异常", "camera fault"),
        "kind.live_recall": ("画面中难以识别，可能漏报", "cannot be made out here and may be missed"),
        "label.video_loss": ("视频丢失", "Video loss"),
        "label.video_black": ("画面黑屏", "Black picture"),
        "label.video_white": ("画面白屏", "White picture"),
        "label.video_frozen": ("画面冻结", "Frozen picture"),
        "label.video_occlusion": ("视频遮挡", "View covered"),
        "label.video_defocus": ("画面虚焦", "Out of focus"),
        "label.scene_change": ("场景变更", "Camera moved"),
        "label.person": ("人", "Person"),
        "label.unknown": ("未知物体", "Unknown object"),
        "label.vehicle": ("车辆", "Vehicles"),
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
        "quantity.methane": ("甲烷", "Methane"),
        "quantity.hydrogen_sulfide": ("硫化氢", "Hydrogen sulfide"),
        "quantity.carbon_monoxide": ("一氧化碳", "Carbon monoxide"),
        "quantity.oxygen": ("氧含量", "Oxygen"),
        "quantity.temperature": ("气温", "Temperature"),
        "quantity.count": ("数量", "Count"),
        # duty
        "duty.alerts": ("在办预警", "Alerts in hand"),
        "duty.tasks": ("在办任务", "Open tasks"),
        "duty.chosen": ("所选事项", "Chosen"),
        "duty.people": ("在岗人员", "People on shift"),
        "duty.choose": (
            "点选左侧一行，或用 Tab、↑ ↓、Enter（按 ? 列出快捷键）",
            "Choose a row on the left, or use Tab, ↑ ↓ and Enter (? lists the shortcuts)",
        ),
        "duty.trail": ("办理记录", "Trail"),
        "duty.people_counts": ("在岗 {n} · 任务中 {busy}", "{n} on shift · {busy} on a task"),
        "duty.to_verify": ("待核实 {n}", "{n} to verify"),
        "do.cancel": ("取消任务", "Cancel the task"),
        "person.no_position": ("无定位", "no position"),
        "state.short.firing": ("未确认", "unacknowledged"),
        "state.short.acknowledged": ("已确认", "acknowledged"),
        "state.short.returned": ("已恢复·未确认", "over, unacknowledged"),
        "state.short.closed": ("已恢复", "over"),
        "column.priority": ("级别", "Priority"),
        "column.id": ("编号", "No."),
        "column.what": ("情况", "What"),
        "column.site": ("点位", "Site"),
        "column.started": ("开始", "Began"),
        "column.lasting": ("历时", "Lasting"),
        "column.state": ("状态", "State"),
        "column.acknowledged_by": ("确认人", "Acknowledged by"),
        "column.step": ("处置", "Progress"),
        "column.title": ("任务", "Task"),
        "column.who": ("处置人", "Who"),
        "column.created_by": ("派遣人", "Dispatched by"),
        "grid.contains": ("包含", "Contains"),
        "grid.notContains": ("不包含", "Does not contain"),
        "grid.equals": ("等于", "Equals"),
        "grid.notEqual": ("不等于", "Does not equal"),
        "grid.startsWith": ("开头是", "Begins with"),
        "grid.endsWith": ("结尾是", "Ends with"),
        "grid.blank": ("为空", "Blank"),
        "grid.notBlank": ("不为空", "Not blank"),
        "grid.filterOoo": ("筛选…", "Filter…"),
        "grid.noRowsToShow": ("没有在办事项", "Nothing open"),
        "grid.andCondition": ("并且", "AND"),
        "grid.orCondition": ("或者", "OR"),
        "grid.loadingOoo": ("正在读取…", "Loading…"),
        "grid.selectAll": ("全选", "(Select all)"),
        "grid.searchOoo": ("查找…", "Search…"),
        "grid.noMatches": ("没有匹配", "No matches"),
        "audit.raise": ("发现", "raised"),
        "audit.end": ("恢复正常", "returned to normal"),
        "ended.rule_changed": ("规则已修改，告警结束", "ended: its rule was changed"),
        "ended.rule_removed": ("规则已删除，告警结束", "ended: its rule was removed"),
        "ended.zone_changed": ("区域已重画，告警结束", "ended: its zone was redrawn"),
        "ended.camera_removed": ("摄像机已移除，告警结束", "ended: its camera was removed"),
        "ended.gauges_removed": ("测站已移除，告警结束", "ended: its gauges were removed"),
        "ended.site_removed": ("点位已移除，告警结束", "ended: its site was removed"),
        "ended.named": ("已被识别，由相应规则接管，告警结束", "ended: it was named, the rules about it take over"),
        "audit.blind": ("其间 {n} 秒无画面", "no picture for {n} s of it"),
        "audit.link": ("并入事件", "joined to the event"),
        "audit.acknowledge": ("确认", "acknowledged"),
        "audit.open": ("立案", "opened the event"),
        "audit.close": ("结案", "closed"),
        "audit.dispatch": ("派遣", "dispatched"),
        "audit.offer": ("通知", "offered"),
        "audit.accept": ("接单", "accepted"),
        "audit.decline": ("退单", "declined"),
        "audit.expire": ("超时未接", "did not answer in time"),
        "audit.shortfall": ("无人可派", "nobody left to send"),
        "audit.en_route": ("出发", "set out"),
        "audit.on_scene": ("到场", "arrived"),
        "audit.report": ("反馈", "reported"),
        "audit.verify": ("核实", "verified"),
        "audit.cancel": ("取消", "cancelled"),
        # review
        "review.since": ("从", "From"),
        "review.until": ("到", "To"),
        "review.last.30min": ("近 30 分钟", "30 min"),
        "review.last.2h": ("近 2 小时", "2 h"),
        "review.last.12h": ("近 12 小时", "12 h"),
        "review.last.3d": ("近 3 天", "3 days"),
        "review.read": ("调取", "Read"),
        "review.alerts_csv": ("导出预警 CSV", "Alerts as CSV"),
        "review.parquet.alerts": ("预警 Parquet", "Alerts as Parquet"),
        "review.parquet.tasks": ("任务 Parquet", "Tasks as Parquet"),
        "review.parquet.readings": ("读数 Parquet", "Readings as Parquet"),
        "review.tasks_csv": ("导出任务 CSV", "Tasks as CSV"),
        "review.axis": ("同一时间轴", "One time axis"),
        "review.tasks": ("任务", "Tasks"),
        "review.pictures": ("图片", "Pictures"),
        "review.limit": ("限值", "limit"),
        "review.play": ("▶ 播放", "▶ Play"),
        "review.pause": ("❚❚ 暂停", "❚❚ Pause"),
        "review.hint": ("点击时间轴定位 · ? 快捷键", "Click the axis to seek · ? shortcuts"),
        "review.open": ("此刻在办", "Open at this moment"),
        "review.corrections": ("更正前的读数", "Values before their correction"),
        "review.corrected": ("更正：先报 {first}，后报 {last}", "Corrected: first {first}, then {last}"),
        "review.values": ("此刻读数", "Readings at this moment"),
        "review.newest": ("最近图片", "Newest pictures"),
        "review.steps": ("处置进展", "Responders"),
        "review.nothing": ("这段时间没有记录", "Nothing was recorded in this span"),
        "review.nothing_now": ("此刻没有", "Nothing at this moment"),
        "review.bad_span": ("时间有误", "The span is wrong"),
        "review.not_whole": (
            "预警或任务太多：只显示最近的 {alerts} 条预警、{tasks} 个任务，请缩短时间",
            "Too many alerts or tasks: the newest {alerts} alerts and {tasks} tasks are shown; choose a shorter span",
        ),
        "review.too_much": ("这段时间的数据太多，请缩短时间", "This span holds too much: choose a shorter one"),
        "review.busy": ("正在处理其他调取，请稍候再试", "Other spans are being read: please try again in a moment"),
        "review.report_of": ("任务 {n} 反馈", "Report of task {n}"),
        "reason.off shift": ("不在岗", "off shift"),
        "reason.account disabled": ("账号已停用", "account disabled"),
        "reason.busy with another task": ("任务中", "on another task"),
        "reason.no position": ("无定位", "no position"),
        "reason.did not answer in time": ("超时未接", "did not answer in time"),
        "reason.old_position": ("定位过旧", "position too old"),
        "reason.declined": ("已退单", "declined"),
        **CASE_WORDS,
    }
)

TABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **_TABLE,
        **NOTICES,
        **KEYBOARD,
        **KIOSK,
        **WHAT_IF,
        **LOAD,
        **DRILL,
        **SETUP,
        **ROLL_CALL,
        **APPLICATIONS,
        **CASE_SOURCES,
        **INSPECTIONS,
        **SELECTION,
        **LOSSES,
        **ALERTS,
        **ALARMS,
        **FUSION,
        **PLANS,
        **SIGHTINGS,
        **VEHICLES,
        **STORE,
        **REFUSALS,
        **REJECTS,
        **CLIPS,
        **ENTRY,
        **LIVE,
        **MOTION,
        **HANDOVER,
        **HEALTH,
        **REPORTS,
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
