"""How similar, or related, are two sentences? STS-B and SICK's second annotation: regression."""

from __future__ import annotations

from functools import partial
from math import nan

from xstilts.formats.base import BadRow
from xstilts.formats.io.readers import FileRow, parquet_rows, parse_rows
from xstilts.formats.io.tables import tsv_rows
from xstilts.formats.regression import OUTSIDE_BOUNDS, ScoredText
from xstilts.tasks.builders import HUB_SPLITS, english_task
from xstilts.tasks.english.nli import SICK, SICK_TEXTS, sick_file
from xstilts.tasks.english.paraphrase import GLUE
from xstilts.tasks.io.sources import PARQUET, Hub, Local

METRICS = ("pearson", "spearman")
STSB_TEXTS = ("sentence1", "sentence2")
STSB_COLUMNS = ("genre", "filename", "year", "number", "score", *STSB_TEXTS, "source1", "source2")
"""Columns of the STS benchmark's files, which have no header; the last two may be absent."""
STSB_BOUNDS, SICK_BOUNDS = (0.0, 5.0), (1.0, 5.0)
REMOVED = -1.0
"""The score of GLUE's test rows on the hub, whose scores are hidden."""
DECIMALS = 3
"""Of a published score; the hub's are the nearest 32-bit floats."""


def _scored(
    texts: tuple[str, str],
    column: str,
    name: str,
    bounds: tuple[float, float],
    split: str,
    row: FileRow,
) -> ScoredText | BadRow:
    """A pair with its score; NaN where a test set has none (no column, nothing, or -1)."""
    own = row.text(name) if name else row.id
    hidden = split == "test" and column not in row.cells
    score = nan if hidden else round(row.number(column), DECIMALS)
    if split == "test" and score == REMOVED:
        score = nan
    if score < bounds[0] or score > bounds[1]:
        detail = f"{score:g}, not {bounds[0]:g} to {bounds[1]:g}"
        return BadRow(own, OUTSIDE_BOUNDS, detail, row.where)
    return ScoredText(own, row.text(texts[0]), score, row.text(texts[1]), row.where)


def _stsb_local(split: str) -> tuple[Local, ...]:
    """The benchmark's own files, which have test scores, or GLUE's."""
    pair = partial(_scored, STSB_TEXTS, "score", "", STSB_BOUNDS, split)
    own = parse_rows(tsv_rows(STSB_COLUMNS, ragged=True), pair)
    glue = parse_rows(tsv_rows(), pair)
    return (
        Local((f"stsbenchmark/sts-{split}.csv",), own),
        *(Local((f"{folder}/{split}.tsv",), glue) for folder in ("STS-B", "stsb")),
    )


def _stsb_hub(split: str) -> Hub:
    pair = partial(_scored, STSB_TEXTS, "label", "", STSB_BOUNDS, split)
    name = f"stsb/{HUB_SPLITS[split]}-00000-of-00001.parquet"
    return Hub(*GLUE, (name,), parse_rows(parquet_rows(), pair))


STSB = english_task(
    name="stsb",
    format="regression",
    sizes={"train": 5_749, "dev": 1_500, "test": 1_379},
    local=_stsb_local,
    hub=_stsb_hub,
    metrics=METRICS,
    dataset=GLUE[0],
    subwords=32,
    summary="how similar are two sentences, from 0 to 5? (STS-B)",
    licence="",
    citation="Cer et al. 2017, arXiv 1708.00055",
)


def _sick_local(split: str) -> tuple[Local, ...]:
    pair = partial(_scored, SICK_TEXTS, "relatedness_score", "pair_ID", SICK_BOUNDS, split)
    return (Local((sick_file(split),), parse_rows(tsv_rows(), pair)),)


def _sick_hub(split: str) -> Hub:
    # No commit with data files is known: the branch may move.
    pair = partial(_scored, SICK_TEXTS, "relatedness_score", "id", SICK_BOUNDS, split)
    files = (f"default/{HUB_SPLITS[split]}/0000.parquet",)
    return Hub(SICK.hub, PARQUET, files, parse_rows(parquet_rows(), pair))


SICK_RELATEDNESS = english_task(
    name="sick-relatedness",
    format="regression",
    sizes={"train": 4_500, "dev": 500, "test": 4_927},
    local=_sick_local,
    hub=_sick_hub,
    metrics=METRICS,
    dataset=SICK.hub,
    subwords=28,
    summary="how related are two sentences, from 1 to 5? (SICK)",
    licence=SICK.licence,
    citation=SICK.citation,
)
