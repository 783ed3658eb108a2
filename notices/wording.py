"""The text of a notice about an alert: the policy's own text, or the facts in one line, Chinese / English."""

from __future__ import annotations

from types import MappingProxyType

from data.config.settings import Settings
from data.model.alert import Alert, Priority
from data.model.alert_life import Verification

_LEVELS = MappingProxyType(
    {Priority.P1: "一级 P1", Priority.P2: "二级 P2", Priority.P3: "三级 P3", Priority.P4: "四级 P4"}
)


_TRUTH = MappingProxyType(
    {
        Verification.UNVERIFIED: "未核实",
        Verification.PROBABLE: "疑似",
        Verification.CONFIRMED: "已确认属实",
        Verification.DISMISSED: "误报",
    }
)


def _again(alert: Alert) -> str:
    if alert.latched_since is not None:
        return "（反复告警，已锁定 / flapping）"
    return f"（第 {alert.occurrence} 次 / again）" if alert.occurrence > 1 else ""


class Known(dict[str, str]):
    """The facts that a text may use; an unknown placeholder stays as written."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


class Wording:
    """The facts of one alert as texts."""

    def __init__(self, settings: Settings, alert: Alert) -> None:
        site = next((site for site in settings.sites if site.id == alert.key.site), None)
        started = alert.started_at.astimezone(settings.zone_info)
        self.fields = Known(
            site=(site.name if site else "") or alert.key.site,
            site_id=alert.key.site,
            grid=site.grid if site else "",
            kind=alert.kind,
            rule=alert.key.rule,
            label=alert.label,
            value="" if alert.value is None else f"{alert.value:g}",
            unit=alert.unit,
            priority=_LEVELS[alert.priority],
            time=started.strftime("%m-%d %H:%M:%S"),
            alert=str(alert.id),
            occurrence=str(alert.occurrence),
            verification=_TRUTH[alert.verification],
            again=_again(alert),
            centre=settings.name,
        )

    @property
    def title(self) -> str:
        """`一级 P1 临江码头 person-in-river`, with `（第 2 次）` or `（反复告警，已锁定）` where that applies."""
        return "{priority} {site} {rule}{again}".format_map(self.fields)

    def text(self, template: str) -> str:
        """The policy's own text with the facts filled in."""
        facts = "{site} {rule} {label} {value}{unit} {time}"
        return " ".join((template or facts).format_map(self.fields).split())
