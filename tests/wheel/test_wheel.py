"""The wheel in fresh environments outside the clone, with the newest and the lowest dependencies.

Each installs torch: some GB of downloads, which pip takes from the indexes that it is configured
with (PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS for a build without CUDA).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from xstilts.cli.app import app
from xstilts.config.load import presets

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(3600)]
ROOT = Path(__file__).parents[2]
REFUSED = {
    "few-examples": "--data",
    "mini-retrieval": "--data",
    "mini-xtreme": "--data",
    "xtreme-m-mini": "xstilts[vision]",
    "xtreme-r-mini": "minus-xquad",
}
"""Preset → what its plan asks for, here without data and extras."""
LOWER_BOUND = re.compile(r"([\w.-]+)>=([\w.]+)")


@dataclass(frozen=True)
class Environment:
    """An environment with the installed wheel, and an empty folder that commands run in."""

    binaries: Path
    folder: Path

    def run(self, *words: object, code: int = 0) -> str:
        """What a command of the environment prints, or its error; it must end with this code."""
        names = ("PYTHONPATH", "XSTILTS_STORE", "XSTILTS_TEST_DATA")
        done = subprocess.run(
            [str(self.binaries / str(words[0])), *map(str, words[1:])],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if name not in names},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr


def lower_bounds() -> list[str]:
    """The lowest version of each dependency that pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = (LOWER_BOUND.match(dependency) for dependency in project["dependencies"])
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    (built,) = folder.glob("xstilts-*.whl")
    return built


@pytest.fixture(scope="module", params=["newest", "lowest"])
def environment(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    root = tmp_path_factory.mktemp(request.param)
    subprocess.run([sys.executable, "-m", "venv", str(root / "venv")], check=True)
    made = Environment(root / "venv" / "bin", root / "elsewhere")
    made.folder.mkdir()
    constraints = root / "constraints.txt"
    constraints.write_text("\n".join(lower_bounds() if request.param == "lowest" else []))
    try:
        made.run("pip", "install", "--quiet", "--constraint", constraints, wheel)
        yield made
    finally:
        shutil.rmtree(root)  # several GB


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    source = ROOT / "src"
    files = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert files - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_installed_requirements_fit_together(environment: Environment) -> None:
    environment.run("pip", "check")


def test_the_package_is_that_of_the_environment(environment: Environment) -> None:
    code = "import xstilts; print(xstilts.__file__)"
    installed = Path(environment.run("python", "-c", code).strip())
    assert installed.is_relative_to(environment.binaries.parent)


def test_the_long_description_has_no_relative_links(environment: Environment) -> None:
    code = "from importlib.metadata import metadata; print(metadata('xstilts').get_payload())"
    text = environment.run("python", "-c", code)
    assert "First minute" in text
    assert re.findall(r"\]\((?!https?://|#)", text) == []


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))
def test_every_command_shows_its_help(environment: Environment, command: str) -> None:
    assert "--help" in environment.run("xstilts", command, "--help")


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_is_planned_or_says_what_it_needs(environment: Environment, name: str) -> None:
    output = environment.run("xstilts", "plan", name, code=2 if name in REFUSED else 0)
    assert REFUSED.get(name, "expected: ") in output


def test_a_new_experiment_is_planned(environment: Environment) -> None:
    environment.run("xstilts", "init", "mine.yaml")
    assert "my-target" in environment.run("xstilts", "plan", "mine.yaml")


def test_the_demo_runs_and_writes_its_report(environment: Environment) -> None:
    output = environment.run("xstilts", "demo", "demo", "--no-open")
    report = environment.folder / "demo" / "xstilts-demo.html"
    assert str(report) in output
    assert "demo-tags" in report.read_text(encoding="utf-8")


def test_the_python_interface_reads_the_results(environment: Environment) -> None:
    code = "import xstilts; print(len(xstilts.gains('demo/demo.yaml', 'demo/store')))"
    assert environment.run("python", "-c", code).strip() == "3"
