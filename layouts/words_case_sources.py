"""The words of cases from other systems: the page, personal data of an event, the call-out ladder."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CASE_SOURCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "page.case_sources": ("外部接入", "Other systems"),
        "origin.external": ("外部系统", "other system"),
        "case_sources.none": (
            "没有接入外部系统：在应用目录启用应用包，或在配置中写 case_sources",
            "No other system sends cases: switch on a pack on the page Applications, or write case_sources",
        ),
        "case_sources.since": ("近 30 天：自 {at} 起", "Last 30 days: since {at}"),
        "case_sources.name": ("来源", "Source"),
        "case_sources.count": ("件数", "Cases"),
        "case_sources.last": ("最近一件", "Newest"),
        "case_sources.call_out": ("处置时限", "Ladder"),
        "case_sources.within": ("{what}：{n} 分钟内", "{what}: within {n} min"),
        "case_sources.personal": ("个人信息（可查看的角色）", "Personal data (roles that may see it)"),
        "case_sources.keep": ("保存 {n} 后删除", "deleted after {n}"),
        "case_sources.address": ("接收地址", "Address"),
        "case_sources.try": ("用样例试映射", "Try a mapping on a sample"),
        "case_sources.try_hint": (
            "样例不保存。请用虚构的姓名和号码。",
            "The sample is not stored. Use invented names and numbers.",
        ),
        "case_sources.mapping": (
            "映射（JSON，可改后再试；保存在设置里）",
            "Mapping (JSON; change and try; saved in the settings)",
        ),
        "case_sources.sample": ("样例（对方系统发来的 JSON）", "Sample (JSON as the other system sends it)"),
        "case_sources.do_try": ("试一试", "Try"),
        "case_sources.result": ("结果", "Result"),
        "case_sources.title": ("事件标题", "Event's title"),
        "case_sources.description": ("说明（人人可见）", "Description (everybody sees it)"),
        "case_sources.priority": ("等级", "Priority"),
        "case_sources.by_category": ("按类别", "by category"),
        "case_sources.place": ("位置（已取约数）", "Place (rounded)"),
        "case_sources.place_default": ("未给出，用默认位置", "none given: the default place"),
        "case_sources.found": ("取到 {n} 个字符，已遮蔽", "{n} characters found, masked"),
        "case_sources.not_found": ("未取到", "nothing found"),
        "case_sources.missing": ("这些路径没有取到值", "These paths found nothing"),
        "case_sources.no_json": ("不是 JSON：{why}", "not JSON: {why}"),
        "personal.title": ("个人信息", "Personal data"),
        "personal.masked": ("●●●", "●●●"),
        "personal.not_yours": ("本角色不可查看", "not for this role"),
        "personal.why": ("查看原因（记入审计）", "Why you need it (goes into the audit trail)"),
        "personal.show": ("查看", "Show"),
        "personal.until": ("{n} 秒后重新遮蔽", "masked again in {n} s"),
        "personal.delete_at": ("{at} 删除", "deleted on {at}"),
        "personal.deleted": ("已于 {at} 删除", "deleted at {at}"),
        "event.step.delete_personal": ("个人信息到期删除", "personal data deleted"),
        "audit.delete_personal": ("个人信息到期删除", "personal data deleted"),
        "audit.show_personal": ("查看个人信息", "looked at personal data"),
        "events.reason.call_out_missed": ("未按时限完成", "not done in its limit"),
        "refused.personal.deleted": ("个人信息已于 {at} 删除", "The personal data were deleted at {at}"),
        "refused.personal.role": (
            "您不能查看这件事的个人信息",
            "You may not see the personal data of this event",
        ),
    }
)
