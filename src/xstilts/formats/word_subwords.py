"""Sub-words of sentences that are given as words, and the word that each sub-word belongs to.

Byte-level BPE (ModernBERT, EuroBERT, Qwen) and Gemma's tokenizer (mmBERT) read the space before a
word as a part of the word, and give a word alone other sub-words than the same word in a sentence.
For these the words are joined with spaces, and characters say which sub-word belongs to which word.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple


class WordSubwords(NamedTuple):
    """A sentence, or a part of one, as sub-words.

    Args:
        ids: sub-word ids; types: segment ids.
        words: for each sub-word the number of its word, None for special tokens and spaces.
    """

    ids: list[int]
    types: list[int]
    words: list[int | None]


class WordPart(NamedTuple):
    """Consecutive words of a sentence.

    Args:
        follows: whether other words of the sentence come before them.
    """

    words: tuple[str, ...]
    follows: bool = False


def reads_spaces(tokenizer: Any) -> bool:
    """Whether words alone lose something that the tokenizer reads in the space before them.

    Asked of the normaliser and the pre-tokenizer, so that it does not depend on the vocabulary.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return False
    return _pieces(backend, "a b") != _pieces(backend, "a") + _pieces(backend, "b")


def _pieces(backend: Any, text: str) -> str:
    """The text as it arrives at the tokenizer's model."""
    if backend.normalizer is not None:
        text = backend.normalizer.normalize_str(text)
    if backend.pre_tokenizer is None:
        return text
    return "".join(piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(text))


def word_subwords(
    parts: Sequence[WordPart], tokenizer: Any, max_length: int | None = None
) -> list[WordSubwords]:
    """The sub-words of each part; with special tokens, and cut off, if a length is given."""
    if not parts:
        return []
    options: dict[str, Any] = {
        "add_special_tokens": max_length is not None,
        "return_token_type_ids": True,
    }
    if max_length is not None:
        options |= {"truncation": True, "max_length": max_length}
    encode = _encode_joined if reads_spaces(tokenizer) else _encode_split
    return encode(parts, tokenizer, options)


def _encode_split(
    parts: Sequence[WordPart], tokenizer: Any, options: dict[str, Any]
) -> list[WordSubwords]:
    encoded = tokenizer([list(part.words) for part in parts], is_split_into_words=True, **options)
    columns = zip(encoded["input_ids"], encoded["token_type_ids"], strict=True)
    return [
        WordSubwords(ids, types, encoded.word_ids(number))
        for number, (ids, types) in enumerate(columns)
    ]


def _encode_joined(
    parts: Sequence[WordPart], tokenizer: Any, options: dict[str, Any]
) -> list[WordSubwords]:
    texts = [" " * part.follows + " ".join(part.words) for part in parts]
    encoded = tokenizer(texts, return_offsets_mapping=True, **options)
    columns = (encoded["input_ids"], encoded["token_type_ids"], encoded["offset_mapping"])
    return [
        WordSubwords(ids, types, list(_words_at(part, offsets)))
        for part, ids, types, offsets in zip(parts, *columns, strict=True)
    ]


def _words_at(part: WordPart, offsets: Sequence[tuple[int, int]]) -> Iterator[int | None]:
    """The first word that each sub-word has a character of."""
    lengths = [len(word) + 1 for word in part.words]
    starts = list(accumulate(lengths[:-1], initial=int(part.follows)))
    for start, end in offsets:
        word = max(bisect_right(starts, start) - 1, 0)
        if start >= starts[word] + len(part.words[word]) and word + 1 < len(starts):
            word += 1  # it begins in the space before the next word
        covered = min(end, starts[word] + len(part.words[word])) - max(start, starts[word])
        yield word if covered > 0 else None
