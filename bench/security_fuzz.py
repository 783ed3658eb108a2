"""Coverage-guided fuzzing of every parser that meets what comes from outside: `python -m bench.security_fuzz`.

Atheris (libFuzzer) runs in a child process for each parser, begins with the inputs of `tests/fuzz` and goes where new
code is reached; every second input is bent by those tests' own mutations, which know the formats. Any exception but the
refusal that callers expect is a crash, as is an input that takes longer than 10 s or more than 2 GiB.
`YIPING_FUZZ_INPUTS` is the number of inputs in all (1,000,000 unless it says otherwise).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[1]
SHARES: Mapping[str, float] = MappingProxyType(
    {
        "sl651": 0.24, "mqtt": 0.22, "modbus": 0.2, "sensorthings": 0.12, "alertmanager": 0.12, "open311": 0.06,
        "cap": 0.04, "yaml": 0.004, "csv": 0.004, "photo": 0.002,
    }
)  # fmt: skip
LONGEST_INPUT_S = 10
MEMORY_MIB = 2048
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_CRASH = re.compile(r"(?m)^(?:SUMMARY|==\d+== ERROR|ERROR): .*$")


def _parsers(folder: Path) -> Mapping[str, Callable[[bytes], None]]:
    from data.config.located import ConfigError, parse_text  # noqa: PLC0415
    from data.errors import InputRejected  # noqa: PLC0415 - inside the child, where it is instrumented
    from tests.fuzz import parsers  # noqa: PLC0415
    from web import photo_decoder  # noqa: PLC0415
    from web.json_guard import bad_json  # noqa: PLC0415

    def yaml(content: bytes) -> None:
        try:
            parse_text(content.decode("utf-8", "replace"), "fuzz")
        except ConfigError as error:
            raise InputRejected(str(error)) from None

    def photo(content: bytes) -> None:
        try:
            photo_decoder.decode(content, 1_000_000, 512)
        except photo_decoder._Refused as error:
            raise InputRejected(str(error)) from None

    def open311(content: bytes) -> None:
        from urllib.parse import parse_qsl  # noqa: PLC0415

        from web.open311 import _report  # noqa: PLC0415

        text = content.decode("utf-8", "replace")
        _report({"service_code": "x", **dict(parse_qsl(text))}, {"x": None})  # type: ignore[dict-item]

    def guarded(parse: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def parsed(content: bytes) -> None:
            if bad_json(content) is None:  # the server looks first, for every route
                parse(content)

        return parsed

    return {
        "sl651": parsers.sl651, "mqtt": parsers.mqtt, "modbus": parsers.modbus, "cap": parsers.cap, "yaml": yaml,
        "sensorthings": guarded(parsers.sensorthings), "alertmanager": guarded(parsers.alertmanager),
        "open311": open311, "csv": parsers.csv_in(folder), "photo": photo,
    }  # fmt: skip


def _seeds(parser: str) -> Sequence[bytes]:
    from tests.fuzz import parsers  # noqa: PLC0415

    if parser in parsers._JSON:
        return [json.dumps(one).encode() for one in parsers._JSON[parser]]
    if parser in parsers._BYTES:
        return parsers._BYTES[parser]
    if parser == "yaml":
        return [b"name: t\nsites:\n  - {id: a, location: {lon: 1.5, lat: 2}}\n", b"a: &x [1, 2]\nb: *x\nc: !!str 7\n"]
    if parser == "open311":
        return ["service_code=x&lat=29.6&long=106.5&description=积水&phone=138&media_url=http://a/b".encode()]
    return _pictures()


def _pictures() -> Sequence[bytes]:
    import io  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415

    found = []
    for form in ("JPEG", "PNG", "WEBP"):
        picture = Image.new("RGB", (24, 16), (200, 30, 30))
        exif = picture.getexif()
        exif[0x0112], exif[0x0132] = 6, "2024:07:12 12:00:00"
        buffer = io.BytesIO()
        picture.save(buffer, form, exif=exif)
        found.append(buffer.getvalue())
    return found


def child(parser: str, runs: int, seconds: int, seed: int, folder: Path) -> None:
    """Fuzz one parser in this process; ends it. Crashes lie in `folder` as `crash-…`."""
    import atheris  # noqa: PLC0415 - in the child alone

    with atheris.instrument_imports(include=["data", "monitors", "alerts", "web", "tests"]):
        parse = _parsers(folder)[parser]
    from data.errors import InputRejected  # noqa: PLC0415
    from tests.fuzz.mutations import bent  # noqa: PLC0415

    seeds, chance = _seeds(parser), random.Random(seed)
    corpus = folder / f"corpus-{parser}"
    corpus.mkdir()
    for number, content in enumerate(seeds):
        (corpus / str(number)).write_bytes(content)

    def one(content: bytes) -> None:
        try:
            parse(content)
        except InputRejected:
            return

    def mutated(content: bytes, most: int, _seed: int) -> bytes:
        changed = bent(chance, [content or b" ", *seeds]) if chance.random() < 0.5 else atheris.Mutate(content, most)
        return bytes(changed[:most])

    arguments = [
        sys.argv[0], str(corpus), f"-runs={runs}", f"-max_total_time={seconds}", f"-seed={seed}",
        "-print_final_stats=1", f"-timeout={LONGEST_INPUT_S}", f"-rss_limit_mb={MEMORY_MIB}", "-max_len=4096",
        "-verbosity=0",
        f"-artifact_prefix={folder}/{parser}-",
    ]  # fmt: skip
    atheris.Setup(arguments, one, custom_mutator=mutated)
    atheris.Fuzz()


def fuzz(parser: str, runs: int, seconds: int, seed: int, folder: Path) -> tuple[int, str]:
    """How many inputs a parser was given, and what crashed it (empty: nothing)."""
    command = [
        sys.executable, "-m", "bench.security_fuzz", "--child", parser, "--runs", str(runs), "--seconds", str(seconds),
        "--seed", str(seed), "--folder", str(folder),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=seconds + 300, check=False
        )
    except subprocess.TimeoutExpired:
        return 0, f"{parser}: the fuzzer itself did not end"
    said = f"{done.stderr[-3000:]}\n{done.stdout[-3000:]}"
    executed = _EXECUTED.search(said)
    artifacts = sorted(path.name for path in folder.glob(f"{parser}-*") if path.is_file())
    if done.returncode == 0 and executed is not None and not artifacts:
        return int(executed[1]), ""
    content = (folder / artifacts[0]).read_bytes()[:400] if artifacts else b""
    return (0 if executed is None else int(executed[1])), f"{parser}: status {done.returncode}, {content!r}\n{said}"


def measure(inputs: int | None = None) -> dict[str, object]:
    """`fuzz_inputs` and `crashes`; each crash goes to standard error with the input that made it."""
    inputs = inputs or int(os.environ.get("YIPING_FUZZ_INPUTS", "1000000"))
    seed = int(os.environ.get("YIPING_FUZZ_SEED", "20240712")) % 2**31
    seconds = max(60, inputs // 500)
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(2) as pool:
        folder = Path(temporary)
        jobs = {name: pool.submit(fuzz, name, round(inputs * share) + 1, seconds, seed, folder)
                for name, share in _whole(SHARES).items()}  # fmt: skip
        found = {name: job.result() for name, job in jobs.items()}
    for _, crash in found.values():
        if crash:
            print(crash, file=sys.stderr)
    return {
        "fuzz_inputs": sum(count for count, _ in found.values()),
        "crashes": sum(bool(crash) for _, crash in found.values()),
        "fuzz_by_parser": {name: count for name, (count, _) in found.items()},
    }


def _whole(shares: Mapping[str, float]) -> Mapping[str, float]:
    """The shares scaled to one in all."""
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", choices=SHARES)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path())
    given = parser.parse_args()
    if given.child:
        child(given.child, given.runs, given.seconds, given.seed, given.folder)
        return 0
    found = measure()
    print(json.dumps(found))
    return int(bool(found["crashes"]))


if __name__ == "__main__":
    sys.exit(main())
