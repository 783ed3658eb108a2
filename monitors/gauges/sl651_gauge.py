"""Hydrological stations that report by SL 651-2014 over TCP: we are their centre station and listen."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from data.model.durations import Duration
from data.ports.recipe import Context, Monitor
from monitors._address import login
from monitors.gauges._gauge import GaugeRecipe

Quirk = Literal["crc_low_first", "crc_unchecked", "hour_begins"]


class Recipe(GaugeRecipe):
    """One element of one station that reports by SL 651-2014 (HEX/BCD) over TCP.

    All gauges of one `port` share it, and stations are told apart by their address. A report is answered when its
    readings are in the store: a station that gets no answer sends again. Reports of function 30 (test) are kept with
    quality bad; pictures (several parts) are refused. Tried with telegrams published by others, not with a station.
    """

    title: ClassVar[str] = "SL 651 遥测站 / SL 651 station"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "readings"
    opens_at_once: ClassVar[bool] = True

    kind: Annotated[Literal["sl651_gauge"], Field(description="A station that reports by SL 651-2014.")] = "sl651_gauge"
    station: Annotated[str, Field(description="Address of the station: ten digits (hex), as in its telegrams.")]
    element: Annotated[
        str,
        Field(
            description="Identifier of the element, hex: 39 stage, 3B above and 3A below a dam, 26 rain in total, "
            "1A rain of the hour, F4 rain of each 5 min, F5 stage of each 5 min, 27 flow. Two bytes for extended ones."
        ),
    ]
    listen: Annotated[str, Field(min_length=1, description="Address of ours that stations connect to.")] = "0.0.0.0"  # noqa: S104 # nosec B104
    port: Annotated[int, Field(ge=1, le=65535, description="Port of ours that stations connect to.")] = 5651
    credentials: Annotated[
        str | None,
        Field(
            description="Name of the station's password (four hex digits) in the secrets; any password when left out."
        ),
    ] = None
    quirks: Annotated[
        tuple[Quirk, ...],
        Field(
            description="What this station does unlike the standard. crc_low_first: low byte of the CRC first. "
            "crc_unchecked: it sends none that holds. hour_begins: hourly reports are timed by the hour's beginning."
        ),
    ] = ()
    timeout: Annotated[Duration, Field(description="A connection that is silent for so long is closed.")] = timedelta(
        minutes=15
    )

    @field_validator("station")
    @classmethod
    def _address(cls, station: str) -> str:
        if len(station) != 10 or not set(station.upper()) <= set("0123456789ABCDEF"):
            raise ValueError("a station's address has ten digits; write it in quotes: '0012345678'")
        return station.upper()

    @field_validator("element")
    @classmethod
    def _identifier(cls, element: str) -> str:
        if len(element) not in {2, 4} or not set(element.upper()) <= set("0123456789ABCDEF"):
            raise ValueError("an element is named by two hex digits in quotes, e.g. '39', or four beginning with FF")
        if len(element) == 4 and not element.upper().startswith("FF"):
            raise ValueError("an extended element begins with FF, e.g. 'FF33'")
        return element.upper()

    def make(self, context: Context) -> Monitor:
        from monitors.gauges._event_loop import EventLoop  # noqa: PLC0415 (where a gauge is opened)
        from monitors.gauges._sl651_server import Centre, Station  # noqa: PLC0415 - the server lives where it runs

        known = login(context, self.credentials)
        password = "" if known is None else known.password.get_secret_value().upper()
        loop = EventLoop.of(context)
        centre = context.resources.share(
            f"sl651 {self.listen}:{self.port}", lambda: Centre(self.listen, self.port, loop)
        )
        return Station(self, context.site.id, password, context.timezone, centre)
