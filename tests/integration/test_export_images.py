"""Heads of texts with images cannot be exported; what else the training has can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core.errors import EncoderError
from xstilts.testing.tiny_images import write_image_experiment

CHANGES = [
    *("name=images", "seeds=[0]", "limits={train: 16, dev: 8, test: 8}"),
    *("recipes.intermediate.epochs=1", "recipes.target.epochs=1"),
    *("recipes.intermediate.num_evals=1", "recipes.target.num_evals=1"),
    "intermediate=[toy-same+toy-colour, toy-caption]",
    *("baseline=toy-caption", "targets=[toy-search, toy-colour-without-image]"),
    "retrieval.layer=last",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, run_in_process: Any) -> Path:
    root = tmp_path_factory.mktemp("images")
    loaded = xstilts.load(str(write_image_experiment(root)), CHANGES)
    assert run_in_process(loaded, root / "store").exit_code == 0
    return root / "store"


@pytest.mark.parametrize(
    ("target", "setting", "format"),
    [
        ("toy-search", "toy-same+toy-colour", "image_inference"),
        ("toy-search", "toy-caption", "image_retrieval"),
        ("toy-colour-without-image", "toy-caption", "image_inference"),
    ],
)
def test_the_error_names_what_can_be_exported_and_that_works(
    store: Path, tmp_path: Path, target: str, setting: str, format: str
) -> None:
    chosen: dict[str, Any] = {"target": target, "setting": setting}
    with pytest.raises(EncoderError, match=format) as caught:
        xstilts.export_model("images", tmp_path / "out", store, **chosen)
    assert not (tmp_path / "out").exists()
    todo = str(caught.value.todo)
    assert "--without-head" in todo
    assert ("--task toy-same" in todo) == ("toy-same" in setting)
    exported = xstilts.export_model("images", tmp_path / "out", store, with_head=False, **chosen)
    assert exported.opens_with == ("SentenceTransformer", "AutoModel")
    assert exported.difference < 1e-5
    if "toy-same" in setting:
        exported = xstilts.export_model("images", tmp_path / "a", store, task="toy-same", **chosen)
        assert exported.opens_with == ("AutoModelForSequenceClassification",)
