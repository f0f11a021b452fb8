"""The command line: output, exit codes, errors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from xstilts.cli.app import app
from xstilts.core import fault_injection
from xstilts.core.errors import XstiltsError
from xstilts.core.store import Store

SMALL = [
    "--set", "name=small", "--set", "seeds=[0]", "--set", "intermediate=[none, toy-same]",
    "--set", "targets=[toy-kind, toy-search]",
]  # fmt: skip


def xstilts(*words: object, code: int = 0, **environment: str) -> str:
    """Run the command; returns what it printed, errors included."""
    done = subprocess.run(
        [sys.executable, "-m", "xstilts", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "120", **environment},
    )
    output = done.stdout + done.stderr
    assert done.returncode == code, output
    assert "Traceback" not in output
    return output


def xstilts_here(*words: object, code: int = 0) -> str:
    """The same without a new process, for tests that are not about the process."""
    result = CliRunner().invoke(app, list(map(str, words)))
    error, output, exit_code = result.exception, result.output, result.exit_code
    if isinstance(error, XstiltsError):  # `exit_codes` turns it into a message
        output, exit_code = f"{output}error: {error}", error.exit_code
    elif error is not None and not isinstance(error, SystemExit):
        raise error
    assert exit_code == code, output
    return output


def test_help_lists_every_command_and_exit_code() -> None:
    output = xstilts("--help")
    for verb in (
        "run",
        "plan",
        "status",
        "results",
        "study",
        "report",
        "tasks",
        "claims",
        "doctor",
    ):
        assert f" {verb} " in output
    assert "Exit codes: 0 done" in output


def test_quick_commands_import_no_torch(finished: Path, toy_file: Path, tmp_path: Path) -> None:
    """In a process of their own; torch must not be among the modules of any."""
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli" / "test-en.tsv").write_text("a\tb\n")
    named = [str(toy_file), "--store", str(finished), *SMALL]
    without = (
        ["--help"],
        ["plan", *named],
        ["status", "--store", str(finished)],
        ["tasks"],
        ["data", "--help"],
        ["data", "check", "xnli", "--data", str(tmp_path)],
    )
    with_pandas = (
        ["results", *named],
        ["results", "--store", str(finished)],
        ["claims", str(finished)],
    )
    for commands, allowed in ((without, set[str]()), (with_pandas, {"pandas"})):
        code = (
            "import sys\nfrom xstilts.cli import app\n"
            f"for words in {commands!r}:\n"
            "    sys.argv = ['xstilts', *words]\n"
            "    try:\n        app.main()\n"
            "    except SystemExit as end:\n        assert not end.code, (words, end.code)\n"
            "    heavy = {'torch', 'transformers', 'pandas', 'matplotlib'} & sys.modules.keys()\n"
            f"    assert not heavy - {allowed!r}, (words, heavy)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_claims_are_judged_on_a_store(finished: Path, tmp_path: Path) -> None:
    output = xstilts_here("claims", finished)
    assert "C16" in output
    assert "not testable here" in output
    page, mine = tmp_path / "claims.html", tmp_path / "mine.yaml"
    xstilts_here("claims", finished, "--out", page)
    assert "C16" in page.read_text(encoding="utf-8")
    text = """\
claims:
  - id: T1
    short: toys help search
    statement: Toys help search.
    kind: [effect]
    source: {paper: none}
    condition: none
    checks: [{check: gains, tasks: singles, targets: [toy-search]}]
"""
    mine.write_text(text, encoding="utf-8")
    judged = json.loads(xstilts_here("claims", finished, "--claims", mine, "--format", "json"))
    (one,) = judged
    assert one["verdict"] in ("supported", "contradicted", "undecided")
    assert one["measures"][0]["low"] <= one["measures"][0]["value"] <= one["measures"][0]["high"]
    assert all((finished / "artifacts" / key).is_dir() for key in one["artifacts"])
    mine.write_text(text.replace("check: gains", "check: gain"), encoding="utf-8")
    assert "mine.yaml:8: unknown check 'gain'" in xstilts_here(
        "claims", finished, "--claims", mine, code=2
    )
    assert "no experiment was run" in xstilts_here("claims", tmp_path / "empty", code=2)


def test_help_loads_no_experiments_and_no_tasks() -> None:
    """It answers at once: what it need not know is not imported."""
    code = (
        "import sys\nfrom xstilts.cli import app\nsys.argv = ['xstilts', '--help']\n"
        "try:\n    app.main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'numpy', 'pydantic', 'yaml', 'xstilts.api.experiment'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_dry_run_and_plan_write_nothing(toy_file: Path, tmp_path: Path) -> None:
    for words in (["run", "--dry-run"], ["plan"]):
        output = xstilts(*words, toy_file, "--store", tmp_path / "store", *SMALL)
        assert "train toy-kind (baseline) seed 0" in output
        assert "to do" in output
        assert "28 stages: 28 to do" in output
        assert "expected:" in output
        assert "GPU-hours, if a GPU sustains 100 TFLOP/s" in output
    assert not (tmp_path / "store").exists()


def test_running_a_finished_experiment_prints_its_gains(toy_file: Path, finished: Path) -> None:
    output = xstilts("run", toy_file, "--store", finished, *SMALL)
    assert "28 stages: 28 done" in output
    assert "nothing to do" in output
    assert "toy-same" in output
    assert "Holm" in output


def test_status_shows_stage_counts_and_recent_events(finished: Path, tmp_path: Path) -> None:
    output = xstilts("status", "--store", finished)
    assert "small" in output
    assert "28" in output
    assert "done" in output
    assert "no experiment was run in" in xstilts("status", "--store", tmp_path, code=2)


def test_results_go_to_standard_output_or_files(
    toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    common = (toy_file, "--store", finished, *SMALL)
    output = xstilts("results", *common)
    header = "experiment,encoder,intermediate,target,language,split,seed,metric,value,n,key,note"
    assert output.splitlines()[0] == header
    assert "| encoder |" in xstilts_here("results", *common, "--format", "md")
    assert r"\begin{tabular}" in xstilts_here("results", *common, "--format", "latex")
    xstilts_here("results", *common, "--format", "parquet", "--out", tmp_path / "r.parquet")
    frame = pd.read_parquet(tmp_path / "r.parquet")
    assert list(frame.columns) == header.split(",")
    assert len(frame) == len(output.splitlines()) - 1
    assert xstilts_here("results", "--store", finished) == output
    assert "give --out" in xstilts_here("results", *common, "--format", "parquet", code=2)
    assert "no format 'xls'" in xstilts_here("results", *common, "--format", "xls", code=2)


def test_reports_are_written_in_every_format(
    toy_file: Path, finished: Path, tmp_path: Path
) -> None:
    for form, part in (("md", "| target |"), ("latex", "tabular"), ("csv", "p_holm")):
        path = tmp_path / f"gains.{form}"
        output = xstilts_here(
            "report", toy_file, "--store", finished, *SMALL, "--format", form, "--out", path
        )
        assert str(path) in output
        assert part in path.read_text()
    xstilts_here(
        "report",
        toy_file,
        "--store",
        finished,
        *SMALL,
        "--format",
        "parquet",
        "--out",
        tmp_path / "g.parquet",
    )
    assert {"gain", "low", "high", "significant"} <= set(
        pd.read_parquet(tmp_path / "g.parquet").columns
    )
    assert "no report format" in xstilts_here(
        "report", toy_file, "--store", finished, *SMALL, "--format", "doc", code=2
    )


def test_tasks_lists_all_tasks_or_describes_one() -> None:
    output = xstilts("tasks")
    assert "home-nli" in output
    assert "Apache-2.0" in output
    output = xstilts("tasks", "home-retrieval")
    assert "ja 92" in output
    assert "accuracy_at_1" in output
    assert "did you mean 'home-slots'" in xstilts("tasks", "home-slot", code=2)


def test_data_check_lists_missing_data_and_exits_with_2(tmp_path: Path) -> None:
    for split, text in (("train", "a\tb\t0\nc\td\t1\n"), ("test", "a\tb\nc\n")):
        file = tmp_path / "pawsx" / f"{split}-en.tsv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    output = xstilts("data", "check", "paws-x", "bucc", "--data", tmp_path, code=2)
    assert "pawsx/train-en.tsv" in output
    assert "13 on the hub" in output
    assert f"{file}:2: not two texts and a label" in output
    assert "broken: paws-x test (en): 1 of 2 rows cannot be used" in output
    assert "missing: bucc dev (de fr ru zh): no file bucc2018/de-en.dev.de" in output
    assert "needed but not usable: 9" in output
    assert "did you mean 'xtreme'" in xstilts("data", "check", "xtrem", code=2)


def test_doctor_shows_versions_and_missing_packages() -> None:
    output = xstilts("doctor")
    for part in ("python", "torch", "transformers", "device", "hub"):
        assert part in output


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["run", "quickstrat"], "did you mean 'quickstart'"),
        (["plan", "absent.yaml"], "no experiment file"),
        (["plan", "home", "--set", "targets=[home-intent]"], "did you mean 'home-intents'"),
        (
            ["plan", "home", "--set", "recipes.target.epochs=many"],
            "--set recipes.target.epochs",
        ),
        (["plan", "home", "--set", "recipe.target.epochs=1"], "did you mean 'recipes'"),
        (
            ["plan", "home", "--encoder", "xlm-roberta-basf"],
            "did you mean 'xlm-roberta-base'",
        ),
        (["plan", "home", "--set", "languages=[en, qq]"], "language of the targets 'qq'"),
        (["plan", "home", "--devices", "97"], "no GPU '97'"),
        (["plan", "home", "--devices", "mps"], "--devices cpu"),
    ],
)
def test_user_errors_exit_with_2_and_advice(words: list[str], output: str) -> None:
    assert output in xstilts(*words, code=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--executor", "kubernetes"], "unknown executor 'kubernetes'"),
        (["--tracker", "json"], "did you mean 'jsonl'"),
    ],
)
def test_an_unknown_executor_or_tracker_is_refused_before_anything_runs(
    words: list[str], said: str, toy_file: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    assert said in xstilts("run", toy_file, "--store", store, *SMALL, *words, code=2)
    assert Store(store).keys() == []
    assert not list((store / "experiments").glob("*"))


def test_an_unwritable_store_exits_with_4(toy_file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    output = xstilts("run", toy_file, "--store", tmp_path / "file" / "store", *SMALL, code=4)
    assert "cannot be written" in output
    assert "--store" in output


@pytest.mark.usefixtures("in_process")
def test_a_full_disk_exits_with_4(
    toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    monkeypatch.setenv("XSTILTS_FAULT", "store.before_manifest:full@3")
    monkeypatch.setattr(fault_injection, "_passes", fault_injection.Counter())
    output = xstilts_here("run", toy_file, "--store", store, *SMALL, code=4)
    assert "is full" in output
    assert "run again" in output


def test_a_missing_data_package_error_names_the_install_command(tmp_path: Path) -> None:
    code = (
        "import sys, importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if 'home_assistant' in name else find(name, *a)\n"
        "from xstilts.cli import app\nsys.argv = ['xstilts', 'plan', 'quickstart']\napp.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "pip install home-assistant-intents" in done.stderr


def test_the_store_can_be_set_by_environment_variable(toy_file: Path, copied: Path) -> None:
    output = xstilts("plan", toy_file, *SMALL, XSTILTS_STORE=str(copied))
    assert "28 done" in output
    shutil.rmtree(copied)
