"""Scripts and styles come gzipped to whoever takes it; what is made for a visitor, and media, never do."""

from __future__ import annotations

import gzip
import json
import re

import httpx
import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.web.city import Running
from web.compression import CompressedFiles

GZIP = {"Accept-Encoding": "gzip, deflate"}
PLAIN = {"Accept-Encoding": "gzip;q=0, identity"}


def test_a_script_comes_gzipped_and_is_the_same_as_without(running: Running) -> None:
    with running.client("li") as visitor:
        path = "/assets/10_feed.js"
        plain = visitor.get(path, headers=PLAIN)
        with visitor.stream("GET", path, headers=GZIP) as answer:
            raw = b"".join(answer.iter_raw())
        assert "content-encoding" not in plain.headers
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        assert len(raw) == int(answer.headers["content-length"]) < len(plain.content) / 2
        assert gzip.decompress(raw) == plain.content
        again = visitor.get(path, headers={**GZIP, "If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_what_is_made_for_a_visitor_is_never_gzipped(running: Running) -> None:
    running.alert("compression")
    with running.client("li") as visitor:
        for path in ("/", "/api/v1/alerts?limit=100", "/api/v1/sites"):
            answer = visitor.get(path, headers=GZIP)
            assert answer.status_code == 200
            assert len(answer.content) > 500
            assert "content-encoding" not in answer.headers, path


def test_a_stranger_gets_no_file_in_any_encoding(running: Running) -> None:
    with httpx.Client(base_url=running.base) as stranger:
        answer = stranger.get("/assets/10_feed.js", headers=GZIP)
    assert answer.status_code == 401
    assert "content-encoding" not in answer.headers
    assert answer.json()["title"] == "Unauthorized"


class Files:
    """An application of three files; counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        body = {"/assets/a.js": b"a" * 5000, "/assets/b.js": b"b" * 9_000_000, "/assets/small.js": b"1"}[scope["path"]]
        await Response(body, media_type="text/javascript", headers={"ETag": '"one"'})(scope, receive, send)


async def asked(app: ASGIApp, path: str, encoding: str = "gzip") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://yiping") as client:
        return await client.get(path, headers={"Accept-Encoding": encoding})


@pytest.mark.anyio
async def test_files_are_kept_within_their_room_and_served_whole() -> None:
    app = CompressedFiles(Files(), kept_bytes=5000)
    for _ in range(2):
        large, plain, small = [await asked(app, f"/assets/{name}.js") for name in ("b", "a", "small")]
        assert large.content == b"b" * 9_000_000
        assert plain.content == b"a" * 5000
        assert (small.content, small.headers.get("content-encoding")) == (b"1", None)
    assert app.size <= 5000


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip"])
async def test_whoever_does_not_take_gzip_gets_the_file_as_it_is(encoding: str) -> None:
    answer = await asked(CompressedFiles(Files()), "/assets/a.js", encoding)
    assert "content-encoding" not in answer.headers
    assert answer.content == b"a" * 5000


def test_the_texts_are_one_file_that_browsers_keep_and_no_part_of_the_page(running: Running) -> None:
    with running.client("li") as visitor:
        page = visitor.get("/").text
        assert len(page) < 60_000
        (path,) = re.findall(r'<script src="(/words/[0-9a-f]{16}\.js)">', page)
        script = visitor.get(path, headers=GZIP)
        assert script.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert script.headers["content-encoding"] == "gzip"
        words = json.loads(script.text.removeprefix("window.yipingWords = ").removesuffix(";\n"))
        assert (words["zh"]["page.duty"], words["en"]["page.duty"]) == ("值班", "Duty")
        assert visitor.get("/words/0123456789abcdef.js").status_code == 404
    with httpx.Client(base_url=running.base) as stranger:
        assert stranger.get(path).status_code == 401
