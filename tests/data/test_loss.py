"""Why a device cannot be read: each cause has a name of its own, and the last losses are kept, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from data.model.loss import CAUSES, LOSSES_KEPT, cause_of, losses_after, without_address
from layouts.words import TABLE

NOON = datetime(2024, 7, 12, 4, 0, tzinfo=UTC)
PLATFORM = "gate-3: http://10.0.0.9:18080 50010300001320000001/50010300001310000001"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("gate-3: rtsp://10.0.0.5/main: cannot open it: Connection refused", "refused"),
        ("gate-3: rtsp://10.0.0.5/main: cannot open it: Server returned 401 Unauthorized", "login"),
        ("gate-3: rtsp://10.0.0.5/main: cannot open it: Server returned 404 Not Found", "not_found"),
        ("gate-3: rtsp://10.0.0.5/main: cannot open it: Connection timed out", "unreachable"),
        ("gate-3: rtsp://10.0.0.5/main: cannot open it: No route to host", "unreachable"),
        ("gate-3: rtsp://10.0.0.5/main: nothing new for 5 s", "silent"),
        ("no new picture for 4 s", "silent"),
        ("gate-3: rtsp://10.0.0.5/main: the camera ended the stream", "ended"),
        ("gate-3: rtsp://10.0.0.5/main: it gives no video that can be decoded", "no_video"),
        ("gate-3: rtsp://10.0.0.5/main: cannot read on: Connection reset by peer", "broken"),
        ("gate-3: there is no file /films/gone.mp4", "file"),
        ("rejected: gate-3: /films/notes.txt is no video that can be read: Invalid data found", "no_video"),
        (f"{PLATFORM}: the platform refuses the login: HTTP 200, code 100 用户名或密码错误", "platform_login"),
        (f"{PLATFORM}: the platform refuses playing: HTTP 200, code -1 设备离线", "channel_offline"),
        (f"{PLATFORM}: the platform refuses playing: HTTP 200, code 100 点播超时", "channel_silent"),
        (f"{PLATFORM}: the platform refuses playing: HTTP 200, code 404 通道不存在", "channel_unknown"),
        (f"{PLATFORM}: the platform refuses playing: HTTP 500, code 500 内部错误", "platform_refuses"),
        (f"{PLATFORM}: the platform has opened no stream: its answer holds no data", "no_stream"),
        (f"{PLATFORM}: the platform names no rtsp address or other that can be played; it has only rtc", "no_address"),
        (f"{PLATFORM}: the platform cannot be asked: ConnectError", "platform_away"),
        (f"{PLATFORM}: nothing new for 15 s; the platform says that nothing comes (bytesSpeed 0)", "no_push"),
        ("gauge: no answer in 10 s", "unreachable"),
        ("an error that was not foreseen; the log has it", "defect"),
        ("gate-3: it barks", "other"),
        ("", ""),
    ],
)  # fmt: skip
def test_each_cause_is_told_apart(reason: str, cause: str) -> None:
    assert cause_of(reason) == cause


def test_there_are_words_for_every_cause() -> None:
    assert [cause for cause in CAUSES if f"lost.{cause}" not in TABLE] == []
    words = [TABLE[f"lost.{cause}"] for cause in CAUSES]
    assert len(set(words)) == len(words), "each its own"


def test_what_is_shown_holds_no_address() -> None:
    assert without_address("gate-3: rtsp://10.0.0.5:554/main: cannot open it: Connection refused", "gate-3") == (
        "cannot open it: Connection refused"
    )
    assert without_address("rejected: gate-3: it is wrong", "gate-3") == "it is wrong"
    assert "10.0.0.9" not in without_address(f"{PLATFORM}: the platform cannot be asked: ConnectError", "gate-3")


def told(*news: tuple[str, str]) -> list[dict[str, Any]]:
    losses: list[dict[str, Any]] = []
    for second, (health, reason) in enumerate(news):
        losses = losses_after({"losses": losses}, "gate-3", health, reason, NOON + timedelta(seconds=second))
    return losses


def test_losses_are_kept_newest_first_with_their_end_and_another_cause_is_another_one() -> None:
    refused, silent = "gate-3: x: cannot open it: Connection refused", "gate-3: x: nothing new for 5 s"
    losses = told(("live", ""), ("lost", silent), ("lost", refused), ("live", ""), ("lost", refused))
    assert [(one["cause"], one["at"][17:19], one["until"] and one["until"][17:19]) for one in losses] == [
        ("refused", "04", None),
        ("refused", "02", "03"),
        ("silent", "01", "02"),
    ]
    many = told(*[("lost", refused), ("live", "")] * 30)
    assert len(many) == LOSSES_KEPT
    assert many[0]["at"][17:19] == "58"


@pytest.mark.parametrize("known", [None, [], {"losses": "x"}, {"losses": [1, None]}, {"health": "live"}])
def test_whatever_was_kept_before_news_are_kept(known: Any) -> None:
    (loss,) = losses_after(known, "gate-3", "lost", "gate-3: nothing new for 5 s", NOON)
    assert (loss["cause"], loss["until"]) == ("silent", None)
