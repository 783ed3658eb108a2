"""A sign of life to a real server outside, and what is told when it is not received."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from data.config.heartbeat import LAST_HEARTBEAT, HeartbeatSettings
from engine.reactions.heartbeat import Heartbeat
from tests.servers.http_answers import http_answers
from tests.stores import new_store

KEY = "k3y-nobody-sees"


def test_it_is_sent_and_what_became_of_it_is_kept_without_its_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = new_store(tmp_path / "yiping.db")
    with http_answers() as server, caplog.at_level(logging.INFO, logger="engine.reactions.heartbeat"):
        server.answer(f"/ping/{KEY}", b"ok")
        settings = HeartbeatSettings(url=server.url("/ping"), credentials="beat")
        heartbeat = Heartbeat(store, settings, server.url(f"/ping/{KEY}"))
        heartbeat.poll()
        assert [one.path for one in server.asked] == [f"/ping/{KEY}"]
        assert store.read(lambda reader: reader.value(LAST_HEARTBEAT))["ok"] is True
        server.answer(f"/ping/{KEY}", b"no", 404)
        heartbeat.poll()
        told = store.read(lambda reader: reader.value(LAST_HEARTBEAT))
        assert (told["ok"], told["reason"]) == (False, "answered 404")
    heartbeat.poll()
    told = store.read(lambda reader: reader.value(LAST_HEARTBEAT))
    assert told["ok"] is False
    assert KEY not in str(told) + caplog.text
    store.close()


def test_an_address_with_a_password_or_without_a_host_is_refused() -> None:
    for wrong in ("https://user:secret@beat.example.org/", "beat.example.org", "ftp://beat.example.org/"):
        with pytest.raises(ValueError, match="write http:// or https:// and a host") as caught:
            HeartbeatSettings(url=wrong)
        assert "secret" not in str(caught.value)


def test_it_never_goes_to_the_address_of_a_machines_own_metadata(tmp_path: Path) -> None:
    store = new_store(tmp_path / "yiping.db")
    url = "http://169.254.169.254/latest"
    Heartbeat(store, HeartbeatSettings(url=url), url).poll()
    told = store.read(lambda reader: reader.value(LAST_HEARTBEAT))
    assert told["ok"] is False
    assert "169.254.169.254" in told["reason"]
    store.close()
