"""The phone page as a phone meets it: https at a name, an authority that was installed, and a network that breaks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Error, Geolocation, Page, Playwright, expect

from data.model.task import TaskState
from tests.conftest import CHROMIUM
from tests.servers.wire import Wire, wire
from tests.web.city import Running, until
from tests.web.phone_city import GATE, call_off, log_in, start_phone_city
from web.tls import MadeFiles, init

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME = "phone.wangjiang.test"
HERE: Geolocation = {"latitude": GATE.lat + 0.0005, "longitude": GATE.lon + 0.0015, "accuracy": 12}
BUDGET_BYTES, BUDGET_REQUESTS = 60 * 1024, 10
SLOW_3G = (0.2, 50_000)  # seconds each way, bytes a second: 400 kbit/s with 400 ms there and back


@dataclass
class Street:
    """The server behind a wire that can be cut, and the name under which phones know it."""

    running: Running
    wire: Wire
    made: MadeFiles

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.wire.port}"


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("https")
    made = init(folder, [NAME], [])
    running, stop = start_phone_city(folder, made)
    with wire(int(running.base.rpartition(":")[2])) as between:
        yield Street(running, between, made)
    stop()


def open_phone(playwright: Playwright, home: Path, locale: str = "zh-CN") -> BrowserContext:
    """A phone with a profile of its own; the name leads to this machine, as an entry in its hosts file would."""
    context = playwright.chromium.launch_persistent_context(
        home / "profile",
        executable_path=CHROMIUM,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        args=["--no-sandbox", "--disable-gpu", "--disable-quic", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"],
        viewport={"width": 390, "height": 844},
        is_mobile=True,
        has_touch=True,
        locale=locale,
        geolocation=HERE,
        permissions=["geolocation"],
    )
    context.set_default_timeout(20_000)
    return context


def install_authority(home: Path, made: MadeFiles) -> None:
    """As somebody does once on each phone (certutil is of Debian's libnss3-tools)."""
    folder = home / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    base = f"sql:{folder}"
    authority = ["-n", "yiping", "-t", "C,,", "-i", str(made.authority)]
    for arguments in (["-N", "--empty-password"], ["-A", *authority]):
        subprocess.run(["certutil", "-d", base, *arguments], check=True, capture_output=True, timeout=60)


@pytest.fixture
def phone(street: Street, playwright: Playwright, tmp_path: Path) -> Iterator[Page]:
    """Zhang's phone, logged in."""
    install_authority(tmp_path, street.made)
    context = open_phone(playwright, tmp_path)
    page = context.pages[0]
    log_in(page, "zhang", f"{street.url}/r")
    yield page
    street.wire.slow(0, 0)
    street.wire.mend()
    context.close()
    call_off(street.running)


def dispatch(street: Street) -> int:
    with street.running.client("li") as li:
        answer = li.post(f"/api/v1/alerts/{street.running.alert()}/dispatch", json={})
    task: int = answer.json()["task"]["id"]
    return task


def photo(file: Path) -> Path:
    """About a megabyte, as from a phone."""
    Image.effect_noise((1600, 1200), 80).convert("RGB").save(file, quality=85)
    assert file.stat().st_size > 800_000
    return file


def trail(street: Street, subject: str) -> list[str]:
    return [entry.action for entry in street.running.store.read(lambda reader: reader.audit(subject=subject))]


def test_a_phone_that_does_not_know_the_authority_does_not_trust_the_page(
    street: Street, playwright: Playwright, tmp_path: Path
) -> None:
    context = open_phone(playwright, tmp_path)
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        context.pages[0].goto(f"{street.url}/r")
    context.close()


def test_at_a_trusted_name_the_page_is_installable_and_shares_the_place(street: Street, phone: Page) -> None:
    assert phone.evaluate("[location.protocol, location.hostname, isSecureContext]") == ["https:", NAME, True]
    scope = phone.evaluate("navigator.serviceWorker.ready.then(worker => worker.scope)")
    assert scope == f"{street.url}/r"
    tools = phone.context.new_cdp_session(phone)
    manifest = tools.send("Page.getAppManifest")
    assert manifest["url"] == f"{street.url}/r/manifest.webmanifest"
    assert manifest["errors"] == []
    assert tools.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    phone.tap("#share")

    def place() -> tuple[float, float] | None:
        shared = street.running.store.read(lambda reader: reader.responder("zhang")).position
        return None if shared is None else (round(shared.lat, 6), round(shared.lon, 6))

    until(lambda: place() == (round(HERE["latitude"], 6), round(HERE["longitude"], 6)), 20)
    expect(phone.locator("#shared")).to_contain_text("位置共享中")


@pytest.mark.alone
def test_at_the_speed_of_slow_3g_the_page_with_an_offer_is_there_within_its_budget(
    street: Street, phone: Page, tmp_path: Path
) -> None:
    dispatch(street)
    tools = phone.context.new_cdp_session(phone)
    phone.goto("about:blank")
    kept = "service_workers,cache_storage,indexeddb,local_storage"
    tools.send("Storage.clearDataForOrigin", {"origin": street.url, "storageTypes": kept})
    tools.send("Network.clearBrowserCache")
    street.wire.cut()  # nothing is kept warm: a new connection, a new handshake
    street.wire.mend()
    street.wire.slow(*SLOW_3G)
    requests: list[str] = []
    phone.on("request", lambda request: requests.append(request.url))
    passed, began = street.wire.down + street.wire.up, time.monotonic()
    phone.goto(f"{street.url}/r")
    expect(phone.locator("article.offer [data-do=accept]")).to_be_visible()
    seen_s = time.monotonic() - began
    phone.wait_for_load_state("networkidle")
    transferred = street.wire.down + street.wire.up - passed
    asked = [url for url in requests if "/r/live" not in url and "/media/" not in url]
    print(f"\nslow 3G: the offer is there after {seen_s:.1f} s; {transferred} bytes on the wire, {len(asked)} requests")
    phone.screenshot(path=tmp_path / "offer.png")
    assert len(asked) <= BUDGET_REQUESTS, asked
    assert transferred <= BUDGET_BYTES
    assert 1.0 <= seen_s <= 8.0, "four ways there and back at least"
    began = time.monotonic()
    phone.tap("[data-do=accept]")
    expect(phone.locator("article.work [data-do=en-route]")).to_be_visible()
    assert time.monotonic() - began <= 5.0, "an answer is given at once, however slow the network"


def test_a_report_cut_in_the_middle_of_its_photo_arrives_once(street: Street, phone: Page, tmp_path: Path) -> None:
    task = dispatch(street)
    for step in ("accept", "en-route", "on-scene"):
        phone.tap(f"[data-do={step}]")
    store = street.running.store
    until(lambda: store.read(lambda reader: reader.task(task)).state is TaskState.ON_SCENE, 20)
    phone.set_input_files("article input[name=photo]", photo(tmp_path / "photo.jpg"))
    phone.fill("article textarea", "隧道口网络中断")
    street.wire.cut_after(300_000)
    phone.tap("article form.report .go")
    assert street.wire.is_cut.wait(30), "the photo was on its way"
    expect(phone.locator("#link")).to_contain_text("待发送 1")
    assert store.read(lambda reader: reader.task(task)).reported_at is None
    phone.screenshot(path=tmp_path / "cut.png")
    street.wire.mend()
    expect(phone.get_by_text("已上报，等待核实")).to_be_visible(timeout=30_000)
    done = until(lambda: (found := store.read(lambda r: r.task(task))).reported_at and found, 20)
    assert (done.report_text, done.responder) == ("隧道口网络中断", "zhang")
    kept = store.read(lambda reader: reader.evidence(done.report_photo))
    assert kept.media_type == "image/jpeg"
    time.sleep(4)  # more than one turn of the page: nothing is sent again
    assert trail(street, f"task:{task}").count("report") == 1
    expect(phone.locator("#link")).to_have_text("已连接")
