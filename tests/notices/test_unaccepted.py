"""A task that nobody accepts is told to the posts above, each once, through the channels of the clocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.config.notices import ClockSettings, NoticeSettings
from data.model.alert import Priority
from data.model.people import Role, User
from data.model.task import TaskState
from data.ports.store import Writer
from dispatch.unaccepted import escalate_due
from notices import case_clocks
from tests.dispatch.city import FAR, MIDDLE, NEAR, opened_city


@pytest.mark.parametrize(
    ("language", "title"),
    [("zh", "无人接单已 2 分钟，请接手：小学门口"), ("en", "nobody has accepted for 2 min: 小学门口")],
)
def test_the_next_post_above_is_told_how_long_nobody_has_accepted(tmp_path: Path, language: str, title: str) -> None:
    told = NoticeSettings(clocks=(ClockSettings(channels=("gateway",)),))
    with opened_city(tmp_path) as city:
        city.settings = city.settings.model_copy(update={"notices": told, "language": language})

        def begin(writer: Writer) -> None:
            for name, role in (("chen", Role.DUTY_OFFICER), ("sun", Role.COMMANDER)):
                writer.add_user(User(name, role))
            case_clocks.follow(writer, city.settings, city.now)

        city.do(begin)
        task = city.dispatch(city.alert(Priority.P1))
        for who in (NEAR, MIDDLE, FAR):
            task = city.decline(task, who)
        assert task.state is TaskState.DRAFT
        seen = []
        for _ in range(4):
            city.pass_time(120)
            city.do(lambda writer: escalate_due(writer, city.now, settings=city.settings))
            city.do(lambda writer: case_clocks.follow(writer, city.settings, city.now))
            notices = city.store.read(lambda reader: reader.notices(subject=f"event:{task.event_id}"))
            seen.append(sorted(notice.recipients for notice in notices))
        assert seen == [[("chen",)], [("chen",), ("sun",)], [("chen",), ("sun",)], [("chen",), ("sun",)]]
        first = min(notices, key=lambda notice: notice.id)
        assert first.title.startswith(title)
        assert first.channel == "gateway"
