"""A river site, its policies, and a store; the clock is the test's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from alerts.lifecycle import acknowledge, end_alert, raise_alert
from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.config.settings import Settings, SiteSettings
from data.model.alert import Alert, AlertKey, Ended, Priority, Raised
from data.model.geo import Location
from data.model.notice import Notice
from data.model.people import Actor, Role
from data.ports.channel import ChannelRecipe
from data.ports.store import Store, Writer
from notices.escalation import fire_due, follow
from notices.http_message import Recipe as HttpMessage

T = TypeVar("T")

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
LI = Actor("li", Role.DUTY_OFFICER)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def city(url: str = "http://127.0.0.1:9/", *channels: ChannelRecipe, when_over: bool = False) -> Settings:
    """P1 in the river: the loudspeaker at once, the duty officer's telephone after 60 s, the commander after 180 s."""
    known = channels or tuple(
        HttpMessage(id=name, url=url, body={"id": "{delivery_id}", "text": "{text}"})
        for name in ("speaker", "sms", "voice")
    )
    steps = (
        StepSettings(channels=("speaker",), text="{site}：请立即上岸"),
        StepSettings(after=seconds(60), channels=("sms",), to=("13800000001",), answer=True),
        StepSettings(after=seconds(180), channels=("sms", "voice"), to=("13800000009",)),
    )
    policy = PolicySettings(id="river", priorities=(Priority.P1,), steps=steps, when_over=when_over)
    site = SiteSettings(id="quay-1", name="临江码头", location=Location(lon=107.3, lat=29.9), grid="500998001001002")
    notices = NoticeSettings(channels=known, policies=(policy,))
    return Settings(sites=(site,), notices=notices, timezone="Asia/Shanghai")


@dataclass
class Street:
    """What happens there, each a unit of work of its own."""

    store: Store
    settings: Settings
    now: datetime = NOON
    raised: int = 0

    def do(self, work: Callable[[Writer], T]) -> T:
        return self.store.write(work)

    def swimmer(self, priority: Priority = Priority.P1) -> Alert:
        self.raised += 1
        key = AlertKey("quay-1", "person-in-river", "river", str(self.raised))
        raised = Raised(key, "intrusion", priority, self.now, self.now, label="person")
        alert = self.do(lambda writer: raise_alert(writer, raised, None, self.now))
        assert alert is not None
        return alert

    def gone(self, alert: Alert) -> None:
        self.do(lambda writer: end_alert(writer, Ended(alert.key, self.now, self.now), self.now))

    def acknowledge(self, alert: Alert) -> None:
        self.do(lambda writer: acknowledge(writer, alert.id, LI, self.now))

    def wait(self, how_long_s: float = 0.0) -> None:
        """Time passes, and the notifier looks."""
        self.now += seconds(how_long_s)
        while self.do(lambda writer: follow(writer, self.settings, self.now)):
            pass
        while self.do(lambda writer: fire_due(writer, self.settings, self.now)):
            pass

    def notices(self, alert: Alert) -> list[Notice]:
        return list(reversed(self.store.read(lambda reader: reader.notices(subject=f"alert:{alert.id}"))))

    def told(self, alert: Alert) -> list[tuple[int, str]]:
        return [(notice.step, notice.channel) for notice in self.notices(alert)]
