"""Masks the keys in settings that are sent to screens, and restores them in what a screen sends back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data.config.difference import by_name
from data.config.document import NAME
from data.config.located import PathKeys, Problem, dotted
from data.config.settings import Settings
from data.errors import InputRejected
from data.model.masking import MASK, secret_mask
from data.model.secrets import Secrets

_SAID = f"{MASK} stands for a key that is not known here: write the key itself"
_UNKNOWN = (None, None)


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as screens get it: the keys in its addresses, headers and bodies are masked.

    They are looked for in the document itself, which may be of a version that has gone long ago.
    """
    return dict(secret_mask(document, Secrets()).within(document))


def unmasked(given: Any, masked: Any, original: Any) -> Any:
    """Restore keys in what a screen sends back: a value still as `shown` gave it becomes the original again.

    Members of lists belong together by id or kind, as a difference names them, never by their place: a key must not
    go to another camera because one before it was taken away. An address is also known where it has moved to or was
    copied to, unless two keys are masked to the same one.
    """
    return _unmasked(given, masked, original, _addresses(masked, original))


def _unmasked(given: Any, masked: Any, original: Any, addresses: Mapping[str, str]) -> Any:
    if not _holds_mask(given):
        return given
    if given == masked:
        return original
    if isinstance(given, Mapping):
        pairs = dict(_pairs(masked, original))
        return {name: _unmasked(one, *pairs.get(name, _UNKNOWN), addresses) for name, one in given.items()}
    if isinstance(given, list):
        pairs_of = _member_pairs(given, masked, original)
        return [_unmasked(one, *pair, addresses) for one, pair in zip(given, pairs_of, strict=True)]
    return addresses.get(given, given)


def _pairs(masked: Any, original: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The values with the same name in both."""
    if isinstance(masked, Mapping) and isinstance(original, Mapping):
        yield from ((name, (masked[name], original[name])) for name in masked.keys() & original.keys())


def _member_pairs(given: list[Any], masked: Any, original: Any) -> list[tuple[Any, Any]]:
    """The masked and original value of each member. Without names, only unique members can be matched."""
    if not isinstance(masked, list) or not isinstance(original, list):
        return [_UNKNOWN] * len(given)
    new, old = by_name(given), by_name(masked)
    if new is not None and old is not None:
        known = dict(zip(old, zip(masked, original, strict=True), strict=True))
        return [known.get(name, _UNKNOWN) for name in new]
    return [_only(one, masked, original) if _holds_mask(one) else _UNKNOWN for one in given]


def _only(one: Any, masked: list[Any], original: list[Any]) -> tuple[Any, Any]:
    same = [known for hidden, known in zip(masked, original, strict=True) if hidden == one]
    return (one, same[0]) if same and all(known == same[0] for known in same) else _UNKNOWN


def _addresses(masked: Any, original: Any) -> dict[str, str]:
    """Addresses by what they were masked to, where that is one address only."""
    found: dict[str, set[str]] = {}
    for hidden, known in _masked_texts(masked, original):
        if "://" in hidden:
            found.setdefault(hidden, set()).add(known)
    return {hidden: known.pop() for hidden, known in found.items() if len(known) == 1}


def _masked_texts(masked: Any, original: Any) -> Iterator[tuple[str, str]]:
    """Every text that was masked, and what it was."""
    if isinstance(masked, str) and isinstance(original, str):
        if masked != original:
            yield masked, original
    elif isinstance(masked, list) and isinstance(original, list):
        for hidden, known in zip(masked, original, strict=True):
            yield from _masked_texts(hidden, known)
    else:
        for _, (hidden, known) in _pairs(masked, original):
            yield from _masked_texts(hidden, known)


def _holds_mask(value: Any) -> bool:
    if isinstance(value, str):
        return MASK in value
    if isinstance(value, Mapping):
        return any(map(_holds_mask, value.values()))
    return isinstance(value, list) and any(map(_holds_mask, value))


def masks_left(given: Any, masked: Any, original: Any) -> Iterator[Problem]:
    """Texts of a document that still hold a mask in the place of a key, each with its place.

    `masked`, `original`: the document that its sender had seen. Asterisks that stood there all along mean themselves.
    """
    hidden = {one for one, _ in _masked_texts(masked, original)}
    meant = {text for _, text in _texts(original) if MASK in text}
    for keys, text in _texts(given):
        if MASK in text and text not in meant and ("://" in text or text in hidden or text == MASK):
            yield Problem(NAME, dotted(keys), 0, _SAID, key="setting.masked")


def _texts(value: Any, keys: PathKeys = ()) -> Iterator[tuple[PathKeys, str]]:
    if isinstance(value, str):
        yield keys, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _texts(one, (*keys, str(name)))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, (*keys, number))


def with_known_keys(settings: Settings, camera: Mapping[str, Any]) -> dict[str, Any]:
    """A camera as a screen was shown it, with the keys of the one in the settings that has its kind and address.

    Raises InputRejected where masks are left for which there is no key, or more than one.
    """
    if not _holds_mask(camera):
        return dict(camera)
    mask, found = secret_mask(settings, Secrets()), list[dict[str, Any]]()
    for one in (one for site in settings.sites for one in site.all_monitors if one.kind == camera.get("kind")):
        original = one.model_dump(mode="json")
        masked = mask.within(original)
        if masked.get("url") == camera.get("url"):
            whole = unmasked(camera, masked, original)
            if whole not in found and not any(masks_left(whole, masked, original)):
                found.append(whole)
    if len(found) != 1:
        raise InputRejected(_SAID, key="setting.masked")
    return found[0]
