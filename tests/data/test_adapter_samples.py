"""Every sample of docs/adapters.md is a configuration that `check` accepts, and every monitor has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data.config.reading import load_settings
from engine.catalogue import load_catalogue

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "adapters.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.partition("kind: ")[2].split(",")[0].split()[0])
def test_a_sample_is_accepted_as_it_stands(sample: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(sample, encoding="utf-8")
    names = re.findall(r"credentials: ([a-z0-9-]+)", sample)
    known = {f"YIPING_CREDENTIALS_{name.upper().replace('-', '_')}": "user:password" for name in names}
    settings, _ = load_settings(tmp_path / "config.yaml", load_catalogue(), known)
    assert settings.sites


def test_every_kind_of_monitor_has_a_sample() -> None:
    shown = {kind for sample in SAMPLES for kind in re.findall(r"kind: ([a-z0-9_]+)", sample)}
    assert set(load_catalogue().monitors) - shown == set()
