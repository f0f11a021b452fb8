"""The layout opened by sentence-transformers itself, where it is installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModel

from xstilts.core.errors import EncoderError
from xstilts.export.agreement import task_logits
from xstilts.export.folder import write_model
from xstilts.export.hugging_face import encoder_model, save_model
from xstilts.export.sentence_layout import write_layout
from xstilts.export.task_head import TaskHead
from xstilts.export.vector_reading import VectorReading
from xstilts.formats.text_features import text_features
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import HEADS, EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.heads import SentenceHead
from xstilts.models.pooling import pool
from xstilts.models.sentence_modules import sentence_output
from xstilts.testing.encoder_families import write_family
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


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_vectors_of_an_image_text_encoder_are_in_its_joint_space(
    tmp_path: Path, pooling: str
) -> None:
    (tmp_path / "root").mkdir()
    import_encoder(write_family(tmp_path / "hf", "clip", projection_dim=24), tmp_path / "root")
    files, folder = EncoderFiles(tmp_path / "root"), tmp_path / "out"
    write_model(folder, files, None, VectorReading(pooling, max_length=32))
    batch = batch_of(files, pairs=False)
    encoder = Encoder(files, files.used_ids(batch.ids.tolist())).eval()
    with torch.no_grad():
        states = encoder(batch.ids, batch.mask, batch.types)
        expected = encoder.projected(pool(states, batch.mask, pooling), pooling)
        opened = AutoModel.from_pretrained(folder).eval()(batch.ids, batch.mask)
    assert (encoder.projection(2, pooling) is not None) == (pooling == "last")
    vectors = sentence_output(folder, opened.last_hidden_state, batch.mask)
    assert (vectors - expected).abs().max() < 1e-5
    if find_spec("sentence_transformers"):
        package = import_module("sentence_transformers")
        model = package.SentenceTransformer(str(folder), device="cpu")
        encoded = torch.from_numpy(model.encode([row["text"] for row in ROWS]))
        assert (encoded - expected).abs().max() < 1e-5


@pytest.mark.parametrize("family", ["siglip", "siglip2", "metaclip_2"])
@pytest.mark.parametrize("with_head", [False, True])
def test_encoders_that_cannot_be_opened_are_refused_with_their_type(
    tmp_path: Path, head: TaskHead, family: str, with_head: bool
) -> None:
    (tmp_path / "root").mkdir()
    import_encoder(write_family(tmp_path / "hf", family), tmp_path / "root")
    files, reading = EncoderFiles(tmp_path / "root"), VectorReading("last")
    with pytest.raises(EncoderError, match=f"the type {family}_text_model"):
        write_model(tmp_path / "out", files, head if with_head else None, reading)
    assert not (tmp_path / "out").exists()
