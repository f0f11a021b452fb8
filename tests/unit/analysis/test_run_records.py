"""Records of runs in a store are found again, the newest first."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path

import pytest

import xstilts
from xstilts.analysis.run_records import (
    labelled_cells,
    newest,
    records,
    save_record,
    saved_records,
)
from xstilts.config.load import LoadedExperiment
from xstilts.core.hashing import with_digest, without_digest
from xstilts.core.record_files import RecordContent
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment


def test_a_changed_experiment_without_results_does_not_hide_older_ones(
    small: LoadedExperiment, toy_file: Path, copied: Path
) -> None:
    store = Store(copied)
    changed = xstilts.load(str(toy_file), ["name=small", "seeds=[7]", "targets=[toy-kind]"])
    other = xstilts.load(str(toy_file), ["name=other", "seeds=[7]", "targets=[toy-kind]"])
    for loaded in (changed, other):
        save_record(loaded, compile_experiment(loaded), store)
    assert len(list(saved_records(store))) == 3
    found = dict(newest(store))
    assert found["small"].cells == compile_experiment(small).cells
    assert found["other"].cells == compile_experiment(other).cells


def test_the_newest_record_with_results_is_used(
    small: LoadedExperiment, toy_file: Path, copied: Path
) -> None:
    part = xstilts.load(
        str(toy_file), ["name=small", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    )
    save_record(part, compile_experiment(part), Store(copied))
    assert [(name, one.cells) for name, one in newest(Store(copied))] == [
        ("small", compile_experiment(part).cells)
    ]


DAMAGED = ("", "{", "null", "[]", "{}", '{"stages": [], "cells": [1]}', '{"version": 99}')


@pytest.mark.parametrize("text", DAMAGED)
def test_a_record_that_cannot_be_read_is_left_out_and_named(
    copied: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    store = Store(copied)
    (record,) = records(store)
    kept = record.with_name("other@00000000.json")
    write_as_earlier_version(record, kept)
    record.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert [found.name for found in saved_records(store)] == [kept.stem]
        assert len(xstilts.status(store)) == 1
    assert record.name in caplog.text


def write_as_earlier_version(record: Path, path: Path) -> Path:
    """A copy of a record that does not name its file, as earlier versions wrote it."""
    written = without_digest(json.loads(record.read_text()))
    del written["file"]
    path.write_text(json.dumps(with_digest(written)))
    return path


def test_a_record_under_the_name_of_another_is_left_out(
    copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (record,) = records(Store(copied))
    other = Path(shutil.copyfile(record, record.with_name("other@00000000.json")))
    with caplog.at_level(logging.WARNING):
        assert [found.name for found in saved_records(Store(copied))] == [record.stem]
    assert other.name in caplog.text


def test_an_edited_record_is_left_out(copied: Path) -> None:
    (record,) = records(Store(copied))
    tree = json.loads(record.read_text())
    tree["cells"][0]["language"] = "sw"
    record.write_text(json.dumps(tree))
    assert labelled_cells(Store(copied)) == {}


def test_results_show_an_experiment_once_after_a_language_was_added(
    toy_file: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store").prepare()
    changes = ["seeds=[0]", "targets=[toy-kind]", "intermediate=[none]"]
    for languages in ("[en]", "[en, xx]"):
        loaded = xstilts.load(toy_file, [*changes, f"languages={languages}"])
        save_record(loaded, compile_experiment(loaded), store)
    (name,) = labelled_cells(store)
    assert name == loaded.experiment.name
    assert {cell.language for cell in labelled_cells(store)[name].cells} == {"en", "xx"}
    fewer = xstilts.load(toy_file, [*changes, "languages=[en]", "seeds=[1]"])
    save_record(fewer, compile_experiment(fewer), store)
    assert [len(record.cells) for record in labelled_cells(store).values()] == [2, 1]


def test_a_damaged_record_is_set_aside_when_its_experiment_is_run(
    small: LoadedExperiment, copied: Path
) -> None:
    store = Store(copied)
    (record,) = records(store)
    record.write_text("{")
    xstilts.run(small, store, workers=1)
    assert [found.name for found in saved_records(store)] == [record.stem]
    assert [path.name.startswith(record.name) for path in (copied / "damaged").iterdir()] == [True]


def test_other_data_under_the_same_names_are_another_record(toy_file: Path, tmp_path: Path) -> None:
    folder, store = tmp_path / "toy", Store(tmp_path / "store").prepare()
    shutil.copytree(toy_file.parent, folder)
    loaded = xstilts.load(str(folder / toy_file.name), ["seeds=[0]", "targets=[toy-kind]"])
    first = compile_experiment(loaded)
    save_record(loaded, first, store)
    save_record(loaded, first, store)
    for path in (folder / "data").glob("*test*"):
        path.write_bytes(path.read_bytes() * 2)
    changed = compile_experiment(loaded)
    save_record(loaded, changed, store)
    assert len(list(saved_records(store))) == 2
    found = {cell.key for record in saved_records(store) for cell in record.cells}
    assert found == {cell.key for compiled in (first, changed) for cell in compiled.cells}
    assert len(found) == 2 * len(first.cells)


def test_a_record_of_the_same_scores_keeps_its_name(small: LoadedExperiment, copied: Path) -> None:
    """Earlier versions named records after the experiment only, with other defaults."""
    store = Store(copied)
    (record,) = records(store)
    earlier = write_as_earlier_version(record, record.with_name("small@12345678.json"))
    record.unlink()
    assert save_record(small, compile_experiment(small), store) == earlier
    assert records(store) == [earlier]


def test_a_record_that_is_there_is_not_written_again_but_becomes_the_newest(
    small: LoadedExperiment, toy_file: Path, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(copied)
    first = save_record(small, compile_experiment(small), store)
    other = xstilts.load(str(toy_file), ["name=other", "seeds=[7]", "targets=[toy-kind]"])
    second = save_record(other, compile_experiment(other), store)
    for path, time in ((first, 1_000), (second, 2_000)):
        os.utime(path, ns=(time, time))
    before = first.read_bytes()
    written: list[Path] = []
    monkeypatch.setattr(RecordContent, "write", lambda _, path: written.append(path))
    assert save_record(small, compile_experiment(small), store) == first
    assert written == []
    assert records(store) == [second, first]
    assert first.read_bytes() == before


def test_a_record_with_other_contents_is_written_again(
    small: LoadedExperiment, copied: Path
) -> None:
    store = Store(copied)
    (path,) = records(store)
    record = without_digest(json.loads(path.read_text()))
    path.write_text(json.dumps(with_digest({**record, "origin": "elsewhere.yaml"})))
    assert save_record(small, compile_experiment(small), store) == path
    assert json.loads(path.read_text())["origin"] == record["origin"]


def test_results_without_a_record_are_empty_and_said_to_be(
    copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for record in records(Store(copied)):
        record.unlink()
    with caplog.at_level(logging.WARNING):
        assert xstilts.results(store=copied).empty
    assert "no record" in caplog.text
