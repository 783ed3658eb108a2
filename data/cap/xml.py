"""The <alert> elements in what a server or a folder gave as CAP: mended where the faults are harmless, and said so.

Read with defusedxml: no entities, no document type, nothing fetched. Around the message there may be lines of a
telegram, an envelope (EDXL, SOAP), a feed; its encoding may be a Chinese one, which the XML parser does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from data.errors import InputRejected
from data.model.warning import WarningNote

LARGEST_BYTES = 2_000_000
MOST_ALERTS = 100
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]{0,200}\?>", re.ASCII)
_DECLARATIONS = re.compile(r"<\?xml[^>]{0,200}\?>")
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']\s*([A-Za-z0-9._-]{1,40})", re.ASCII)
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_FORBIDDEN_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CHINESE = frozenset(("gb2312", "gbk", "gb18030", "cp936", "gb_2312-80", "euc-cn"))
_CAP = "emergency:cap"


def alerts_in(content: bytes) -> tuple[list[Element], set[WarningNote]]:
    """Every CAP <alert> in the document, at most MOST_ALERTS, and what had to be mended to read it.

    Raises InputRejected, saying what is wrong.
    """
    if len(content) > LARGEST_BYTES:
        raise InputRejected(f"the message has {len(content)} bytes, {LARGEST_BYTES} are taken at most")
    notes: set[WarningNote] = set()
    return alerts_under(document(content, notes)), notes


def alerts_under(root: Element) -> list[Element]:
    """The document itself where it is an <alert>, else those in it. Raises InputRejected when there is none."""
    namespace, name = split_tag(root.tag)
    if name == "alert":
        if not _is_cap(root, namespace):
            raise InputRejected(f"this is no CAP alert but <alert> of {namespace[:80] or 'no namespace'}")
        return [root]
    inner = [one for one in root.iter() if split_tag(one.tag)[1] == "alert" and _is_cap(one, split_tag(one.tag)[0])]
    if not inner:
        raise InputRejected(f"this is no CAP alert but <{name[:40]}> of {namespace[:80] or 'no namespace'}")
    if len(inner) > MOST_ALERTS:
        raise InputRejected(f"there are {len(inner)} messages in one document, {MOST_ALERTS} are taken at most")
    return inner


def document(content: bytes, notes: set[WarningNote]) -> Element:
    """The root of an XML document. `notes` gains what was mended. Raises InputRejected."""
    start = content.find(b"<")
    if start > 0 and not content.startswith(_UTF16):
        if content[:start].strip(b"\xef\xbb\xbf \t\r\n"):
            notes.add(WarningNote.XML_MENDED)
        content = content[start:]
    text = _decoded(content, notes)
    try:
        return _parsed(content if text is None else text)
    except _NotXml as error:
        first = error
    if text is None:
        text = _guessed(content, notes)
    text = _DECLARATIONS.sub("", text[: text.rfind(">") + 1])  # an envelope may hold a whole document
    mended = _BARE_AMPERSAND.sub("&amp;", _FORBIDDEN_CHARACTERS.sub(" ", text))
    try:
        root = _parsed(mended)
    except _NotXml:
        raise InputRejected(f"the message is not XML: {first}"[:200]) from None
    notes.add(WarningNote.XML_MENDED)
    return root


def split_tag(tag: object) -> tuple[str, str]:
    """Namespace and local name of an element's tag."""
    text = tag if isinstance(tag, str) else ""
    namespace, _, name = text.rpartition("}")
    return namespace.removeprefix("{"), name


def children(parent: Element, name: str) -> Iterator[Element]:
    """Those of this local name, of whatever namespace."""
    return (child for child in parent if split_tag(child.tag)[1] == name)


class _NotXml(Exception):
    """The parser's words."""


def _parsed(content: bytes | str) -> Element:
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputRejected(f"the message holds forbidden XML: {type(error).__name__}") from None
    except (ParseError, ValueError, LookupError) as error:
        raise _NotXml(str(error)) from None
    return root


def _is_cap(alert: Element, namespace: str) -> bool:
    if not namespace or _CAP in namespace.lower():
        return True
    return next(children(alert, "info"), None) is not None


def _decoded(content: bytes, notes: set[WarningNote]) -> str | None:
    """As text without its declaration, where the declared encoding is one that the XML parser cannot read."""
    declaration = _DECLARATION.match(content)
    found = None if declaration is None else _ENCODING.search(declaration[0])
    if declaration is None or found is None or found[1].decode("ascii").lower() not in _CHINESE:
        return None
    body = content[declaration.end() :]
    try:
        return body.decode("gb18030")
    except UnicodeDecodeError:
        notes.add(WarningNote.ENCODING_MENDED)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("gb18030", "replace")


def _guessed(content: bytes, notes: set[WarningNote]) -> str:
    """A document that its declared encoding does not fit: UTF-8, else GB 18030."""
    declaration = None if content.startswith(_UTF16) else _DECLARATION.match(content)
    body = content[declaration.end() :] if declaration is not None else content
    if content.startswith(_UTF16):
        return content.decode("utf-16", "replace").partition("?>")[2]
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        notes.add(WarningNote.ENCODING_MENDED)
    try:
        return body.decode("gb18030")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")
