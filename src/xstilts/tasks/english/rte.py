"""RTE-1 to RTE-3: does the text entail the hypothesis? From the challenges' XML.

The challenges had a dev and a test set each and no train set; GLUE's RTE mixes them with RTE-5 in
splits of its own and is another task.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.tasks.builders import english_task
from xstilts.tasks.io.sources import Local

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
