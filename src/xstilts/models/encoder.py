"""The encoder as training and evaluation use it: sub-word ids in, hidden states out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput

from xstilts.models.attention import NAME
from xstilts.models.device import compute_device
from xstilts.models.encoder_files import EncoderFiles, word_embeddings
from xstilts.models.fast_dropout import replace_dropout
from xstilts.models.packing import Layout, first_position, last_block, layout_of, uses_packing
from xstilts.models.vocab_view import used_ids


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
        replace_dropout(self.model)
        self.uses_packing = uses_packing(self.model)
        if self.uses_packing:
            self.model.config._attn_implementation = NAME
        self.register_buffer("ids", ids, persistent=False)

    @property
    def width(self) -> int:
        """Numbers in a hidden state."""
        return int(self.model.config.hidden_size)

    @property
    def table(self) -> Tensor:
        """[v, d] the word embedding rows in view."""
        return word_embeddings(self.model).weight

    @property
    def thread_safe(self) -> bool:
        """Whether threads may compute with it at the same time, each some texts."""
        return self.uses_packing and self.table.device.type == "cpu"

    def set_vocab(self, ids: Tensor) -> None:
        """Look at other rows of the vocabulary (for evaluation; trained rows are read anew)."""
        padding = word_embeddings(self.model).padding_idx
        table = nn.Embedding(len(ids), self.width, padding_idx=padding)
        table.weight.data = self.files.embeddings(ids).to(self.table.device)
        self.model.set_input_embeddings(table)
        self.ids = ids.to(self.table.device)

    def configure(self, *, gradient_checkpointing: bool, compiled: bool) -> None:
        """Get ready for training: what to compute twice, and whether to compile."""
        if gradient_checkpointing:
            self.model.gradient_checkpointing_enable()
        if compiled:  # a packed batch has another layout every time: nothing to compile for
            self.uses_packing = False
            self.model.config._attn_implementation = "sdpa"
            self.model.compile(dynamic=True)

    @property
    def _blocks(self) -> nn.ModuleList:
        return cast("nn.ModuleList", self.model.get_submodule("encoder.layer"))

    def forward(
        self, ids: Tensor, mask: Tensor, types: Tensor, wanted: Tensor | None = None
    ) -> Tensor:
        """Vocabulary ids, mask and segment ids [b, t] → last hidden states [b, t, width].

        Padding is at the end of a row; what its hidden states are is not said, nor what those
        are that are not wanted.

        Args:
            wanted: [b, t] the sub-words whose states will be read; all by default.
        """
        inputs = self._inputs(ids, types)
        if not self.uses_packing:
            return _hidden(self.model(**inputs, attention_mask=mask))[-1]
        row, layout = self._packed(inputs, mask)
        layers = self._layers(row, layout)
        if wanted is None:
            return _unpacked(_at(layers, len(self._blocks))[0], layout.places, mask)
        before = _at(layers, len(self._blocks) - 1)
        places = wanted.flatten()[layout.places].nonzero()[:, 0]
        found = last_block(self._blocks[-1], before, places, layout)[0]
        return _unpacked(found, layout.places[places], mask)

    def states(
        self, ids: Tensor, mask: Tensor, types: Tensor, blocks: int | None = None
    ) -> tuple[Tensor, ...]:
        """The hidden states of the layers; 0 is the embedding output, n the n-th block's.

        Args:
            blocks: the last one that is asked for; those above it need not be computed.
        """
        inputs = self._inputs(ids, types)
        if not self.uses_packing:
            return _hidden(self.model(**inputs, attention_mask=mask, output_hidden_states=True))
        row, layout = self._packed(inputs, mask)
        layers = islice(self._layers(row, layout), None if blocks is None else blocks + 1)
        return tuple(_unpacked(one[0], layout.places, mask) for one in layers)

    def _inputs(self, ids: Tensor, types: Tensor) -> dict[str, Tensor]:
        """What the model takes, without the mask."""
        inputs = {"input_ids": torch.searchsorted(self.ids, ids)}
        if getattr(self.model.config, "type_vocab_size", 0) > 0:
            inputs["token_type_ids"] = types
        return inputs

    def _packed(self, inputs: dict[str, Tensor], mask: Tensor) -> tuple[dict[str, Tensor], Layout]:
        """The inputs in one row, and where the texts lie in it."""
        layout = layout_of(mask, self.model.config.num_attention_heads)
        row = {name: value.flatten()[layout.places][None] for name, value in inputs.items()}
        row["position_ids"] = layout.positions[None] + first_position(self.model)
        return row, layout

    def _layers(self, row: dict[str, Tensor], layout: Layout) -> Iterator[Tensor]:
        """The hidden states of a packed row layer by layer, each computed when asked for."""
        hidden = self.model.get_submodule("embeddings")(**row)
        yield hidden
        for block in self._blocks:
            hidden = block(hidden, layout=layout)
            yield hidden


def _at(layers: Iterator[Tensor], number: int) -> Tensor:
    """The states of one layer; those below it are forgotten."""
    return next(islice(layers, number, None))


def _hidden(output: BaseModelOutput) -> tuple[Tensor, ...]:
    """The hidden states of every layer, where they were asked for; else the last."""
    return output.hidden_states or (cast("Tensor", output.last_hidden_state),)


def _unpacked(row: Tensor, places: Tensor, mask: Tensor) -> Tensor:
    """[n, width] → [b, t, width], zeros for padding."""
    whole = row.new_zeros(mask.numel(), row.shape[-1])
    return whole.index_copy(0, places, row).view(*mask.shape, -1)


@lru_cache(maxsize=1)
def frozen_encoder(files: EncoderFiles) -> Encoder:
    """An encoder for evaluation that stays in memory until another one is asked for."""
    ids = used_ids((), files.tokenizer().pad_token_id)
    return Encoder(files, ids).eval().requires_grad_(False).to(compute_device())
