"""Heads of models from elsewhere: which tasks they fit, and that their logits are read right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from xstilts.core.errors import ConfigError, EncoderError
from xstilts.export.agreement import example_batch, task_logits
from xstilts.export.folder import write_model
from xstilts.export.task_head import AUTO_CLASSES, MASKED_LM, TaskHead
from xstilts.export.vector_reading import VectorReading
from xstilts.formats import training_of
from xstilts.formats.base import HeadShape
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.tuned_head import TunedHead, tuned_head_of
from xstilts.models.tuned_model import TunedModel

LABELS = ("yes", "no", "maybe")
HEADS = "heads.safetensors"
NLI = TunedHead("", ("classification",), ("ENTAILMENT", "neutral", "Contradiction"))


def reader(folder: Path) -> Callable[[str], Any]:
    def read(path: str) -> Any:
        file = folder / path
        return json.loads(file.read_bytes()) if file.is_file() else None

    return read


def exported(root: Path, folder: Path, kind: str, pooling: str) -> tuple[TaskHead, EncoderFiles]:
    """The folder of an encoder without training and a random head."""
    torch.manual_seed(2)
    state = training_of(kind).head(32, HeadShape(kind, len(LABELS), 0.0, pooling)).state_dict()
    heads = folder.parent / f"{folder.name}-heads"
    heads.mkdir()
    save_file({f"task.{name}": value for name, value in state.items()}, heads / HEADS)
    head = TaskHead("task", kind, LABELS, pooling, heads)
    files = EncoderFiles(root)
    folder.mkdir()
    write_model(folder, files, head, VectorReading(pooling, max_length=32))
    return head, files


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("kind", sorted(AUTO_CLASSES.keys() - {MASKED_LM}))
def test_an_exported_head_is_found_and_read_in_the_form_of_its_format(
    root: Path, tmp_path: Path, kind: str, pooling: str
) -> None:
    head, files = exported(root, tmp_path / "out", kind, pooling)
    found = tuned_head_of(reader(tmp_path / "out"))
    assert found is not None
    assert found.labels_for(kind, LABELS) == LABELS
    batch = example_batch(files)
    model = TunedModel(tmp_path / "out", found.auto_class, kind).eval()
    with torch.no_grad():
        logits = model(batch.ids, batch.mask, batch.types)
    expected = task_logits(files, head, batch)
    assert logits.shape == expected.shape
    real = expected.isfinite()
    if kind == "tagging":
        real &= batch.mask[:, :, None] == 1
    assert (logits.isfinite() == expected.isfinite()).all()
    assert (logits[real] - expected[real]).abs().max() < 1e-5


def test_an_encoder_has_no_head_and_its_classifier_would_be_drawn_at_random(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    write_model(tmp_path / "out", EncoderFiles(root), None, VectorReading("mean"))
    assert tuned_head_of(reader(tmp_path / "out")) is None
    with pytest.raises(EncoderError, match="not in the weights"):
        TunedModel(tmp_path / "out", "AutoModelForSequenceClassification", "classification")


def test_labels_are_matched_without_regard_to_case_in_the_order_of_the_outputs() -> None:
    labels = ("contradiction", "entailment", "neutral")
    assert NLI.labels_for("classification", labels) == ("entailment", "neutral", "contradiction")


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("classification", ("entailment", "neutral")),
        ("classification", ("entailment", "neutral", "other")),
        ("tagging", ("contradiction", "entailment", "neutral")),
    ],
)
def test_other_labels_or_formats_do_not_fit(kind: str, labels: tuple[str, ...]) -> None:
    assert NLI.labels_for(kind, labels) is None


def test_given_labels_replace_the_default_names() -> None:
    config = {"architectures": ["BertForSequenceClassification"], "num_labels": 2}
    files = {"config.json": config}
    found = tuned_head_of(files.get)
    assert found is not None
    assert found.labels == ("LABEL_0", "LABEL_1")
    named = tuned_head_of(files.get, ["no", "yes"])
    assert named is not None
    assert named.labels_for("classification", ("yes", "no")) == ("no", "yes")


@pytest.mark.parametrize("names", [("no", "yes"), ("no", "yes", "maybe", "never")])
@pytest.mark.parametrize(
    "files",
    [
        {"config.json": {"architectures": ["BertForSequenceClassification"], "num_labels": 3}},
        {"config.json": {"architectures": ["BertForTokenClassification"], "num_labels": 3}},
        {
            "config.json": {"xstilts_format": "classification", "xstilts_labels": list(LABELS)},
            "modules.json": [{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}],
        },
    ],
)
def test_another_number_of_names_than_outputs_is_refused(
    files: dict[str, Any], names: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError, match=f"{len(names)} names for the 3 outputs"):
        tuned_head_of(files.get, names)
    named = tuned_head_of(files.get, LABELS)
    assert named is not None
    assert named.labels == LABELS


@pytest.mark.parametrize("names", [("No", "maybe", "yes"), ("never", "NO", "maybe")])
def test_given_labels_in_another_order_than_the_names_in_the_config_are_refused(
    names: tuple[str, ...],
) -> None:
    named = {"0": "no", "1": "yes", "2": "maybe"}
    config = {"architectures": ["BertForSequenceClassification"], "id2label": named}
    with pytest.raises(ConfigError, match="no, yes, maybe"):
        tuned_head_of({"config.json": config}.get, names)
    other = tuned_head_of({"config.json": config}.get, ("No", "YES", "perhaps"))
    assert other is not None
    assert other.labels == ("No", "YES", "perhaps")
