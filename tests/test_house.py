"""What the house promises about itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from data.config.describe import settings_markdown
from data.config.settings import Settings
from engine.catalogue import load_catalogue
from tests.web.city import open_deps
from web.access_docs import access_markdown
from web.server import build_server

FLOORS = ("app.py", "alerts", "data", "detectors", "dispatch", "engine", "layouts", "monitors", "notices", "web")


def product_files(root: Path) -> Iterator[Path]:
    for floor in FLOORS:
        path = root / floor
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_product_code_imports_every_package_it_was_asked_to_be_built_on(root: Path) -> None:
    found = {name for path in product_files(root) for name in imported(ast.parse(path.read_text(encoding="utf-8")))}
    assert found >= {"dash", "plotly", "pandas", "cv2", "ultralytics", "apscheduler"}


def test_nothing_is_caught_broadly_but_in_the_restart_loops(root: Path) -> None:
    broad = []
    for path in product_files(root):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"}
            ):
                broad.append(path.relative_to(root).as_posix())
    allowed = {
        "engine/process/supervisor.py", "engine/worker.py", "engine/sensors.py", "data/sql/group.py",
        "monitors/gauges/_mqtt.py",  # a connection is opened anew, and those that share its thread go on
        "engine/camera/device.py",  # a device is opened anew, and those that one thread opens go on
    }  # fmt: skip
    assert set(broad) <= allowed


def test_every_callback_of_the_screens_is_async(root: Path) -> None:
    blocking = []
    for path in sorted((root / "layouts").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(part, ast.Attribute) and part.attr == "callback"
                for decorator in node.decorator_list
                for part in ast.walk(decorator)
            ):
                blocking.append(f"{path.relative_to(root)}:{node.lineno} {node.name}")
    assert blocking == []


@pytest.mark.parametrize("module", ["data.config.reading", "engine.catalogue", "web.server", "engine.worker", "app"])
def test_importing_it_loads_no_torch(root: Path, module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'ultralytics', 'openvino') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_setting_is_described() -> None:
    catalogue = load_catalogue()
    kinds: list[Callable[[], type[BaseModel]]] = [
        *catalogue.monitors.values(),
        *catalogue.detectors.values(),
        *catalogue.rules.values(),
    ]
    models: list[type[BaseModel]] = [Settings, *(find() for find in kinds)]
    bare = [
        f"{model.__module__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert bare == []


def test_the_reference_of_the_configuration_is_up_to_date(root: Path) -> None:
    assert (root / "docs" / "config.md").read_text(encoding="utf-8") == settings_markdown(load_catalogue()), (
        "run: make docs"
    )


def test_nothing_from_the_reference_material_lies_in_the_project(root: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert [name for name in tracked.split("\n") if name.endswith((".mp4", ".pt", ".onnx", ".xml", ".bin"))] == []


def test_every_route_of_the_server_stands_in_the_access_table_and_in_its_documentation(
    tmp_path: Path, root: Path
) -> None:
    deps = open_deps(tmp_path)
    try:
        build_server(deps)  # raises LookupError for a route that web/access_table.py does not name
    finally:
        deps.store.close()
    assert access_markdown() in (root / "docs" / "SECURITY.md").read_text("utf-8"), "run python -m web.access_docs"
