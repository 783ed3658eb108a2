"""Reference pictures of a view: taken from the live picture or sent as files, kept under VAR/references by content.

The settings name them (`references: [var:references/quay-1/….jpg]`); a detector compares what it sees with them.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Request, Response, UploadFile
from fastapi import Path as InPath
from pydantic import BaseModel, Field

from data.errors import InputRejected, NotFound
from data.local.whole_file import replace_file
from data.model.people import Action
from data.model.record import AuditEntry
from web.api.schemas import answers, api_router
from web.auth import visitor_of
from web.deps import ServerDeps
from web.kept_files import kept_headers
from web.media import newest_tile
from web.photo import LARGEST_BYTES, clean_photo

FOLDER = "references"
MOST = 60
"""Pictures kept for one site: each is a view of one season, weather or time of the day."""
_NAME = re.compile(r"[0-9a-f]{32}\.jpg")

SiteName = Annotated[str, InPath(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Of a site, also of a new one.")]


class ReferenceView(BaseModel):
    """`path`: as the settings name it."""

    path: str = Field(description="var:references/quay-1/….jpg")


def reference_router(deps: ServerDeps) -> APIRouter:
    """`/sites/{id}/references`"""
    router = api_router("setup")

    @router.post(
        "/sites/{site_id}/references",
        response_model=None,
        responses=answers(ReferenceView, 403, 404, 413, 422, 503),
    )
    async def keep(
        request: Request,
        site_id: SiteName,
        photo: Annotated[
            UploadFile | None, File(description="JPEG, PNG or WebP; without it the live picture is taken.")
        ] = None,
    ) -> dict[str, Any]:
        """Keep a picture of this view: the one sent, else what the camera shows now. The settings are not changed."""
        actor = visitor_of(request).actor
        actor.require(Action.ADMINISTER)
        if photo is None:
            if site_id not in deps.settings.cameras:
                raise NotFound(f"there is no camera at {site_id!r}")
            jpeg = (await newest_tile(deps, site_id)).jpeg
        else:
            content = await photo.read(LARGEST_BYTES + 1)
            jpeg = (await deps.lanes.photos.run(clean_photo, content)).jpeg
        name = await deps.lanes.lists.run(_keep, deps.var_dir / FOLDER / site_id, jpeg)
        path, role = f"var:{FOLDER}/{site_id}/{name}", "" if actor.role is None else actor.role.value
        detail = {"path": path, "from": "live" if photo is None else "file"}
        entry = AuditEntry(deps.now(), actor.name, role, "keep_reference", f"site:{site_id}", detail)
        await deps.commit(lambda writer: writer.record(entry))
        return {"path": path}

    @router.get(
        "/sites/{site_id}/references/{name}",
        response_model=None,
        responses=answers(None, 403, 404, media="image/jpeg"),
        response_class=Response,
    )
    async def show(request: Request, site_id: SiteName, name: str) -> Response:
        """A picture that was kept, by the last part of its path."""
        visitor_of(request).actor.require(Action.ADMINISTER)
        jpeg = await deps.lanes.lists.run(_read, deps.var_dir / FOLDER / site_id, name)
        return Response(jpeg, media_type="image/jpeg", headers=kept_headers(name.removesuffix(".jpg")))

    return router


def _keep(folder: Path, jpeg: bytes) -> str:
    """The file's name. Raises InputRejected when there are too many."""
    name = f"{hashlib.sha256(jpeg).hexdigest()[:32]}.jpg"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / name).exists():
        if len(list(folder.glob("*.jpg"))) >= MOST:
            raise InputRejected(f"{MOST} reference pictures are kept of a site", key="reference.many", n=MOST)
        replace_file(folder / name, jpeg)
    return name


def _read(folder: Path, name: str) -> bytes:
    """Raises NotFound."""
    if not _NAME.fullmatch(name):
        raise NotFound(f"there is no reference picture {name[:80]!r}")
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no reference picture {name!r}") from None
