"""Texts of the phone page, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from layouts.words import LANGUAGES, Language

_TABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "title": ("一屏 · 处置", "Yiping · Responder"),
        "demo": ("演示", "DEMO"),
        "other_language": ("English", "中文"),
        "account": ("账号", "Account"),
        "log_out": ("退出", "Log out"),
        "on_shift": ("在岗", "On shift"),
        "off_shift": ("未在岗", "Off shift"),
        "unknown_person": ("您不在处置人员名单中", "You are not on the list of responders"),
        "nothing": ("暂无任务", "No task now"),
        "nothing_hint": (
            "有新任务时会震动提醒，请保持此页打开",
            "The phone vibrates for a new task; keep this page open",
        ),
        "off_hint": ("未在岗时不派任务，也不共享位置", "Off shift you get no tasks and your position is not shared"),
        "new_task": ("新任务", "New task"),
        "answer_within": ("请在此时间内答复", "Answer within"),
        "overdue": ("已超时，转派他人", "Too late, passed on"),
        "accept": ("接受任务", "Accept"),
        "personal": ("当事人信息", "Personal data"),
        "personal_hint": ("打开即查看，查看会记入审计", "Opening it is a look, which goes into the audit trail"),
        "roll_call": ("叫应", "Roll-call"),
        "roll_again": ("第 {n} 次呼叫", "call {n}"),
        "roll_deputy": ("{who} 未到岗，由您接替", "You stand in for {who}"),
        "roll_present": ("收到", "I am here"),
        "roll_unable": ("无法到岗", "I cannot come"),
        "roll_over": ("已超时，仍请答复", "Late: please answer still"),
        "decline": ("不能前往", "Cannot go"),
        "why": ("为什么不能前往？", "Why not?"),
        "reason_far": ("距离太远", "Too far away"),
        "reason_busy": ("手头有事走不开", "Busy with something else"),
        "reason_vehicle": ("车辆故障", "Vehicle trouble"),
        "reason_unsafe": ("不安全，需要支援", "Not safe, needs support"),
        "reason_other": ("其他原因", "Another reason"),
        "send": ("发送", "Send"),
        "set_out": ("出发", "I am on my way"),
        "arrived": ("已到现场", "I am there"),
        "report": ("上报结果", "Send the report"),
        "photo": ("拍照", "Take a photo"),
        "photo_again": ("重拍", "Another photo"),
        "text_hint": ("现场情况、做了什么", "What you found and did"),
        "report_needs": ("请拍照或写几个字", "Add a photo or a few words"),
        "checklist": ("处置清单", "Checklist"),
        "waiting": ("已上报，等待核实", "Reported, waiting to be verified"),
        "navigate": ("用手机地图导航", "Open in the phone's map"),
        "picture": ("现场画面", "Picture of the scene"),
        "minutes": ("约 {n} 分钟", "about {n} min"),
        "metres": ("{n} 米", "{n} m"),
        "kilometres": ("{n} 公里", "{n} km"),
        "straight line": ("直线估计", "straight-line estimate"),
        "no position": ("位置未知", "position unknown"),
        "here": ("我", "me"),
        "past": ("近期任务", "Recent tasks"),
        "closed": ("已结案", "Closed"),
        "cancelled": ("已取消", "Cancelled"),
        "priority.P1": ("一级 紧急", "P1 urgent"),
        "priority.P2": ("二级 重要", "P2 high"),
        "priority.P3": ("三级", "P3"),
        "priority.P4": ("四级", "P4"),
        "step.accepted": ("已接受", "Accepted"),
        "step.en_route": ("前往中", "On the way"),
        "step.on_scene": ("在现场", "On scene"),
        "step.reported": ("已上报", "Reported"),
        "step.blocked": ("受阻", "Blocked"),
        "unit_task": ("单位任务", "Task of your unit"),
        "promised": ("承诺 {day} 完成", "promised by {day}"),
        "photo_needed": ("拍照（必须）", "Take a photo (needed)"),
        "stuck": ("遇到困难", "Something is in the way"),
        "block": ("暂停", "Cannot go on"),
        "block_why": ("受阻原因，如门锁着", "What is in the way"),
        "go_on": ("继续处置", "Go on"),
        "give_back": ("退单", "Give back"),
        "give_back_why": ("为什么不归您办？", "Why is it not yours?"),
        "note.blocked": ("受阻", "Blocked"),
        "note.rework": ("需返工", "To be done again"),
        "own": ("上报问题", "Report a problem"),
        "own_kind": ("类别", "Kind"),
        "own_hint": ("看到什么、在哪里", "What you see, and where"),
        "own_send": ("上报", "Report it"),
        "no_kinds": (
            "还没有可上报的类别，请联系指挥中心在“组织”页添加",
            "There are no kinds of events yet: ask the centre to add them on the page Organisation",
        ),
        "photo_replace": ("换一张照片", "Another photo"),
        "send_again": ("修改后重新发送", "Send again"),
        "throw_away": ("丢弃", "Throw away"),
        "no_script": ("此页需要 JavaScript", "This page needs JavaScript"),
    }
)

SCRIPT_TABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "online": ("已连接", "Connected"),
        "personal_reason": ("手机端处置任务", "work on the task, by phone"),
        "offline": ("无网络 · 操作会自动补发", "No network · your entries are sent later"),
        "waiting": ("待发送 {n}", "{n} to send"),
        "sending": ("正在发送…", "Sending…"),
        "queued": ("无网络，已保存，恢复后自动发送", "No network: saved, sent when it is back"),
        "sent": ("已送达", "Delivered"),
        "refused": ("未被接受：{why}", "Not taken: {why}"),
        "refused_kept": ("未被接受，已保留（{n}）", "Not taken, kept here ({n})"),
        "refused_status": ("服务器答复 {n}", "the server answered {n}"),
        "refused.input-rejected": ("内容有误", "something in it cannot be used"),
        "refused.invalid-request": ("内容有误", "something in it cannot be used"),
        "refused.idempotency-key-reused": ("重复提交", "sent before with other content"),
        "refused.too-large": ("照片过大", "the photo is too large"),
        "refused.not-found": ("任务不存在", "there is no such task"),
        "refused.forbidden": ("不是您的任务", "this is not your task"),
        "refused.illegal-move": ("任务状态已改变", "the task has changed meanwhile"),
        "refused.stale-version": ("任务状态已改变", "the task has changed meanwhile"),
        "own": ("上报问题", "Report of your own"),
        "roll_call": ("叫应", "Roll-call"),
        "of_task": ("任务 {n}", "Task {n}"),
        "throw_away_sure": ("丢弃后无法恢复。确定丢弃？", "It cannot be brought back. Throw it away?"),
        "heic": (
            "这是 HEIC 照片，无法读取：请在“设置—相机—格式”选“兼容性最佳”后重拍，或发送截图",
            "This is a HEIC photo, which cannot be read: choose Settings, Camera, Formats, Most Compatible and take it "
            "again, or send a screenshot",
        ),
        "no_picture": (
            "无法读取这张照片，请换 JPEG、PNG 或 WebP",
            "This photo cannot be read: please choose a JPEG, PNG or WebP",
        ),
        "login": ("登录已过期，点此重新登录", "Your login has ended: tap to log in again"),
        "share": ("开启位置共享", "Share my position"),
        "sharing": ("位置共享中", "Sharing position"),
        "locating": ("正在定位…", "Finding position…"),
        "denied": ("定位被拒绝，请在浏览器设置中允许", "Position refused: allow it in the browser's settings"),
        "no_position": ("无法定位", "No position"),
        "needs_https": ("定位需要 HTTPS", "Position needs HTTPS"),
        "unsent": (
            "还有 {n} 项未发送，退出后会丢失。仍要退出？",
            "{n} not sent yet would be lost. Log out all the same?",
        ),
        "too_large": ("照片过大", "The photo is too large"),
        "needs": ("请拍照或写几个字", "Add a photo or a few words"),
        "new_task": ("新任务！", "New task!"),
        "needs_photo": ("此任务须拍照", "This task needs a photo"),
        "own_sent": ("已上报，事件 {n}", "Reported: event {n}"),
        "place_here": ("位置 {lon}, {lat}（±{m} 米）", "Place {lon}, {lat} (±{m} m)"),
        "place_last": ("无法定位，用上次位置 {lon}, {lat}", "No position now: the last one, {lon}, {lat}"),
        "place_none": ("无法定位，请开启定位后上报", "No position: switch it on to report"),
        "overdue": ("已超时，转派他人", "Too late, passed on"),
        "photo_again": ("重拍", "Another photo"),
    }
)

INSPECT_TABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "inspect_today": ("待巡查 {n} 处", "{n} places to inspect"),
        "inspect_due": ("{day} 前", "by {day}"),
        "inspect_over": ("逾期，应于 {day} 前", "overdue since {day}"),
        "inspect_checks": ("复查 {n} 项", "{n} to check again"),
        "inspect_ok": ("合格", "In order"),
        "inspect_hazard": ("隐患", "Hazard"),
        "inspect_none": ("不涉及", "Not here"),
        "recheck_gone": ("已消除", "Gone"),
        "recheck_there": ("仍存在", "Still there"),
        "inspect_all": ("其余全部合格", "All others in order"),
        "inspect_why": ("隐患情况", "What is wrong"),
        "inspect_noted": ("只记录", "only noted"),
        "inspect_recheck": ("复查：{title}", "Check again: {title}"),
        "inspect_other": ("须由他人复查", "Another person has to check it"),
        "inspect_photo": ("拍照", "Take a photo"),
        "inspect_text": ("备注（可空）", "A note (may be empty)"),
        "inspect_send": ("提交巡查", "Send the inspection"),
        "inspect_close": ("关闭", "Close"),
        "inspect_missing": ("还有项目未填", "Some items have no answer"),
        "inspect_needs_photo": ("此隐患须拍照", "This hazard needs a photo"),
        "inspect_far": ("离场所 {n} 米，须在 {limit} 米内填写", "{n} m from the place: fill in within {limit} m"),
        "inspect_inaccurate": (
            "定位误差 {n} 米，须小于 {limit} 米，请到开阔处重试",
            "The position is known to {n} m only, {limit} m are needed: try again in the open",
        ),
        "inspect_unknown": ("没有这个场所：{id}", "There is no such place: {id}"),
        "inspect_offline": (
            "无网络，手机上没有这个场所的检查表：{id}",
            "No network, and the checklist of this place is not on the phone: {id}",
        ),
        "inspect_sent": ("巡查已送达：{name}", "Inspection delivered: {name}"),
    }
)


def phone_words(language: Language) -> dict[str, str]:
    """What the templates show."""
    return _column(_TABLE, language)


def script_words(language: Language, *, inspects: bool = False) -> dict[str, str]:
    """What the scripts show; `inspects`: that of inspections, too."""
    return _column(SCRIPT_TABLE, language) | (_column(INSPECT_TABLE, language) if inspects else {})


def _column(table: Mapping[str, tuple[str, str]], language: Language) -> dict[str, str]:
    return {key: texts[LANGUAGES.index(language)] for key, texts in table.items()}
