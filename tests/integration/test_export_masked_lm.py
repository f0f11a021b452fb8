"""Trainings of a masked language model leave the store with their head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.models.encoder_files import HEADS
from xstilts.testing.masked_heads import write_masked_family
from xstilts.testing.tiny import sentences, write_tasks

MIXTURE = "words+toy-tags"
EXPERIMENT = """\
name: masked
encoder: ./encoder
intermediate: [words, words+more-words, words+toy-tags]
baseline: words
targets: [toy-search]
recipes:
  intermediate: {learning_rate: 1.0e-3, epochs: 1, batch_size: 8, num_evals: 1, max_length: 24}
retrieval: {layer: last, max_length: 24}
tasks:
  words: &words
    format: masked_lm
    files: "words-{split}.txt"
    splits: {train: [en], dev: [en]}
  more-words: *words
  toy-tags:
    format: tagging
    files: "data/tags-{split}-{language}.tsv"
    splits: {train: [en], dev: [en]}
    columns: [tokens, tags]
    labels: [O, B-animal, B-food, B-tool]
  toy-search:
    format: retrieval
    files: "data/search-{split}-{language}.tsv"
    splits: {test: [en, xx]}
    columns: [text, meaning]
"""


@pytest.fixture(scope="module", params=["xlm-roberta", "bert"])
def store(request: Any, tmp_path_factory: pytest.TempPathFactory, run_in_process: Any) -> Path:
    """A store with trainings on masked words, alone and next to tags."""
    root = tmp_path_factory.mktemp(request.param)
    write_masked_family(root / "encoder", request.param)
    write_tasks(root / "data")
    for split, count in (("train", 24), ("dev", 8)):
        lines = [text for text, _, _ in sentences(split, count)]
        (root / f"words-{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = root / "masked.yaml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    assert run_in_process(path, root / "store").exit_code == 0
    return root / "store"


def export(store: Path, folder: Path, setting: str, **options: Any) -> xstilts.ExportedModel:
    return xstilts.export_model("masked", folder, store, setting=setting, **options)


def trained_bias(store: Path, key: str) -> torch.Tensor:
    return load_file(Store(store).artifact(key) / HEADS)["words.bias"]


@pytest.mark.parametrize(("setting", "task"), [("words", ""), (MIXTURE, "words")])
def test_the_head_fills_masks_with_transformers_alone(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, task: str
) -> None:
    exported = export(store, tmp_path / "out", setting, task=task)
    assert exported.opens_with == ("AutoModelForMaskedLM",)
    assert exported.difference < 1e-5
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "out").eval()
    assert torch.equal(model.get_output_embeddings().bias, trained_bias(store, exported.key))
    texts = [f"the {tokenizer.mask_token} is here", f"where is my {tokenizer.mask_token} now 3"]
    with torch.no_grad():
        padded = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
        alone = [model(**tokenizer(text, return_tensors="pt")).logits[0] for text in texts]
    for row, logits in zip(padded, alone, strict=True):
        torch.testing.assert_close(row[: len(logits)], logits, atol=1e-5, rtol=0)
    fill = pipeline("fill-mask", model=str(tmp_path / "out"))
    assert len(fill(texts[0])) == 5
    card = huggingface_hub.ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.pipeline_tag == "fill-mask"
    assert (f"--task {task}" in card.text) == bool(task)
    monkeypatch.chdir(tmp_path)
    (code,) = [part.partition("```")[0] for part in card.text.split("```python\n")[1:]]
    exec(compile(code, "README.md", "exec"), {})


def test_a_masked_lm_head_next_to_tasks_is_exported_by_name_only(
    store: Path, tmp_path: Path
) -> None:
    exported = export(store, tmp_path / "tags", MIXTURE)
    assert exported.opens_with == ("AutoModelForTokenClassification",)
    with pytest.raises(ConfigError, match="more-words, words"):
        export(store, tmp_path / "out", "words+more-words")


def test_the_encoder_alone_is_a_sentence_encoder(store: Path, tmp_path: Path) -> None:
    exported = export(store, tmp_path / "out", "words", with_head=False)
    assert exported.opens_with[0] == "SentenceTransformer"
