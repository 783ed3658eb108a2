"""What recipes of several kinds share holds for each of them: plain addresses, sensible times, no secret in errors."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from data.ports.recipe import MonitorRecipe
from monitors.gauges.http_poll import Recipe as HttpPoll
from monitors.video.http_snapshot import Recipe as HttpSnapshot
from monitors.video.rtsp_camera import Recipe as RtspCamera
from monitors.video.wvp_camera import Recipe as WvpCamera
from monitors.warnings.cap_warnings import Recipe as CapWarnings

ASKED: list[tuple[type[MonitorRecipe], dict[str, Any]]] = [
    (HttpPoll, {"quantity": "water_depth"}),
    (HttpSnapshot, {}),
    (CapWarnings, {}),
]
PLAYED: list[tuple[type[MonitorRecipe], str, dict[str, Any]]] = [
    (RtspCamera, "rtsp://cam/1", {}),
    (WvpCamera, "https://wvp", {"device": "34020000001320000001", "channel": "34020000001320000001"}),
]


@pytest.mark.parametrize(("recipe", "more"), ASKED)
def test_what_is_asked_over_http_has_a_plain_address_and_sensible_times(
    recipe: type[MonitorRecipe], more: dict[str, Any]
) -> None:
    longest = "1h" if recipe is CapWarnings else "1d"
    recipe.model_validate({"url": "https://host/path", "every": longest, "timeout": "100ms", **more})
    for name, wrong in (("every", "25h"), ("timeout", "50ms")):
        with pytest.raises(ValidationError, match=f"it must lie between 100ms and {longest}"):
            recipe.model_validate({"url": "https://host/path", name: wrong, **more})
    with pytest.raises(ValidationError, match="must begin with http:// or https://"):
        recipe.model_validate({"url": "ftp://host/path", **more})
    with pytest.raises(ValidationError, match="must not hold user and password") as refused:
        recipe.model_validate({"url": "https://li:geheim@host/path", **more})
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(("recipe", "url", "more"), PLAYED)
def test_what_is_played_live_has_a_sensible_time_out_and_no_secret_in_errors(
    recipe: type[MonitorRecipe], url: str, more: dict[str, Any]
) -> None:
    given = recipe.model_validate({"url": url, "timeout": "2min", "transport": "udp", "loop_filter": False, **more})
    assert given.gives == "frames"
    with pytest.raises(ValidationError, match="between 500ms and 2min"):
        recipe.model_validate({"url": url, "timeout": "121s", **more})
    with pytest.raises(ValidationError, match="must not hold user and password") as refused:
        recipe.model_validate({"url": url.replace("//", "//li:geheim@"), **more})
    assert "geheim" not in str(refused.value)
