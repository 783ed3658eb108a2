"""Why a camera or gauge cannot be read: causes that screens have words for, and the history of losses.

A reason is one line of English with the device's address in it; a cause is one of `CAUSES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from data.model.views import iso

LOSSES_KEPT = 10

# The first that matches counts. The names are keys of layouts.words ("lost.<name>").
_PATTERNS: Sequence[tuple[str, str]] = (
    ("settings", r"^rejected: (?!.*(no video|decoded))"),
    ("no_push", r"bytesSpeed 0"),
    ("platform_login", r"platform refuses the login|gave no access token"),
    ("channel_offline", r"platform refuses playing.*(离线|不在线|offline)"),
    ("channel_unknown", r"platform refuses playing.*(不存在|未找到|not found|not exist)"),
    ("channel_silent", r"platform refuses playing.*(超时|time.?out)"),
    ("platform_refuses", r"platform refuses|platform answers"),
    ("no_stream", r"platform has opened no stream"),
    ("no_address", r"names no rtsp address"),
    ("platform_away", r"platform (cannot be asked|does not answer)"),
    ("login", r"\b401\b|Unauthorized|\b403\b|Forbidden|[Nn]ot authori[sz]ed|[Bb]ad user ?name"),
    ("not_found", r"\b404\b|Not Found"),
    ("file", r"there is no file|No such file"),
    ("refused", r"Connection refused|ConnectError"),
    ("unknown_name", r"Name or service not known|[Nn]ame resolution|getaddrinfo"),
    ("silent", r"nothing new for|no new picture|time-out and was broken off"),
    ("unreachable", r"[Tt]imed? ?out|[Nn]o route|unreachable|no answer|no valid answer|No response|cannot connect"),
    ("ended", r"ended the stream|End of file|has ended|ended without"),
    ("no_video", r"no video|Invalid data|can be decoded|cannot be decoded"),
    ("broken", r"cannot read on|reading ended|reset by peer|[Bb]roken pipe|Input/output|disconnected|closed"),
    ("server", r"answers 5\d\d|\b5\d\d [A-Z]"),
)
CAUSES = (*(name for name, _ in _PATTERNS), "defect", "other")
_KNOWN = [(name, re.compile(pattern)) for name, pattern in _PATTERNS]
_ADDRESS = re.compile(r"[a-z][a-z0-9+]*://\S*[^\s:]")


def cause_of(reason: str) -> str:
    """One of CAUSES; empty for no reason."""
    if not reason:
        return ""
    if "not foreseen" in reason:
        return "defect"
    return next((name for name, pattern in _KNOWN if pattern.search(reason)), "other")


def without_address(reason: str, site: str) -> str:
    """The reason without the site's name and the device's address, as shown to everybody who may see the site."""
    text = _ADDRESS.sub("", reason.removeprefix("rejected: ").removeprefix(f"{site}: "))
    return re.sub(r"\s{2,}", " ", text).strip(" :")[:300]


def losses_after(known: Any, site: str, health: str, reason: str, at: datetime) -> list[dict[str, Any]]:
    """The site's losses, newest first, updated by this state. `known`: the stored state of its health, of any shape.

    Each `{"at", "until", "cause", "reason"}`; `until` is null while it lasts. Another cause begins another entry.
    """
    told = known.get("losses") if isinstance(known, Mapping) else None
    losses = [dict(one) for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    now, cause = iso(at), cause_of(reason)
    newest = losses[0] if losses and losses[0].get("until") is None else None
    if newest is not None and (health != "lost" or newest.get("cause") != cause):
        newest["until"] = now
        newest = None
    if health == "lost":
        text = without_address(reason, site)
        if newest is None:
            losses.insert(0, {"at": now, "until": None, "cause": cause, "reason": text})
        else:
            newest["reason"] = text
    return losses[:LOSSES_KEPT]
