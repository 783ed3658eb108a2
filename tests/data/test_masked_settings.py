"""Keys that were masked for a screen come back to where they were, and to nowhere else."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from data.config.masked import masks_left, shown, unmasked, with_known_keys
from data.config.reading import DocumentReader
from data.config.settings import Settings
from data.errors import InputRejected
from engine.catalogue import load_catalogue

FIRST, SECOND = "kettleharbour42first", "kettleharbour42second"


def gauge(name: str, key: str, host: str = "192.0.2.1") -> dict[str, Any]:
    return {
        "kind": "http_poll",
        "id": name,
        "url": f"http://{host}/levels",
        "headers": {"X-Key": key},
        "quantity": "water_level",
        "value": "v",
    }


def camera(name: str, key: str) -> dict[str, Any]:
    address = f"http://192.0.2.8/{name}.jpg?token={key}"
    return {"id": name, "location": {"lon": 121.5, "lat": 31.2}, "monitor": {"kind": "http_snapshot", "url": address}}


def back(given: Any, original: Any) -> tuple[Any, list[str]]:
    """What is kept of what a screen sends, and where a key is missing."""
    masked = shown(original)
    whole = unmasked(given, masked, original)
    return whole, [one.path for one in masks_left(whole, masked, original)]


def test_the_keys_of_the_document_itself_are_masked_and_come_back() -> None:
    document = {"sites": [camera("quay", FIRST), camera("gate", SECOND)]}
    seen = shown(document)
    assert FIRST not in json.dumps(seen)
    assert SECOND not in json.dumps(seen)
    assert back(seen, document) == (document, [])


def test_the_key_of_a_gauge_stays_with_it_when_the_one_before_it_goes() -> None:
    site = {"id": "quay", "monitors": [gauge("north", FIRST), gauge("south", SECOND)]}
    document = {"sites": [site]}
    seen = shown(document)
    del seen["sites"][0]["monitors"][0]
    seen["sites"][0]["monitors"][0]["every"] = "30s"
    whole, missing = back(seen, document)
    assert whole["sites"][0]["monitors"] == [gauge("south", SECOND) | {"every": "30s"}]
    assert missing == []


def test_without_ids_a_key_goes_to_nobody_else_and_is_asked_for() -> None:
    given = [gauge("", FIRST), gauge("", SECOND)]
    for one in given:
        del one["id"]
    document = {"sites": [{"id": "quay", "monitors": given}]}
    seen = shown(document)
    del seen["sites"][0]["monitors"][0]
    whole, missing = back(seen, document)
    assert FIRST not in json.dumps(whole)
    assert missing == ["sites[0].monitors[0].headers.X-Key"]


def test_a_camera_that_is_copied_renamed_or_moved_keeps_the_key_in_its_address() -> None:
    document = {"sites": [camera("quay", FIRST), camera("gate", SECOND)]}
    seen = shown(document)
    copied = deepcopy(seen["sites"][0]) | {"id": "quay-2"}
    copied["monitors"] = [copied.pop("monitor")]
    whole, missing = back({"sites": [*seen["sites"], copied]}, document)
    assert whole["sites"][2]["monitors"] == [camera("quay", FIRST)["monitor"]]
    assert missing == []


def test_an_address_to_which_two_keys_are_masked_is_asked_for() -> None:
    same = camera("quay", FIRST) | {"id": "gate"}
    same["monitor"] = {"kind": "http_snapshot", "url": f"http://192.0.2.8/quay.jpg?token={SECOND}"}
    document = {"sites": [camera("quay", FIRST), same]}
    seen = shown(document)
    seen["sites"][1]["id"] = "gate-2"
    whole, missing = back(seen, document)
    assert whole["sites"][0] == camera("quay", FIRST)
    assert missing == ["sites[1].monitor.url"]


def test_an_address_that_was_edited_around_its_mask_is_asked_for() -> None:
    document = {"sites": [camera("quay", FIRST)]}
    seen = shown(document)
    seen["sites"][0]["monitor"]["url"] = "http://192.0.2.9/quay.jpg?token=***"
    assert back(seen, document)[1] == ["sites[0].monitor.url"]


def test_asterisks_that_somebody_wrote_mean_themselves() -> None:
    document = {"name": "*** River ***", "sites": [camera("quay", FIRST)]}
    seen = shown(document)
    seen["sites"][0]["name"] = "the *** quay"
    whole, missing = back(seen | {"timezone": "Asia/Shanghai"}, document)
    assert (whole["name"], whole["sites"][0]["name"], missing) == ("*** River ***", "the *** quay", [])


def settings(*sites: dict[str, Any]) -> Settings:
    return DocumentReader(Settings(config="screen"), load_catalogue()).read({"sites": list(sites)})


def test_a_camera_is_tried_out_with_the_key_that_the_screen_was_not_shown() -> None:
    both = settings(camera("quay", FIRST), camera("gate", SECOND))
    tried = {"kind": "http_snapshot", "url": "http://192.0.2.8/gate.jpg?token=***", "every": "2s"}
    assert with_known_keys(both, tried) == tried | {"url": f"http://192.0.2.8/gate.jpg?token={SECOND}"}
    new = tried | {"url": "http://192.0.2.8/pier.jpg?token=kettleharbour42third"}
    assert with_known_keys(both, new) == new
    with pytest.raises(InputRejected) as caught:
        with_known_keys(both, tried | {"url": "http://192.0.2.8/pier.jpg?token=***"})
    assert caught.value.key == "setting.masked"
