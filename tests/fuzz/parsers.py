"""Every parser that meets what comes from outside, as a function of bytes, and the inputs from which chance starts."""

from __future__ import annotations

import json
import math
import random
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from alerts.alertmanager import signals_of
from data.cap.message import parse_cap
from data.errors import InputRejected
from monitors.gauges._gauge import Measured
from monitors.gauges._message import measured
from monitors.gauges._modbus import number_in
from monitors.gauges._series import Columns, SeriesFile
from monitors.gauges._sl651 import FrameBuffer, crc16, parse_telegram
from monitors.gauges.http_push import Recipe as HttpPush
from monitors.gauges.modbus_gauge import Recipe as ModbusGauge
from monitors.gauges.mqtt_gauge import Recipe as MqttGauge
from tests.data.test_cap import message
from tests.fuzz.mutations import bent, bent_json
from tests.monitors.sl651_telegrams import PUBLISHED, telegram
from web.api.ingest import parsed_json

NOW = datetime(2024, 7, 12, 5, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MODBUS_TYPES = ("int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")


@dataclass
class Tally:
    """What became of the inputs of one parser: `rejected` by the reason's first words."""

    inputs: int = 0
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0

    def reject(self, reason: str) -> None:
        self.rejected[" ".join(reason.split()[:4])] += 1
        self.unnamed += not reason.strip()


MQTT = MqttGauge(
    host="h", topic="t", quantity="water_level", value="data.0.level", time="at", unit_field="unit", quality_field="q",
    datum_field="datum", timezone="Asia/Shanghai",
)  # fmt: skip
PLAIN = MqttGauge(host="h", topic="t", quantity="water_depth")
PUSH = HttpPush(quantity="water_level", timezone="Asia/Shanghai")


def mqtt(content: bytes) -> None:
    recipe = PLAIN if content[:1].isdigit() else MQTT
    recipe.reading("site", measured(recipe, content, NOW, retained=False), NOW)


def sensorthings(content: bytes) -> None:
    PUSH.accept("site", parsed_json(content), NOW)


def alertmanager(content: bytes) -> None:
    _, rejects = signals_of(parsed_json(content), {"gate-3"}, NOW)
    if rejects:
        raise InputRejected(rejects[0].reason)


def cap(content: bytes) -> None:
    parse_cap(content, "fuzz")


def sl651(content: bytes) -> None:
    """As from a socket, in two pieces. Half of the telegrams that are whole get a CRC that holds."""
    found = 0
    buffer = FrameBuffer()
    for piece in (content[: len(content) // 2], content[len(content) // 2 :]):
        for frame in buffer.feed(piece):
            if isinstance(frame, InputRejected):
                raise frame
            mended = frame[:-2] + crc16(frame[:-2]).to_bytes(2, "big") if frame[-1] & 1 else frame
            for element in parse_telegram(mended, SHANGHAI).elements:
                found += math.isfinite(element.value)
    if not found:
        raise InputRejected("no value in it")


def modbus(content: bytes) -> None:
    kind = MODBUS_TYPES[content[0] % 8] if content else "int16"
    recipe = ModbusGauge.model_validate(
        {"host": "h", "address": 0, "quantity": "water_level", "type": kind, "missing": [-32768],
         "word_order": "little" if content[1:2] > b"\x7f" else "big"}
    )  # fmt: skip
    words = content[2:]
    registers = list(struct.unpack(f">{len(words) // 2}H", words[: len(words) // 2 * 2]))
    recipe.reading("site", Measured(number_in(registers, recipe), NOW, "m"), NOW)


def csv_in(folder: Path) -> Callable[[bytes], None]:
    """A parser of whole CSV files, through a real file."""
    path = folder / "series.csv"

    def csv(content: bytes) -> None:
        path.write_bytes(content)
        file = SeriesFile(path, Columns("time", "level", None, "Asia/Shanghai"), ",", "utf-8", frozenset())
        rows, bad = file.more(whole_lines=False)
        if not rows:
            raise InputRejected(bad[0].reason if bad else "no row in it")

    return csv


_JSON: Mapping[str, list[Any]] = {
    "mqtt": [
        {"at": "2024-07-12T12:00:00", "data": [{"level": 181.24}], "unit": "m", "q": "good", "datum": "wusong"},
        {"at": 1720756800000, "data": [{"level": "594.6"}], "unit": "ft", "q": "bad", "datum": "x"},
        12.5,
    ],
    "sensorthings": [
        {"phenomenonTime": "2024-07-12T04:00:00Z/2024-07-12T04:05:00Z", "result": 1.5, "resultQuality": ["good"],
         "parameters": {"unit": "m", "verticalDatum": "wusong"}},
        {"value": [{"result": 1, "resultTime": "2024-07-12T04:00:00Z"}, {"result": "2"}]},
    ],
    "alertmanager": [
        {"version": "4", "alerts": [{"status": "firing", "fingerprint": "c0ffee", "startsAt": "2024-07-12T04:00:00Z",
         "endsAt": "0001-01-01T00:00:00Z", "labels": {"site": "gate-3", "severity": "critical", "alertname": "x"}}]},
    ],
}  # fmt: skip
_AT = datetime(2024, 7, 12, 12, 0, tzinfo=SHANGHAI)
_BYTES: Mapping[str, list[bytes]] = {
    "cap": [message(), message("Update", references="a,b,2024-07-12T11:00:00+08:00")],
    "sl651": [
        *(bytes.fromhex(text) for text in PUBLISHED),
        telegram("0011223344", "3923FF0003452619000123", _AT),
        telegram("0011223344", "F460" + "05" * 12 + "F5C0" + "0AAA" * 12, _AT, function=0x34),
    ],
    "modbus": [bytes([kind, order]) + struct.pack(">d", 181.24)[:size]
               for kind, size in enumerate((2, 2, 4, 4, 8, 8, 4, 8)) for order in (0, 255)],
    "csv": [b"time,level\n2024-07-12T12:00:00,181.24\n2024-07-12T12:05:00+08:00,181.3\n", b"time,level\r\n,\r\n"],
}  # fmt: skip


def inputs(parser: str, chance: random.Random) -> Iterator[bytes]:
    """Without end."""
    while True:
        yield bent_json(chance, _JSON[parser]) if parser in _JSON else bent(chance, _BYTES[parser])


def run(parser: str, parse: Callable[[bytes], None], count: int, seed: int) -> Tally:
    """Any exception but InputRejected is a crash, and comes out with its input."""
    tally = Tally()
    source = inputs(parser, random.Random(seed))
    for _ in range(count):
        content = next(source)
        tally.inputs += 1
        try:
            parse(content)
        except InputRejected as rejected:
            tally.reject(str(rejected))
        except Exception as error:
            error.add_note(f"{parser}: {content!r}")
            raise
        else:
            tally.accepted += 1
    return tally


def as_json(tallies: Mapping[str, Tally]) -> str:
    table = {name: {"inputs": t.inputs, "accepted": t.accepted, "rejected": sum(t.rejected.values()),
                    "reasons": dict(t.rejected.most_common(8))} for name, t in tallies.items()}  # fmt: skip
    return json.dumps(table, ensure_ascii=False, indent=2)
