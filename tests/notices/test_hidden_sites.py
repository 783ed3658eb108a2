"""A push message about a site goes to nobody from whose role the site is hidden."""

from __future__ import annotations

from pathlib import Path

from data.config.notices import NoticeSettings, PolicySettings, StepSettings
from data.config.settings import Settings
from data.model.people import Role, User
from notices.http_message import Recipe as HttpMessage
from notices.web_push import Recipe as WebPush
from tests.notices.street import Street, city
from tests.stores import new_store


def settings(*visible_to: Role) -> Settings:
    step = StepSettings(channels=("push", "sms"), to=("li", "sun", "admin", "13800000001"))
    channels = (
        WebPush(id="push", public_key="B" * 87, contact="mailto:x@example.org"),
        HttpMessage(id="sms", url="http://127.0.0.1:9/", body={"text": "{text}"}),
    )
    given = city()
    sites = tuple(site.model_copy(update={"visible_to": visible_to}) for site in given.sites)
    notices = NoticeSettings(channels=channels, policies=(PolicySettings(id="river", steps=(step,)),))
    return given.model_copy(update={"sites": sites, "notices": notices})


def recipients(folder: Path, *visible_to: Role) -> dict[str, tuple[str, ...]]:
    folder.mkdir()
    store = new_store(folder / "street.db")
    street = Street(store, settings(*visible_to))
    for name, role in (("li", Role.OPERATOR), ("sun", Role.COMMANDER), ("admin", Role.ADMINISTRATOR)):
        street.do(lambda writer, name=name, role=role: writer.add_user(User(name, role)))  # type: ignore[misc]
    alert = street.swimmer()
    street.wait()
    found = {notice.channel: notice.recipients for notice in street.notices(alert)}
    store.close()
    return found


def test_a_push_message_about_a_hidden_site_goes_only_to_who_may_know_of_it(tmp_path: Path) -> None:
    everybody = ("li", "sun", "admin", "13800000001")
    assert recipients(tmp_path / "all") == {"push": everybody, "sms": everybody}
    hidden = recipients(tmp_path / "hidden", Role.COMMANDER)
    assert hidden["push"] == ("sun", "admin", "13800000001")
    assert hidden["sms"] == everybody, "whoever wrote a number into the policy decided"
