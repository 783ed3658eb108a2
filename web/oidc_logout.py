"""Log-out at the identity provider by the browser (OpenID Connect RP-Initiated Logout 1.0)."""

from __future__ import annotations

from collections import OrderedDict

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from web.oidc import Provider, ProviderRefused
from web.sessions import Visitor

_LEFT_COOKIE = "yiping_left"  # somebody has logged out who came from the provider
_LEFT_S = 60
_MOST_TOKENS = 4096


def public_address(request: Request, base: str) -> str:
    """This server as the browser knows it, without a slash at the end. `base`: the proxy's path."""
    return f"{request.url.scheme}://{request.url.netloc}{base}"


class ProviderLogout:
    """Remembers the ID tokens of sessions, which the provider wants to see when they end."""

    def __init__(self, provider: Provider | None, base: str) -> None:
        self.provider = provider
        self._base = base
        self._tokens: OrderedDict[str, str] = OrderedDict()

    def remember(self, provider_session: str, id_token: str) -> None:
        self._tokens[provider_session] = id_token
        while len(self._tokens) > _MOST_TOKENS:
            self._tokens.popitem(last=False)

    def mark(self, answer: Response, visitor: Visitor, *, encrypted: bool) -> None:
        """After our own log-out: the next look at the login page leads to the provider's."""
        if self.provider is not None and visitor.session.provider_session:
            answer.set_cookie(
                _LEFT_COOKIE, visitor.session.id, max_age=_LEFT_S, path="/login", httponly=True, samesite="strict",
                secure=encrypted,
            )  # fmt: skip
            self._tokens[visitor.session.id] = self._tokens.pop(visitor.session.provider_session, "")

    async def way_out(self, request: Request) -> Response | None:
        """The redirect to the provider's log-out, for a browser that has just logged out here."""
        left = request.cookies.get(_LEFT_COOKIE)
        if self.provider is None or not left or "text/html" not in request.headers.get("accept", ""):
            return None
        try:
            url = await self.provider.log_out_url(
                f"{public_address(request, self._base)}/login", self._tokens.pop(left, "")
            )
        except ProviderRefused:
            url = None
        answer = RedirectResponse(url or "/login", 303)
        answer.delete_cookie(_LEFT_COOKIE, path="/login", secure=request.url.scheme == "https")
        return answer
