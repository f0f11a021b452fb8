"""Natural language inference: does the premise entail, contradict or leave open the hypothesis?

MNLI, SNLI, ANLI (all three rounds) and SICK, with the classes in one order. `anli-plus` is
the ANLI+ of Phang et al. 2020: SNLI, MNLI and all rounds of ANLI on one NLI head. Its train set is
the union of their train sets. Its dev set is the union of their dev sets; the paper does not state
which dev set it used.
"""

from __future__ import annotations

from functools import partial

from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, json_rows, parquet_rows, parse_rows
from xstilts.formats.io.tables import tsv_rows
from xstilts.tasks.builders import HUB_SPLITS, NLI_LABELS, english_task
from xstilts.tasks.concatenate import concatenate
from xstilts.tasks.io.sources import PARQUET, Hub, Local
from xstilts.tasks.io.xtreme_pairs import read_pairs

WORDS = {
    "c": "contradiction",
    "e": "entailment",
    "n": "neutral",
    "contradictory": "contradiction",
}
NO_GOLD = "no gold label: the annotators disagreed"
HUB_CLASSES = {"label": ("entailment", "neutral", "contradiction")}
ROUNDS = ("1", "2", "3")
MNLI_FOLDERS = ("mnli", "multinli_1.0")
GLUE_MNLI = ("mnli", "MNLI")


def label_of(text: str) -> str:
    """The class that a file's word, in any case, or letter stands for."""
    word = text.strip().lower()
    return WORDS.get(word, word)


def _pair(texts: tuple[str, str], gold: str, name: str, row: FileRow) -> TextExample | BadRow:
    """A labelled pair; pairs without annotator agreement (`-` or -1) are skipped."""
    label = label_of(row.text(gold))
    if label in ("", "-"):
        return BadRow(row.id, NO_GOLD, where=row.where)
    return _unlabelled(texts, name, row, label)


def _unlabelled(texts: tuple[str, str], name: str, row: FileRow, label: str = "") -> TextExample:
    own = row.text(name) if name else row.id
    return TextExample(own, row.text(texts[0]), label, row.text(texts[1]), row.where)


OFFICIAL = partial(_pair, ("sentence1", "sentence2"), "gold_label", "pairID")
HUB = partial(_pair, ("premise", "hypothesis"), "label", "")


def _corpus(*stems: str) -> tuple[Local, ...]:
    """MNLI's or SNLI's official files: JSON lines, or TSV that may end its rows early."""
    as_json = [Local((f"{stem}.jsonl",), parse_rows(json_rows, OFFICIAL)) for stem in stems]
    as_text = [
        Local((f"{stem}.txt",), parse_rows(tsv_rows(ragged=True), OFFICIAL)) for stem in stems
    ]
    return (*as_json, *as_text)


def _mnli_local(split: str) -> tuple[Local, ...]:
    part = {"train": "train", "dev": "dev_matched", "test": "test_matched"}[split]
    gold = OFFICIAL if split != "test" else partial(_unlabelled, ("sentence1", "sentence2"), "")
    glue = [Local((f"{folder}/{part}.tsv",), parse_rows(tsv_rows(), gold)) for folder in GLUE_MNLI]
    if split == "test":
        return tuple(glue)
    own = _corpus(*(f"{folder}/multinli_1.0_{part}" for folder in MNLI_FOLDERS))
    # XTREME's download has MNLI's train set there, and chooses by XNLI's English dev set.
    return (*own, *glue, Local((f"xnli/{split}-en.tsv",), read_pairs))


def _mnli_hub(split: str) -> Hub:
    part = {"train": "train", "dev": "validation_matched", "test": "test_matched"}[split]
    blank = partial(_unlabelled, ("premise", "hypothesis"), "")
    return Hub(
        "nyu-mll/glue",
        "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
        (f"mnli/{part}-00000-of-00001.parquet",),
        parse_rows(parquet_rows(HUB_CLASSES), blank if split == "test" else HUB),
    )


MNLI = english_task(
    name="mnli",
    format="classification",
    sizes={"train": 392_702, "dev": 9_815, "test": 9_796},
    local=_mnli_local,
    hub=_mnli_hub,
    labels=NLI_LABELS,
    dataset="nyu-mll/glue",
    subwords=52,
    summary="does the premise entail the hypothesis? ten genres; dev is the matched one",
    licence="OANC and others, by genre",
    citation="Williams et al. 2018, arXiv 1704.05426",
)


def _snli_local(split: str) -> tuple[Local, ...]:
    official = _corpus(*(f"{folder}/snli_1.0_{split}" for folder in ("snli", "snli_1.0")))
    return (*official, Local((f"snli/{split}.tsv",), read_pairs))


def _snli_hub(split: str) -> Hub:
    return Hub(
        "stanfordnlp/snli",
        "cdb5c3d5eed6ead6e5a341c8e56e669bb666725b",
        (f"plain_text/{HUB_SPLITS[split]}-00000-of-00001.parquet",),
        parse_rows(parquet_rows(HUB_CLASSES), HUB),
    )


SNLI = english_task(
    name="snli",
    format="classification",
    sizes={"train": 549_367, "dev": 9_842, "test": 9_824},
    local=_snli_local,
    hub=_snli_hub,
    labels=NLI_LABELS,
    dataset="stanfordnlp/snli",
    subwords=30,
    summary="does the premise, a picture's caption, entail the hypothesis?",
    licence="CC-BY-SA-4.0",
    citation="Bowman et al. 2015, arXiv 1508.05326",
)


def _anli_local(split: str) -> tuple[Local, ...]:
    parse = parse_rows(json_rows, partial(_pair, ("context", "hypothesis"), "label", "uid"))
    return tuple(
        Local(tuple(f"{folder}/R{number}/{split}.jsonl" for number in ROUNDS), parse)
        for folder in ("anli", "anli_v1.0")
    )


def _anli_hub(split: str) -> Hub:
    return Hub(
        "facebook/anli",
        "8e4813d81f46d313dac7892e1c28076917cfcdf9",
        tuple(f"plain_text/{split}_r{number}-00000-of-00001.parquet" for number in ROUNDS),
        parse_rows(
            parquet_rows(HUB_CLASSES), partial(_pair, ("premise", "hypothesis"), "label", "uid")
        ),
    )


ANLI = english_task(
    name="anli",
    format="classification",
    sizes={"train": 162_865, "dev": 3_200, "test": 3_200},
    local=_anli_local,
    hub=_anli_hub,
    labels=NLI_LABELS,
    dataset="facebook/anli",
    subwords=110,
    summary="NLI written to fool models, rounds 1 to 3 together",
    licence="CC-BY-NC-4.0",
    citation="Nie et al. 2020, arXiv 1910.14599",
)
ANLI_PLUS = concatenate(
    english_task(
        name="anli-plus",
        format="classification",
        sizes={"train": 1_104_934, "dev": 22_857},
        local=lambda _split: (),
        labels=NLI_LABELS,
        dataset="stanfordnlp/snli, nyu-mll/glue, facebook/anli",
        subwords=52,
        includes_data_of=("snli", "mnli", "anli"),
        summary="SNLI, MNLI and ANLI on one head",
        licence="of its parts",
        citation="Phang et al. 2020, arXiv 2005.13013",
    ),
    (SNLI, MNLI, ANLI),
)


SICK_TEXTS = ("sentence_A", "sentence_B")


def sick_file(split: str) -> str:
    """The path of a split in the data folder; the file has both annotations."""
    part = {"train": "train", "dev": "trial", "test": "test_annotated"}[split]
    return f"sick/SICK_{part}.txt"


def _sick_local(split: str) -> tuple[Local, ...]:
    pair = partial(_pair, SICK_TEXTS, "entailment_judgment", "pair_ID")
    return (Local((sick_file(split),), parse_rows(tsv_rows(), pair)),)


def _sick_hub(split: str) -> Hub:
    # No commit with data files is known: the branch may move.
    return Hub(
        "RobZamp/sick",
        PARQUET,
        (f"default/{HUB_SPLITS[split]}/0000.parquet",),
        parse_rows(parquet_rows(HUB_CLASSES), partial(_pair, SICK_TEXTS, "label", "id")),
    )


SICK = english_task(
    name="sick",
    format="classification",
    sizes={"train": 4_500, "dev": 500, "test": 4_927},
    local=_sick_local,
    hub=_sick_hub,
    labels=NLI_LABELS,
    dataset="RobZamp/sick",
    subwords=28,
    summary="NLI on short sentences without names",
    licence="CC-BY-NC-SA-3.0",
    citation="Marelli et al. 2014, aclanthology.org/L14-1314",
)
