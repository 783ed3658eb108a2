"""Logging in and out at a real identity provider, and answers of a provider that must let nobody in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.sync_api import Browser
from pydantic import SecretStr, ValidationError

from data.config.accounts import AccountSettings, OidcSettings
from data.model.people import Role
from tests.servers.http_answers import AnsweringServer, http_answers
from tests.servers.oidc_provider import identity_provider
from tests.web.city import PASSWORD, Clock, Running, city, free_port, open_deps, start, until
from web.accounts import add_user, disable, list_sessions
from web.oidc import LOGOUT_EVENT

SECRET = "a client secret of the tests"
PEOPLE = {
    "he": {"name": "何雨晴", "roles": ["staff", "yiping-duty"]},
    "guest": {"name": "客人", "roles": ["staff"]},
    "li": {"name": "另一个李", "roles": ["yiping-duty"]},
    "boss": {"name": "指挥长", "roles": ["yiping-command", "yiping-duty"]},
    "late": {"name": "后来者", "roles": ["yiping-duty"]},
}
ROLES = {"yiping-command": Role.COMMANDER, "yiping-duty": Role.DUTY_OFFICER}


@dataclass
class Joined:
    """Our server and the provider it knows."""

    running: Running
    issuer: str


def serve(folder: Path, issuer: str, port: int) -> Iterator[Running]:
    oidc = OidcSettings(issuer=issuer, client_id="yiping", roles=ROLES, label="统一认证")
    accounts = AccountSettings(oidc=oidc, second_factor=(Role.DUTY_OFFICER,))
    clock = Clock()
    deps = open_deps(folder, city().model_copy(update={"accounts": accounts}), now=clock, oidc_secret=SecretStr(SECRET))
    add_user(deps.store, "li", Role.OPERATOR, PASSWORD)
    server, thread, _ = start(deps, listen=port)
    yield Running(f"http://127.0.0.1:{port}", deps.store, deps, clock, server)
    server.should_exit = True
    thread.join(15)
    deps.store.close()


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    ours, theirs = free_port(), free_port()
    base = f"http://127.0.0.1:{ours}"
    client = {
        "client_id": "yiping",
        "client_secret": SECRET,
        "redirect_uris": [f"{base}/login/oidc/callback"],
        "post_logout_redirect_uris": [f"{base}/login"],
        "backchannel_logout_uri": f"{base}/login/oidc/back-channel",
        "backchannel_logout_session_required": True,
    }
    with identity_provider(theirs, client, PEOPLE) as issuer:
        for running in serve(tmp_path_factory.mktemp("oidc") / "var", issuer, ours):
            yield Joined(running, issuer)


def forms(page: str) -> tuple[str, dict[str, str]]:
    """Where the page's form goes, and its hidden fields."""
    action = re.search(r'<form[^>]*action="([^"]+)"', page)
    assert action is not None, page[:500]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return unescape(action[1]), {name: unescape(value) for name, value in hidden}


def at_provider(client: httpx.Client, joined: Joined, who: str, aim: str = "/duty") -> str:
    """Begin here, log in there; the address by which the provider sends the browser back."""
    answer = client.get("/login/oidc", params={"next": aim})
    assert answer.status_code == 303
    address = answer.headers["location"]
    for _ in range(10):
        page = client.get(address)
        while page.is_redirect:
            address = str(httpx.URL(address).join(page.headers["location"]))
            if address.startswith(joined.running.base):
                return address
            page = client.get(address)
        action, hidden = forms(page.text)
        page = client.post(str(httpx.URL(address).join(action)), data=hidden | {"login": who, "password": "x"})
        address = str(page.url.join(page.headers["location"]))
    raise AssertionError(address)


def enter(client: httpx.Client, joined: Joined, who: str) -> httpx.Response:
    return client.get(at_provider(client, joined, who))


def person(joined: Joined) -> httpx.Client:
    return httpx.Client(base_url=joined.running.base, timeout=30)


def test_the_provider_lets_in_with_the_role_that_it_says(joined: Joined) -> None:
    with person(joined) as client:
        assert "统一认证" in client.get("/login").text
        answer = enter(client, joined, "he")
        assert (answer.status_code, 'content="0;url=/duty"' in answer.text) == (200, True)
        me = client.get("/api/v1/me").json()
        assert (me["name"], me["role"], me["display_name"]) == ("he", "duty_officer", "何雨晴")
        assert client.get("/api/v1/alerts").status_code == 200, "the second factor is the provider's matter"
        shown = client.get("/api/v1/account").json()
        assert shown["has_password"] is False
        assert client.post("/login", data={"name": "he", "password": ""}).status_code == 401
    with person(joined) as client:
        enter(client, joined, "boss")
        assert client.get("/api/v1/me").json()["role"] == "commander", "the first line of the mapping that fits"


def test_the_request_has_pkce_state_and_nonce_and_the_state_works_once_in_this_browser(joined: Joined) -> None:
    with person(joined) as client, person(joined) as other:
        asked = parse_qs(urlsplit(client.get("/login/oidc").headers["location"]).query)
        assert (asked["code_challenge_method"], asked["response_type"]) == (["S256"], ["code"])
        assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
        assert "openid" in asked["scope"][0].split()
        back = at_provider(client, joined, "he")
        assert other.get(back).status_code == 403, "somebody else's way back"
        assert client.get(back).status_code == 403, "a state is used up by whoever comes first"
        back = at_provider(client, joined, "he")
        assert client.get(back).status_code == 200
        assert client.get(back).status_code == 403
        assert client.get("/login/oidc/callback?state=x&code=y").status_code == 403
        assert client.get("/login/oidc/callback").status_code == 403


def test_nobody_without_a_role_nobody_disabled_and_nobody_with_a_taken_name_gets_in(joined: Joined) -> None:
    for who, words in (("guest", "您在本系统没有权限"), ("li", "本系统已有同名账号")):
        with person(joined) as client:
            answer = enter(client, joined, who)
            assert (answer.status_code, words in answer.text) == (403, True)
            assert client.get("/api/v1/me").status_code == 401
    assert joined.running.store.read(lambda reader: reader.user("li")).role is Role.OPERATOR
    with person(joined) as client:
        enter(client, joined, "late")
        disable(joined.running.store, "late")
        until(lambda: client.get("/api/v1/me").status_code == 401, 2)
        assert enter(client, joined, "late").status_code == 403


def test_logging_out_there_ends_the_session_here_by_the_back_channel(joined: Joined) -> None:
    with person(joined) as client, person(joined) as other:
        enter(client, joined, "he")
        enter(other, joined, "he")
        page = client.get(f"{joined.issuer}/session/end")
        action, hidden = forms(page.text)
        client.post(action, data=hidden | {"logout": "yes"})
        until(lambda: client.get("/api/v1/me").status_code == 401, 5)
        assert other.get("/api/v1/me").status_code == 200, "another session there is another session here"


def test_logging_out_here_leads_the_browser_to_the_provider_s_log_out(joined: Joined) -> None:
    with person(joined) as client:
        enter(client, joined, "he")
        token = client.get("/api/v1/me").json()["csrf"]
        assert client.post("/logout", headers={"X-CSRF-Token": token}).headers["location"] == "/login"
        assert client.get("/login", headers={"accept": "*/*"}).status_code == 200, "a script's look leads nowhere"
        way = client.get("/login", headers={"accept": "text/html"}).headers["location"]
        asked = parse_qs(urlsplit(way).query)
        assert way.startswith(f"{joined.issuer}/session/end?")
        assert asked["post_logout_redirect_uri"] == [f"{joined.running.base}/login"]
        assert len(asked["id_token_hint"][0].split(".")) == 3
        action, hidden = forms(client.get(way).text)
        back = client.post(action, data=hidden | {"logout": "yes"})
        assert back.headers["location"].startswith(f"{joined.running.base}/login")
        assert client.get("/login", headers={"accept": "text/html"}).status_code == 200, "once"


@pytest.mark.browser
def test_a_browser_comes_back_logged_in(joined: Joined, browser: Browser) -> None:
    context = browser.new_context(base_url=joined.running.base)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto("/login?next=/account")
    page.click("#provider")
    page.fill("input[name=login]", "he")
    page.fill("input[name=password]", "x")
    page.click("button[type=submit]")
    page.wait_for_url("**/account")
    page.wait_for_selector("text=何雨晴")
    page.click("#log-out")
    page.wait_for_url("**/session/end?*")
    page.click("button[value=yes]")
    page.wait_for_url(f"{joined.running.base}/login*")
    context.close()


# ---- a provider that lies: our own answers behind a real HTTP server


@pytest.fixture
def forged(tmp_path: Path) -> Iterator[tuple[Running, AnsweringServer, RSAKey, str]]:
    """Our server with a provider whose every answer a test makes."""
    key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
    with http_answers() as provider:
        issuer = provider.url("").rstrip("/").replace("127.0.0.1", "localhost")
        provider.answer(
            "/.well-known/openid-configuration",
            json.dumps({
                "issuer": issuer, "authorization_endpoint": f"{issuer}/auth", "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
            }).encode(),
        )  # fmt: skip
        provider.answer("/jwks", json.dumps({"keys": [key.as_dict(private=False)]}).encode())
        for running in serve(tmp_path / "var", issuer, free_port()):
            yield running, provider, key, issuer


Forged = tuple[Running, AnsweringServer, RSAKey, str]


def came_back(forged: Forged, sign: Callable[[dict[str, Any]], str], **changed: Any) -> int:
    """Begin a login; the provider's token endpoint gives a token with some claims changed. The status."""
    running, provider, _, issuer = forged
    now = int(time.time())
    with httpx.Client(base_url=running.base, timeout=20) as client:
        asked = parse_qs(urlsplit(client.get("/login/oidc").headers["location"]).query)
        claims: dict[str, Any] = {
            "iss": issuer, "aud": "yiping", "sub": "u-9", "iat": now, "exp": now + 300, "nonce": asked["nonce"][0],
            "roles": ["yiping-duty"], "preferred_username": "forged",
        }  # fmt: skip
        claims = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        answer = {"access_token": "a", "token_type": "Bearer", "id_token": sign(claims)}
        provider.answer("/token", json.dumps(answer).encode())
        return client.get(f"/login/oidc/callback?code=c&state={asked['state'][0]}").status_code


def signed(key: RSAKey) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key)


def by_hand(algorithm: str, secret: bytes | None) -> Callable[[dict[str, Any]], str]:
    """A token as an attacker makes it: no library would sign with a public key."""

    def make(claims: dict[str, Any]) -> str:
        parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "kid": "k1", "typ": "JWT"}, claims)]
        said = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        seal = b"" if secret is None else hmac.new(secret, said, hashlib.sha256).digest()
        return (said + b"." + base64.urlsafe_b64encode(seal).rstrip(b"=")).decode()

    return make


def test_an_id_token_that_is_not_for_this_login_lets_nobody_in(forged: Forged) -> None:
    key, now = forged[2], time.time()
    assert came_back(forged, signed(key)) == 200, "the right one does"
    for changed in (
        {"iss": "https://evil.example"}, {"aud": "another"}, {"nonce": "another"}, {"nonce": None},
        {"exp": now - 120}, {"exp": None}, {"iat": now + 600}, {"sub": None}, {"aud": ["yiping", "x"], "azp": "x"},
    ):  # fmt: skip
        assert came_back(forged, signed(key), **changed) == 403, changed
    assert came_back(forged, signed(RSAKey.generate_key(2048, {"kid": "k1"}))) == 403, "signed by somebody else"
    assert list_sessions(forged[0].store, "forged") != []
    assert len(list_sessions(forged[0].store, "forged")) == 1


def test_unsigned_tokens_and_tokens_signed_with_the_public_key_let_nobody_in(forged: Forged) -> None:
    public = forged[2].as_pem(private=False)
    assert came_back(forged, by_hand("HS256", public)) == 403
    assert came_back(forged, by_hand("none", None)) == 403
    assert came_back(forged, by_hand("RS256", public)) == 403
    assert list_sessions(forged[0].store, "forged") == []


def test_a_logout_token_ends_sessions_once_and_only_if_it_is_one(forged: Forged) -> None:
    running, _, key, issuer = forged
    assert came_back(forged, signed(key), sid="s-1") == 200
    now = int(time.time())
    right: dict[str, Any] = {
        "iss": issuer, "aud": "yiping", "iat": now, "exp": now + 120, "jti": "j-1", "sid": "s-1", "sub": "u-9",
        "events": {LOGOUT_EVENT: {}},
    }  # fmt: skip

    def sent(by: RSAKey = key, **changed: Any) -> int:
        claims = {name: value for name, value in {**right, **changed}.items() if value is not None}
        token = jwt.encode({"alg": "RS256", "kid": "k1", "typ": "logout+jwt"}, claims, by)
        with httpx.Client(base_url=running.base, timeout=20) as provider:
            return provider.post("/login/oidc/back-channel", data={"logout_token": token}).status_code

    wrong: tuple[dict[str, Any], ...] = (
        {"nonce": "n"}, {"aud": "another"}, {"iss": "https://evil.example"}, {"events": {}}, {"iat": now - 3600},
        {"sid": None, "sub": None}, {"jti": None}, {"exp": now - 600},
    )  # fmt: skip
    for changed in wrong:
        assert sent(**changed) == 400, changed
    assert sent(by=RSAKey.generate_key(2048, {"kid": "k1"})) == 400
    assert len(list_sessions(running.store, "forged")) == 1
    assert sent() == 200
    assert list_sessions(running.store, "forged") == []
    assert sent() == 400, "a token that came before"
    assert came_back(forged, signed(key), sid="s-2") == 200
    assert sent(jti="j-2", sid=None) == 200, "by the person: all their sessions"
    assert list_sessions(running.store, "forged") == []


def test_a_provider_that_is_away_is_said_and_the_password_goes_on(tmp_path: Path) -> None:
    for running in serve(tmp_path / "var", f"http://localhost:{free_port()}", free_port()):
        with httpx.Client(base_url=running.base, timeout=30) as client:
            answer = client.get("/login/oidc")
            assert (answer.status_code, "统一认证平台暂时无法访问" in answer.text) == (503, True)
            assert client.post("/login", data={"name": "li", "password": PASSWORD}).status_code == 303


def test_without_a_provider_there_is_no_button_and_no_route(running: Running) -> None:
    with running.client() as client:
        assert "/login/oidc" not in client.get("/login").text
        assert client.get("/login/oidc").status_code == 404
        assert client.post("/login/oidc/back-channel", data={"logout_token": "x"}).status_code == 404


def test_the_settings_want_tls_and_map_nested_roles() -> None:
    given: dict[str, Any] = {"client_id": "yiping", "roles": {"ops": "operator", "lead": "commander"}}
    for issuer in ("http://idp.example", "ftp://idp.example", "https://idp.example/?x=1", "idp.example"):
        with pytest.raises(ValidationError):
            OidcSettings.model_validate(given | {"issuer": issuer})
    nested = OidcSettings.model_validate(given | {"issuer": "https://idp.example/r", "role_claim": "realm.roles"})
    assert nested.role_of({"realm": {"roles": ["lead", "ops"]}}) is Role.OPERATOR
    assert nested.role_of({"realm": {"roles": "lead"}}) is Role.COMMANDER
    for claims in ({}, {"realm": None}, {"realm": {"roles": [7, None]}}, {"roles": ["lead"]}):
        assert nested.role_of(claims) is None
