"""Registers of a Modbus TCP device."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.client.mixin import ModbusClientMixin
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from data.errors import DeviceLost, InputRejected
from data.model.observation import Reading, Rejected
from data.net.outgoing import DestinationRefused, checked_addresses
from data.ports.recipe import Context
from monitors.gauges._asked_gauge import AskedGauge
from monitors.gauges._gauge import Measured

if TYPE_CHECKING:
    from monitors.gauges.modbus_gauge import Recipe

HEADER_BYTES = 9  # transaction, protocol, length, unit, function, byte count
TYPES = MappingProxyType({kind.name.lower(): kind for kind in ModbusClientMixin.DATATYPE})
LARGEST_REGISTER = 0xFFFF


def number_in(registers: Sequence[int], recipe: Recipe) -> float:
    """The value in the recipe's unit. Raises InputRejected for another number of registers or a missing value."""
    kind = TYPES[recipe.type]
    if len(registers) != kind.value[1]:
        raise InputRejected(f"{recipe.type} takes {kind.value[1]} registers, the device gave {len(registers)}")
    if any(not 0 <= register <= LARGEST_REGISTER for register in registers):
        raise InputRejected("what the device gave are no registers")
    count = ModbusClientMixin.convert_from_registers(list(registers), kind, word_order=recipe.word_order)
    if not isinstance(count, int | float):
        raise InputRejected(f"{count!r:.60} is not a number")
    recipe.require_count(count)
    return count * recipe.scale + recipe.offset


def check_answer(frame: bytes, asked: ModbusPDU, answer: ModbusPDU) -> None:
    """Raises InputRejected unless `answer`, which came in `frame` (Modbus TCP, its header included), answers `asked`.

    pymodbus takes any answer that it can decode: one of another function, or with more in it than its own count says.
    """
    function = answer.function_code & 0x7F
    if function != asked.function_code:
        raise InputRejected(f"the device answers function {function}, function {asked.function_code} was asked")
    if answer.isError():
        code = getattr(answer, "exception_code", 0)
        raise InputRejected(f"the device refuses to read address {asked.address} (exception {code})")
    if (answer.dev_id, answer.transaction_id) != (asked.dev_id, asked.transaction_id):
        raise InputRejected(
            f"the answer is of unit {answer.dev_id}, transaction {answer.transaction_id}; asked were unit "
            f"{asked.dev_id}, transaction {asked.transaction_id}"
        )
    told, counted, held = int.from_bytes(frame[4:6], "big") - 3, frame[8], 2 * asked.count
    if not told == counted == held:
        raise InputRejected(f"the answer holds {told} bytes and says {counted}; {asked.count} registers are {held}")


class Registers(AskedGauge):
    """An open device."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        super().__init__(f"{context.site.id}: modbus://{recipe.host}:{recipe.port}", context)
        self._recipe = recipe
        self._frame, self._request = b"", ModbusPDU()
        self._every_s, self._timeout_s = recipe.every.total_seconds(), recipe.timeout.total_seconds()

    async def ask_on(self) -> None:
        recipe = self._recipe
        await self._check_destination()
        client = AsyncModbusTcpClient(
            recipe.host,
            port=recipe.port,
            timeout=self._timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._note_packet,
            trace_pdu=self._note_pdu,
        )
        try:
            if not await client.connect():
                raise DeviceLost(f"{self.name}: cannot connect")
            due_s = time.monotonic()
            while True:
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                due_s = max(due_s + self._every_s, time.monotonic())
                answer = await self._asked(client)
                frame = _frame_of(self._frame, answer.transaction_id)
                self.give(partial(self._read, frame, self._request, answer, datetime.now(UTC)))
        finally:
            client.close()

    async def _check_destination(self) -> None:
        """Raises DeviceLost for an address to which this system never connects."""
        with contextlib.suppress(OSError):  # an unknown name is the client's to tell
            try:
                async with asyncio.timeout(self._timeout_s):
                    await asyncio.to_thread(checked_addresses, self._recipe.host, self._recipe.port)
            except DestinationRefused as error:
                raise DeviceLost(f"{self.name}: {error}") from None
            except TimeoutError:
                raise DeviceLost(f"{self.name}: its name was not found in {self._timeout_s:g} s") from None

    async def _asked(self, client: AsyncModbusTcpClient) -> ModbusPDU:
        recipe = self._recipe
        ask = client.read_holding_registers if recipe.registers == "holding" else client.read_input_registers
        try:
            return await ask(recipe.address, count=TYPES[recipe.type].value[1], device_id=recipe.device_id)
        except (ModbusException, OSError) as error:
            raise DeviceLost(f"{self.name}: {error}") from error

    def _note_packet(self, sending: bool, packet: bytes) -> bytes:
        """Called by pymodbus with each packet; of what comes in, with all since the last whole frame."""
        if not sending:
            self._frame = packet
        return packet

    def _note_pdu(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        if sending:
            self._request = pdu
        return pdu

    def _read(self, frame: bytes, asked: ModbusPDU, answer: ModbusPDU, now: datetime) -> Reading | Rejected:
        try:
            check_answer(frame, asked, answer)
            measured = Measured(number_in(answer.registers, self._recipe), now, self._recipe.given_unit)
            return self._recipe.reading(self.site, measured, now)
        except InputRejected as error:
            return Rejected(self.site, self._recipe.name, now, str(error), str(answer)[:200])


def _frame_of(packet: bytes, transaction: int) -> bytes:
    """The frame of this transaction; a late answer to an earlier question may lie before it in the same packet."""
    while len(packet) >= HEADER_BYTES and int.from_bytes(packet[:2], "big") != transaction:
        packet = packet[6 + int.from_bytes(packet[4:6], "big") :]
    return packet
