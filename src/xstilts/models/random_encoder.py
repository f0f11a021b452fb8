"""A tiny XLM-R with random weights, and a tokenizer trained on given texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
TRAINED_POSITIONS = 66
POSITIONS = 514
"""Rows of the encoder's position embeddings: the default `max_length` fits."""


def write_random_encoder(
    folder: Path, texts: Sequence[str], *, layers: int = 2, width: int = 32, pieces: int = 160
) -> Path:
    """Write an encoder in the layout of Hugging Face; the same arguments give the same bytes.

    Args:
        texts: that the tokenizer is trained on.
        layers, width: of the Transformer.
        pieces: greatest number of entries of the vocabulary.
    """
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = write_bpe_tokenizer(folder, texts, pieces)
    config = XLMRobertaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=TRAINED_POSITIONS,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = XLMRobertaModel(config, add_pooling_layer=False)
    positions = model.embeddings.position_embeddings
    further = torch.zeros(POSITIONS - len(positions.weight), width)
    positions.weight = torch.nn.Parameter(torch.cat([positions.weight.data, further]))
    config.max_position_embeddings = POSITIONS
    with without_progress_bars():
        model.save_pretrained(folder)
    return folder


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Within the block, transformers shows no progress."""
    from transformers.utils import logging

    were_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if were_shown:
            logging.enable_progress_bar()


def write_bpe_tokenizer(folder: Path, texts: Sequence[str], pieces: int = 160) -> int:
    """Write a BPE tokenizer with XLM-R's special tokens and templates; returns its size."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=pieces, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        model_max_length=64,
    ).save_pretrained(folder)
    return tokenizer.get_vocab_size()
