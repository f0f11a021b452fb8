"""Encoders whose parts do not fit each other are refused at import, by name and number."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer

from xstilts.core.errors import EncoderError
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.encoder_source import find_source
from xstilts.testing.tiny import write_encoder

Weights = dict[str, Tensor]
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("tiny") / "hf")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "encoder"))


def imported(folder: Path) -> Path:
    target = folder.with_name("stored")
    target.mkdir(exist_ok=True)
    import_encoder(folder, target)
    return target


def change_weights(folder: Path, change: Callable[[Weights], Weights]) -> None:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, {"format": "pt"})


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refusal(folder: Path) -> str:
    with pytest.raises(EncoderError) as raised:
        imported(folder)
    return str(raised.value)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "auto_model.", "bert.", "model."])
def test_weights_under_another_prefix_are_refused(copy: Path, prefix: str) -> None:
    change_weights(copy, lambda old: {prefix + name: value for name, value in old.items()})
    message = refusal(copy)
    assert "36 of" in message or "37 of" in message
    assert f"prefix {prefix}" in message


def test_the_prefix_of_the_model_itself_is_understood(tiny: Path, copy: Path) -> None:
    change_weights(copy, lambda old: {f"roberta.{name}": value for name, value in old.items()})
    stored, plain = imported(copy), load_file(tiny / "model.safetensors")
    body = load_file(stored / "body.safetensors")
    assert all(torch.equal(value, plain[name]) for name, value in body.items())


def test_missing_layers_are_refused_with_their_number(copy: Path) -> None:
    change_weights(copy, lambda old: {n: v for n, v in old.items() if "encoder.layer.1." not in n})
    message = refusal(copy)
    assert "16 of" in message
    assert "encoder.layer.1." in message


def test_more_layers_than_the_config_names_are_refused(copy: Path) -> None:
    change_json(copy / "config.json", num_hidden_layers=1)
    message = refusal(copy)
    assert "16 tensors" in message
    assert "encoder.layer.1." in message


def test_weights_of_another_width_are_refused(copy: Path) -> None:
    change_json(copy / "config.json", intermediate_size=40)
    assert "another shape" in refusal(copy)


def test_weights_of_another_architecture_are_refused(copy: Path) -> None:
    config = transformers.DistilBertConfig(dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    transformers.DistilBertModel(config).save_pretrained(copy / "other")
    shutil.move(copy / "other" / "model.safetensors", copy / "model.safetensors")
    assert "missing from the weights" in refusal(copy)


def test_nan_weights_are_refused(copy: Path) -> None:
    name = "encoder.layer.0.output.dense.weight"
    change_weights(copy, lambda old: {**old, name: old[name] * torch.nan})
    assert name in refusal(copy)


def test_a_missing_pooler_is_no_error_and_gives_the_same_bytes(tiny: Path, copy: Path) -> None:
    from xstilts.models.import_checks import check_loaded_weights, zero_missing_pooler

    model = transformers.AutoModel.from_pretrained(tiny)
    absent = {name for name, _ in model.named_parameters() if name.startswith("pooler.")}
    info = {"missing_keys": absent, "unexpected_keys": set(), "mismatched_keys": set()}
    check_loaded_weights(model, info, str(copy))
    zero_missing_pooler(model, info)
    assert len(absent) == 2
    assert all(float(model.state_dict()[name].abs().max()) == 0 for name in absent)


def test_an_encoder_decoder_is_refused(copy: Path) -> None:
    config = transformers.BartConfig(
        vocab_size=160,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        pad_token_id=1,
    )
    transformers.BartModel(config).save_pretrained(copy)
    assert "bart is an encoder-decoder" in refusal(copy)


# tokenizers


def test_an_encoder_without_tokenizer_files_is_refused(copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    assert "tokenizer.json" in refusal(copy)
    with pytest.raises(EncoderError, match=r"tokenizer\.json"):
        find_source(str(copy), None, copy)


def test_a_tokenizer_of_a_handful_of_entries_is_refused(copy: Path) -> None:
    path = copy / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["model"]["vocab"]
    few = {text: n for text, n in vocabulary.items() if n < 9}
    content["model"] |= {"vocab": few, "merges": []}
    path.write_text(json.dumps(content))
    assert "4 entries" in refusal(copy)


def test_a_tokenizer_with_more_entries_than_embeddings_is_refused(copy: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(copy)
    rows = len(tokenizer)
    tokenizer.add_tokens(["<url>", "<user>"])
    tokenizer.save_pretrained(copy)
    message = refusal(copy)
    assert str(rows) in message
    assert str(rows + 2) in message


def add_rows(folder: Path, rows: int) -> None:
    """Give the encoder an embedding matrix of so many rows."""

    def longer(weights: Weights) -> Weights:
        (key,) = (key for key in weights if key.endswith("word_embeddings.weight"))
        more = torch.randn(rows - len(weights[key]), weights[key].shape[1])
        return {**weights, key: torch.cat([weights[key], more])}

    change_weights(folder, longer)
    change_json(folder / "config.json", vocab_size=rows)


def test_a_tokenizer_of_less_than_half_of_the_embeddings_is_refused(copy: Path) -> None:
    entries = len(AutoTokenizer.from_pretrained(copy))
    add_rows(copy, 2 * entries + 1)
    message = refusal(copy)
    assert str(entries - 1) in message
    assert str(2 * entries + 1) in message


def test_reserved_and_padded_embeddings_are_no_reason_to_refuse(copy: Path) -> None:
    add_rows(copy, -(-len(AutoTokenizer.from_pretrained(copy)) // 128) * 128 + 1)
    imported(copy)


def test_placeholders_of_other_media_need_no_embedding(copy: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image_soft_token>"]})
    tokenizer.save_pretrained(copy)
    assert (imported(copy) / "body.safetensors").is_file()


@pytest.mark.parametrize(
    ("file", "changes", "named"),
    [
        ("tokenizer_config.json", {"pad_token": None}, "no padding token"),
        ("tokenizer_config.json", {"pad_token": "<unk>"}, "<unk>"),
        ("tokenizer_config.json", {"pad_token": "</s>"}, "</s>"),
        ("config.json", {"pad_token_id": 2}, "pad_token_id"),
        ("config.json", {"pad_token_id": None}, "pad_token_id"),
    ],
)
def test_a_padding_token_that_is_missing_or_not_the_models_is_refused(
    copy: Path, file: str, changes: dict[str, Any], named: str
) -> None:
    change_json(copy / file, **changes)
    assert named in refusal(copy)


def test_a_padding_side_does_not_matter(copy: Path) -> None:
    change_json(copy / "tokenizer_config.json", padding_side="left")
    assert EncoderFiles(imported(copy)).tokenizer().pad_token_id == 1


# damaged files


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_in_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lfs_pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")


def not_json(path: Path) -> None:
    path.write_bytes((40).to_bytes(8, "little") + b"{" * 400)


@pytest.mark.parametrize("damage", [cut, cut_in_header, empty, lfs_pointer, not_json])
def test_damaged_weights_are_refused_by_name_in_plan_and_at_import(
    copy: Path, damage: Callable[[Path], None]
) -> None:
    damage(copy / "model.safetensors")
    with pytest.raises(EncoderError, match=r"model\.safetensors"):
        find_source(str(copy), None, copy)
    with pytest.raises(EncoderError):
        imported(copy)


def test_a_pointer_in_place_of_the_tokenizer_is_refused(copy: Path) -> None:
    lfs_pointer(copy / "tokenizer.json")
    with pytest.raises(EncoderError, match="git lfs pull"):
        find_source(str(copy), None, copy)
    with pytest.raises(EncoderError):
        imported(copy)


# contradictions that transformers loads without a word


@pytest.mark.parametrize("prefix", ["", "roberta."])
def test_tensors_of_an_adapter_are_not_ignored(copy: Path, prefix: str) -> None:
    name = f"{prefix}encoder.layer.0.attention.self.query.lora_A.weight"
    change_weights(copy, lambda old: {**old, name: torch.ones(4, 32)})
    assert "lora_A" in refusal(copy)


def test_quantized_weights_are_refused_in_plan_and_at_import(copy: Path) -> None:
    name = "encoder.layer.0.output.dense.weight"
    change_weights(copy, lambda old: {**old, name: (old[name] * 100).to(torch.int8)})
    with pytest.raises(EncoderError, match="I8"):
        find_source(str(copy), None, copy)
    assert name in refusal(copy)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_weights_of_any_float_type_are_imported_as_float32(
    tiny: Path, copy: Path, dtype: torch.dtype
) -> None:
    change_weights(copy, lambda old: {name: value.to(dtype) for name, value in old.items()})
    body, plain = load_file(imported(copy) / "body.safetensors"), load_file(tiny / WEIGHTS)
    assert all(torch.equal(value, plain[name].to(dtype).float()) for name, value in body.items())


def test_a_roberta_with_the_model_type_of_bert_is_refused(copy: Path) -> None:
    change_json(copy / "config.json", model_type="bert")
    message = refusal(copy)
    assert "XLMRobertaModel" in message
    assert "bert" in message


def test_a_tokenizer_that_does_not_add_its_cls_token_is_refused(copy: Path) -> None:
    change_json(copy / "tokenizer.json", post_processor=None)
    assert "<s>" in refusal(copy)


def test_a_tokenizer_without_a_cls_token_needs_to_add_none(copy: Path) -> None:
    change_json(copy / "tokenizer.json", post_processor=None)
    change_json(copy / "tokenizer_config.json", cls_token=None)
    assert (imported(copy) / "body.safetensors").is_file()


def test_a_mask_token_that_is_the_unknown_token_is_refused_for_masked_lm(copy: Path) -> None:
    change_json(copy / "tokenizer_config.json", mask_token="<unk>")
    with pytest.raises(EncoderError, match="<unk>"):
        import_encoder(copy, copy, masked_lm=True)


def test_weights_of_zero_are_not_called_a_decoder(copy: Path) -> None:
    change_weights(copy, lambda old: {name: value * 0 for name, value in old.items()})
    assert "do not depend on the text" in refusal(copy)


def test_an_invalid_config_is_not_blamed_on_the_tokenizer(copy: Path) -> None:
    change_json(copy / "config.json", num_hidden_layers=2.0)
    message = refusal(copy)
    assert "num_hidden_layers" in message
    assert "tokenizer cannot" not in message


def test_a_prefix_is_only_named_if_most_missing_tensors_have_it(copy: Path) -> None:
    change_json(copy / "config.json", model_type="roberta-prelayernorm", architectures=None)
    assert "under the prefix" not in refusal(copy)


def test_entries_that_were_never_trained_are_no_reason_to_refuse(copy: Path) -> None:
    def equal_last_rows(weights: Weights) -> Weights:
        (key,) = (key for key in weights if key.endswith("word_embeddings.weight"))
        matrix = weights[key].clone()
        matrix[-20:] = matrix[-1]
        return {**weights, key: matrix}

    change_weights(copy, equal_last_rows)
    imported(copy)


def test_an_adapter_that_was_not_merged_is_named_as_one(copy: Path) -> None:
    change_weights(
        copy,
        lambda weights: {
            "base_model.model." + key.replace("query.weight", "query.base_layer.weight"): value
            for key, value in weights.items()
        },
    )
    assert "merge_and_unload" in refusal(copy)
