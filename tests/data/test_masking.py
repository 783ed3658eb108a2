"""Configured secrets are taken out of foreign texts, in whatever form a peer echoes them."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import pickle
import re
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.config.settings import Settings
from data.model.masking import SecretMask, secret_mask
from data.model.notice import Notice
from data.model.observation import Rejected
from data.model.secrets import Secrets, redact
from data.sql.store import open_store
from engine.process.log_lines import JsonFormatter, RedactingFormatter
from notices._http import header_value
from notices.http_message import Recipe as HttpMessage
from tests.contracts.samples import NOON

PASSWORD = 'Wasser/stand "7"&+ä'


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        quote(PASSWORD),
        quote(PASSWORD, safe=""),
        quote(PASSWORD, safe="").lower(),
        json.dumps(PASSWORD),
        json.dumps(PASSWORD, ensure_ascii=False),
        json.dumps({"body": json.dumps({"key": PASSWORD})}),
        base64.b64encode(f"yiping:{PASSWORD}".encode()).decode(),
        base64.urlsafe_b64encode(f"?{PASSWORD}!".encode()).decode(),
        PASSWORD.encode().hex(),
        hashlib.md5(PASSWORD.encode()).hexdigest(),
        repr(PASSWORD),
    ],
)
def test_a_password_is_masked_in_every_form(form: str) -> None:
    mask = SecretMask([PASSWORD], [("yiping", PASSWORD)])
    masked = mask(f"403 refused: {form} is wrong")
    for told in ("asser", "tand", "573734"):
        assert told not in masked
    assert hashlib.md5(PASSWORD.encode()).hexdigest() not in masked
    assert masked.startswith("403 refused: ")
    assert masked.endswith(" is wrong")


@given(st.text(min_size=6, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_of_six_characters_survives(secret: str, before: str, after: str) -> None:
    if secret in "***" or set(secret) <= set("*"):
        return
    assert secret not in SecretMask([secret])(before + secret + after)


def test_a_text_that_was_cut_in_the_middle_of_a_secret_keeps_no_beginning_of_it() -> None:
    mask = SecretMask(["canary-token-2-8f3b9c"])
    cut = f"{'the gateway says: you have sent the key ' * 2}canary-token-2"
    assert mask(cut).endswith("the key ***")
    assert mask(cut + "…").endswith("the key ***…")


def test_short_secrets_are_masked_where_they_stand_alone_only() -> None:
    mask = SecretMask(["admin"])
    assert mask("login admin refused by administrator") == "login *** refused by administrator"


def test_keys_in_urls_headers_and_bodies_of_the_configuration_are_known() -> None:
    channel = HttpMessage.model_validate(
        {
            "kind": "http_message", "id": "sms",
            "url": "https://u:pass-in-url@gateway.example/hooks/T0B0aaaabbbbccccdddd99/send?access_key=q-key-1&to=7",
            "headers": {"Authorization": "Bearer header-token-55"},
            "body": {"appsecret": "body-secret-9", "x": "{text}"},
        }
    )  # fmt: skip
    settings = Settings.model_validate({"name": "t", "notices": {"channels": [channel]}})
    mask = secret_mask(settings, Secrets(), ("postgresql://yiping:db-pass-3@db/yiping",))
    echoed = "pass-in-url T0B0aaaabbbbccccdddd99 q-key-1 header-token-55 body-secret-9 db-pass-3 sms gateway"
    assert mask(echoed) == "*** *** *** *** *** *** sms gateway"
    assert pickle.loads(pickle.dumps(mask))(echoed) == mask(echoed)
    assert "q-key-1" not in repr(mask)


def test_what_is_stored_and_logged_holds_no_secret(tmp_path: Path) -> None:
    mask = SecretMask(["canary-88-key"])
    store = open_store(tmp_path / "t.db", mask=mask)
    store.write(lambda w: w.add_reject(Rejected("s", "m", NOON, "no: canary-88-key", "GET /?k=canary-88-key")))
    store.write(lambda w: w.put_value("health:s", {"reason": "canary-88-key", "losses": ["canary-88-key"]}))
    assert isinstance(Notice, type)
    store.close()
    assert all(b"canary-88" not in path.read_bytes() for path in tmp_path.iterdir())
    record = logging.LogRecord(
        "x", logging.ERROR, "f", 1, "said %s\r\n2024 INFO forged\x1b[2J", ("canary-88-key",), None
    )
    line = RedactingFormatter("%(levelname)s %(message)s", mask).format(record)
    assert line == "ERROR said ***\\x0d\\x0a2024 INFO forged\\x1b[2J"
    by_json = JsonFormatter("main", mask).format(record)
    assert by_json.isprintable()
    assert json.loads(by_json)["event"] == "said ***\r\n2024 INFO forged\x1b[2J"


@pytest.mark.parametrize("hostile", ["a://", "a.", "http://:", "@", "a://b@", "x:", "canary-8", "/@'"])
def test_masking_a_megabyte_takes_less_than_two_seconds(hostile: str) -> None:
    text = hostile * (1_000_000 // len(hostile))
    mask = SecretMask(["canary-88-key", PASSWORD], [("yiping", PASSWORD)])
    began = time.process_time()
    redact(text)
    mask(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:p@ss@10.0.0.9/x", "rtsp://***@10.0.0.9/x"),
        ("https://gateway.example/a@b", "https://gateway.example/a@b"),
        ("see a://u@h and b://v:w@k", "see a://***@h and b://***@k"),
    ],
)
def test_what_stands_before_the_last_at_of_a_url_is_masked(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_line_end_in_a_label_makes_no_second_header() -> None:
    assert header_value("car\r\nX-Admin: 1\x00 水位") == "car X-Admin: 1 水位".encode()


def test_a_line_costs_the_same_with_two_thousand_secrets_as_with_twenty() -> None:
    line = "2024-07-12 12:00:00 INFO web data.sql.step_log: alert:12: acknowledge by li [alert_id=12 site=quay] " * 2
    few, many = (SecretMask([f"token-{number:032x}" for number in range(count)]) for count in (20, 2_000))
    assert few(line) == many(line) == line
    assert many(f"{line} token-{1_999:032x}") == f"{line} ***"
    took = {mask: min(_cpu_s(lambda mask=mask: mask(line)) for _ in range(20)) for mask in (few, many)}
    assert took[many] < 3 * took[few]
    assert took[many] < 0.0005


def _cpu_s(work: object) -> float:
    began = time.thread_time()
    work()  # type: ignore[operator]
    return time.thread_time() - began


@given(st.lists(st.text("ab1?", min_size=3, max_size=9), min_size=1, max_size=8), st.text("ab1? ", max_size=50))
def test_secrets_that_overlap_are_masked_from_the_left_and_the_longest_first(secrets: list[str], text: str) -> None:
    mask = SecretMask(secrets)
    forms = sorted(mask._forms, key=lambda form: (-len(form), form))
    inside = [re.escape(form) for form in forms if len(form) >= 6]
    alone = [re.escape(form) for form in forms if len(form) < 6]
    parts = [*inside, *([rf"(?<![0-9A-Za-z])(?:{'|'.join(alone)})(?![0-9A-Za-z])"] if alone else [])]
    assert mask(text) == re.sub("|".join(parts), "***", text)


def test_a_mask_learns_the_secrets_of_new_settings_and_keeps_its_own() -> None:
    mask = SecretMask(["heron-4711-secret"], [("viewer", "stork-4712-secret")])
    assert mask("a heron-4711-secret, an egret-4713-secret") == "a ***, an egret-4713-secret"
    mask.learn(SecretMask(["egret-4713-secret"]))
    assert mask("a heron-4711-secret, an egret-4713-secret") == "a ***, an ***"
    both = base64.b64encode(b"viewer:stork-4712-secret").decode()
    assert both not in mask(f"Authorization: Basic {both}")
