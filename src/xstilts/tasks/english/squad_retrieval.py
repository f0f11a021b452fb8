"""SQuAD v1.1 as retrieval: which sentence answers the question?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path

from xstilts.formats.base import BadRow, Example
from xstilts.formats.dual_encoder import PassageExample
from xstilts.formats.io.readers import Parse
from xstilts.formats.span import SpanExample
from xstilts.tasks.builders import english_task
from xstilts.tasks.english.squad import DATASETS, LICENCE, squad_files, squad_hub
from xstilts.tasks.io.sentence_breaks import sentence_breaks
from xstilts.tasks.io.sources import Hub, Local

VERSION = "1.1"
NO_SENTENCE = "answer outside of every sentence"


def answer_sentence(question: SpanExample) -> PassageExample | BadRow:
    """The question with the sentence in which its first answer starts, and the paragraph.

    Source: `RetrievalSquadProcessor` in XTREME-R's processors/lareqa.py.
    """
    start = question.starts[0] if question.starts else -1
    for first, end in sentence_breaks(question.context):
        if first <= start < end:
            sentence = question.context[first:end]
            return PassageExample(
                question.id, question.question, sentence, question.context, question.where
            )
    return BadRow(question.id, NO_SENTENCE, where=question.where)


def _passages(parse: Parse, path: Path, start: str) -> Iterator[Example | BadRow]:
    """The questions of a file with their sentences."""
    for example in parse(path, start):
        yield answer_sentence(example) if isinstance(example, SpanExample) else example


def _files(split: str) -> tuple[Local, ...]:
    return tuple(
        replace(local, parse=partial(_passages, local.parse))
        for local in squad_files(VERSION, split)
    )


def _hub(split: str) -> Hub:
    source = squad_hub(VERSION, split)
    return replace(source, parse=partial(_passages, source.parse))


SQUAD_RETRIEVAL = english_task(
    name="squad-retrieval",
    format="dual_encoder",
    sizes={"train": 87_599, "dev": 10_570},
    local=_files,
    hub=_hub,
    metrics=("map_at_20", "recall_at_1"),
    dataset=DATASETS[VERSION][0],
    subwords=230,
    includes_data_of=("squad-v1",),
    alignment_key=attrgetter("context"),
    summary="which sentence of Wikipedia answers the question?",
    licence=LICENCE,
    citation="Rajpurkar et al. 2016, arXiv 1606.05250; as in Ruder et al. 2021, arXiv 2104.07412",
)
