"""Who can log in to the demo city. Passwords are made at random at the first start and printed once."""

from __future__ import annotations

from typing import NamedTuple

from data.model.people import Role


class Login(NamedTuple):
    """A user of the demo. Responders' names are the ids of responders in config.yaml."""

    name: str
    role: Role
    display_name: str


DEMO_LOGINS: tuple[Login, ...] = (
    Login("operator", Role.OPERATOR, "值班员 何雨晴"),
    Login("duty", Role.DUTY_OFFICER, "值班长 程思远"),
    Login("duty-2", Role.DUTY_OFFICER, "值班长 沈知远"),
    Login("operator-2", Role.OPERATOR, "值班员 谢雨桐"),
    Login("section", Role.SECTION_HEAD, "平安法治板块组长 罗敏"),
    Login("analyst", Role.ANALYST, "复盘员 叶舟"),
    Login("admin", Role.ADMINISTRATOR, "管理员"),
    Login("squad-1", Role.RESPONDER, "江一帆"),
    Login("drain-1", Role.RESPONDER, "唐立"),
)
