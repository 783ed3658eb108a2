"""Official warnings in CAP 1.2: files dropped into a folder, or a URL of a message or a list, asked every so often."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from data.model.durations import Duration
from data.ports.recipe import Context, Monitor
from monitors._address import login
from monitors._polled_source import PolledSource


class Recipe(PolledSource):
    """Warnings of a weather or water authority (CAP 1.2), from a folder or a URL.

    The URL may be that of a message, or of a list (Atom, RSS, JSON as of the US weather service), whose entries are
    followed on the same server and on `hosts`. What `areas`, `events` and `senders` do not name is left out; what
    cannot be told, because the message is odd, is not.

    A file is taken once it has been left alone for half a second, and moved to `taken/` when its warning is stored, to
    `rejected/` when it cannot be used. A server can also send warnings to us: `POST /api/v1/warnings`.
    """

    title: ClassVar[str] = "CAP 预警信息 / CAP warnings"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "warnings"
    longest: ClassVar[timedelta] = timedelta(hours=1)

    kind: Annotated[Literal["cap_warnings"], Field(description="Official warnings in CAP 1.2.")] = "cap_warnings"
    folder: Annotated[
        Path | None, Field(description="Where .xml and .cap files are dropped; relative to this file, or `var:…`.")
    ] = None
    url: Annotated[
        str | None, Field(description="http(s)://host/path of a CAP document or a list of them, asked every `every`.")
    ] = None
    areas: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(
            max_length=500,
            description="Only warnings for these: a GB/T 2260 code (`500105`), another scheme's (`UGC:TXZ192`), a "
            "circle `lat,lon km`, or a word of the area's description; all when empty.",
        ),
    ] = ()
    events: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(max_length=500, description="Only these: a word of the event, or its code; all when empty."),
    ] = ()
    senders: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(max_length=500, description="Only of these: `office@example.org` or `@example.org`; all when empty."),
    ] = ()
    hosts: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(max_length=50, description="Hosts besides the list's own whose addresses in it are followed."),
    ] = ()
    every: Annotated[Duration, Field(description="How often the folder or the URL is looked at.")] = timedelta(
        seconds=1
    )

    @model_validator(mode="after")
    def _one_source(self) -> Recipe:
        if (self.folder is None) == (self.url is None):
            raise ValueError("give either `folder` or `url`")
        return self

    def make(self, context: Context) -> Monitor:
        from monitors.warnings._cap import DropFolder, PolledWarnings  # noqa: PLC0415 (loads httpx)
        from monitors.warnings._cap_filter import WarningFilter  # noqa: PLC0415 (loads shapely)

        wanted, zone = WarningFilter(self.areas, self.events, self.senders), ZoneInfo(context.timezone)
        if self.folder is not None:
            folder = context.located(self.folder)
            return DropFolder(context.site.id, self.name, folder, self.every.total_seconds(), wanted, zone)
        return PolledWarnings(
            context.site.id,
            self.name,
            self.url or "",
            login(context, self.credentials),
            every_s=self.every.total_seconds(),
            timeout_s=self.timeout.total_seconds(),
            wanted=wanted,
            hosts=frozenset(host.lower() for host in self.hosts),
            zone=zone,
        )
