"""Registers of a Modbus TCP device."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
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
from data.net.outgoing import DestinationRefused, checked_addresses, is_address
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


class Units:
    """The units that are asked now, one connection each. In the event loop."""

    def __init__(self) -> None:
        self._units: dict[tuple[str, int, int], _Unit] = {}

    @classmethod
    def of(cls, context: Context) -> Units:
        """Those of this process."""
        units: Units = context.resources.share("modbus units", cls)
        return units

    @contextlib.contextmanager
    def unit(self, recipe: Recipe, loop: asyncio.AbstractEventLoop) -> Iterator[_Unit]:
        """Connected while anybody asks it."""
        place = recipe.host, recipe.port, recipe.device_id
        unit = self._units.get(place)
        if unit is None or unit.loop is not loop:
            unit = self._units[place] = _Unit(recipe.host, recipe.port, loop)
        unit.users += 1
        try:
            yield unit
        finally:
            unit.users -= 1
            if not unit.users:
                unit.hang_up()
                if self._units.get(place) is unit:
                    del self._units[place]


class _Unit:
    """One connection for all gauges in the registers of a unit, as many a device accepts one only; they ask in turn."""

    def __init__(self, host: str, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.users = 0
        self._host, self._port = host, port
        self._turn = asyncio.Lock()
        self._client: AsyncModbusTcpClient | None = None
        self._frame, self._request = b"", ModbusPDU()
        self._failures = 0
        self._why = ""

    async def ask(self, recipe: Recipe, timeout_s: float) -> tuple[bytes, ModbusPDU, ModbusPDU]:
        """The answer's frame, the question, the answer. Raises DeviceLost, without the gauge's name.

        Who has waited for a turn in which the unit did not answer is told so, and does not wait for the same again.
        """
        failures = self._failures
        async with self._turn:
            if self._failures != failures:
                raise DeviceLost(self._why)
            answer: ModbusPDU | None = None
            try:
                client = await self._connected(timeout_s)
                asked = client.read_holding_registers if recipe.registers == "holding" else client.read_input_registers
                count = TYPES[recipe.type].value[1]
                async with asyncio.timeout(timeout_s):
                    answer = await asked(recipe.address, count=count, device_id=recipe.device_id)
            except (ModbusException, OSError, DestinationRefused, DeviceLost) as error:
                self._failures += 1
                self._why = f"no answer in {timeout_s:g} s" if isinstance(error, TimeoutError) else str(error)
                raise DeviceLost(self._why) from error
            finally:
                if answer is None:  # also where who asked was closed: what is still to come would be the next one's
                    self.hang_up()
            return _frame_of(self._frame, answer.transaction_id), self._request, answer

    def hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _connected(self, timeout_s: float) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self.hang_up()
        await self._check_destination(timeout_s)
        self._client = AsyncModbusTcpClient(
            self._host,
            port=self._port,
            timeout=timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._note_packet,
            trace_pdu=self._note_pdu,
        )
        if not await self._client.connect():
            raise DeviceLost("cannot connect")
        return self._client

    async def _check_destination(self, timeout_s: float) -> None:
        """Raises DestinationRefused for an address to which this system never connects, DeviceLost."""
        with contextlib.suppress(OSError):  # an unknown name is the client's to tell
            try:
                async with asyncio.timeout(timeout_s):
                    if is_address(self._host):
                        checked_addresses(self._host, self._port)
                    else:
                        await asyncio.to_thread(checked_addresses, self._host, self._port)
            except TimeoutError:
                raise DeviceLost(f"its name was not found in {timeout_s:g} s") from None

    def _note_packet(self, sending: bool, packet: bytes) -> bytes:
        """Called by pymodbus with each packet; of what comes in, with all since the last whole frame."""
        if not sending:
            self._frame = packet
        return packet

    def _note_pdu(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        if sending:
            self._request = pdu
        return pdu


class Registers(AskedGauge):
    """An open gauge."""

    def __init__(self, recipe: Recipe, context: Context) -> None:
        super().__init__(f"{context.site.id}: modbus://{recipe.host}:{recipe.port}", context)
        self._recipe = recipe
        self._units = Units.of(context)
        self._every_s, self._timeout_s = recipe.every.total_seconds(), recipe.timeout.total_seconds()

    async def ask_on(self) -> None:
        with self._units.unit(self._recipe, asyncio.get_running_loop()) as unit:
            due_s = time.monotonic()
            while True:
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                due_s = max(due_s + self._every_s, time.monotonic())
                try:
                    frame, asked, answer = await unit.ask(self._recipe, self._timeout_s)
                except DeviceLost as error:
                    raise DeviceLost(f"{self.name}: {error}") from error
                self.give(partial(self._read, frame, asked, answer, datetime.now(UTC)))

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
