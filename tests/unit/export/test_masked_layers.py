"""Exported masked LM heads: AutoModelForMaskedLM alone gives the logits of the trained model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, pipeline
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from xstilts.export.agreement import Difference, compare_task, example_batch, task_logits
from xstilts.export.folder import WrittenModel, write_model
from xstilts.export.head_layers import NotRepresentable
from xstilts.export.task_head import MASKED_LM, TaskHead
from xstilts.export.usage import usage_code
from xstilts.export.vector_reading import VectorReading
from xstilts.formats import training_of
from xstilts.formats.base import HeadShape
from xstilts.models.encoder_files import HEADS, MASKED_HEAD, EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.encoder_families import SIZES, write_family
from xstilts.testing.masked_heads import WITH_MASKED_HEAD, write_masked_family
from xstilts.testing.tiny import write_encoder
from xstilts.testing.trained_weights import write_training

CLOSE = 1e-5


def trained(source: Path, folder: Path) -> tuple[EncoderFiles, TaskHead]:
    """A training of an encoder with a masked LM head, its own one if it has one."""
    root = folder / "root"
    root.mkdir()
    import_encoder(source, root, masked_lm=True)
    embeddings, config = EncoderFiles(root).full_embeddings(), EncoderFiles(root).config()
    shape = HeadShape(MASKED_LM, len(embeddings), 0.0, "mean", tied_width=embeddings.shape[1])
    state = training_of(MASKED_LM).head(config.hidden_size, shape).state_dict()
    if (root / MASKED_HEAD).is_file():
        state = load_file(root / MASKED_HEAD)
    heads = {f"my_lines.{name}": value for name, value in state.items()}
    write_training(root, folder / "trained", heads)
    files = EncoderFiles(root, folder / "trained")
    return files, TaskHead("my.lines", MASKED_LM, (), "mean", folder / "trained")


def written(folder: Path, files: EncoderFiles, head: TaskHead) -> WrittenModel:
    return write_model(folder, files, head, VectorReading("mean", max_length=32))


@pytest.mark.parametrize("family", WITH_MASKED_HEAD)
def test_the_logits_of_a_padded_batch_are_those_of_the_training(
    family: str, tmp_path: Path
) -> None:
    write_masked_family(tmp_path / "hf", family, **WITH_MASKED_HEAD[family])
    files, head = trained(tmp_path / "hf", tmp_path)
    model = written(tmp_path / "out", files, head)
    assert model.opens_with == ("AutoModelForMaskedLM",)
    assert model.pipeline == "fill-mask"
    assert model.difference.largest < CLOSE
    given = example_batch(files)
    batch = replace(given, types=torch.zeros_like(given.types))
    assert not batch.mask.all()
    opened = AutoModelForMaskedLM.from_pretrained(tmp_path / "out").eval()
    with torch.no_grad():
        logits = opened(input_ids=batch.ids, attention_mask=batch.mask).logits[batch.mask == 1]
    torch.testing.assert_close(logits, task_logits(files, head, batch), atol=CLOSE, rtol=0)


OTHER_TYPES: dict[str, dict[str, object]] = {
    "roberta": {},
    "camembert": {},
    "big_bird": {"attention_type": "original_full"},  # has a pooler that is not read
    "convbert": {"embedding_size": 32, "num_attention_heads": 4},
    "data2vec-text": {},
    "deberta": {},
    "ernie": {},
    "fnet": {},  # has a pooler that is not read
    "layoutlm": {},
    "longformer": {"attention_window": 8},
    "megatron-bert": {},
    "roberta-prelayernorm": {},
    "roc_bert": dict.fromkeys(("pronunciation_vocab_size", "shape_vocab_size"), 20),
    "roformer": {"embedding_size": 32},
    "squeezebert": {"embedding_size": 32, "q_groups": 1, "k_groups": 1, "v_groups": 1},
    "tapas": {},
    "yoso": {},
}
"""Model types with heads like those of BERT or RoBERTa → sizes beyond the usual ones."""


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_other_types_with_such_a_head_are_exported(kind: str, tmp_path: Path) -> None:
    write_encoder(tmp_path / "hf")
    config = CONFIG_MAPPING[kind](vocab_size=160, pad_token_id=1, **{**SIZES, **OTHER_TYPES[kind]})
    torch.manual_seed(1)
    AutoModelForMaskedLM.from_config(config).save_pretrained(tmp_path / "hf")
    files, head = trained(tmp_path / "hf", tmp_path)
    assert (files.root / MASKED_HEAD).is_file()
    assert written(tmp_path / "out", files, head).difference.largest < CLOSE


@pytest.mark.parametrize("family", ["xlm-roberta", "bert"])
def test_the_weights_have_the_names_of_the_architecture_and_are_tied(
    family: str, tmp_path: Path
) -> None:
    write_masked_family(tmp_path / "hf", family)
    files, head = trained(tmp_path / "hf", tmp_path)
    written(tmp_path / "out", files, head)
    names = load_file(tmp_path / "hf" / "model.safetensors").keys()
    state = load_file(tmp_path / "out" / "model.safetensors")
    assert state.keys() == names
    bias = "lm_head.bias" if family == "xlm-roberta" else "cls.predictions.bias"
    assert torch.equal(state[bias], load_file(head.folder / HEADS)["my_lines.bias"])
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "out")
    embeddings = model.get_input_embeddings().weight
    assert model.get_output_embeddings().weight is embeddings
    assert torch.equal(embeddings, files.embeddings(torch.arange(len(embeddings))))


@pytest.mark.parametrize("family", ["xlm-roberta", "bert"])
def test_an_exported_head_is_that_of_a_further_training(family: str, tmp_path: Path) -> None:
    write_masked_family(tmp_path / "hf", family)
    files, head = trained(tmp_path / "hf", tmp_path)
    written(tmp_path / "out", files, head)
    (tmp_path / "again").mkdir()
    import_encoder(tmp_path / "out", tmp_path / "again", masked_lm=True)
    torch.testing.assert_close(load_file(tmp_path / "again" / MASKED_HEAD), head.weights)


def test_the_code_of_the_card_fills_a_mask(tmp_path: Path) -> None:
    write_masked_family(tmp_path / "hf", "xlm-roberta")
    files, head = trained(tmp_path / "hf", tmp_path)
    model = written(tmp_path / "out", files, head)
    names: dict[str, object] = {}
    code = usage_code(model, str(tmp_path / "out"), pairs=False)
    exec(compile(code, "card", "exec"), names)
    assert "fill" in names
    fill = pipeline("fill-mask", model=str(tmp_path / "out"))
    (best, *_) = fill(f"the {fill.tokenizer.mask_token} is here")
    inputs = fill.tokenizer(f"the {fill.tokenizer.mask_token} is here", return_tensors="pt")
    with torch.no_grad():
        logits = AutoModelForMaskedLM.from_pretrained(tmp_path / "out").eval()(**inputs).logits
    place = inputs["input_ids"][0] == fill.tokenizer.mask_token_id
    assert best["token"] == int(logits[0, place].argmax())


def test_a_new_head_is_exported_where_the_class_computes_the_same(tmp_path: Path) -> None:
    write_family(tmp_path / "hf", "xlm-roberta", layer_norm_eps=1e-5)
    files, head = trained(tmp_path / "hf", tmp_path)
    assert not (files.root / MASKED_HEAD).exists()
    assert written(tmp_path / "out", files, head).difference.largest < CLOSE


@pytest.mark.parametrize(
    ("family", "changes"),
    [("bert", {}), ("bert", {"layer_norm_eps": 1e-5, "hidden_act": "relu"}), ("distilbert", {})],
)
def test_a_new_head_is_refused_where_the_class_computes_something_else(
    family: str, changes: dict[str, object], tmp_path: Path
) -> None:
    write_family(tmp_path / "hf", family, **changes)
    files, head = trained(tmp_path / "hf", tmp_path)
    with pytest.raises(NotRepresentable, match=family) as caught:
        written(tmp_path / "out", files, head)
    assert "epsilon 1e-05" in caught.value.what
    assert "--without-head" in str(caught.value)
    assert "masked LM head" in str(caught.value.todo)


@pytest.mark.parametrize("family", ["rembert", "eurobert", "xlm", "gemma3", "mt5"])
def test_other_types_are_refused_by_name(family: str, tmp_path: Path) -> None:
    write_family(tmp_path / "hf", family)
    (tmp_path / "root").mkdir()
    import_encoder(tmp_path / "hf", tmp_path / "root")
    files = EncoderFiles(tmp_path / "root")
    head = TaskHead("lines", MASKED_LM, (), "mean", tmp_path)
    with pytest.raises(NotRepresentable, match=f"of the type {family}") as caught:
        written(tmp_path / "out", files, head)
    assert "--without-head" in str(caught.value.todo)


def test_other_weights_differ(tmp_path: Path) -> None:
    write_masked_family(tmp_path / "hf", "bert")
    files, head = trained(tmp_path / "hf", tmp_path)
    written(tmp_path / "out", files, head)
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "out")
    model.get_output_embeddings().bias.data[5] += 0.5
    model.save_pretrained(tmp_path / "out")
    arguments = (tmp_path / "out", "AutoModelForMaskedLM", files, head, example_batch(files))
    difference: Difference = compare_task(*arguments)
    assert difference.largest > 0.1
