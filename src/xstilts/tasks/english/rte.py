"""RTE: does the text entail the hypothesis? GLUE's task, and RTE-1 to RTE-3 from their XML.

The challenges had a dev and a test set each and no train set. GLUE's RTE mixes RTE-1 to 3 with
RTE-5 in splits of its own: `glue-rte` is another task than `rte` and has examples of its sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.formats.io.tables import tsv_rows
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.hidden_labels import label_or_blank
from xstilts.tasks.english.paraphrase import GLUE
from xstilts.tasks.io.sources import Hub, Local

LABELS = ("entailment", "not_entailment")
ANSWERS = {
    "YES": "entailment",
    "TRUE": "entailment",
    "NO": "not_entailment",
    "FALSE": "not_entailment",
}


def pairs_of(path: Path, start: str) -> Iterator[TextExample | BadRow]:
    """The pairs of a challenge's file; its attribute is `value` in RTE-1, later `entailment`.

    Raises:
        DataError: not XML, with the line.
    """
    try:
        tree = ElementTree.parse(path)
    except ElementTree.ParseError as error:
        where = f"{path}:{error.position[0]}"
        raise DataError(f"not XML: {error.msg}", where=where) from error
    for number, pair in enumerate(tree.iter("pair")):
        name = f"{start}-{pair.get('id', number)}"
        where = f"{path}: pair {pair.get('id', number)}"
        text, hypothesis = pair.findtext("t"), pair.findtext("h")
        if text is None or hypothesis is None:
            yield BadRow(name, "no text or no hypothesis", where=where)
            continue
        answer = pair.get("entailment") or pair.get("value") or ""
        label = ANSWERS.get(answer.upper(), answer)
        yield TextExample(name, text.strip(), label, hypothesis.strip(), where)


def _local(split: str) -> tuple[Local, ...]:
    return (Local(tuple(f"rte/rte{number}_{split}.xml" for number in (1, 2, 3)), pairs_of),)


RTE = english_task(
    name="rte",
    format="classification",
    sizes={"dev": 1_767, "test": 2_400},
    local=_local,
    labels=LABELS,
    subwords=75,
    summary="does the text entail the hypothesis? RTE-1 to RTE-3",
    licence="",
    citation="Dagan et al. 2006; Bar-Haim et al. 2006; Giampiccolo et al. 2007",
)


def _glue_pair(split: str, row: FileRow) -> TextExample:
    texts = row.text("sentence1"), row.text("sentence2")
    label = label_or_blank(row, "label", split)
    return TextExample(row.id, texts[0], label, texts[1], row.where)


def _glue_local(split: str) -> tuple[Local, ...]:
    parse = parse_rows(tsv_rows(), partial(_glue_pair, split))
    return (Local((f"RTE/{split}.tsv",), parse),)


def _glue_hub(split: str) -> Hub:
    rows = parquet_rows({"label": LABELS})
    name = f"rte/{HUB_SPLITS[split]}-00000-of-00001.parquet"
    return Hub(*GLUE, (name,), parse_rows(rows, partial(_glue_pair, split)))


GLUE_RTE = english_task(
    name="glue-rte",
    format="classification",
    sizes={"train": 2_490, "dev": 277, "test": 3_000},
    local=_glue_local,
    hub=_glue_hub,
    labels=LABELS,
    dataset=GLUE[0],
    includes_data_of=("rte",),
    subwords=75,
    summary="does the text entail the hypothesis? GLUE's RTE",
    licence="",
    citation="Wang et al. 2019, arXiv 1804.07461; Bentivogli et al. 2009",
)
