"""Images of a predicted set that training has too are counted in results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from xstilts.analysis.data_notes import SHARED_IMAGES, plan_data_notes, with_data_notes
from xstilts.analysis.shared_images import images_by_digest, shared_images
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.stages.io.rows import write_rows
from xstilts.stages.prepare import ROWS


def images(digests: list[str]) -> dict[str, list[str]]:
    return {"images": [f"{one}.png" for one in digests], "image_digests": digests}


def publish(store: Store, stage: Stage, digests: list[list[str]] | None = None) -> Stage:
    with store.staging(stage.key) as folder:
        if stage.kind == "prepare":
            columns = [{}] if digests is None else [images(row) for row in digests]
            write_rows(folder / ROWS, [{"id": str(n), **row} for n, row in enumerate(columns)])
        store.publish(stage, folder, {"rows": 2}, {})
    return stage


def prepared(store: Store, split: str, digests: list[list[str]] | None) -> Stage:
    params = {"task": "mine", "split": split, "language": "en"}
    return publish(store, Stage("prepare", 1, params, {}, label=f"prepare {split}"), digests)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store").prepare()


def predicted(store: Store, **inputs: Stage) -> Stage:
    """A prediction with a model after an intermediate training on images and one on texts."""
    text = prepared(store, "text", None)
    images = prepared(store, "train", [["a", "b"], ["b", "c"]])
    dev = prepared(store, "dev", [["x"]])
    inner = {"train:text:en": text.key, "train:mine:en": images.key, "dev:mine:en": dev.key}
    first = publish(store, Stage("train", 1, {"seed": 1}, inner))
    second = publish(store, Stage("train", 1, {}, {"base": first.key, "train:text:en": text.key}))
    test = prepared(store, "test", [["b"], ["b", "c"], ["x"], ["z"]])
    given: dict[str, Any] = {"model": second.key, "rows": test.key}
    given |= {role: stage.key for role, stage in inputs.items()}
    return publish(store, Stage("predict", 1, {}, given))


def test_images_of_all_trainings_behind_a_model_are_counted_once(store: Store) -> None:
    stage = predicted(store, vision=Stage("import-vision", 1, {}, {}))
    (shared,) = shared_images(store.artifact(stage.key), store)
    assert shared.names == ("b.png", "c.png")  # x is of dev
    assert shared.rows == stage.inputs["rows"]


def test_predictions_without_images_share_none(store: Store) -> None:
    stage = predicted(store)
    assert list(shared_images(store.artifact(stage.key), store)) == []
    assert images_by_digest(prepared(store, "text", None).key, store) == {}


def test_images_of_dev_that_training_has_are_named(store: Store) -> None:
    rows = prepared(store, "train", [["a"], ["b"]]), prepared(store, "dev", [["b"], ["x"]])
    vision = Stage("import-vision", 1, {}, {})
    inputs = {"train:mine:en": rows[0].key, "dev:mine:en": rows[1].key, "vision": vision.key}
    stage = publish(store, Stage("train", 1, {}, inputs))
    (shared,) = shared_images(store.artifact(stage.key), store)
    assert (shared.rows, shared.names) == (rows[1].key, ("b.png",))
    assert plan_data_notes([stage], store)[0].name == "mine dev en"


def test_results_and_reports_count_shared_images_of_a_set_once(store: Store) -> None:
    stage = predicted(store, vision=Stage("import-vision", 1, {}, {}))
    again = publish(store, Stage("predict", 1, {"seed": 2}, dict(stage.inputs)))
    score = publish(store, Stage("score", 1, {}, {"predictions": stage.key}))
    frame = with_data_notes(pd.DataFrame({"key": [score.key]}), store)
    expected = f"mine test en: {SHARED_IMAGES} 2 (such as b.png, c.png)"
    assert expected in list(frame.iloc[0])
    notes = plan_data_notes([stage, again], store)
    assert [note.text for note in notes] == [expected]
