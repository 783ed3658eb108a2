"""Web push: a real local push service that opens the letter as the browser would, with code of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from data.config.notices import NoticeSettings
from data.model.people import Role
from data.model.push_subscription import PushSubscription
from data.model.secrets import Secrets
from data.ports.channel import ChannelContext, DeliveryFailed, Message
from data.stored.web_push import subscriptions_of
from notices.web_push import Recipe, WebPush
from tests.servers.http_peer import Manner, Peer, Received, http_peer
from tests.web.city import city, open_deps, start
from web.accounts import add_user, issue_token

POINT = ec.SECP256R1()
MESSAGE = Message(
    "alert:12.1/river/0/push", "一级 P1 临江码头", "水中人员", "P1", ("li",), "alert:12",
    datetime(2026, 7, 12, 4, 0, tzinfo=UTC),
)  # fmt: skip


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


class Browser:
    """Holds the keys of one subscription."""

    def __init__(self, endpoint: str) -> None:
        self._key = ec.generate_private_key(POINT)
        self._auth = b"0123456789abcdef"
        self.subscription = PushSubscription(
            endpoint=endpoint, p256dh=text_of(public(self._key)), auth=text_of(self._auth)
        )

    def open(self, letter: bytes) -> bytes:
        """RFC 8291, section 3.4, and RFC 8188, section 2, read from the receiver's side."""
        salt, size = letter[:16], int.from_bytes(letter[16:20])
        sender = letter[21 : 21 + letter[20]]
        sealed = letter[21 + letter[20] :]
        assert len(sealed) <= size
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(POINT, sender))
        info = b"WebPush: info\0" + public(self._key) + sender
        key = HKDF(hashes.SHA256(), 32, self._auth, info).derive(shared)
        content_key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(key)
        nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(key)
        return AESGCM(content_key).decrypt(nonce, sealed, None).rstrip(b"\0").removesuffix(b"\2")


@pytest.fixture
def peer() -> Iterator[Peer]:
    with http_peer() as running:
        yield running


@pytest.fixture
def centre() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(POINT)


def recipe(centre: ec.EllipticCurvePrivateKey) -> Recipe:
    return Recipe(
        id="push", credentials="vapid", public_key=text_of(public(centre)), contact="mailto:duty@example.org",
        services=("127.0.0.1",),
    )  # fmt: skip


def context(centre: ec.EllipticCurvePrivateKey, *browsers: Browser) -> ChannelContext:
    private = text_of(centre.private_numbers().private_value.to_bytes(32))
    secrets = Secrets.model_validate({"credentials": {"vapid": {"token": private}}})
    known = tuple(browser.subscription for browser in browsers)
    return ChannelContext(secrets, subscriptions=lambda user: known if user == "li" else ())


def check_signature(received: Received, centre: ec.EllipticCurvePrivateKey, audience: str) -> None:
    """RFC 8292: a token for this service, signed by the centre. Raises InvalidSignature."""
    scheme, _, fields = received.headers["authorization"].partition(" ")
    values = dict(field.strip().split("=", 1) for field in fields.split(","))
    head, claims, signature = values["t"].split(".")
    raw = raw_of(signature)
    halves = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    centre.public_key().verify(halves, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    said = json.loads(raw_of(claims))
    assert (scheme, said["aud"], said["sub"]) == ("vapid", audience, "mailto:duty@example.org")
    assert 0 < said["exp"] - datetime.now(UTC).timestamp() <= 86400
    assert raw_of(values["k"]) == public(centre)


def test_the_browser_reads_what_the_service_cannot(peer: Peer, centre: ec.EllipticCurvePrivateKey) -> None:
    browser = Browser(peer.url("/push/abc"))
    peer.manner = Manner(status=201)
    assert recipe(centre).make(context(centre, browser)).send(MESSAGE) == "1 of 1 browsers"
    (received,) = peer.received
    assert "水中人员".encode() not in received.content
    assert json.loads(browser.open(received.content)) == {
        "delivery_id": "alert:12.1/river/0/push", "title": "一级 P1 临江码头", "text": "水中人员", "priority": "P1",
        "subject": "alert:12",
    }  # fmt: skip
    assert (received.headers["ttl"], received.headers["urgency"]) == ("600", "high")
    check_signature(received, centre, f"http://127.0.0.1:{peer.server_port}")
    with pytest.raises(InvalidSignature):
        check_signature(received, ec.generate_private_key(POINT), f"http://127.0.0.1:{peer.server_port}")


def test_a_service_that_repeats_address_and_signature_has_them_kept_nowhere(
    peer: Peer, centre: ec.EllipticCurvePrivateKey
) -> None:
    browser = Browser(peer.url("/wpush/v2/gAAAA-the-address-of-this-browser"))
    endpoint, auth = browser.subscription.endpoint, browser.subscription.auth
    peer.manner = Manner(status=403, body=f"{endpoint} {auth} the end".encode())
    with pytest.raises(DeliveryFailed, match="the end") as failure:
        recipe(centre).make(context(centre, browser)).send(MESSAGE)
    assert "the-address" not in str(failure.value)
    assert auth not in str(failure.value)

    class Signed:
        """Signs always the same, so that the service can repeat it."""

        def sign(self, _claims: dict[str, str]) -> dict[str, str]:
            return {"Authorization": "vapid t=head-of-it.claims-of-it.signature-of-it,k=public"}

    peer.manner = Manner(status=403, body=b"no: head-of-it.claims-of-it.signature-of-it")
    with pytest.raises(DeliveryFailed, match=r"403: no: \*\*\*$"):
        WebPush(recipe(centre), Signed(), lambda _: (browser.subscription,)).send(MESSAGE)


def test_gone_browsers_and_nobody_are_given_up_an_outage_is_not(peer: Peer, centre: ec.EllipticCurvePrivateKey) -> None:
    channel = recipe(centre).make(context(centre, Browser(peer.url("/push/abc"))))
    for status, permanent in ((410, True), (503, False)):
        peer.manner = Manner(status=status)
        with pytest.raises(DeliveryFailed) as failure:
            channel.send(MESSAGE)
        assert failure.value.permanent is permanent
    with pytest.raises(DeliveryFailed, match="none of them has asked") as nobody:
        channel.send(replace(MESSAGE, recipients=("wang",)))
    assert nobody.value.permanent


def test_a_user_subscribes_over_rest_only_at_known_services_and_only_where_it_is_on(
    tmp_path: Path, centre: ec.EllipticCurvePrivateKey
) -> None:
    settings = city().model_copy(update={"notices": NoticeSettings(channels=(recipe(centre),))})
    for folder, configured in (("off", city()), ("on", settings)):
        deps = open_deps(tmp_path / folder, configured)
        add_user(deps.store, "li", Role.OPERATOR, None)
        server, thread, port = start(deps)
        headers = {"Authorization": f"Bearer {issue_token(deps.store, 'li')}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=20) as caller:
            mine = Browser("http://127.0.0.1:9/push/abc").subscription.model_dump()
            answer = caller.post("/web-push", json=mine)
            if folder == "off":
                assert caller.get("/web-push").json() == {"public_key": None, "browsers": 0}
                assert answer.status_code == 409
            else:
                assert answer.json() == {"browsers": 1}
                assert caller.post("/web-push", json={**mine, "endpoint": "https://10.0.0.9/x"}).status_code == 422
                (kept,) = deps.store.read(lambda reader: subscriptions_of(reader, "li"))
                assert kept.model_dump() == mine
                assert caller.post("/web-push/forget", json={"endpoint": mine["endpoint"]}).json() == {"browsers": 0}
        server.should_exit = True
        thread.join(20)
        deps.store.close()
