"""CoNLL-2000: base phrases as BIO tags. It has no dev set."""

from __future__ import annotations

from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.builders import english_task
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.io.sources import PARQUET, Hub, Local

PHRASES = ("ADJP", "ADVP", "CONJP", "INTJ", "LST", "NP", "PP", "PRT", "SBAR", "UCP", "VP")
TAGS = ("O", *(f"{prefix}-{phrase}" for phrase in PHRASES for prefix in "BI"))


def _example(row: FileRow) -> TaggedExample | None:
    words, tags = row.texts("tokens"), row.texts("chunk_tags")
    # The hub's copy ends every split with a sentence of no words.
    return TaggedExample(row.id, words, tags, row.where) if words else None


def _local(split: str) -> tuple[Local, ...]:
    return (Local((f"conll2000/{split}.txt",), read_tagged((3,), " ")),)


def _hub(split: str) -> Hub:
    # No commit with data files is known: the branch may move.
    name = f"conll2000/{split}/0000.parquet"
    return Hub(
        "eriktks/conll2000",
        PARQUET,
        (name,),
        parse_rows(parquet_rows({"chunk_tags": TAGS}), _example),
    )


CONLL2000 = english_task(
    name="conll2000",
    format="tagging",
    sizes={"train": 8_936, "test": 2_012},
    local=_local,
    hub=_hub,
    labels=TAGS,
    metrics=("span_f1", "tag_accuracy"),
    dataset="eriktks/conll2000",
    subwords=34,
    summary="base phrases of English sentences (chunking)",
    licence="",
    citation="Tjong Kim Sang and Buchholz 2000, aclanthology.org/W00-0726",
)
