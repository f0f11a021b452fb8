"""Evaluated rows whose input a training of their model has are counted in results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xstilts.analysis.data_notes import plan_data_notes, with_data_notes
from xstilts.analysis.shared_inputs import InputComparison
from xstilts.cli.output.run import show_data_notes
from xstilts.core.artifact import Artifact
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.reports.sections import data_section
from xstilts.stages.io.prepared_inputs import INPUTS, write_inputs
from xstilts.stages.io.rows import write_rows
from xstilts.stages.prepare import ROWS

TEXTS = FORMATS.get("classification")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").prepare()


def publish(store: Store, stage: Stage, letters: str = "", *, hashed: bool = True) -> Stage:
    """A finished stage; with rows, one of each letter."""
    rows = [{"id": f"{one}{n}", "text": one, "label": str(n)} for n, one in enumerate(letters)]
    with store.staging(stage.key) as folder:
        if rows:
            write_rows(folder / ROWS, rows)
        if rows and hashed:
            write_inputs(folder, TEXTS, rows)
        store.publish(stage, folder, {"rows": len(rows)}, {})
    return stage


def prepared(store: Store, name: str, letters: str, **options: bool) -> Stage:
    """Rows of `task split language`."""
    params = dict(zip(("task", "split", "language"), name.split(), strict=True))
    return publish(store, Stage("prepare", 1, params, label=f"prepare {name}"), letters, **options)


def trained(store: Store, *sets: Stage, base: Stage | None = None) -> Stage:
    """A training on sets, after another one."""
    inputs = {f"train:t{n}:en": one.key for n, one in enumerate(sets)}
    tasks = {f"t{n}": {"format": "classification"} for n in range(len(sets))}
    inputs |= {"base": base.key} if base else {}
    return publish(store, Stage("train", 1, {"tasks": tasks}, inputs))


def predicted(store: Store, model: Stage, rows: Stage, **params: Any) -> Stage:
    inputs = {"model": model.key, "rows": rows.key}
    return publish(store, Stage("predict", 1, {"format": "classification", **params}, inputs))


def texts(store: Store, *stages: Stage) -> list[str]:
    return [note.text for note in plan_data_notes(stages, store)]


def test_rows_of_all_trainings_behind_a_model_are_counted(store: Store) -> None:
    inner = trained(store, prepared(store, "other train en", "dxx"))
    model = trained(store, prepared(store, "mine train en", "ab"), base=inner)
    test = prepared(store, "mine test de", "cdbbe")
    of_test = "mine test de (5 rows used): inputs that training has"
    assert texts(store, predicted(store, model, test)) == [
        f"{of_test} (other train en), kept 1 (such as d1)",
        f"{of_test} (mine train en), kept 2 (such as b2)",
    ]


def test_nothing_is_noted_without_common_inputs_or_of_dev(store: Store) -> None:
    dev = prepared(store, "mine dev en", "c")
    model = trained(store, prepared(store, "mine train en", "ab"))
    inputs = dict(model.inputs) | {"dev:t0:en": dev.key}
    model = publish(store, Stage("train", 1, model.params, inputs))
    assert texts(store, predicted(store, model, prepared(store, "mine test en", "cd"))) == []


def test_one_note_names_a_few_languages(store: Store) -> None:
    model = trained(store, *(prepared(store, f"mine train {one}", "ab") for one in ("en", "de")))
    tests = [prepared(store, f"mine test {one}", "xa") for one in ("de", "en", "fr", "sw", "tr")]
    tests.append(prepared(store, "mine test zh", "yz"))
    predictions = [predicted(store, model, test) for test in tests]
    again = [predicted(store, model, test, seed=1) for test in tests]
    assert texts(store, *predictions, *again) == [
        "mine test de, en, fr, 2 more (10 rows used): inputs that training has "
        "(mine train en, de), kept 5 (such as de a1)"
    ]


def test_a_row_that_two_training_sets_have_counts_once(store: Store) -> None:
    sets = [
        prepared(store, f"mine train {one}", letters)
        for one, letters in [("en", "ab"), ("de", "bc")]
    ]
    (shared,) = InputComparison(store).of(
        [
            store.artifact(
                predicted(store, trained(store, *sets), prepared(store, "mine test en", "abc")).key
            )
        ]
    )
    assert (shared.count, shared.rows) == (3, 3)


def test_drawn_and_translated_rows_have_the_names_of_their_sources(store: Store) -> None:
    source = prepared(store, "mine test xx", "ab")
    drawn = publish(store, Stage("draw", 1, {"draw": 0}, {"rows": source.key}), "a")
    params = {"source": "en", "target": "de"}
    english = prepared(store, "mine train en", "pq")
    into = publish(store, Stage("translate", 1, params, {"rows": english.key}), "bq")
    model = trained(store, drawn, into)
    stage = predicted(store, model, prepared(store, "other test xx", "ab"))
    shared = InputComparison(store).of([store.artifact(stage.key)])
    assert [one.trained for one in shared] == ["mine test xx", "mine train en into de"]


def test_sets_of_earlier_versions_are_not_compared(store: Store) -> None:
    model = trained(store, prepared(store, "mine train en", "ab", hashed=False))
    assert texts(store, predicted(store, model, prepared(store, "mine test en", "ab"))) == []


@pytest.mark.parametrize("is_trained", [True, False])
def test_damaged_hashes_are_a_note_that_names_the_artifact(store: Store, is_trained: bool) -> None:
    train, test = prepared(store, "mine train en", "ab"), prepared(store, "mine test en", "bc")
    other = prepared(store, "mine test de", "ac")
    damaged = train if is_trained else test
    file = store.artifact(damaged.key) / INPUTS
    file.write_bytes(bytes(file.stat().st_size))
    model = trained(store, train)
    stages = [predicted(store, model, rows) for rows in (test, other)]
    *others, note = plan_data_notes(stages, store)
    assert f"artifact {damaged.key[:12]}: {INPUTS} " in note.text
    assert note.name == ("mine train en" if is_trained else "mine test en")
    assert [one.name for one in others] == ([] if is_trained else ["mine test de"])
    scores = [publish(store, Stage("score", 1, {}, {"predictions": one.key})) for one in stages]
    frame = with_data_notes(pd.DataFrame({"key": [one.key for one in scores]}), store)
    assert [note.text in text for text in frame["data_notes"]] == [True, is_trained]
    section = data_section([note])
    assert section is not None
    assert note.problem in section.table["not read"][0]
    assert store.has(damaged.key), "the report reads the rows beside the hashes"


def test_results_the_terminal_and_the_report_have_the_note(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    model = trained(store, prepared(store, "mine train en", "ab"))
    stage = predicted(store, model, prepared(store, "mine test en", "ba"))
    score = publish(store, Stage("score", 1, {}, {"predictions": stage.key}))
    notes = plan_data_notes([stage, score], store)
    frame = with_data_notes(pd.DataFrame({"key": [score.key]}), store)
    assert list(frame["data_notes"]) == [notes[0].text]
    show_data_notes(notes)
    assert "(mine train en), kept 2" in " ".join(capsys.readouterr().out.split())
    section = data_section(notes)
    assert section is not None
    assert section.table["kept in the split"][0].endswith("kept 2 (such as b0)")


def test_each_set_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(self: Artifact, name: str) -> bytes:
        read.append(name)
        return (self / name).read_bytes()

    model = trained(store, prepared(store, "mine train en", "ab"))
    tests = [prepared(store, f"mine test {one}", "cd") for one in ("de", "en")]
    unused = prepared(store, "mine dev en", "a")
    stages = [predicted(store, model, test, seed=n) for test in tests for n in range(3)]
    monkeypatch.setattr(Artifact, "read", counted)
    assert texts(store, *tests, unused, model, *stages) == []
    assert len(read) == 3
