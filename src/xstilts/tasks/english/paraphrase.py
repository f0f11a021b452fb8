"""Paraphrase: do two questions (QQP) or two sentences (MRPC) mean the same?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.formats.io.tables import tsv_rows
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.io.sources import Hub, Local

GLUE = ("nyu-mll/glue", "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c")
SAME = ("0", "1")
METRICS = ("accuracy_and_f1", "accuracy")


def _pair(texts: tuple[str, str], label: str, name: str, split: str, row: FileRow) -> TextExample:
    own = row.text(name) if name else row.id
    return TextExample(
        own, row.text(texts[0]), label_or_blank(row, label, split), row.text(texts[1]), row.where
    )


def _glue(config: str, texts: tuple[str, str], split: str) -> Hub:
    """GLUE's rows; the test sets' labels are removed, -1, except MRPC's."""
    name = f"{config}/{HUB_SPLITS[split]}-00000-of-00001.parquet"
    pair = partial(_pair, texts, "label", "", split)
    return Hub(*GLUE, (name,), parse_rows(parquet_rows(), pair))


def _paraphrase(
    name: str,
    texts: tuple[str, str],
    *,
    sizes: Mapping[str, int],
    local: Callable[[str], tuple[Local, ...]],
    subwords: int,
    summary: str,
    citation: str,
) -> TaskSpec:
    """A task of GLUE, whose two texts the hub has in these columns."""
    return english_task(
        name=name,
        format="classification",
        sizes=sizes,
        local=local,
        hub=partial(_glue, name, texts),
        labels=SAME,
        metrics=METRICS,
        dataset=GLUE[0],
        subwords=subwords,
        summary=summary,
        licence="",
        citation=citation,
    )


def _qqp_local(split: str) -> tuple[Local, ...]:
    pair = partial(_pair, ("question1", "question2"), "is_duplicate", "id", split)
    parse = parse_rows(tsv_rows(), pair)
    return tuple(Local((f"{folder}/{split}.tsv",), parse) for folder in ("qqp", "QQP"))


QQP = _paraphrase(
    "qqp",
    ("question1", "question2"),
    sizes={"train": 363_849, "dev": 40_430, "test": 390_965},
    local=_qqp_local,
    subwords=40,
    summary="do two questions from Quora ask the same?",
    citation="Iyer et al. 2017",
)


def _mrpc_local(split: str) -> tuple[Local, ...]:
    pair = partial(_pair, ("#1 String", "#2 String"), "Quality", "", split)
    parse = parse_rows(tsv_rows(), pair)
    names = ["mrpc/val.tsv"] if split == "dev" else []
    names += [f"{folder}/{split}.tsv" for folder in ("mrpc", "MRPC")]
    return tuple(Local((name,), parse) for name in names)


MRPC = _paraphrase(
    "mrpc",
    ("sentence1", "sentence2"),
    sizes={"train": 3_668, "dev": 408, "test": 1_725},
    local=_mrpc_local,
    subwords=56,
    summary="do two sentences from the news mean the same?",
    citation="Dolan and Brockett 2005, aclanthology.org/I05-5002",
)
