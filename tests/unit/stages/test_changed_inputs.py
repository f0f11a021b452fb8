"""Data, encoders and translations that change while a run waits fail their stage."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.config.experiment import TranslatorConfig
from xstilts.core.artifact import Artifact
from xstilts.core.errors import ConfigError, DataError, EncoderError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.models import encoder_import
from xstilts.planning.compile import compile_experiment
from xstilts.stages import translate
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import write_rows
from xstilts.translate import key_params


@pytest.fixture
def folder(toy_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_file.parent, tmp_path / "toy"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").prepare()


def stages(file: Path, kind: str, *overrides: str) -> list[Stage]:
    loaded = xstilts.load(str(file), ["seeds=[0]", "targets=[toy-kind]", *overrides])
    return [stage for stage in compile_experiment(loaded).plan.stages if stage.kind == kind]


def work(store: Store, stage: Stage) -> None:
    execute_stage(store, stage, lambda _: None)


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[0])


def swap_cases(path: Path) -> None:
    """Another text of the same size and time of writing."""
    status = path.stat()
    path.write_text(path.read_text().swapcase())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [append, swap_cases])
def test_changed_data_fail_their_stage(
    folder: Path, store: Store, change: Callable[[Path], None]
) -> None:
    first, second = stages(folder / "toy.yaml", "prepare", "intermediate=[none]")[:2]
    files = sorted((folder / "data").glob("kind-*"))
    for path in files:
        change(path)
    for stage in (first, second):
        with pytest.raises(DataError, match="have changed"):
            work(store, stage)
    assert store.keys() == []


def test_unchanged_data_are_prepared_under_the_key_of_the_plan(folder: Path, store: Store) -> None:
    planned = stages(folder / "toy.yaml", "prepare", "intermediate=[none]")
    for stage in planned:
        work(store, stage)
    assert set(store.keys()) == {stage.key for stage in planned}


def test_changed_text_for_masked_lm_fails_its_stage(folder: Path, store: Store) -> None:
    text = folder / "own.txt"
    text.write_text("".join(f"one two three {n}\n" for n in range(40)))
    own = '{format: masked_lm, files: "own.txt", splits: {train: [en]}}'
    planned = stages(folder / "toy.yaml", "prepare", f"tasks.own={own}", "intermediate=[own]")
    (stage,) = (one for one in planned if one.label.startswith("prepare own train[:95%]"))
    append(text)
    with pytest.raises(DataError, match="have changed"):
        work(store, stage)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_changed_encoder_fails_its_stage(folder: Path, store: Store, name: str) -> None:
    (stage,) = stages(folder / "toy.yaml", "encoder")
    path = folder / "encoder" / name
    data = path.read_bytes()
    path.write_bytes(data + b" " if name == "config.json" else data[:-4] + b"\0\0\0\0")
    with pytest.raises(EncoderError, match="have changed"):
        work(store, stage)
    assert store.keys() == []


def test_an_encoder_that_changes_while_it_is_read_fails_its_stage(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (stage,) = stages(folder / "toy.yaml", "encoder")
    convert = encoder_import.import_encoder

    def edited_meanwhile(source: Path, target: Path, **_: object) -> list[str]:
        append(source / "config.json")
        return convert(source.with_name("kept"), target)

    shutil.copytree(folder / "encoder", folder / "kept")
    monkeypatch.setattr(encoder_import, "import_encoder", edited_meanwhile)
    with pytest.raises(EncoderError, match="have changed"):
        work(store, stage)


def test_translations_that_change_while_they_are_read_fail_their_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, rows = tmp_path / "t.tsv", tmp_path / "rows"
    table.write_text("a cat\tun gato\n")
    rows.mkdir()
    write_rows(
        rows / "rows.parquet", [{"id": "1", "text": "a cat", "label": "a", "text_pair": None}]
    )
    choice = TranslatorConfig(engine="table", options={"files": "t.tsv"})
    params = {
        "translator": key_params(choice, "en", "xx", tmp_path, "toy"),
        "source": "en",
        "target": "xx",
        "format": "classification",
    }
    local = {"translator": choice.model_dump(), "folder": str(tmp_path), "task": "toy"}
    stage = Stage("translate", 1, params, {}, "translate toy", context=local)
    inputs = {"rows": Artifact("0" * 64, rows.parent, rows.name)}
    context = StageContext(stage, inputs, tmp_path, tmp_path / "checkpoints", lambda _: None)
    open_translator = translate.open_translator

    def edited_meanwhile(*args: object) -> object:
        table.write_text("a cat\tun perro\n")
        return open_translator(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(translate, "open_translator", edited_meanwhile)
    with pytest.raises(ConfigError, match="differs"):
        translate.run(context)
