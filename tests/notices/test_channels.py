"""Every channel against a real local peer: what it sends, what it makes of the answer, and what it never says."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import ValidationError

from data.model.secrets import Secrets
from data.ports.channel import ChannelContext, ChannelRecipe, DeliveryFailed, Message
from notices import dingtalk, email, http_message, loudspeaker, webhook, wecom
from tests.servers.http_peer import Manner, Peer, http_peer

MESSAGE = Message(
    delivery_id="alert:12.1/river/0/speaker",
    title="一级 P1 临江码头",
    text="水中人员请立即上岸 {不是占位符}",
    priority="P1",
    recipients=("13800000001", "13800000002"),
    subject="alert:12",
    at=datetime(2024, 7, 12, 4, 0, tzinfo=UTC),
    fields={"site": "临江码头", "kind": "intrusion"},
)
CONTEXT = ChannelContext(
    Secrets.model_validate(
        {
            "credentials": {
                "robot": {"token": "robot-key-77", "password": "SECsign"},
                "basic": {"username": "u", "password": "pw-77"},
            }
        }
    )
)


@pytest.fixture
def peer() -> Iterator[Peer]:
    with http_peer() as running:
        yield running


def every_http_channel(url: str) -> list[ChannelRecipe]:
    return [
        http_message.Recipe(id="sms", url=url, body={"msg": "{text}"}, answer={"errcode": 0}),
        loudspeaker.Recipe(id="speaker", url=url, answer={"errcode": 0}),
        wecom.Recipe(id="chat", url=url, credentials="robot"),
        dingtalk.Recipe(id="ding", url=url, credentials="robot"),
        webhook.Recipe(id="hook", url=url, credentials="robot"),
    ]


def test_an_sms_gateway_gets_one_request_for_each_number(peer: Peer) -> None:
    recipe = http_message.Recipe(
        id="sms",
        url=peer.url("/sms"),
        credentials="basic",
        params={"mobile": "{to}"},
        body={"template": "T1", "values": ["{site}", "{text}"], "flag": 1},
        answer={"errcode": 0},
        each=True,
    )
    recipe.make(CONTEXT).send(MESSAGE)
    assert [one.query["mobile"] for one in peer.received] == [["13800000001"], ["13800000002"]]
    assert peer.received[0].json == {"template": "T1", "values": ["临江码头", MESSAGE.text], "flag": 1}
    assert peer.received[0].headers["authorization"] == "Basic dTpwdy03Nw=="


def test_a_loudspeaker_says_the_text_and_tells_what_it_played(peer: Peer) -> None:
    peer.manner = Manner(body={"code": 0, "data": {"played": "3 times"}})
    recipe = loudspeaker.Recipe(id="quay", url=peer.url("/play"), answer={"code": 0}, result="data.played")
    assert recipe.make(CONTEXT).send(MESSAGE) == "3 times"
    assert peer.received[0].json == {"text": MESSAGE.text, "repeat": 3, "id": MESSAGE.delivery_id}


def test_a_loudspeaker_plays_a_wav_file_and_refuses_another(peer: Peer, tmp_path: Path) -> None:
    wav = b"RIFF\x24\0\0\0WAVEfmt " + bytes(20)
    (tmp_path / "warn.wav").write_bytes(wav)
    context = ChannelContext(CONTEXT.secrets, tmp_path)
    recipe = loudspeaker.Recipe(id="quay", url=peer.url("/wav"), sound=Path("warn.wav"))
    recipe.make(context).send(MESSAGE)
    assert peer.received[0].content == wav
    assert peer.received[0].headers["content-type"] == "audio/wav"
    (tmp_path / "warn.wav").write_bytes(b"ID3 an mp3")
    with pytest.raises(DeliveryFailed, match="is no WAV file") as failed:
        recipe.make(context).send(MESSAGE)
    assert failed.value.permanent
    (tmp_path / "warn.wav").unlink()
    with pytest.raises(DeliveryFailed, match="cannot be read") as failed:
        recipe.make(context).send(MESSAGE)
    assert not failed.value.permanent  # somebody may put it back


def test_a_wecom_robot_is_spoken_to_in_its_own_format(peer: Peer) -> None:
    wecom.Recipe(id="chat", url=peer.url(), credentials="robot").make(CONTEXT).send(MESSAGE)
    got = peer.received[0]
    assert got.query == {"key": ["robot-key-77"]}
    assert got.json["msgtype"] == "text"
    assert got.json["text"]["content"] == f"{MESSAGE.title}\n{MESSAGE.text}"
    assert got.json["text"]["mentioned_mobile_list"] == ["13800000001", "13800000002"]


def test_a_dingtalk_message_is_signed(peer: Peer) -> None:
    dingtalk.Recipe(id="ding", url=peer.url(), credentials="robot").make(CONTEXT).send(MESSAGE)
    query = peer.received[0].query
    assert query["access_token"] == ["robot-key-77"]
    assert query["sign"] == [dingtalk.sign("SECsign", query["timestamp"][0])]
    assert dingtalk.sign("SECsign", "1700000000000") == "sEEUM81D12a2eqxCkdYafqTercJcnGvO019l3PeeTRc="
    assert peer.received[0].json["at"] == {"atMobiles": ["13800000001", "13800000002"], "isAtAll": False}


def test_a_webhook_is_signed_and_bears_the_delivery_id(peer: Peer) -> None:
    webhook.Recipe(id="hook", url=peer.url(), credentials="robot").make(CONTEXT).send(MESSAGE)
    got = peer.received[0]
    signature = hmac.new(b"robot-key-77", got.content, hashlib.sha256).hexdigest()
    assert got.headers["x-signature-256"] == f"sha256={signature}"
    assert got.headers["idempotency-key"] == MESSAGE.delivery_id
    assert got.json["to"] == ["13800000001", "13800000002"]
    assert (got.json["site"], got.json["title"]) == ("临江码头", MESSAGE.title)


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize(
    ("manner", "permanent"),
    [(Manner(503, {"why": "later"}), False), (Manner(429), False), (Manner(403, {"why": "no"}), True)],
)
def test_a_peer_that_refuses_is_named_and_tried_again_only_if_that_can_help(
    peer: Peer, which: int, manner: Manner, permanent: bool
) -> None:
    peer.manner = manner
    with pytest.raises(DeliveryFailed, match=f"127.0.0.1 answered {manner.status}") as failed:
        every_http_channel(peer.url())[which].make(CONTEXT).send(MESSAGE)
    assert failed.value.permanent is permanent
    assert "robot-key-77" not in str(failed.value)


@pytest.mark.parametrize("which", range(4))
def test_a_refusal_with_status_200_is_a_refusal(peer: Peer, which: int) -> None:
    peer.manner = Manner(body={"errcode": 93000, "errmsg": "invalid key"})
    with pytest.raises(DeliveryFailed, match="errcode is 93000, not 0"):
        every_http_channel(peer.url())[which].make(CONTEXT).send(MESSAGE)
    peer.manner = Manner(body=b"<html>login</html>")
    with pytest.raises(DeliveryFailed, match="not JSON"):
        every_http_channel(peer.url())[which].make(CONTEXT).send(MESSAGE)


@pytest.mark.parametrize("which", range(5))
def test_a_peer_that_is_away_or_silent_costs_no_more_than_the_time_out(peer: Peer, which: int) -> None:
    peer.manner = Manner(hang=True)
    short = every_http_channel(peer.url())[which].model_copy(update={"timeout": timedelta(seconds=0.3)})
    with pytest.raises(DeliveryFailed, match="did not answer in time") as failed:
        short.make(CONTEXT).send(MESSAGE)
    assert not failed.value.permanent
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}/x"
        with pytest.raises(DeliveryFailed, match="cannot connect") as failed:
            every_http_channel(gone)[which].make(CONTEXT).send(MESSAGE)
    assert "robot-key-77" not in str(failed.value)


def test_a_template_with_an_unknown_placeholder_is_refused_when_it_is_read() -> None:
    with pytest.raises(ValidationError, match="no placeholder 'sight'; known: alert, centre"):
        http_message.Recipe(id="sms", url="http://10.0.0.1/", body={"a": ["{sight}"]})
    with pytest.raises(ValidationError, match=r"write \{\{ for a brace"):
        loudspeaker.Recipe(id="quay", url="http://10.0.0.1/", body={"a": "{"})


class Mailbox:
    """What the mail server takes; `refuse` makes it answer so."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []
        self.refuse = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            return self.refuse
        self.mails.append((list(envelope.rcpt_tos), bytes(envelope.content)))
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


def mail_channel(port: int, **more: Any) -> email.Recipe:
    return email.Recipe(id="mail", host="127.0.0.1", port=port, security="none", sender="centre@yiping.example", **more)


def to_mailboxes(*addresses: str) -> Message:
    return Message(**{**{name: getattr(MESSAGE, name) for name in MESSAGE.__slots__}, "recipients": addresses})


def test_a_mail_arrives_with_the_same_message_id_at_every_attempt(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    channel = mail_channel(port).make(CONTEXT)
    for _ in range(2):
        assert channel.send(to_mailboxes("a@x.example", "b@x.example")) == "taken"
    import email as mail_format
    from email import policy

    one, two = (mail_format.message_from_bytes(content, policy=policy.default) for _, content in box.mails)
    assert one["Message-ID"] == two["Message-ID"]
    assert one["Message-ID"].endswith("@yiping.example>")
    assert one["Subject"] == MESSAGE.title
    assert MESSAGE.text in one.get_content()
    assert box.mails[0][0] == ["a@x.example", "b@x.example"]


def test_a_mail_that_is_refused_for_good_is_not_sent_again(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    box.refuse = "554 no"
    with pytest.raises(DeliveryFailed, match=r"127\.0\.0\.1 answered 554") as failed:
        mail_channel(port).make(CONTEXT).send(to_mailboxes("a@x.example"))
    assert failed.value.permanent
    box.refuse = "451 later"
    with pytest.raises(DeliveryFailed, match="answered 451") as failed:
        mail_channel(port).make(CONTEXT).send(to_mailboxes("a@x.example"))
    assert not failed.value.permanent
    with pytest.raises(DeliveryFailed, match="needs recipients"):
        mail_channel(port).make(CONTEXT).send(to_mailboxes())
    with pytest.raises(DeliveryFailed, match=r"127\.0\.0\.1: SMTPNotSupportedError"):  # never in the clear unasked
        mail_channel(port).model_copy(update={"security": "starttls"}).make(CONTEXT).send(to_mailboxes("a@x.example"))
    assert json.dumps(box.mails, default=str) == "[]"
