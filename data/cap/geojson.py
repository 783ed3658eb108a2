"""CAP as JSON, as the US weather service's API gives it (GeoJSON features), turned into CAP's own elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

_PLAIN = (("identifier", ("identifier", "id")), ("sender", ("sender",)), ("sent", ("sent",)), ("status", ("status",)),
          ("msgType", ("messageType", "msgType")), ("scope", ("scope",)))  # fmt: skip
_INFO = (
    ("language", "language"), ("category", "category"), ("event", "event"), ("responseType", "response"),
    ("urgency", "urgency"), ("severity", "severity"), ("certainty", "certainty"), ("effective", "effective"),
    ("onset", "onset"), ("expires", "expires"), ("senderName", "senderName"), ("headline", "headline"),
    ("description", "description"), ("instruction", "instruction"),
)  # fmt: skip


def is_alert(entry: Any) -> bool:
    """Is this a whole warning, and not only a pointer to one?"""
    properties = _properties(entry)
    return bool(properties.get("event")) and bool(properties.get("messageType") or properties.get("msgType"))


def alert_element(entry: Mapping[str, Any]) -> Element:
    """A feature, or its properties alone, as an <alert>."""
    properties = _properties(entry)
    alert = Element("alert")
    for name, keys in _PLAIN:
        _add(alert, name, next((properties[key] for key in keys if properties.get(key)), None))
    references = [
        ",".join(str(one.get(key, "")) for key in ("sender", "identifier", "sent"))
        for one in _list(properties.get("references"))
        if isinstance(one, Mapping)
    ]
    _add(alert, "references", " ".join(references))
    info = SubElement(alert, "info")
    for name, key in _INFO:
        _add(info, name, properties.get(key))
    _pairs(info, "eventCode", properties.get("eventCode"))
    _pairs(info, "parameter", properties.get("parameters"))
    area = SubElement(info, "area")
    _add(area, "areaDesc", properties.get("areaDesc"))
    for ring in _rings(entry.get("geometry")):
        _add(area, "polygon", ring)
    _pairs(area, "geocode", properties.get("geocode"))
    return alert


def _properties(entry: Any) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        return {}
    inner = entry.get("properties")
    return inner if isinstance(inner, Mapping) else entry


def _list(value: Any) -> Iterable[Any]:
    if isinstance(value, list):
        return value
    return () if value is None else (value,)


def _add(parent: Element, name: str, value: Any) -> None:
    if isinstance(value, str | int | float) and value != "":
        SubElement(parent, name).text = str(value)


def _pairs(parent: Element, name: str, values: Any) -> None:
    """`{"UGC": ["TXZ192"]}` as valueName and value."""
    if not isinstance(values, Mapping):
        return
    for key, given in values.items():
        for value in _list(given):
            pair = SubElement(parent, name)
            _add(pair, "valueName", str(key))
            _add(pair, "value", value)


def _rings(geometry: Any) -> Iterable[str]:
    """The outer rings of a Polygon or MultiPolygon as CAP writes them; a shape that is none is an empty polygon."""
    if not isinstance(geometry, Mapping):
        return []
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if geometry.get("type") == "Polygon" else coordinates
    if geometry.get("type") not in ("Polygon", "MultiPolygon") or not isinstance(polygons, list):
        return [""]
    try:
        return [" ".join(f"{float(lat)!r},{float(lon)!r}" for lon, lat, *_ in polygon[0]) for polygon in polygons]
    except (TypeError, ValueError, IndexError, KeyError):
        return [""]
