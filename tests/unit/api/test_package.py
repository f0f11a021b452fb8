"""The verbs on the package: complete, lazy, and callable whatever was imported before."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys
from importlib import import_module, resources
from pathlib import Path
from typing import get_args

import pytest

import xstilts
from xstilts.api.handle import AnyExperiment
from xstilts.cli.app import app

VERBS = {
    "load", "plan", "run", "results", "gains", "best", "report", "study", "claims", "recommend",
    "status", "tasks", "check_data", "trials", "recipes", "rank_encoders", "convert_encoder",
    "store_export", "store_garbage", "store_gc", "store_pin", "store_pins", "store_size",
    "store_unpin", "store_verify", "demo", "init", "evaluate", "export_model", "score_predictions",
    "compare",
    "show_data", "new_task", "tasksource_tasks", "download_task",
}  # fmt: skip
SUBPACKAGES = {"claims": "judge", "recommend": "predict_gains", "tasks": "base"}


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_verb_is_on_the_package() -> None:
    assert set(xstilts.__all__) == VERBS == set(xstilts.VERBS)
    assert all(callable(getattr(xstilts, name)) for name in VERBS)


def test_dir_lists_the_verbs_and_no_internals() -> None:
    assert {name for name in dir(xstilts) if not name.startswith("__")} == VERBS
    assert "__version__" in dir(xstilts)


@pytest.mark.parametrize("name", SUBPACKAGES)
def test_a_callable_subpackage_shows_the_signature_and_documentation_of_its_verb(name: str) -> None:
    subpackage = import_module(f"xstilts.{name}")
    verb = getattr(import_module(f"xstilts.api.{xstilts.VERBS[name]}"), name)
    assert inspect.signature(subpackage) == inspect.signature(verb)
    shown = pydoc.plain(pydoc.render_doc(subpackage))
    assert f"xstilts.{name}(" in shown
    assert all(parameter in shown for parameter in inspect.signature(verb).parameters)
    assert inspect.getdoc(verb).splitlines()[0] in shown


def test_every_command_is_a_verb() -> None:
    commands = {
        command.callback.__name__ for command in app.registered_commands if command.callback
    }
    assert commands - {"doctor"} <= VERBS


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        xstilts.nonsense  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {"pandas", "numpy", "yaml", "pydantic", "xstilts.api"}
    code = f"import xstilts\ndir(xstilts)\nprint({heavy} & set(sys.modules))"
    assert python(code) == "set()"


def test_verbs_import_no_torch() -> None:
    code = (
        "import xstilts\nfor verb in xstilts.VERBS:\n    assert callable(getattr(xstilts, verb))\n"
    )
    assert python(code + "print('torch' in sys.modules)") == "False"


@pytest.mark.parametrize(("name", "module"), SUBPACKAGES.items())
@pytest.mark.parametrize("first", ["import xstilts", "import xstilts.{0}.{1}"])
def test_a_subpackage_does_not_hide_the_verb_of_its_name(
    name: str, module: str, first: str
) -> None:
    code = (
        f"{first.format(name, module)}\ntry:\n    xstilts.{name}(wrong=1)\n"
        f"except TypeError as error:\n    print('{name}()' in str(error))\n"
        f"from xstilts.{name} import {module}\nprint(xstilts.{name}.{module} is {module})\n"
        f"try:\n    xstilts.{name}(wrong=1)\nexcept TypeError:\n    print('still')\n"
    )
    assert python(code).split() == ["True", "True", "still"]


def test_tasks_lists_suites_and_tasks() -> None:
    from xstilts.tasks import TASKS

    assert xstilts.tasks()["task"].tolist() == list(TASKS)
    xnli, tatoeba = (xstilts.tasks(name).iloc[0] for name in ("xnli", "tatoeba"))
    assert (xnli["test"], tatoeba["train"]) == (15 * 5010, 0)
    assert len(xstilts.tasks(["xtreme", "xnli"])) == 9


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_documents_its_errors(name: str) -> None:
    verb = getattr(import_module(f"xstilts.api.{xstilts.VERBS[name]}"), name)
    assert inspect.getdoc(verb)
    assert "Raises:" in verb.__doc__


@pytest.mark.parametrize(
    "name", ["plan", "run", "results", "gains", "best", "report", "study", "trials"]
)
def test_a_verb_takes_a_path_as_its_experiment(name: str) -> None:
    verb = getattr(import_module(f"xstilts.api.{xstilts.VERBS[name]}"), name)
    assert verb.__annotations__["experiment"].startswith("AnyExperiment")
    assert {Path, str} <= set(get_args(AnyExperiment))


def test_the_type_marker_ships() -> None:
    assert resources.files("xstilts").joinpath("py.typed").is_file()
