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
