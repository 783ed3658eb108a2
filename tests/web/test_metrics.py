"""The exposition is what Prometheus reads; the dashboard shows every meter there is, and none that is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from data.local.meter_names import METERS
from data.local.meters import Meters
from tests.web.city import Running
from tests.web.exposition import NAME, families_of, names_of
from web.metrics import metrics_text


def test_the_files_of_all_processes_become_one_exposition_without_a_series_twice(tmp_path: Path) -> None:
    for number in (1, 2):
        worker = Meters()
        worker.count("yiping_inferences_total", 7.0, camera=f"quay-{number}")
        worker.gauge("yiping_site_live", 1.0, site="quay")
        worker.observe("yiping_look_seconds", 0.2)
        worker.observe("yiping_look_seconds", 99.0)
        worker.save(tmp_path / f"metrics-worker-{number}.json")
    own = Meters()
    own.gauge("yiping_site_live", 0.0, site='a "quoted" \\ back\nsecond line 水位')
    own.observe("yiping_look_seconds", 0.004)
    text = metrics_text(own, tmp_path).decode()
    families = families_of(text)
    assert {name: family.type for name, family in families.items()} == {
        "yiping_inferences": "counter",
        "yiping_site_live": "gauge",
        "yiping_look_seconds": "histogram",
    }
    assert families["yiping_inferences"].documentation == "looks taken"
    assert text.count("# TYPE yiping_look_seconds histogram\n") == 1
    counted = {
        (sample.labels["process"], sample.labels.get("le")): sample.value
        for sample in families["yiping_look_seconds"].samples
    }
    assert [counted["worker-1", le] for le in ("0.1", "0.2", "5", "+Inf")] == [0.0, 1.0, 1.0, 2.0]
    told = {sample.labels["site"]: sample.value for sample in families["yiping_site_live"].samples}
    assert told == {"quay": 1.0, 'a "quoted" \\ back\nsecond line 水位': 0.0}


def test_the_running_server_counts_its_acknowledgements_commits_queues_and_memory(running: Running) -> None:
    alert = running.alert()
    with running.client("li") as operator, running.client() as local:
        assert operator.post(f"/api/v1/alerts/{alert}/acknowledge").status_code == 200
        families = families_of(local.get("/metrics").text)
    known = {name.removesuffix("_total") for name in METERS}
    assert set(families) <= known
    assert all(
        family.documentation == METERS.get(name, METERS.get(f"{name}_total")) for name, family in families.items()
    )
    seconds = [s for s in families["yiping_http_request_seconds"].samples if s.name.endswith("_count")]
    assert "acknowledge" in {s.labels["area"] for s in seconds}
    lanes = {s.labels["lane"] for s in families["yiping_lane_taken"].samples}
    assert lanes == {"quick", "lists", "heavy", "public", "intake", "photos"}
    assert {s.labels["place"] for s in families["yiping_waiting_files"].samples} == {"spool", "inbox"}
    assert families["yiping_process_resident_bytes"].samples[0].value > 1e7
    assert families["yiping_disk_free_bytes"].samples[0].value > 0
    assert "yiping_store_commit_seconds" in families


def test_every_meter_in_the_code_is_named_with_its_help_and_every_named_one_is_in_the_code(root: Path) -> None:
    folders = ("alerts", "data", "detectors", "dispatch", "engine", "monitors", "notices", "web")
    sources = [path for folder in folders for path in (root / folder).rglob("*.py") if path.name != "meter_names.py"]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    counted = set(re.findall(r'\b(?:count|gauge|observe)\(\s*"(yiping_[a-z_]+)"', text))
    assert counted
    assert counted <= set(METERS)
    made = {f"yiping_{what}_per_second" for what in ("looks", "pictures")}
    assert set(METERS) - made <= set(NAME.findall(text))


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from data.local.meters import Meters
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
meters, path = Meters(), Path(sys.argv[1])
meters.count("yiping_frames_total", 7.0, site="quay")
meters.save(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))  # no file can grow beyond 10 bytes, as on a full disk
meters.count("yiping_frames_total", 1.0, site="quay")
try:
    meters.save(path)
except OSError as error:
    print("refused")
print(meters.as_dict()["counters"])
"""


def test_a_full_disk_costs_figures_only_and_leaves_the_last_ones_whole(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "metrics-worker-1.json"
    command = [sys.executable, "-c", _FULL_DISK, str(path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["refused", "{'yiping_frames_total': {'{\"site\": \"quay\"}': 8.0}}"]
    families = families_of(metrics_text(Meters(), tmp_path).decode())
    assert [sample.value for sample in families["yiping_frames"].samples] == [7.0]


@pytest.fixture
def dashboard(root: Path) -> Any:
    return json.loads((root / "docs/grafana/yiping.json").read_text(encoding="utf-8"))


def graphs(dashboard: Any) -> Iterator[Any]:
    yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


def lost(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Where `given` has something that `kept` has not, or has otherwise."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            yield from lost(value, kept[key], f"{path}/{key}") if key in kept else [f"{path}/{key}"]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(one, other, f"{path}/{number}")
    elif given != kept:
        yield path


def test_grafanas_own_model_of_a_dashboard_knows_everything_in_ours(dashboard: Any) -> None:
    """Grafana generates it from the schema of its dashboards; what the schema does not have would be dropped."""
    plugins.register_default_plugins()
    kept = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    assert list(lost(dashboard, kept)) == []
    assert list(lost({"title": 1, "panels": [{"titel": "x"}]}, {"title": 1, "panels": [{}]})) == ["/panels/0/titel"]


def test_panels_have_ids_titles_units_and_places_of_their_own(dashboard: Any) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in graphs(dashboard):
        assert panel["type"] in {"stat", "timeseries"}
        assert " · " in panel["title"], "Chinese first, then English"
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters) > 0


def test_the_dashboard_asks_for_meters_that_exist_and_shows_all_of_them(dashboard: Any) -> None:
    expressions = [target["expr"] for panel in graphs(dashboard) for target in panel["targets"]]
    queries = [one["query"]["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
    asked = {name for text in (*expressions, *queries) for name in names_of(text)}
    assert asked == set(METERS)
    for text in expressions:
        assert text.count("(") == text.count(")")
        assert text.count("{") == text.count("}")
        for name in names_of(text):
            if name.endswith("_total"):
                assert f"rate({name}" in text or f"increase({name}" in text, "a counter is shown by its growth"


def test_histograms_are_asked_by_their_buckets(dashboard: Any) -> None:
    for panel in graphs(dashboard):
        for target in panel["targets"]:
            if "histogram_quantile" in target["expr"]:
                assert re.search(r"yiping_[a-z_]+_seconds_bucket\{", target["expr"])
                assert "by (le" in target["expr"]
