"""The code that a card shows opens the folder and applies the model."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from xstilts.export.folder import write_model
from xstilts.export.task_head import AUTO_CLASSES, MASKED_LM, TaskHead
from xstilts.export.usage import plain_code, usage_code
from xstilts.export.vector_reading import VectorReading
from xstilts.formats import training_of
from xstilts.formats.base import HeadShape
from xstilts.models.encoder_files import HEADS, EncoderFiles

LABELS = ("yes", "no", "maybe")


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "card", "exec"), names)
    return names


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
@pytest.mark.parametrize("kind", sorted(AUTO_CLASSES.keys() - {MASKED_LM}))
def test_the_code_runs(root: Path, tmp_path: Path, kind: str, pooling: str, pairs: bool) -> None:
    torch.manual_seed(2)
    state = training_of(kind).head(32, HeadShape(kind, len(LABELS), 0.0, pooling)).state_dict()
    save_file({f"task.{name}": value for name, value in state.items()}, tmp_path / HEADS)
    head = TaskHead("task", kind, LABELS, pooling, tmp_path)
    folder = tmp_path / "out"
    written = write_model(folder, EncoderFiles(root), head, VectorReading(pooling, max_length=32))
    plain = plain_code(written, str(folder), pairs=pairs)
    assert bool(plain) == (head.is_sentence_head and pooling != "cls")
    if plain:
        logits = run(plain)["logits"]
        choices = 2 if kind == "multiple_choice" else 1
        assert logits.shape == (choices, len(head.output_labels))
    code = usage_code(written, str(folder), pairs=pairs)
    if kind == "multiple_choice":  # a choice is read with its text
        assert {"a continuation", "another one"} <= set(code.split('"')[1::2])
    if not plain:
        run(code)
    elif find_spec("sentence_transformers"):
        assert torch.allclose(torch.from_numpy(run(code)["logits"]), logits, atol=1e-5)


def test_the_code_of_an_encoder_compares_sentences(root: Path, tmp_path: Path) -> None:
    written = write_model(tmp_path, EncoderFiles(root), None, VectorReading("mean"))
    code = usage_code(written, str(tmp_path), pairs=False)
    assert "similarity" in code
    if find_spec("sentence_transformers"):
        assert run(code)["vectors"].shape == (2, 32)
