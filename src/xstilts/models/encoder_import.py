"""Import of a Hugging Face encoder: its parts are checked against each other, then converted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedModel

from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.errors import EncoderError, XstiltsError
from xstilts.models.decoders import check_causal_use, pad_with_end
from xstilts.models.encoder_files import (
    BODY,
    EMBEDDINGS,
    LAYOUT,
    MASKED_HEAD,
    embedding_name,
    embedding_names,
    model_class,
)
from xstilts.models.encoder_source import SUFFIXES, check_tokenizer_files
from xstilts.models.import_checks import (
    check_architecture,
    check_loaded_weights,
    check_states,
    check_tokenizer,
    example_states,
    zero_missing_pooler,
)
from xstilts.models.lower_case import as_saved, lower_case_first
from xstilts.models.mask_token import mask_id
from xstilts.models.masked_head_files import masked_head
from xstilts.models.siglip_tokenizer import MODEL, siglip_tokenizer
from xstilts.models.text_towers import TEXT_TOWERS, text_config_of, text_length
from xstilts.models.tokenizer_files import added_tokens_entry, check_sentencepiece, is_siglip
from xstilts.models.weight_files import check_file

LOADING_ARGUMENTS = ("is_local", "local_files_only")
"""Entries of tokenizer_config.json that depend on the process, such as on $HF_HUB_OFFLINE."""


def import_encoder(
    folder: Path,
    target: Path,
    *,
    masked_lm: bool = False,
    first_token: bool = False,
    lower_case: bool = False,
) -> tuple[str, ...]:
    """Convert the folder of a Hugging Face encoder to the files of an `encoder` stage.

    Args:
        masked_lm: whether it is to be trained as a masked language model.
        first_token: whether texts are to be read at their first token.
        lower_case: whether its tokenizer is to lower-case texts first.

    Returns:
        Notes on the encoder, for the provenance.

    Raises:
        EncoderError: no fast tokenizer, weights that are not those of the model, a tokenizer
            that does not fit them, a decoder for what decoders cannot do, or an architecture
            that is not supported.
    """
    try:
        check_tokenizer_files([path.name for path in folder.iterdir()], str(folder))
        for path in folder.iterdir():
            if path.suffix in SUFFIXES and path.is_file():
                check_file(path)
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        check_architecture(config, str(folder))
        config = text_config_of(config)
        tokenizer = load_tokenizer(folder, lower_case=lower_case)
        notes = pad_with_end(tokenizer)
        if masked_lm:
            mask_id(tokenizer, str(folder))
        model, pooler = _load(folder, config)
        if config.model_type in TEXT_TOWERS:  # published configs have ids of other tokenizers
            model.config.pad_token_id = tokenizer.pad_token_id
        check_tokenizer(tokenizer, model, str(folder))
        states = example_states(model, tokenizer, str(folder))
        if states.causal:
            check_causal_use(model, str(folder), masked_lm=masked_lm, first_token=first_token)
        head = masked_head(folder, config)
    except XstiltsError:
        raise
    except Exception as error:  # of transformers, safetensors, tokenizers, and json
        raise _unusable(error, folder) from error
    name = embedding_name(model)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    weight = state[name]
    for alias in embedding_names(model):
        state.pop(alias)
    save_file({"weight": weight}, target / EMBEDDINGS)
    save_file(state, target / BODY)
    model.config.save_pretrained(target)
    save_tokenizer(tokenizer, target, lower_case=lower_case)
    length = text_length(config)
    layout = {"embedding": name, "pooler": pooler, **({"text_length": length} if length else {})}
    write_json(target / LAYOUT, layout)
    if head:
        save_file(head, target / MASKED_HEAD)
    del model, state, weight
    try:
        check_states(target, states, str(folder))
    except XstiltsError:
        raise
    except Exception as error:  # whatever a model's own code raises
        raise _unusable(error, folder) from error
    return notes


def _unusable(error: Exception, folder: Path) -> EncoderError:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return EncoderError(
        f"the encoder cannot be loaded ({reason})",
        where=str(folder),
        todo="use an encoder that transformers' AutoModel loads, saved with save_pretrained",
    )


def save_tokenizer(tokenizer: Any, target: Path, *, lower_case: bool = False) -> None:
    """Write a tokenizer's files, without the arguments that it was loaded with.

    Args:
        lower_case: whether it was made to lower-case texts first.
    """
    tokenizer.save_pretrained(target)
    path = target / "tokenizer_config.json"
    config = added_tokens_entry(tokenizer.added_tokens_decoder) | read_json(path)
    if lower_case:
        config = as_saved(config, tokenizer)
    write_json(path, {key: config[key] for key in config if key not in LOADING_ARGUMENTS})


def load_tokenizer(folder: Path, *, lower_case: bool = False) -> Any:
    """Load a fast tokenizer; slow tokenizers have no character offsets.

    Args:
        lower_case: whether it is to lower-case texts first.

    Raises:
        EncoderError: there is no tokenizer, or only a slow one.
    """
    check_sentencepiece(folder)
    try:
        if is_siglip(folder) and (folder / MODEL).is_file():
            return siglip_tokenizer(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except XstiltsError:
        raise
    except Exception as error:
        raise EncoderError(
            f"the tokenizer cannot be loaded ({type(error).__name__}: {error})",
            where=str(folder),
            todo="the folder needs a tokenizer.json and a tokenizer_config.json",
        ) from error
    if not tokenizer.is_fast:
        raise EncoderError(
            f"{type(tokenizer).__name__} is not a fast tokenizer",
            where=str(folder),
            todo="save it with a tokenizer.json: tagging needs the first token of each word",
        )
    if lower_case:
        lower_case_first(tokenizer)
    return tokenizer


def _load(folder: Path, config: PretrainedConfig) -> tuple[PreTrainedModel, bool]:
    """Load the model in fp32; return it, and whether it has a pooler (only if unavoidable)."""
    cls = model_class(config)
    options = {
        "use_safetensors": True,
        "dtype": torch.float32,
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,  # reported by name below
    }
    pooler = False
    try:
        model, info = cls.from_pretrained(
            folder, config=config, add_pooling_layer=False, trust_remote_code=False, **options
        )
    except TypeError:
        model, info = cls.from_pretrained(folder, config=config, trust_remote_code=False, **options)
        pooler = True
    check_loaded_weights(model, info, str(folder))
    zero_missing_pooler(model, info)
    return model, pooler
