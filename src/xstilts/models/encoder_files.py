"""Files of an encoder in the store.

`encoder` stage   config.json, the tokenizer's files, body.safetensors, embeddings.safetensors
                  (the word embedding matrix); masked_head.safetensors if the model has such a
                  head.
`train` stage     body.safetensors, heads.safetensors, rows.safetensors: the trained embedding
                  rows. Every other row is the pretrained one times `decay` (see `vocab_view`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PretrainedConfig, PreTrainedModel
from transformers.models.auto.configuration_auto import AutoConfig

from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.errors import EncoderError
from xstilts.models.encoder_source import check_index
from xstilts.models.vocab_view import TrainedRows

BODY, EMBEDDINGS, ROWS, HEADS, MASKED_HEAD = (
    f"{name}.safetensors" for name in ("body", "embeddings", "rows", "heads", "masked_head")
)
MASKED_HEAD_NAMES = {
    "dense.weight": ("lm_head.dense.weight", "cls.predictions.transform.dense.weight"),
    "dense.bias": ("lm_head.dense.bias", "cls.predictions.transform.dense.bias"),
    "norm.weight": (
        "lm_head.layer_norm.weight",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.LayerNorm.gamma",
    ),
    "norm.bias": (
        "lm_head.layer_norm.bias",
        "cls.predictions.transform.LayerNorm.bias",
        "cls.predictions.transform.LayerNorm.beta",
    ),
    "bias": ("lm_head.bias", "cls.predictions.bias"),
}
"""Parameter of `heads.MaskedHead` → its names in RoBERTa, BERT and old BERT checkpoints."""

LOADING_ARGUMENTS = ("is_local", "local_files_only")
"""Entries of tokenizer_config.json that depend on the process, such as on $HF_HUB_OFFLINE."""


@dataclass(frozen=True)
class EncoderFiles:
    """The folder of a pretrained encoder, and of the training stage after it, if any."""

    root: Path
    trained: Path | None = None

    def tokenizer(self) -> Any:
        """Return the fast tokenizer, cached in memory."""
        return _tokenizer(self.root)

    def trained_rows(self) -> TrainedRows:
        """Return the change of the embeddings by training."""
        if self.trained is None:
            width = self.full_embeddings().shape[1]
            return TrainedRows(torch.zeros(0, dtype=torch.long), torch.zeros(0, width), 1.0)
        tensors = load_file(self.trained / ROWS)
        return TrainedRows(tensors["ids"], tensors["weight"], tensors["decay"].item())

    def full_embeddings(self) -> Tensor:
        """Return the pretrained embedding matrix, memory-mapped."""
        with safe_open(self.root / EMBEDDINGS, framework="pt") as file:
            weight: Tensor = file.get_tensor("weight")
        return weight

    def embeddings(self, ids: Tensor) -> Tensor:
        """Return the embeddings [v, d] of sorted vocabulary ids [v]."""
        return self.trained_rows().apply(self.full_embeddings()[ids], ids)

    def model(self, ids: Tensor) -> PreTrainedModel:
        """Load the model with the embeddings of these ids only, in evaluation mode."""
        model = empty_model(self.root, len(ids))
        body = load_file((self.trained or self.root) / BODY)
        missing, unexpected = model.load_state_dict(body, strict=False)
        name = embedding_name(model)
        if unexpected or set(missing) != {name}:
            raise EncoderError(
                f"the weights do not fit the model: {sorted(set(missing) - {name})[:3]} missing, "
                f"{unexpected[:3]} unexpected",
                where=str(self.root),
            )
        word_embeddings(model).weight.data.copy_(self.embeddings(ids))
        model.eval()
        return model


def empty_model(root: Path, rows: int) -> PreTrainedModel:
    """Return an untrained model of the encoder's architecture with `rows` embeddings."""
    config = AutoConfig.from_pretrained(root, trust_remote_code=False)
    config.vocab_size = rows
    return _from_config(config, pooler=bool(read_json(root / "layout.json")["pooler"]))


def _from_config(config: PretrainedConfig, *, pooler: bool) -> PreTrainedModel:
    model: PreTrainedModel = (
        AutoModel.from_config(config, trust_remote_code=False)
        if pooler
        else AutoModel.from_config(config, add_pooling_layer=False, trust_remote_code=False)
    )
    return model


def word_embeddings(model: PreTrainedModel) -> nn.Embedding:
    """Return the word embedding layer."""
    return cast("nn.Embedding", model.get_input_embeddings())


def embedding_name(model: PreTrainedModel) -> str:
    """Return the parameter name of the word embedding matrix."""
    weight = word_embeddings(model).weight
    return next(name for name, value in model.named_parameters() if value is weight)


@lru_cache(maxsize=4)
def _tokenizer(root: Path) -> Any:
    return AutoTokenizer.from_pretrained(root, trust_remote_code=False)


def import_encoder(folder: Path, target: Path) -> None:
    """Convert the folder of a Hugging Face encoder to the files of an `encoder` stage.

    Raises:
        EncoderError: no fast tokenizer, or an architecture that `AutoModel` does not support.
    """
    tokenizer = load_tokenizer(folder)
    model, pooler = _load(folder)
    name = embedding_name(model)
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file({"weight": state.pop(name)}, target / EMBEDDINGS)
    save_file(state, target / BODY)
    model.config.save_pretrained(target)
    save_tokenizer(tokenizer, target)
    write_json(target / "layout.json", {"embedding": name, "pooler": pooler})
    if head := masked_head(folder):
        save_file(head, target / MASKED_HEAD)


def save_tokenizer(tokenizer: Any, target: Path) -> None:
    """Write a tokenizer's files, without the arguments that it was loaded with."""
    tokenizer.save_pretrained(target)
    path = target / "tokenizer_config.json"
    config = read_json(path)
    write_json(path, {key: config[key] for key in config if key not in LOADING_ARGUMENTS})


def masked_head(folder: Path) -> dict[str, Tensor]:
    """Read the masked LM head from the weights of a folder; empty if there is none."""
    head: dict[str, Tensor] = {}
    shards = (folder / name for name in check_index(folder))
    for path in sorted({*folder.glob("*.safetensors"), *filter(Path.is_file, shards)}):
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            for parameter, aliases in MASKED_HEAD_NAMES.items():
                for name in names.intersection(aliases):
                    head[parameter] = file.get_tensor(name).float().contiguous()
    return head if head.keys() == MASKED_HEAD_NAMES.keys() else {}


def load_tokenizer(folder: Path) -> Any:
    """Load a fast tokenizer; slow tokenizers have no character offsets.

    Raises:
        EncoderError: there is no tokenizer, or only a slow one.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        raise EncoderError(
            f"the tokenizer cannot be loaded ({type(error).__name__}: {error})",
            where=str(folder),
            todo="the folder needs a tokenizer.json",
        ) from error
    if not tokenizer.is_fast:
        raise EncoderError(
            f"{type(tokenizer).__name__} is not a fast tokenizer",
            where=str(folder),
            todo="save it with a tokenizer.json: tagging needs the first token of each word",
        )
    return tokenizer


def _load(folder: Path) -> tuple[PreTrainedModel, bool]:
    """Load the model in fp32; return it, and whether it has a pooler (only if unavoidable)."""
    options = {"use_safetensors": True, "trust_remote_code": False, "dtype": torch.float32}
    try:
        return AutoModel.from_pretrained(folder, add_pooling_layer=False, **options), False
    except TypeError:
        pass
    except (OSError, ValueError) as error:
        raise EncoderError(f"the encoder cannot be loaded: {error}", where=str(folder)) from error
    return AutoModel.from_pretrained(folder, **options), True
