"""F1 of part-of-speech tags as computed by XTREME: seqeval's chunk F1 over tags without B and I.

seqeval takes the first letter of a tag as a chunk prefix and merges adjacent tokens of one
type, so this is neither accuracy nor a tag-wise F1. Versions of seqeval differ: in 1.x the type
is the tag without its first letter (CCONJ and SCONJ both become CONJ), in 0.x the full tag.
XTREME does not pin a version; jiant pins 0.0.12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from xstilts.metrics.base import Floats, Metric, ratio, stacked
from xstilts.metrics.spans import f1, span_counts

TypeOf = Callable[[str], str]
Position = tuple[int, int]
"""(sentence, token) in a set."""
Chunk = tuple[str, Position, Position]
"""(type, first, last)."""


def seqeval_1_type(tag: str) -> str:
    """Type of a tag in seqeval 1.x."""
    return tag[1:].split("-", maxsplit=1)[-1] or "_"


def seqeval_0_type(tag: str) -> str:
    """Type of a tag in seqeval 0.x."""
    return tag.rsplit("-", maxsplit=1)[-1]


def chunks(
    sentences: Iterable[Sequence[str]], type_of: TypeOf = seqeval_1_type
) -> Iterator[set[Chunk]]:
    """Yield the chunks that end in each sentence, by conlleval's rules on first letters.

    seqeval joins the sentences by the tag O. In 1.x, O and tags of one letter (X) are of one type,
    so an X that begins a later sentence starts no chunk: the chunk that ends there has the start
    of the last chunk before it.
    """
    start, previous_type = (0, 0), ""
    for number, tags in enumerate(sentences):
        of_sentence: set[Chunk] = set()
        previous_prefix = "O"
        for position, tag in enumerate([*tags, "O"]):
            prefix, tag_type = tag[0], type_of(tag)
            if _ends(previous_prefix, prefix, previous_type, tag_type):
                of_sentence.add((previous_type, start, (number, position - 1)))
            if _starts(previous_prefix, prefix, previous_type, tag_type):
                start = number, position
            previous_prefix, previous_type = prefix, tag_type
        yield of_sentence


def _ends(previous_prefix: str, prefix: str, previous_type: str, tag_type: str) -> bool:
    if previous_prefix in "ES" or (previous_prefix in "BI" and prefix in "BSO"):
        return True
    return previous_prefix not in "O." and previous_type != tag_type


def _starts(previous_prefix: str, prefix: str, previous_type: str, tag_type: str) -> bool:
    if prefix in "BS" or (previous_prefix in "ESO" and prefix in "EI"):
        return True
    return prefix not in "O." and previous_type != tag_type


def statistics(
    gold: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    language: str,
    *,
    type_of: TypeOf,
) -> Floats:
    """[n, 3]: correct chunks, predicted chunks, gold chunks, of all sentences of a set in order."""
    return span_counts(chunks(gold, type_of), chunks(predicted, type_of))


def tag_counts(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], language: str
) -> Floats:
    """[n, 2]: correct tags, tags."""
    rows = (
        (sum(a == b for a, b in zip(gold_tags, predicted_tags, strict=True)), len(gold_tags))
        for gold_tags, predicted_tags in zip(gold, predicted, strict=True)
    )
    return stacked(rows, 2)


def accuracy(sums: Floats) -> Floats:
    """Correct tags / tags."""
    return ratio(sums[..., 0], sums[..., 1])


POS_F1 = Metric(
    name="pos_f1",
    version=1,
    statistics=partial(statistics, type_of=seqeval_1_type),
    value=f1,
    formats=("tagging",),
    title="chunk F1 of seqeval 1.x",
)
POS_F1_SEQEVAL_0 = Metric(
    name="pos_f1_seqeval_0",
    version=1,
    statistics=partial(statistics, type_of=seqeval_0_type),
    value=f1,
    formats=("tagging",),
    title="chunk F1 of seqeval 0.x",
)
TAG_ACCURACY = Metric(
    name="tag_accuracy",
    version=1,
    statistics=tag_counts,
    value=accuracy,
    formats=("tagging",),
    title="proportion of correct tags",
)
