"""SL 651-2014 telegrams published by others, with their sources, and an encoder of our own for a station.

Only the bytes are taken over; each is whole and its CRC holds.
"""

from __future__ import annotations

from datetime import datetime

from monitors.gauges._sl651 import crc16

# A walk through the protocol with telegrams up and down: e-com-net.com/article/1736683930196697088.htm, also
# toymoban.com/news/detail-686475.html
KEEP_ALIVE = "7E7E01001234567812342F0008020003591011155111036BCA"
TEST_REPORT = (
    "7E7E010012345678123430002B020003591011154947F1F1001234567848F0F05910111549"
    "20190000052619000005392300000127381211150320FA"
)
TEST_ANSWER = "7E7E00123456780112343080080200035910111549471B75D4"
TIMED = (
    "7E7E05001122334403E832002B020034170718110016F1F1001122334448F0F0170718110020190000402619000040392300010490"
    "3812109903A421"
)
TIMED_ANSWER = "7E7E00112233440503E83280080200341707181100161BE5D4"
# Regression tests of a public decoder (samples it calls njnrs, Fujian and hourly with a wrong length at F5).
DAM = "7E7E2500418D23370000320030020C06230601010314F1F100418D23374BF0F0230601010020190000003B23000378652219000000261900000038121285035AC6"  # fmt: skip  # noqa: E501
UNIFORM = (
    "7E7E011000000006000031004E022F7E221205110019F1F1100000000648F0F0221205100504180000053923"
    + "00028960" * 12 + "035B947E"
)  # fmt: skip
HOURLY = (
    "7E7E100012345678123434003A020003140612020000F1F1001234567848F0F01406120200F55C0AAA0AAA"
    + "FF" * 20 + "391A0027303812129003ADF77E"
)  # fmt: skip
# github.com/vllm-project/vllm/issues/11476, out of Guangdong's rules for the standard: answer to "clear the memory".
CLEARED = "7E7E100012345678123447000F020036130325111153F1F100123456780335C7"

PUBLISHED = (KEEP_ALIVE, TEST_REPORT, TIMED, DAM, UNIFORM, HOURLY, CLEARED)


def telegram(
    station: str, elements: str, at: datetime, *, function: int = 0x32, password: str = "1234", serial: int = 1
) -> bytes:
    """As a station would send it; `at` by its own clock, `elements` in hex."""
    body = serial.to_bytes(2, "big") + bytes.fromhex(f"{at:%y%m%d%H%M%S}")
    body += bytes.fromhex(f"F1F1{station}48F0F0{at:%y%m%d%H%M}{elements}")
    frame = bytes.fromhex(f"7E7E01{station}{password}{function:02X}{len(body):04X}02") + body + b"\x03"
    return frame + crc16(frame).to_bytes(2, "big")
