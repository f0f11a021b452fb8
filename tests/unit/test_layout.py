"""The source tree keeps the layout that docs/design.md describes."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "xstilts"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 400


def test_no_two_public_classes_share_a_name() -> None:
    modules = defaultdict(set)
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].add(str(path.relative_to(SOURCE)))
    assert {name: sorted(found) for name, found in modules.items() if len(found) > 1} == {}


def test_no_module_is_longer_than_the_limit() -> None:
    lines = {
        str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in MODULES
    }
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_every_package_is_a_layer_of_the_import_rules() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = {
        name.strip()
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for name in layer.split("|")
    }
    packages = {f"xstilts.{path.parent.name}" for path in SOURCE.glob("*/__init__.py")}
    assert packages == {layer for layer in layers if layer.count(".") == 1}


def test_every_test_package_mirrors_a_source_package() -> None:
    own = {"bench"}
    tested = {path.name for path in (ROOT / "tests" / "unit").iterdir() if path.is_dir()}
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert tested - own - {"__pycache__"} <= packages
