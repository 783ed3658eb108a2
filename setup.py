"""How the wheel is laid out: the program's folders lie together under `yiping/`, where `engine.launch` starts them.

In the repository they lie at the top level. `pyproject.toml` says everything else.
"""

from setuptools import find_namespace_packages, setup

FLOORS = ("alerts", "data", "detectors", "dispatch", "engine", "layouts", "monitors", "notices", "web")
DOCUMENTS = [
    "config.yaml",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "README.en.md",
    "pyproject.toml",
    "requirements.lock",
]

found = find_namespace_packages(include=[pattern for floor in FLOORS for pattern in (floor, f"{floor}.*")])
packages = ["yiping", *(f"yiping.{name}" for name in found if "__pycache__" not in name)]
setup(
    packages=packages,
    package_dir={"yiping": ".", **{f"yiping.{name}": name.replace(".", "/") for name in found}},
    package_data={"yiping": DOCUMENTS, **{name: ["*"] for name in packages[1:]}},
    exclude_package_data={"": ["__pycache__/*", "*.pyc"]},
    include_package_data=False,
)
