"""Files of an encoder in the store.

`encoder` stage   config.json, the tokenizer's files, body.safetensors, embeddings.safetensors
                  (the word embedding matrix); masked_head.safetensors if the model has such a
                  head.
`train` stage     body.safetensors, heads.safetensors, rows.safetensors: the trained embedding
                  rows. Every other row is the pretrained one times `decay` (see `vocab_view`).
  with adapters   adapters.safetensors, adapters.json, heads.safetensors; after a training of all
                  weights also the body.safetensors and rows.safetensors of that training, as hard
                  links. The artifact and the encoder's are therefore all that its readers need,
                  and neither a moved store nor one without the earlier artifact changes the model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForTextEncoding,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.configuration_auto import AutoConfig

from xstilts.core.atomic_io import read_json
from xstilts.core.errors import EncoderError
from xstilts.models.adapter_files import ADAPTERS, read_adapters
from xstilts.models.encoder_config import PAD_DEPENDENT, T5_TYPES
from xstilts.models.text_towers import TOWER_CLASSES
from xstilts.models.vocab_view import TrainedRows, index_in_view, used_ids

BODY, EMBEDDINGS, ROWS, HEADS, MASKED_HEAD = (
    f"{name}.safetensors" for name in ("body", "embeddings", "rows", "heads", "masked_head")
)
LAYOUT = "layout.json"


@dataclass(frozen=True)
class EncoderFiles:
    """The folder of a pretrained encoder, and of the training stage after it, if any."""

    root: Path
    trained: Path | None = None

    def tokenizer(self) -> Any:
        """Return the fast tokenizer, cached in memory."""
        return _tokenizer(self.root)

    def trained_rows(self) -> TrainedRows:
        """Return the change of the embeddings by training; adapters do not change them."""
        if self.trained is None or (self._has_adapters and not (self.trained / ROWS).is_file()):
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

    def config(self) -> PretrainedConfig:
        """Return the model's config, with the whole vocabulary."""
        config: PretrainedConfig = AutoConfig.from_pretrained(self.root, trust_remote_code=False)
        return config

    @property
    def text_length(self) -> int | None:
        """Number of tokens of every text, padding included; None if padding is masked."""
        length: int | None = read_json(self.root / LAYOUT).get("text_length")
        return length

    def used_ids(self, texts: Iterable[Iterable[int]]) -> Tensor:
        """Return the ids of a vocabulary view for some texts; see `vocab_view.used_ids`."""
        kept = self.config().model_type in PAD_DEPENDENT
        return used_ids(texts, self.tokenizer().pad_token_id, keeps_padding_id=kept)

    def body(self) -> dict[str, Tensor]:
        """Load all weights but the word embeddings; adapters are merged into them.

        Raises:
            EncoderError: an adapter does not fit them.
        """
        if self.trained is None:
            return load_file(self.root / BODY)
        own = self.trained / BODY
        state = load_file(self.root / BODY if self._has_adapters and not own.is_file() else own)
        for adapter in read_adapters(self.trained):
            adapter.merge_into(state, str(self.trained))
        return state

    @property
    def _has_adapters(self) -> bool:
        return self.trained is not None and (self.trained / ADAPTERS).is_file()

    def model(self, ids: Tensor) -> PreTrainedModel:
        """Load the model with the embeddings of these ids only, in evaluation mode."""
        model = self._empty_model(ids)
        missing, unexpected = model.load_state_dict(self.body(), strict=False)
        names = embedding_names(model)
        if unexpected or set(missing) != names:
            raise EncoderError(
                f"the weights do not fit the model: {sorted(set(missing) - names)[:3]} missing, "
                f"{unexpected[:3]} unexpected",
                where=str(self.root),
            )
        word_embeddings(model).weight.data.copy_(self.embeddings(ids))
        model.eval()
        return model

    def _empty_model(self, ids: Tensor) -> PreTrainedModel:
        """Return an untrained model of the encoder's architecture with an embedding per id."""
        config = self.config()
        config.vocab_size = len(ids)
        config.pad_token_id = index_in_view(ids, config.pad_token_id)
        return _from_config(config, pooler=bool(read_json(self.root / LAYOUT)["pooler"]))


def _from_config(config: PretrainedConfig, *, pooler: bool) -> PreTrainedModel:
    cls = model_class(config)
    model: PreTrainedModel
    if issubclass(cls, PreTrainedModel):
        model = cls._from_config(config)
    elif pooler:
        model = cls.from_config(config, trust_remote_code=False)
    else:
        model = cls.from_config(config, add_pooling_layer=False, trust_remote_code=False)
    return model


def model_class(config: PretrainedConfig) -> Any:
    """Return transformers' class for the encoder.

    For T5 variants AutoModel has the decoder, and for text sides of image-text models no projection
    or no class.
    """
    architecture = next(iter(config.architectures or ()), "")
    if architecture in TOWER_CLASSES:
        return getattr(transformers, architecture)
    return AutoModelForTextEncoding if config.model_type in T5_TYPES else AutoModel


def word_embeddings(model: PreTrainedModel) -> nn.Embedding:
    """Return the word embedding layer."""
    return cast("nn.Embedding", model.get_input_embeddings())


def embedding_name(model: PreTrainedModel) -> str:
    """Return the parameter name of the word embedding matrix."""
    weight = word_embeddings(model).weight
    return next(name for name, value in model.named_parameters() if value is weight)


def embedding_names(model: PreTrainedModel) -> set[str]:
    """Return all parameter names of the word embedding matrix, which some models share."""
    weight = word_embeddings(model).weight
    parameters = model.named_parameters(remove_duplicate=False)
    return {name for name, value in parameters if value is weight}


def set_word_embeddings(model: PreTrainedModel, weight: Tensor, padding: int | None) -> None:
    """Set the word embedding matrix; its layer stays, with its class and scale.

    Args:
        padding: its row of the padding token, for layers that have one.
    """
    old = word_embeddings(model).weight
    new = nn.Parameter(weight)
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.weight is old:
            module.weight, module.num_embeddings = new, len(new)
            if module.padding_idx is not None:
                module.padding_idx = padding
    model.config.pad_token_id = padding


@lru_cache(maxsize=4)
def _tokenizer(root: Path) -> Any:
    return AutoTokenizer.from_pretrained(root, trust_remote_code=False)
