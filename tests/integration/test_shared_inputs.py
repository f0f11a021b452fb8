"""Rows that are trained on and evaluated are noted by a run, whatever file they are in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from typer.testing import CliRunner

import xstilts
from xstilts.analysis.data_notes import plan_data_notes
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.stages.io.prepared_inputs import INPUTS

Run = Callable[[LoadedExperiment, Path], Store]


def test_a_run_notes_test_rows_that_training_has_in_each_language(
    toy_file: Path, run_here: Run, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(toy_file.parent / "data", data)
    english, other = (data / f"kind-test-{language}.tsv" for language in ("en", "xx"))
    trained = (data / "kind-train-en.tsv").read_text("utf-8").splitlines()
    texts = {line.partition("\t")[0]: None for line in trained}
    shared = [f"{text}\ttool" for text in texts][:2]  # labels do not matter
    for path, added in ((english, shared), (other, shared[:1])):
        lines = path.read_text("utf-8").splitlines()
        kept = [line for line in lines if line.partition("\t")[0] not in texts]
        path.write_text("\n".join([*kept, *added]) + "\n", "utf-8")
    files = f'tasks.toy-kind.files="{data}/kind-{{split}}-{{language}}.tsv"'
    options = ["name=x", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]", files]
    loaded = xstilts.load(str(toy_file), options)
    store = run_here(loaded, tmp_path / "store")
    (note,) = plan_data_notes(compile_experiment(loaded).plan.stages, store)
    assert (note.name, sum(note.kept.values())) == ("toy-kind test en, xx", 3)
    scores = xstilts.results(loaded, store.root)
    notes = dict(zip(scores["language"], scores["data_notes"], strict=True))
    for language, count, line in (("en", 2, english), ("xx", 1, other)):
        assert notes[language].startswith(f"toy-kind test {language} (")
        assert f"inputs that training has (toy-kind train en), kept {count} " in notes[language]
        first = len(line.read_text("utf-8").splitlines()) + 1 - count
        assert f"{line.name}:{first})" in notes[language]
    given = [word for option in options for word in ("--set", option)]
    arguments = ["run", str(toy_file), *given, "--store", str(store.root)]
    shown = CliRunner().invoke(app, [*arguments, "--json"])
    assert note.text in json.loads(shown.stdout)["notes"]
    shown = CliRunner().invoke(app, arguments)
    assert "! toy-kind test en, xx (" in " ".join(shown.output.split())


def test_damaged_hashes_end_no_command_and_a_run_writes_them_again(
    small: LoadedExperiment, copied: Path, in_process: None, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    before = xstilts.results(small, copied)
    files = sorted(copied.glob(f"artifacts/*/{INPUTS}"))
    intact = [file.read_bytes() for file in files]
    for file in files:
        file.write_bytes(bytes(file.stat().st_size))
    noted = xstilts.results(small, copied)
    assert list(noted["value"]) == list(before["value"])
    for name in ("toy-kind", "toy-same"):
        assert any(f"{name} train" in text and INPUTS in text for text in noted["data_notes"])
    xstilts.report(small, page, copied)
    assert INPUTS in page.read_text("utf-8")
    assert xstilts.run(small, copied).exit_code == 0
    assert [file.read_bytes() for file in files] == intact
    assert list(xstilts.results(small, copied)["data_notes"]) == list(before["data_notes"])
