"""Checks of an encoder at import: weights, tokenizer and model have to fit each other."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel

from xstilts.core.errors import EncoderError
from xstilts.models.encoder import Encoder, layer_outputs
from xstilts.models.encoder_config import PAD_DEPENDENT, PAD_POSITIONS, T5_TYPES
from xstilts.models.encoder_files import EncoderFiles, word_embeddings
from xstilts.models.text_towers import TEXT_TOWERS

MIN_ENTRIES = 24
"""Entries that a tokenizer has besides its special tokens, at least: the letters of a script."""
MIN_SHARE = 0.5
"""Share of the embedding matrix up to which the ids of a tokenizer reach, at least: reserved rows
and padding to multiples of 64 or 128 are far fewer in every published encoder."""
PLACEHOLDERS = ("image", "audio", "video")
"""Special tokens that stand for other media and occur in no text; Gemma 3 has them without rows."""
SAVE_AGAIN = "load the model with the class it was trained with, and save it with save_pretrained"
ADAPTER = re.compile(r"\.(lora_\w+|ia3_l|base_layer|adapters?)\.")
"""Parts of the names that PEFT and AdapterHub give to the tensors of adapters."""
LONG, SHORT = 8, 5
"""Lengths of the two example texts."""
TOLERANCE = 1e-3
"""Largest difference of hidden states that padding and the order of sums account for."""


def check_loaded_weights(model: PreTrainedModel, info: Mapping[str, Any], where: str) -> None:
    """Check that the weights of a folder are those of its model; a pooler can be absent.

    Args:
        info: transformers' loading info: missing, unexpected and mismatched keys.

    Raises:
        EncoderError: missing tensors, tensors of another shape, further layers, NaN or infinity.
    """
    missing = sorted(name for name in info["missing_keys"] if not is_pooler(name))
    unexpected = sorted(info["unexpected_keys"])
    if changes := sorted(name for name in unexpected if ADAPTER.search(name)):
        raise EncoderError(
            f"the weights have {len(changes)} tensors of an adapter that would be ignored, such "
            f"as {changes[0]}",
            where=where,
            todo="merge the adapter into the model (merge_and_unload), and save it with "
            "save_pretrained",
        )
    if missing:
        prefix = _prefix(missing, unexpected)
        how = f"; the file has them under the prefix {prefix}" if prefix else ""
        raise EncoderError(
            f"{len(missing)} of {len(model.state_dict())} tensors of the {type(model).__name__} "
            f"are missing from the weights, such as {missing[0]}{how} "
            f"({len(unexpected)} tensors are unexpected)",
            where=where,
            todo=f"remove the prefix {prefix} from the names" if prefix else SAVE_AGAIN,
        )
    if mismatched := sorted(str(key[0]) for key in info["mismatched_keys"]):
        raise EncoderError(
            f"{len(mismatched)} tensors have another shape than config.json gives, such as "
            f"{mismatched[0]}",
            where=where,
            todo=SAVE_AGAIN,
        )
    if extra := _further_layers(model, unexpected):
        raise EncoderError(
            f"the weights have {len(extra)} tensors of layers that config.json does not have, "
            f"such as {extra[0]}",
            where=where,
            todo="correct the number of layers in config.json",
        )
    for name, value in model.named_parameters():
        if not bool(torch.isfinite(value).all()):
            raise EncoderError(f"{name} has NaN or infinite weights", where=where, todo=SAVE_AGAIN)


def check_architecture(config: PretrainedConfig, where: str) -> None:
    """Check that a model has an encoder, and that its types agree on the numbering of positions.

    The tensors of BERT and RoBERTa have the same names and shapes, but other positions.

    Raises:
        EncoderError: an unsupported encoder-decoder; or one of `architectures` and `model_type`
            counts positions from the padding id, the other from zero.
    """
    if config.is_encoder_decoder and config.model_type not in T5_TYPES:
        raise EncoderError(
            f"{config.model_type} is an encoder-decoder; of these only T5, mT5 and umT5 are "
            "supported",
            where=where,
            todo="use an encoder, such as FacebookAI/xlm-roberta-base",
        )
    for name in config.architectures or ():
        config_class = getattr(getattr(transformers, name, None), "config_class", None)
        saved = getattr(config_class, "model_type", None) or config.model_type
        if (saved in PAD_POSITIONS) != (config.model_type in PAD_POSITIONS):
            raise EncoderError(
                f"config.json has the model type {config.model_type}, and its architecture "
                f"{name} has the type {saved}",
                where=where,
                todo="set `model_type` to the type the encoder was trained with",
            )


def zero_missing_pooler(model: PreTrainedModel, info: Mapping[str, Any]) -> None:
    """Set a pooler without weights to zero: it is not used, and would be drawn at random."""
    absent = set(info["missing_keys"])
    for name, value in model.named_parameters():
        if name in absent:
            value.data.zero_()


def is_pooler(name: str) -> bool:
    """Whether a parameter is one of a pooler, by its name."""
    return "pooler" in name.split(".")


def _prefix(missing: Collection[str], unexpected: Collection[str]) -> str:
    """The prefix under which the weights have most missing tensors; empty if there is none."""
    for name in missing:
        for other in unexpected:
            prefix = other.removesuffix(name)
            if other.endswith(f".{name}") and _have_prefix(missing, unexpected, prefix):
                return prefix
    return ""


def _have_prefix(missing: Collection[str], unexpected: Collection[str], prefix: str) -> bool:
    """Whether most missing tensors are in the weights under a prefix."""
    count = sum(f"{prefix}{name}" in unexpected for name in missing)
    return 2 * count >= len(missing)


def _further_layers(model: PreTrainedModel, unexpected: Collection[str]) -> list[str]:
    """Unexpected tensors whose names are those of the model's but for a number."""
    patterns = {re.sub(r"\d+", "#", name) for name in model.state_dict() if re.search(r"\d", name)}
    prefix = f"{model.base_model_prefix}."
    return [
        name for name in unexpected if re.sub(r"\d+", "#", name.removeprefix(prefix)) in patterns
    ]


def check_tokenizer(tokenizer: Any, model: PreTrainedModel, where: str) -> None:
    """Check a tokenizer against the model.

    Raises:
        EncoderError: hardly any entries, ids that reach less than half of the embeddings, more
            entries than embeddings, no padding token, or one that is not the model's.
    """
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    special = set(tokenizer.all_special_tokens)
    words = len(vocabulary.keys() - special)
    if words < MIN_ENTRIES:
        raise EncoderError(
            f"the tokenizer has {words} entries besides its special tokens",
            where=where,
            todo="add the tokenizer.json of the encoder to the folder",
        )
    rows = word_embeddings(model).weight.shape[0]
    used = max(n for text, n in vocabulary.items() if text not in special) + 1
    if used < MIN_SHARE * rows:
        raise EncoderError(
            f"the ids of the tokenizer end at {used - 1}, and the embedding matrix has {rows} "
            "rows: it is the tokenizer of another encoder",
            where=where,
            todo="use the tokenizer the encoder was trained with; if it is this one, cut the "
            "embeddings (resize_token_embeddings)",
        )
    placeholders = {
        text for text in special if any(medium in text.lower() for medium in PLACEHOLDERS)
    }
    without_row = [text for text, n in vocabulary.items() if n >= rows and text not in placeholders]
    if without_row:
        raise EncoderError(
            f"the tokenizer has {max(vocabulary.values()) + 1} entries, and the embedding matrix "
            f"{rows} rows: {len(without_row)} entries have none, such as {without_row[0]!r}",
            where=where,
            todo="resize the embeddings (resize_token_embeddings) and train them, or use the "
            "tokenizer without the added tokens",
        )
    _check_padding(tokenizer, model, where)
    _check_first_token(tokenizer, where)


def _check_first_token(tokenizer: Any, where: str) -> None:
    """Check that texts get the tokenizer's CLS token, if it has one."""
    if tokenizer.cls_token_id is None or tokenizer.cls_token_id in tokenizer("a")["input_ids"]:
        return
    raise EncoderError(
        f"the tokenizer does not add its CLS token {tokenizer.cls_token!r} to texts",
        where=where,
        todo="add the `post_processor` of the encoder to tokenizer.json, or leave `cls_token` "
        "out of tokenizer_config.json if the encoder was trained without it",
    )


def _check_padding(tokenizer: Any, model: PreTrainedModel, where: str) -> None:
    """Check the padding token, from which some models derive positions or lengths."""
    padding = tokenizer.pad_token_id
    if padding is None:
        raise EncoderError(
            "the tokenizer has no padding token",
            where=where,
            todo="set `pad_token` in tokenizer_config.json to the token the encoder was trained "
            "with",
        )
    if model.config.model_type in TEXT_TOWERS:  # it is after the end, or read as in the training
        return
    expected, dependent = model.config.pad_token_id, model.config.model_type in PAD_DEPENDENT
    forbidden = {tokenizer.unk_token_id, tokenizer.mask_token_id}
    if dependent:
        forbidden |= {tokenizer.cls_token_id, tokenizer.sep_token_id}
        forbidden |= {tokenizer.bos_token_id, tokenizer.eos_token_id}
    if padding in forbidden:
        raise EncoderError(
            f"the padding token {tokenizer.pad_token!r} is another special token too",
            where=where,
            todo="set `pad_token` in tokenizer_config.json to the token the encoder was trained "
            "with",
        )
    known = expected in tokenizer.all_special_ids
    if expected != padding and (dependent or (expected is not None and not known)):
        raise EncoderError(
            f"the padding token of the tokenizer has the id {padding}, and `pad_token_id` of "
            f"config.json is {expected}",
            where=where,
            todo="make them equal: the encoder was trained with one of them",
        )


@dataclass(frozen=True)
class ExampleStates:
    """Two example texts, [2, t] ids and mask, and their hidden states, [2, t, width] a layer.

    Args:
        causal: whether the states of a token do not depend on later tokens.
    """

    ids: Tensor
    mask: Tensor
    states: tuple[Tensor, ...]
    causal: bool = False


@torch.no_grad()
def example_states(model: PreTrainedModel, tokenizer: Any, where: str) -> ExampleStates:
    """Compute the hidden states of two texts, one of them padded.

    Raises:
        EncoderError: the model has no hidden states, or they are not finite.
    """
    model.eval()
    special = set(tokenizer.all_special_ids)
    rows = word_embeddings(model).weight.shape[0]
    words = sorted(n for n in set(tokenizer.get_vocab().values()) - special if n < rows)
    middle = len(words) // 2  # the last entries of many vocabularies were never trained
    row = torch.tensor(words[middle : middle + LONG + 1])
    ids = torch.stack([row[:-1], row[:-1]])
    ids[1, SHORT:] = tokenizer.pad_token_id
    mask = torch.ones_like(ids)
    mask[1, SHORT:] = 0
    states = _states(model, ids, mask, where)
    other = ids.clone()
    other[:, SHORT - 1] = row[-1]
    changed = _states(model, other, mask, where)[-1]
    if not bool(torch.isfinite(states[-1][mask == 1]).all()):
        raise EncoderError("the hidden states are not finite", where=where, todo=SAVE_AGAIN)
    if torch.equal(changed, states[-1]):
        raise EncoderError(
            "the hidden states do not depend on the text", where=where, todo=SAVE_AGAIN
        )
    causal = float((changed - states[-1])[:, 0].abs().max()) < 1e-7
    return ExampleStates(ids, mask, states, causal)


def _states(model: PreTrainedModel, ids: Tensor, mask: Tensor, where: str) -> tuple[Tensor, ...]:
    try:
        output = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = output.hidden_states and layer_outputs(output)
    except Exception as error:  # whatever a model's own code raises
        raise _no_text_encoder(model, f"{type(error).__name__}: {error}", where) from error
    depth = int(model.config.num_hidden_layers)
    if states is None or len(states) != depth + 1:
        raise _no_text_encoder(model, f"it does not return {depth} layers", where)
    return tuple(states)


def _no_text_encoder(model: PreTrainedModel, reason: str, where: str) -> EncoderError:
    return EncoderError(
        f"{type(model).__name__} cannot be used as an encoder of texts ({reason})",
        where=where,
        todo="use an encoder, such as FacebookAI/xlm-roberta-base",
    )


@torch.no_grad()
def check_states(target: Path, example: ExampleStates, where: str) -> None:
    """Check that an imported encoder has the hidden states of the original.

    Raises:
        EncoderError: they differ, so that the architecture is not supported.
    """
    files = EncoderFiles(target)
    encoder = Encoder(files, files.used_ids([example.ids.flatten().tolist()])).eval()
    states = encoder.hidden_states(example.ids, example.mask, torch.zeros_like(example.ids))
    real = example.mask == 1
    for number, (got, wanted) in enumerate(zip(states, example.states, strict=True)):
        scale = max(1.0, float(wanted[real].abs().max()))
        if float((got - wanted)[real].abs().max()) > TOLERANCE * scale:
            raise EncoderError(
                f"the hidden states of {type(encoder.model).__name__} after the import differ "
                f"from the original's (layer {number})",
                where=where,
                todo="its architecture is not supported: use another encoder",
            )
