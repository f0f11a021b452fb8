"""Formats and stage kinds of another package, as in docs/extending: from files to results."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core.errors import UnknownNameError
from xstilts.testing.tiny import in_language, sentences, write_encoder

DOCS = Path(__file__).parents[2] / "docs" / "extending"
SCORES = {"animal": -1, "food": 1, "tool": 3}
EXPERIMENT = """\
name: ratings
encoder: ./encoder
intermediate: [none, rating-again]
targets: [rating]
recipes:
  intermediate: {learning_rate: 3.0e-3, epochs: 1, batch_size: 8, num_evals: 1}
  target: {learning_rate: 3.0e-3, epochs: 20, batch_size: 8, num_evals: 2, dropout: 0}
tasks:
  rating: &rating
    format: ordinal
    files: ratings-{split}-{language}.tsv
    splits: {train: [en], dev: [en], test: [en, xx]}
    columns: [text, grade]
  rating-again: *rating
"""
TASK = """
from pathlib import Path
from xstilts.config.file_task import FileTask
from xstilts.tasks.user_tasks import file_task

RATING = file_task(
    "package-rating",
    FileTask(
        format="ordinal", files="ratings-{split}-{language}.tsv", columns=("text", "grade"),
        splits={"train": ("en",), "dev": ("en",), "test": ("en", "xx")},
    ),
    Path(__file__).parent,
)
"""


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def entry_points(page: str) -> str:
    """The page's table of entry points in the form of an installed package."""
    (table,) = blocks(page, "toml")
    return table.replace('project.entry-points."', "").replace('"]', "]").replace('"', "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed package with the code of the documentation, and an experiment."""
    root = tmp_path_factory.mktemp("plugin")
    for page, module in (("format.md", "ordinal_format"), ("stage.md", "word_counts")):
        (code,) = blocks(page, "python")
        (root / f"{module}.py").write_text(code, encoding="utf-8")
    (root / "rating_task.py").write_text(TASK, encoding="utf-8")
    info = root / "toy_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-plugin\nVersion: 1.0\n")
    points = [entry_points("format.md"), entry_points("stage.md")]
    points.append("[xstilts.tasks]\npackage-rating = rating_task:RATING\n")
    (info / "entry_points.txt").write_text("\n".join(points))
    write_encoder(root / "encoder")
    (root / "ratings.yaml").write_text(EXPERIMENT, encoding="utf-8")
    for split, language, count in (
        *(("train", "en", 96), ("dev", "en", 24)),
        *(("test", "en", 30), ("test", "xx", 30)),
    ):
        rows = [
            f"{in_language(text, language)} {split}\t{SCORES[kind]}\n"
            for text, kind, _ in sentences(split, count)
        ]
        (root / f"ratings-{split}-{language}.tsv").write_text("".join(rows), encoding="utf-8")
    return root


def python(folder: Path, code: str) -> str:
    """What a Python process with the package prints."""
    path = os.pathsep.join([str(folder), *sys.path])
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def answer(folder: Path, code: str) -> Any:
    return json.loads(python(folder, f"import json, xstilts\n{code}").splitlines()[-1])


def test_a_format_of_another_package_trains_predicts_and_scores(folder: Path) -> None:
    found = answer(
        folder,
        "outcome = xstilts.run('ratings.yaml', 'store', workers=1)\n"
        "frame = xstilts.results('ratings.yaml', 'store')\n"
        "rows = frame[['intermediate', 'target', 'language', 'metric', 'value']].values.tolist()\n"
        "print(json.dumps([outcome.exit_code, rows]))",
    )
    code, rows = found
    assert code == 0
    values = {(setting, target, language): value for setting, target, language, _, value in rows}
    assert {metric for *_, metric, _ in rows} == {"within_half"}
    assert values["none", "rating", "en"] > 0.6  # a constant answer scores a third
    assert ("rating-again", "rating", "xx") in values
    assert len(rows) == 4


def test_a_task_of_such_a_format_is_checked_and_listed(folder: Path) -> None:
    listed, state, rows, bad = answer(
        folder,
        "from xstilts.formats import FORMATS\n"
        "from xstilts.tasks import TASKS\n"
        "from xstilts.tasks.data_check import check_split\n"
        "from xstilts.testing.tasks import check_task\n"
        "task = TASKS.get('package-rating')\n"
        "check_task(task)\n"
        "report = check_split(task, 'train', 'en')\n"
        "broken = open('ratings-dev-en.tsv').read()\n"
        "open('ratings-dev-en.tsv', 'w').write('a cat\\tmany\\n' + broken)\n"
        "problems = check_split(task, 'dev', 'en').first\n"
        "open('ratings-dev-en.tsv', 'w').write(broken)\n"
        "print(json.dumps(['ordinal' in FORMATS, report.state, report.rows, problems]))",
    )
    assert (listed, state, rows) == (True, "found", 96)
    assert len(bad) == 1
    assert "ratings-dev-en.tsv:1: the grade is not a number" in bad[0]
    table = python(
        folder, "import sys; sys.argv[1:] = ['tasks']; from xstilts.cli.app import main; main()"
    )
    assert re.search(r"package-rati.*ordinal", table)
    assert "ordinal (text, grade)" in " ".join(table.split())


def test_a_stage_kind_of_another_package_runs_in_a_worker(folder: Path) -> None:
    words = answer(
        folder,
        "from xstilts.core.plan import Plan\n"
        "from xstilts.core.store import Store\n"
        "from xstilts.executors.local import LocalExecutor\n"
        "from xstilts.planning.measures import compile_measures\n"
        "stages, refs = compile_measures(xstilts.load('ratings.yaml'), ['words'])\n"
        "store = Store('stages').prepare()\n"
        "result = LocalExecutor(store).run(Plan.of(stages), lambda event: None)\n"
        "assert not result.failed, result.failed\n"
        "print(json.dumps(store.artifact(refs[0].keys[0]).facts['words']))",
    )
    assert words == sum(len(text.split()) + 1 for text, _, _ in sentences("train", 96))


def test_planning_with_such_packages_imports_no_torch(folder: Path) -> None:
    heavy = answer(
        folder,
        "import sys\n"
        "xstilts.plan('ratings.yaml', 'elsewhere')\n"
        "print(json.dumps(sorted({'torch', 'transformers'} & sys.modules.keys())))",
    )
    assert heavy == []


def test_an_unknown_format_is_rejected_with_the_nearest_name(toy_file: Path) -> None:
    loaded = xstilts.load(str(toy_file), ["tasks.toy-tags.format=taging"])
    with pytest.raises(UnknownNameError, match="did you mean 'tagging'") as caught:
        xstilts.plan(loaded)
    assert caught.value.where == "--set tasks.toy-tags.format"
