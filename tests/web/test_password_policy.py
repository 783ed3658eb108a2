"""Which passwords are taken."""

from __future__ import annotations

import contextlib
import secrets
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.password_policy import PasswordRefused, check_password


@pytest.mark.parametrize(
    "password",
    [
        "a long enough password", "henlong mima 2", "the river rises at night", "correct horse battery staple",
        "kY8sQ2vLp0aT", "老街的灯在雨里亮着不灭", "x7!" * 3 + "mQ0?zz",
    ],
)  # fmt: skip
def test_long_and_uncommon_ones_are_taken_whatever_signs_they_have(password: str) -> None:
    check_password(password.ljust(12, "呀"), "duty", "值班长 程思远")


@pytest.mark.parametrize(
    "password",
    [
        "123456789012", "qwertyuiop12", "1qaz2wsx3edc", "zaq12wsxcde3", "qwertyuiop[]", "asdfghjkl;'1", "aaaaaaaaaaaa",
        "abcabcabcabc", "password1234",
        "P@ssw0rd1234", "administrator", "Admin123456!", "yipingyiping", "Yiping@2026!",
        "YIPING-yiping", "一屏统管12345678", "dutyofficer1", "chongqing2024", "zhongguo123456", "woaini5201314",
        "20240712120000", "138-1234-5678", "2026-07-12 08:00", "iloveyou1234", "a" * 200, "!!!!!!!!!!!!",
    ],
)  # fmt: skip
def test_common_words_walks_sequences_and_dates_are_refused(password: str) -> None:
    with pytest.raises(PasswordRefused) as refused:
        check_password(password, "li")
    assert refused.value.reason == "too_common"


@pytest.mark.parametrize(
    "password", ["chengsiyuan-2026", "Cheng.Siyuan1!", "siyuansiyuan12", "程思远程思远程思远程思远"]
)
def test_one_s_own_name_makes_no_password(password: str) -> None:
    with pytest.raises(PasswordRefused, match="easily guessed"):
        check_password(password, "chengsiyuan", "Cheng Siyuan 程思远")


def test_eleven_characters_are_too_few_and_1025_too_many() -> None:
    for password, reason in (("kY8sQ2vLp0a", "too_short"), ("", "too_short"), ("kY8sQ2vL" * 129, "too_long")):
        with pytest.raises(PasswordRefused) as refused:
            check_password(password)
        assert refused.value.reason == reason
        assert "kY8sQ2vL" not in str(refused.value)


def test_what_the_machine_draws_is_always_taken() -> None:
    for _ in range(200):
        check_password(secrets.token_urlsafe(9), "operator", "值班员 何雨晴")


@pytest.mark.parametrize(
    "signs", ["4@8({[<3691!|170$5+7%2", "4@8({[<369!|10$5+7%2z", "abcdefghij4@8({[<369!|10$5+7%2z"]
)
def test_no_password_keeps_the_machine_busy(signs: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(PasswordRefused):  # taken or not: quickly
        check_password((signs * 40)[:900])
    assert time.process_time() - begun < 3.0, "each of them took 5 to 15 s of the processor"


@given(st.text(max_size=80), st.text(max_size=20))
def test_any_text_is_taken_or_refused_by_name(password: str, name: str) -> None:
    try:
        check_password(password, name)
        reason = ""
    except PasswordRefused as refused:
        reason = refused.reason
    assert reason == "too_short" if len(password) < 12 else reason in {"", "too_common"}
