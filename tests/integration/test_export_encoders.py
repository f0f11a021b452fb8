"""Encoders without a head leave the store as sentence encoders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.testing.tiny import sentences, write_encoder

EXPERIMENT = """\
name: encoders
encoder: {name: ./encoder, pooling: mean}
intermediate: [questions, words]
baseline: words
targets: [search]
recipes:
  intermediate: {learning_rate: 1.0e-3, epochs: 1, batch_size: 8, num_evals: 1, max_length: 24,
    retrieval_query_length: 24}
retrieval: {layer: last, prompt: "the ", pooling: [mean, cls], max_length: 16}
tasks:
  questions:
    format: dual_encoder
    files: "questions-{split}.jsonl"
    splits: {train: [en], dev: [en]}
  words:
    format: masked_lm
    files: "words-{split}.txt"
    splits: {train: [en], dev: [en]}
  search:
    format: retrieval
    files: "search-{language}.jsonl"
    splits: {test: [en, xx]}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, run_in_process: Any) -> Path:
    """A store with a training on questions and passages, and one on masked words."""
    root = tmp_path_factory.mktemp("encoders")
    write_encoder(root / "encoder")
    for split, count in (("train", 24), ("dev", 8)):
        texts = [f"{text} {split}" for text, _, _ in sentences(split, count)]
        pairs = [{"query": f"where {number}", "passage": text} for number, text in enumerate(texts)]
        lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
        (root / f"questions-{split}.jsonl").write_text(lines, encoding="utf-8")
        (root / f"words-{split}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    for language in ("en", "xx"):
        rows = [{"text": f"{language} {number}", "meaning": str(number)} for number in range(12)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (root / f"search-{language}.jsonl").write_text(lines, encoding="utf-8")
    path = root / "encoders.yaml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    assert run_in_process(path, root / "store").exit_code == 0
    return root / "store"


@pytest.mark.parametrize(
    ("setting", "prompts", "length", "note"),
    [
        ("questions", {}, 24, "the prompt 'the ' (this folder: '')"),
        ("words", {"retrieval": "the "}, 16, "the pooling mean, cls (this folder: mean)"),
    ],
)
def test_the_folder_has_the_pooling_prompt_and_length_of_its_vectors(
    store: Path, tmp_path: Path, setting: str, prompts: dict[str, str], length: int, note: str
) -> None:
    exported = xstilts.export_model(
        "encoders", tmp_path / "out", store, setting=setting, with_head=setting != "words"
    )
    assert exported.opens_with == ("SentenceTransformer", "AutoModel")
    assert exported.difference < 1e-5
    assert any(note in one for one in exported.notes)
    other_length = "texts were cut at 16 sub-words in search; this folder cuts them at 24 sub-words"
    assert any(other_length in one for one in exported.notes) == (length == 24)
    layout = json.loads((tmp_path / "out" / "sentence_bert_config.json").read_text())
    assert layout["max_seq_length"] == length
    config = json.loads((tmp_path / "out" / "config_sentence_transformers.json").read_text())
    assert config["prompts"] == prompts
    pooling = json.loads((tmp_path / "out" / "1_Pooling" / "config.json").read_text())
    assert pooling["pooling_mode_mean_tokens"]
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"texts are cut at {length} sub-words" in card
    assert note in card
    scores = card.partition("## Scores")[2].partition("## Data")[0]
    assert ("| search (layer 2, mean) |" in scores) == bool(prompts)
