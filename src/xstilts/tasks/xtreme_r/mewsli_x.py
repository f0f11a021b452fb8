"""Mewsli-X: the entity that a mention in a news article names, among a million in 50 languages.

`read("test", "de")` returns the mentions in German articles and `read("test", "candidates")` the
entities, which are one set for all languages. The files are those of get-mewsli-x.sh (version
20220518_6, with the texts of the articles), in the folder `mewslix` of XTREME's download script.
That script removes the entities of the test mentions; it leaves those of dev.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import attrgetter

from xstilts.formats.answer_retrieval import CANDIDATES
from xstilts.formats.dual_encoder import PassageExample
from xstilts.formats.io.mewsli import entities, labels_file, mention_and_entity, mentions
from xstilts.formats.io.readers import FileRow, json_rows, parse_rows
from xstilts.tasks.builders import english_task, names, task
from xstilts.tasks.io.sources import Local

LANGUAGES = names("en ar de es fa ja pl ro ta tr uk")
DEV = (316, 318, 326, 311, 72, 310, 304, 145, 312, 262, 315)
TEST = (1_490, 1_501, 1_551, 1_552, 458, 1_519, 1_562, 672, 1_567, 1_215, 1_537)
ENTITIES = 1_003_893
FOLDERS = ("mewslix", "mewsli-x")
"""Names that the folder of the files may have."""
LICENCE = "CC-BY-SA-3.0 (Wikipedia), CC-BY-2.5 (WikiNews)"
SOURCE = "github.com/google-research/google-research, dense_representations_for_entity_retrieval"
CITATION = "Ruder et al. 2021, arXiv 2104.07412"


def _local(split: str, code: str) -> Sequence[Local]:
    if code == CANDIDATES:
        return tuple(Local((f"{name}/candidate_set_entities.jsonl",), entities) for name in FOLDERS)
    return tuple(local for folder in FOLDERS for local in _mention_files(folder, split, code))


def _mention_files(folder: str, split: str, language: str) -> tuple[Local, ...]:
    """All languages in one file; else a file for each, with or without a file of entities."""
    parse = partial(mentions, language)
    one = f"{folder}/wikinews_mentions/{split}-{language}.jsonl"
    return (
        Local((f"{folder}/wikinews_mentions-{split}.jsonl",), parse),
        Local((one,), parse, companions=(f"{folder}/{labels_file(split, language)}",)),
        Local((one,), parse),
    )


MEWSLI_X = task(
    name="mewsli-x",
    format="answer_retrieval",
    sizes={
        "dev": dict(zip(LANGUAGES, DEV, strict=True)),
        "test": dict(zip(LANGUAGES, TEST, strict=True)),
    },
    pool_sizes={(split, CANDIDATES): ENTITIES for split in ("dev", "test")},
    pool_parts=(CANDIDATES,),
    local=_local,
    source=SOURCE,
    metrics=("map_at_20",),
    subwords=50,
    train_task="mewsli-x-pairs",
    alignment_key=attrgetter("group"),
    summary="find the entity that a mention names among a million descriptions",
    licence=LICENCE,
    citation=CITATION,
)


def _pair(row: FileRow) -> PassageExample:
    name, mention, description = mention_and_entity(row)
    return PassageExample(name, mention, description, where=row.where)


def _pair_files(split: str) -> tuple[Local, ...]:
    parse = parse_rows(json_rows, _pair)
    return tuple(Local((f"{name}/wikipedia_pairs-{split}.jsonl",), parse) for name in FOLDERS)


MEWSLI_X_PAIRS = english_task(
    name="mewsli-x-pairs",
    format="dual_encoder",
    sizes={"train": 167_719, "dev": 14_051},
    local=_pair_files,
    source=SOURCE,
    metrics=("map_at_20", "recall_at_1"),
    subwords=110,
    alignment_key=attrgetter("passage"),
    summary="which entity does a mention in Wikipedia name?",
    licence=LICENCE,
    citation=CITATION,
)
