"""A gauge in the registers of a Modbus TCP device, read every so often."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from data.errors import InputRejected
from data.model.durations import Duration
from data.ports.recipe import Context, Monitor
from monitors.gauges._fill import REGISTER_FILLS, FillValues, fill_values
from monitors.gauges._gauge import GaugeRecipe

NumberType = Literal["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]


class Recipe(GaugeRecipe):
    """One number in a device's registers: value = register × scale + offset."""

    title: ClassVar[str] = "Modbus 传感器 / Modbus TCP gauge"
    gives: ClassVar[Literal["frames", "readings", "warnings"]] = "readings"
    opens_at_once: ClassVar[bool] = True

    kind: Annotated[Literal["modbus_gauge"], Field(description="A gauge behind Modbus TCP.")] = "modbus_gauge"
    host: Annotated[str, Field(min_length=1, description="The device's name or address.")]
    port: Annotated[int, Field(ge=1, le=65535, description="The device's port.")] = 502
    device_id: Annotated[int, Field(ge=0, le=255, description="Unit of the device, behind a gateway.")] = 1
    registers: Annotated[
        Literal["holding", "input"], Field(description="Holding registers (function 3) or input registers (4).")
    ] = "holding"
    address: Annotated[
        int, Field(ge=0, le=65535, description="First register, counted from 0: 40001 in a manual is address 0.")
    ]
    type: Annotated[NumberType, Field(description="How the number is written; two registers for 32 bits.")] = "int16"
    word_order: Annotated[
        Literal["big", "little"], Field(description="Which register of a longer number comes first.")
    ] = "big"
    scale: Annotated[float, Field(description="What one count of the register is in `unit`.")] = 1.0
    offset: Annotated[float, Field(description="What is added after that, in `unit`.")] = 0.0
    missing: Annotated[
        tuple[float | str, ...],
        Field(
            description="Counts, before scale and offset, by which the device says that it has no value, e.g. [-1]; "
            "besides the ends of the register's range (`known_missing`)."
        ),
    ] = ()
    every: Annotated[Duration, Field(description="How often it is read.")] = timedelta(seconds=10)
    timeout: Annotated[Duration, Field(description="An answer must be there after so long.")] = timedelta(seconds=5)

    @field_validator("every", "timeout")
    @classmethod
    def _some_time(cls, value: timedelta) -> timedelta:
        if not timedelta(milliseconds=100) <= value <= timedelta(days=1):
            raise ValueError("it must lie between 100ms and 1d")
        return value

    @field_validator("scale")
    @classmethod
    def _some_scale(cls, scale: float) -> float:
        if scale == 0:
            raise ValueError("with a scale of 0 every value is the same")
        return scale

    @property
    def fills(self) -> FillValues:
        """None: registers hold counts, which `require_count` has looked at."""
        return FillValues()

    def require_count(self, count: float) -> None:
        """Raise InputRejected where a register's count says that there is no value."""
        own = tuple(float(fill) for fill in self.missing if not isinstance(fill, str))
        known = REGISTER_FILLS[self.type] if self.known_missing else ()
        is_known = count in (fill_values((), known) if self.type.startswith("float") else known)
        if math.isnan(count) or count in own or is_known:
            raise InputRejected(f"the device says by {count:.12g} that it has no value")

    def make(self, context: Context) -> Monitor:
        from monitors.gauges._modbus import Registers  # noqa: PLC0415 (loads pymodbus: only where a gauge is opened)

        return Registers(self, context)
