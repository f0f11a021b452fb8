"""The layout opened by sentence-transformers itself, where it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from xstilts.export.agreement import task_logits
from xstilts.export.hugging_face import encoder_model, save_model
from xstilts.export.sentence_layout import write_layout
from xstilts.export.task_head import TaskHead
from xstilts.formats.text_features import text_features
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import HEADS, EncoderFiles
from xstilts.models.heads import SentenceHead
from xstilts.models.pooling import pool
from xstilts.models.sentence_modules import sentence_output
from xstilts.training.batching import Batch, collate

ROWS = [
    {"id": "1", "text": "the cat is here", "text_pair": "where is my horse now"},
    {"id": "2", "text": "give me one spoon please", "text_pair": "rice"},
]


def batch_of(files: EncoderFiles, *, pairs: bool, prompt: str = "") -> Batch:
    rows = [
        {**row, "text": prompt + row["text"], "text_pair": row["text_pair"] if pairs else None}
        for row in ROWS
    ]
    tokenizer = files.tokenizer()
    return collate(text_features(rows, tokenizer, 32, [0, 0]), tokenizer.pad_token_id)


@pytest.fixture
def head(tmp_path: Path) -> TaskHead:
    torch.manual_seed(1)
    state = SentenceHead(32, 3, 0.0, "mean").state_dict()
    save_file({f"kind.{name}": value for name, value in state.items()}, tmp_path / HEADS)
    return TaskHead("kind", "classification", ("a", "b", "c"), "mean", tmp_path)


@pytest.mark.parametrize("pairs", [False, True])
def test_encode_gives_the_logits_of_texts_and_of_pairs(
    root: Path, tmp_path: Path, head: TaskHead, pairs: bool
) -> None:
    package = pytest.importorskip("sentence_transformers")
    files = EncoderFiles(root)
    save_model(tmp_path / "out", files, encoder_model(files), 32)
    write_layout(tmp_path / "out", 32, "mean", max_length=32, head=head)
    model = package.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    texts = [(row["text"], row["text_pair"]) if pairs else row["text"] for row in ROWS]
    logits = torch.from_numpy(model.encode(texts))
    expected = task_logits(files, head, batch_of(files, pairs=pairs))
    assert (logits - expected).abs().max() < 1e-5


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_encode_gives_the_vectors_with_their_prompt(
    root: Path, tmp_path: Path, pooling: str
) -> None:
    package = pytest.importorskip("sentence_transformers")
    files = EncoderFiles(root)
    save_model(tmp_path / "out", files, encoder_model(files), 32)
    write_layout(tmp_path / "out", 32, pooling, max_length=32, prompt="the cat ")
    model = package.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    vectors = torch.from_numpy(model.encode([row["text"] for row in ROWS]))
    batch = batch_of(files, pairs=False, prompt="the cat ")
    encoder = Encoder(files, files.used_ids(batch.ids.tolist())).eval()
    with torch.no_grad():
        states = encoder(batch.ids, batch.mask, batch.types)
    assert (vectors - pool(states, batch.mask, pooling)).abs().max() < 1e-5
    assert model.max_seq_length == 32
    assert (sentence_output(tmp_path / "out", states, batch.mask) - vectors).abs().max() < 1e-5
