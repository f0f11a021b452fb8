"""The encoder as training and evaluation use it: sub-word ids in, hidden states out."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from xstilts.models.files import EncoderFiles, word_embeddings
from xstilts.models.vocabulary import used_ids


class Encoder(nn.Module):
    """A Transformer over the part of the vocabulary that some texts use.

    Args:
        files: where the weights are.
        ids: [v] sorted vocabulary ids that may occur; see `vocabulary.used_ids`.
    """

    def __init__(self, files: EncoderFiles, ids: Tensor) -> None:
        super().__init__()
        self.files = files
        self.model = files.model(ids)
        self.register_buffer("ids", ids, persistent=False)

    @property
    def width(self) -> int:
        """Numbers in a hidden state."""
        return int(self.model.config.hidden_size)

    @property
    def table(self) -> Tensor:
        """[v, d] the word embedding rows in view."""
        return word_embeddings(self.model).weight

    def view(self, ids: Tensor) -> None:
        """Look at other rows of the vocabulary (for evaluation; trained rows are read anew)."""
        padding = word_embeddings(self.model).padding_idx
        table = nn.Embedding(len(ids), self.width, padding_idx=padding)
        table.weight.data = self.files.embeddings(ids).to(self.table.device)
        self.model.set_input_embeddings(table)
        self.ids = ids.to(self.table.device)

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """Vocabulary ids, mask and segment ids [b, t] → last hidden states [b, t, width]."""
        hidden: Tensor = self.model(**self._inputs(ids, mask, types)).last_hidden_state
        return hidden

    def states(self, ids: Tensor, mask: Tensor, types: Tensor) -> tuple[Tensor, ...]:
        """The hidden states of all layers; 0 is the embedding output, n the n-th block's."""
        output = self.model(**self._inputs(ids, mask, types), output_hidden_states=True)
        states: tuple[Tensor, ...] = output.hidden_states
        return states

    def _inputs(self, ids: Tensor, mask: Tensor, types: Tensor) -> dict[str, Tensor]:
        inputs = {"input_ids": torch.searchsorted(self.ids, ids), "attention_mask": mask}
        if getattr(self.model.config, "type_vocab_size", 0) > 0:
            inputs["token_type_ids"] = types
        return inputs


@lru_cache(maxsize=1)
def frozen_encoder(files: EncoderFiles) -> Encoder:
    """An encoder for evaluation that stays in memory until another one is asked for."""
    ids = used_ids((), files.tokenizer().pad_token_id)
    return Encoder(files, ids).eval().requires_grad_(False).to(device())


def device() -> torch.device:
    """Where models live: a GPU if there is one, as accelerate decides for training."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
