"""Small tokenizers of the kinds that encoder families have, trained on a few sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from xstilts.formats.word_subwords import WordPart, word_subwords

TEXTS = ["the cat is here 12 times", "it 's ( a ) dog , no ?", "a word word2 3word"] * 5
LLAMA = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+"
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"
WORDS = ("the", "dog", "'s", "12", "(", "3word", "unseen", "?")
"""A sentence that all tokenizers read differently if its words are read alone."""


def trained_bpe(pre_tokenizer: Any, normalizer: Any = None, **options: Any) -> Any:
    """A BPE tokenizer of `TEXTS`."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        made.normalizer = normalizer
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=special, show_progress=False, **options
    )
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", pad_token="<pad>", eos_token="</s>"
    )


def byte_level(**options: Any) -> Any:
    """Byte-level BPE of GPT-2, RoBERTa and ModernBERT."""
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, **options)
    return trained_bpe(level, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def llama() -> Any:
    """Byte-level BPE of Llama 3, EuroBERT and Qwen."""
    split = pre_tokenizers.Split(Regex(LLAMA), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    sequence = pre_tokenizers.Sequence([split, level])
    return trained_bpe(sequence, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def gemma() -> Any:
    """BPE of Gemma, EmbeddingGemma and mmBERT."""
    split = pre_tokenizers.Split(" ", "merged_with_previous")
    return trained_bpe(split, normalizers.Replace(" ", "▁"), initial_alphabet=list("unseword"))


def clip() -> Any:
    """Byte-level BPE of CLIP, with a mark at the end of each word."""
    words = pre_tokenizers.Split(Regex(CLIP), "removed", invert=True)
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    lower = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    return trained_bpe(
        pre_tokenizers.Sequence([words, level]),
        lower,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
    )


SPACED: Mapping[str, Callable[[], Any]] = {
    "byte-level": byte_level,
    "trimmed": lambda: byte_level(trim_offsets=False),
    "llama": llama,
    "gemma": gemma,
}
"""Kinds that read the space before a word as a part of it."""
PLAIN: Mapping[str, Callable[[], Any]] = {
    "metaspace": lambda: trained_bpe(pre_tokenizers.Metaspace()),
    "clip": clip,
    "bert": lambda: trained_bpe(pre_tokenizers.BertPreTokenizer(), normalizers.BertNormalizer()),
}
"""All other kinds."""
KIND_OF: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("xlm-roberta", "camembert", "xlm-roberta-xl", "xmod"), ("metaspace",)),
    **dict.fromkeys(("deberta-v2", "rembert", "albert", "mt5", "umt5", "t5"), ("metaspace",)),
    **dict.fromkeys(("bert", "electra", "mpnet", "distilbert", "nomic_bert"), ("bert",)),
    **dict.fromkeys(("eurobert", "qwen3", "llama"), ("llama",)),
    **dict.fromkeys(("gemma2", "gemma3", "siglip2"), ("gemma",)),
    **dict.fromkeys(("siglip", "metaclip_2"), ("metaspace",)),
    "clip": ("clip",),
    "roberta": ("byte-level",),
    "modernbert": ("byte-level", "gemma"),
    "mistral": ("metaspace",),
    "xlm": (),
}
"""Family → the kinds of its published tokenizers; XLM's is not a fast one."""


def differing_ids(tokenizer: Any, words: Sequence[str] = WORDS) -> int:
    """Number of positions at which the sub-words of a tagged sentence are not the sentence's."""
    (found,) = word_subwords([WordPart(tuple(words))], tokenizer, 64)
    wanted: list[int] = tokenizer(" ".join(words))["input_ids"]
    same = sum(int(a == b) for a, b in zip(found.ids, wanted, strict=False))
    return max(len(found.ids), len(wanted)) - same
