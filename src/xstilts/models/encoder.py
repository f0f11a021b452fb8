"""The encoder in training and evaluation: from token ids to hidden states."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from xstilts.core.errors import EncoderError
from xstilts.models.attention import NAME
from xstilts.models.device import compute_device
from xstilts.models.encoder_config import FINAL_NORMS, LAST
from xstilts.models.encoder_files import EncoderFiles, set_word_embeddings, word_embeddings
from xstilts.models.fast_dropout import replace_dropout
from xstilts.models.fast_linear import FastLinear, precision_of, replace_linear, uses_onednn
from xstilts.models.packing import (
    IN_BF16,
    IN_FP32,
    ROUNDING_OF_SOME,
    Layout,
    block_output_at,
    first_position,
    layout_of,
    rounded_rows,
    uses_packing,
)
from xstilts.models.self_attention import JointProjections, join_projections
from xstilts.models.text_towers import TEXT_TOWERS
from xstilts.models.vocab_view import index_in_view


class Encoder(nn.Module):
    """A Transformer restricted to the part of the vocabulary that occurs in some texts.

    Args:
        files: weights and tokenizer.
        ids: [v] sorted vocabulary ids that can occur; see `EncoderFiles.used_ids`.
    """

    def __init__(self, files: EncoderFiles, ids: Tensor) -> None:
        super().__init__()
        self.files = files
        self.model = files.model(ids)
        replace_dropout(self.model)
        self.model.config.use_cache = False  # of decoders: keys and values for generation
        self.uses_packing = uses_packing(self.model)
        if self.uses_packing:
            self.model.config._attn_implementation = NAME
            replace_linear(self._blocks)
            for block in self._blocks:
                join_projections(block.get_submodule("attention.self"))
        self.register_buffer("ids", ids, persistent=False)

    @property
    def width(self) -> int:
        """Size of hidden states."""
        return int(self.model.config.hidden_size)

    @property
    def embeddings(self) -> Tensor:
        """[v, d] the word embeddings of the vocabulary ids in view."""
        return word_embeddings(self.model).weight

    @property
    def final_norm(self) -> nn.Module:
        """The norm after the last block.

        Raises:
            EncoderError: the blocks of this type of model end in a norm of their own.
        """
        kind = self.model.config.model_type
        if kind not in FINAL_NORMS:
            raise EncoderError(f"an encoder of the type {kind} has no norm after its last block")
        return self.model.base_model.get_submodule(FINAL_NORMS[kind])

    def projection(self, layer: int, pooling: str) -> nn.Module | None:
        """The projection of sentence vectors into a space shared with images.

        Text sides of image-text models have one, for the last token of the last layer.

        Args:
            layer, pooling: of the vectors.
        """
        is_last = layer == self.model.config.num_hidden_layers
        return joint_projection(self.model) if is_last and pooling == LAST else None

    def projected(self, vectors: Tensor, pooling: str) -> Tensor:
        """[n, width] sentence vectors of the last layer → [n, d]; the same without a projection."""
        projection = self.projection(int(self.model.config.num_hidden_layers), pooling)
        return vectors if projection is None else cast("Tensor", projection(vectors))

    def joint_width(self, pooling: str) -> int:
        """Size of the space shared with images; 0 without a projection to it."""
        projection = self.projection(int(self.model.config.num_hidden_layers), pooling)
        return 0 if projection is None else len(cast("Tensor", projection.weight))

    def vector_width(self, layer: int, pooling: str) -> int:
        """Size of the sentence vectors of a layer and pooling."""
        projection = self.projection(layer, pooling)
        return self.width if projection is None else len(cast("Tensor", projection.weight))

    @property
    def thread_safe(self) -> bool:
        """Whether several threads can run the encoder in parallel."""
        return self.uses_packing and self.embeddings.device.type == "cpu"

    def set_vocab(self, ids: Tensor) -> None:
        """Change the vocabulary view, for evaluation; embeddings are read from the files."""
        weight = self.files.embeddings(ids).to(self.embeddings.device)
        padding = index_in_view(ids, self.files.config().pad_token_id)
        set_word_embeddings(self.model, weight, padding)
        self.ids = ids.to(weight.device)

    def prepare_for_bf16(self) -> None:
        """Convert weights and states once that autocast would convert repeatedly, for evaluation.

        The weights of linear layers are stored in bf16, the states that attention reads are
        rounded for query, key and value together, and sums with them are between fp32 numbers.
        The results are those of autocast, bit for bit. A projection of sentence vectors stays in
        fp32.
        """
        kept = joint_projection(self.model)
        for module in self.model.modules():
            if isinstance(module, nn.Linear) and module is not kept:
                module.to(torch.bfloat16)
        for block in self._blocks if self.uses_packing else ():
            block.get_submodule("attention.self").register_forward_pre_hook(_rounded)
            for name in ("attention.output.dense", "output.dense"):
                block.get_submodule(name).register_forward_hook(_in_fp32)

    def pack_weights(self) -> None:
        """Store the weights of packed batches as products on this CPU read them, for evaluation.

        The encoder can neither be trained nor saved after that.
        """
        for block in self._blocks if self.uses_packing else ():
            for kind in (JointProjections, FastLinear):  # query, key and value together
                for module in block.modules():
                    if isinstance(module, kind):
                        module.pack()

    def configure(self, *, gradient_checkpointing: bool, compiled: bool) -> None:
        """Configure training: gradient checkpointing, and `torch.compile`."""
        if gradient_checkpointing:
            self.model.gradient_checkpointing_enable()
        if compiled:  # the layout of packed batches changes too often to compile for it
            self.uses_packing = False
            self.model.config._attn_implementation = "sdpa"
            self.model.compile(dynamic=True)

    @property
    def _blocks(self) -> nn.ModuleList:
        return cast("nn.ModuleList", self.model.get_submodule("encoder.layer"))

    def forward(
        self, ids: Tensor, mask: Tensor, types: Tensor, needed: Tensor | None = None
    ) -> Tensor:
        """Compute the last hidden states, [b, t, width].

        Args:
            ids, mask, types: [b, t] vocabulary ids, mask and segment ids, padded on the right.
            needed: [b, t] boolean, the tokens whose states are needed; all by default.

        The states of padding and of tokens that are not needed are undefined.
        """
        inputs = self._inputs(ids, types)
        if not self.uses_packing:
            return layer_outputs(self.model(**inputs, attention_mask=mask))[-1]
        row, layout = self._packed(inputs, mask)
        layers = self._layers(row, layout)
        if needed is None:
            return _unpacked(_layer(layers, len(self._blocks))[0], layout.indices, mask)
        before = _layer(layers, len(self._blocks) - 1)
        tokens = needed.flatten()[layout.indices].nonzero()[:, 0]
        last = block_output_at(self._blocks[-1], before, self._padded(tokens), layout)[0]
        return _unpacked(last, layout.indices[tokens], mask)

    def hidden_states(
        self, ids: Tensor, mask: Tensor, types: Tensor, last_layer: int | None = None
    ) -> tuple[Tensor, ...]:
        """Compute the hidden states of all layers: 0 is the output of the embeddings.

        Args:
            ids, mask, types: as for `forward`.
            last_layer: higher layers are not needed, and may be missing.

        Returns:
            [b, t, width] per layer.
        """
        inputs = self._inputs(ids, types)
        if not self.uses_packing:
            output = self.model(**inputs, attention_mask=mask, output_hidden_states=True)
            return layer_outputs(output)
        row, layout = self._packed(inputs, mask)
        layers = islice(self._layers(row, layout), None if last_layer is None else last_layer + 1)
        return tuple(_unpacked(states[0], layout.indices, mask) for states in layers)

    def _inputs(self, ids: Tensor, types: Tensor) -> dict[str, Tensor]:
        """Return the inputs of the model, without the mask."""
        inputs = {"input_ids": torch.searchsorted(self.ids, ids)}
        if getattr(self.model.config, "type_vocab_size", 0) > 0:
            inputs["token_type_ids"] = types
        return inputs

    def _packed(self, inputs: dict[str, Tensor], mask: Tensor) -> tuple[dict[str, Tensor], Layout]:
        """Pack the inputs into one row; return the row and its layout."""
        heads = self.model.config.num_attention_heads
        grouping = IN_BF16 if precision_of(self.embeddings) == torch.bfloat16 else IN_FP32
        layout = layout_of(mask, heads, rounded=self._uses_onednn(mask), grouping=grouping)
        row = {name: value.flatten()[layout.indices] for name, value in inputs.items()}
        row["position_ids"] = layout.positions + first_position(self.model)
        extra = (0, layout.rows - len(layout.indices))
        return {name: functional.pad(value, extra)[None] for name, value in row.items()}, layout

    def _padded(self, tokens: Tensor) -> Tensor:
        """The tokens, and the first row again up to a rounded number.

        Not in training, where dropout would draw numbers for these rows too.
        """
        is_padded = self._uses_onednn(tokens) and not self.training
        rows = rounded_rows(len(tokens), ROUNDING_OF_SOME) if is_padded else len(tokens)
        return functional.pad(tokens, (0, rows - len(tokens)))

    def _uses_onednn(self, batch: Tensor) -> bool:
        """Whether products with the states of a batch are by oneDNN."""
        return not batch.is_cuda and uses_onednn(precision_of(self.embeddings))

    def _layers(self, row: dict[str, Tensor], layout: Layout) -> Iterator[Tensor]:
        """Yield the hidden states of a packed row, computing one layer at a time."""
        hidden = self.model.get_submodule("embeddings")(**row)
        yield hidden
        for block in self._blocks:
            hidden = block(hidden, layout=layout)
            yield hidden


def joint_projection(model: PreTrainedModel) -> nn.Module | None:
    """The projection of a model into a space of texts and images; None for models of texts."""
    tower = TEXT_TOWERS.get(model.config.model_type)
    return getattr(model, tower.projection, None) if tower else None


def _rounded(_module: nn.Module, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The states in bf16, as autocast rounds them for each linear layer that reads them."""
    first, *rest = states
    return first.to(torch.bfloat16), *rest


def _in_fp32(_module: nn.Module, _states: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """The output in fp32: a sum of tensors of one type is faster than of two, and the same."""
    return output.float()


def _layer(layers: Iterator[Tensor], number: int) -> Tensor:
    """Return the states of one layer, without keeping those below it."""
    return next(islice(layers, number, None))


def layer_outputs(output: BaseModelOutput) -> tuple[Tensor, ...]:
    """Return the hidden states of all layers if the model computed them, else of the last.

    The last are those after the final norm, which some models leave out of `hidden_states`.
    """
    return (*(output.hidden_states or ())[:-1], cast("Tensor", output.last_hidden_state))


def _unpacked(row: Tensor, indices: Tensor, mask: Tensor) -> Tensor:
    """[n or more, width] → [b, t, width], zeros for padding."""
    padded = row.new_zeros(mask.numel(), row.shape[-1])
    return padded.index_copy(0, indices, row[: len(indices)]).view(*mask.shape, -1)


@lru_cache(maxsize=1)
def frozen_encoder(files: EncoderFiles, *, bf16: bool = False) -> Encoder:
    """Return an encoder for evaluation; the last one stays in memory.

    Args:
        bf16: for products in bf16; see `Encoder.prepare_for_bf16`.
    """
    encoder = Encoder(files, files.used_ids(())).eval().requires_grad_(False)
    if bf16:
        encoder.prepare_for_bf16()
    encoder = encoder.to(compute_device())
    encoder.pack_weights()
    return encoder
