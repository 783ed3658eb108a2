"""A list of warnings (Atom, RSS, JSON): those it holds, and the addresses of those it only names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

from data.cap.area import AreaReader
from data.cap.geojson import alert_element, is_alert
from data.cap.message import read_area, text_of
from data.cap.xml import alerts_under, children, document, split_tag
from data.errors import InputRejected
from data.model.warning import WarningArea, WarningNote
from monitors.warnings._cap_filter import WarningFilter

MOST_ENTRIES = 5000
_FEEDS = frozenset(("feed", "rss", "RDF"))
_ENTRIES = frozenset(("entry", "item"))
_LISTS = ("features", "@graph", "alerts", "items", "entries", "warnings", "data")
_ADDRESSES = ("cap", "capUrl", "cap_url", "url", "href", "link", "@id")


@dataclass
class Answer:
    """What came: warnings as CAP elements, and the addresses of more. `version`: with which an address changes."""

    alerts: list[Element] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    notes: set[WarningNote] = field(default_factory=set)
    is_index: bool = False


def read_answer(content: bytes, base: str, wanted: WarningFilter, hosts: frozenset[str]) -> Answer:
    """A message, or a list of them. Addresses of other hosts than the list's own and `hosts` are left out.

    Raises InputRejected when it is neither.
    """
    if content.lstrip()[:1] in (b"{", b"["):
        return _of_json(content, base, wanted, hosts)
    answer = Answer()
    root = document(content, answer.notes)
    if split_tag(root.tag)[1] not in _FEEDS:
        answer.alerts = alerts_under(root)
        return answer
    answer.is_index = True
    entries = [element for element in root.iter() if split_tag(element.tag)[1] in _ENTRIES]
    for entry in entries[:MOST_ENTRIES]:
        inner = [one for one in entry.iter() if split_tag(one.tag)[1] == "alert"]
        if inner:
            answer.alerts += inner
        elif _is_wanted(entry, wanted):
            link = _link_of(entry)
            if link and (address := _address(link, base, hosts)):
                answer.links.append((address, text_of(entry, "updated", 100) or text_of(entry, "pubDate", 100)))
    if len(entries) > MOST_ENTRIES:
        raise InputRejected(f"the list has {len(entries)} entries, {MOST_ENTRIES} are taken at most")
    return answer


def _is_wanted(entry: Element, wanted: WarningFilter) -> bool:
    """By what the entry itself says; what it does not say is not held against it."""
    event = text_of(entry, "event", 200)
    area = read_area(entry, AreaReader())
    says_where = bool(area.description or area.polygons or area.circles or area.geocodes)
    return wanted.wants_event(event) and (not says_where or wanted.wants_areas([area]))


def _link_of(entry: Element) -> str:
    """Of several links the one to CAP, else the first; else the entry's id where that is an address."""
    links = list(children(entry, "link"))
    links.sort(key=lambda link: ("cap" not in link.get("type", ""), link.get("rel", "alternate") != "alternate"))
    for link in links:
        address = link.get("href") or (link.text or "").strip()
        if address:
            return address
    for name in ("id", "guid"):
        text = text_of(entry, name, 2000)
        if text.startswith(("http://", "https://")):
            return text
    return ""


def _address(link: str, base: str, hosts: frozenset[str]) -> str:
    """Absolute; empty for another host than the list's own or a configured one."""
    try:
        address = urljoin(base, link.strip()[:2000])
        there, here = urlsplit(address), urlsplit(base)
        same = (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
        known = there.scheme in {"http", "https"} and "@" not in there.netloc and (there.hostname or "") in hosts
    except ValueError:
        return ""
    return address if same or known else ""


def _of_json(content: bytes, base: str, wanted: WarningFilter, hosts: frozenset[str]) -> Answer:
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputRejected(f"the answer is no JSON: {error}"[:200]) from None
    if isinstance(whole, Mapping) and is_alert(whole):
        return Answer([alert_element(whole)])
    answer = Answer(is_index=True)
    entries = list(_entries(whole))
    if len(entries) > MOST_ENTRIES:
        raise InputRejected(f"the list has {len(entries)} entries, {MOST_ENTRIES} are taken at most")
    for entry in entries:
        if isinstance(entry, str):
            link = entry
        elif not isinstance(entry, Mapping):
            continue
        elif is_alert(entry):
            answer.alerts.append(alert_element(entry))
            continue
        elif not _json_is_wanted(entry, wanted):
            continue
        else:
            link = next((entry[name] for name in _ADDRESSES if isinstance(entry.get(name), str)), "")
        if link and (address := _address(link, base, hosts)):
            version = entry.get("updated") or entry.get("sent") or "" if isinstance(entry, Mapping) else ""
            answer.links.append((address, str(version)[:100]))
    return answer


def _entries(whole: Any) -> Iterator[Any]:
    if isinstance(whole, list):
        yield from whole
        return
    if isinstance(whole, Mapping):
        for name in _LISTS:
            if isinstance(whole.get(name), list):
                yield from whole[name]
                return
    raise InputRejected("the answer is neither a CAP message nor a list of them")


def _json_is_wanted(entry: Mapping[str, Any], wanted: WarningFilter) -> bool:
    event, area = entry.get("event"), entry.get("areaDesc") or entry.get("area")
    if isinstance(event, str) and not wanted.wants_event(event):
        return False
    return not isinstance(area, str) or wanted.wants_areas([WarningArea(area[:1000])])
