"""The seven trained targets of XTREME with their languages, files, labels and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, Parse, parquet_rows, parse_rows
from xstilts.formats.io.squad import hub_questions, questions
from xstilts.formats.tagging import TaggedExample
from xstilts.languages import language as info
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.english.squad import squad_files, squad_hub
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.io.sources import Hub, Local, Sources, placeholder, with_sources
from xstilts.tasks.io.xtreme_pairs import read_pairs
from xstilts.tasks.xtreme import sizes

SOURCE = "XTREME's download folder"
CITATION = "Hu et al. 2020, arXiv 2003.11080"
FIXED = ("qa_mean_fixed", "exact_match_fixed", "token_f1_fixed")
QA = ("qa_mean", "exact_match", "token_f1", *FIXED)
MLQA_QA = ("mlqa_mean", "mlqa_exact_match", "mlqa_f1", *FIXED)


def _codes(text: str) -> list[str]:
    return text.split()


XNLI_LANGUAGES = _codes("en ar bg de el es fr hi ru sw th tr ur vi zh")
PAWSX_LANGUAGES = _codes("en de es fr ja ko zh")
UDPOS_LANGUAGES = _codes(
    "en af ar bg de el es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi "
    "yo zh"
)
WITHOUT_UDPOS_DEV = _codes("kk th tl yo")
PANX_LANGUAGES = _codes(
    "en ar he vi id jv ms tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th "
    "sw yo my zh kk tr et fi hu"
)
XQUAD_LANGUAGES = _codes("en ar de el es hi ru th tr vi zh")
MLQA_LANGUAGES = _codes("en ar de es hi vi zh")
TYDIQA_LANGUAGES = _codes("en ar bn fi id ko ru sw te")
POS_TAGS = _codes("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X")
PANX_TAGS = _codes("B-LOC B-ORG B-PER I-LOC I-ORG I-PER O")


TYPICAL = {
    "xnli": 52,
    "paws-x": 60,
    "udpos": 30,
    "pan-x": 14,
    "xquad": 200,
    "mlqa": 220,
    "tydiqa": 180,
}
"""Sub-words of a typical example, round figures."""
TRAIN_TASKS = {"xnli": "mnli", "xquad": "squad-v1", "mlqa": "squad-v1"}


def _task(
    name: str,
    kind: str,
    test: list[str],
    dev: list[str],
    labels: list[str],
    metrics: tuple[str, ...],
    summary: str,
    licence: str,
    hub: str,
    known: sizes.Sizes,
    **rest: Any,
) -> TaskSpec:
    return TaskSpec(
        name=name,
        version=2,
        format=kind,
        splits={"train": ("en",), "dev": tuple(dev), "test": tuple(test)},
        labels=tuple(labels),
        metrics=metrics,
        read=placeholder,
        fingerprint=placeholder,
        summary=summary,
        source=SOURCE,
        licence=licence,
        citation=CITATION,
        hub=hub,
        subwords=TYPICAL[name],
        train_task=TRAIN_TASKS.get(name, ""),
        sizes=known,
        **rest,
    )


XTREME_HUB = "google/xtreme"
XTREME_REVISION = "ec5f1f46e9af79639a90684a7a70a956c4998f04"
NLI = ["contradiction", "entailment", "neutral"]
HUB_NLI = ("entailment", "neutral", "contradiction")
HUB_PANX = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def _only(name: str, parse: Parse) -> tuple[Local]:
    return (Local((name,), parse),)


def _xtreme(config: str, split: str, parse: Parse) -> Hub:
    """A configuration of the hub's copy of XTREME."""
    name = f"{config}/{HUB_SPLITS[split]}-00000-of-00001.parquet"
    return Hub(XTREME_HUB, XTREME_REVISION, (name,), parse)


def _xnli_row(row: FileRow) -> TextExample:
    return TextExample(
        row.id, row.text("premise"), row.text("label"), row.text("hypothesis"), row.where
    )


def _pawsx_row(row: FileRow) -> TextExample | BadRow:
    """A pair; missing and wrong labels of the release are -1 on the hub."""
    label = row.text("label")
    if not label:
        return BadRow(row.id, "no gold label", where=row.where)
    return TextExample(row.id, row.text("sentence1"), label, row.text("sentence2"), row.where)


def _tagged_row(tags: str, row: FileRow) -> TaggedExample:
    return TaggedExample(row.id, row.texts("tokens"), row.texts(tags), row.where)


def _words(folder: str, config: Callable[[str], str], column: str, tags: Iterable[str]) -> Sources:
    """Tagged words: a file for each split and language, and a configuration of the hub's copy.

    Args:
        config: language → its configuration.
        column: of the tags there, which are numbers in the order of `tags`.
    """
    parse = parse_rows(parquet_rows({column: tuple(tags)}), partial(_tagged_row, column))
    return Sources(
        lambda split, language: _only(f"{folder}/{split}-{language}.tsv", read_tagged((1, 2))),
        lambda split, language: _xtreme(config(language), split, parse),
    )


def _beside_squad(splits: tuple[str, ...], own: Sources) -> Sources:
    """Sources of a target that has these splits from SQuAD v1.1, in English."""
    return Sources(
        lambda split, language: (
            squad_files("1.1", split) if split in splits else own.local(split, language)
        ),
        lambda split, language: (
            squad_hub("1.1", split) if split in splits else own.hub(split, language)
        ),
    )


XNLI = with_sources(
    _task(
        *("xnli", "classification", XNLI_LANGUAGES, XNLI_LANGUAGES, NLI, ("accuracy",)),
        *("does the premise entail the hypothesis? trained on MNLI", "CC-BY-NC-4.0"),
        "facebook/xnli",
        known=sizes.XNLI,
    ),
    Sources(
        lambda split, language: _only(f"xnli/{split}-{language}.tsv", read_pairs),
        lambda split, language: Hub(
            "facebook/xnli",
            "b8dd5d7af51114dbda02c0e3f6133f332186418e",
            (f"{language}/{HUB_SPLITS[split]}-00000-of-00001.parquet",),
            parse_rows(parquet_rows({"label": HUB_NLI}), _xnli_row),
        ),
    ),
)
PAWS_X = with_sources(
    _task(
        *("paws-x", "classification", PAWSX_LANGUAGES, PAWSX_LANGUAGES, ["0", "1"], ("accuracy",)),
        *("do two sentences with nearly the same words mean the same?", "custom, free use"),
        "google-research-datasets/paws-x",
        known=sizes.PAWS_X,
    ),
    Sources(
        lambda split, language: _only(f"pawsx/{split}-{language}.tsv", read_pairs),
        lambda split, language: Hub(
            "google-research-datasets/paws-x",
            "4cd8187c404bda33cb1f62b49b001115862acf37",
            (f"{language}/{HUB_SPLITS[split]}-00000-of-00001.parquet",),
            parse_rows(parquet_rows({"label": ("0", "1")}), _pawsx_row),
        ),
    ),
)
UDPOS = with_sources(
    _task(
        *("udpos", "tagging", UDPOS_LANGUAGES),
        [code for code in UDPOS_LANGUAGES if code not in WITHOUT_UDPOS_DEV],
        *(POS_TAGS, ("pos_f1", "pos_f1_seqeval_0", "tag_accuracy")),
        *("parts of speech, Universal Dependencies 2.5", "by treebank", XTREME_HUB),
        known=sizes.UDPOS,
    ),
    _words("udpos", lambda language: f"udpos.{info(language).name}", "pos_tags", POS_TAGS),
)
PAN_X = with_sources(
    _task(
        *("pan-x", "tagging", PANX_LANGUAGES, PANX_LANGUAGES, PANX_TAGS, ("span_f1",)),
        *("names of places, organisations and people (WikiAnn)", "", XTREME_HUB),
        known=sizes.PAN_X,
    ),
    _words("panx", "PAN-X.{}".format, "ner_tags", HUB_PANX),
)
XQUAD = with_sources(
    _task(
        *("xquad", "span", XQUAD_LANGUAGES, ["en"], [], QA),
        *("SQuAD's questions translated by people; trained on SQuAD v1.1", "CC-BY-SA-4.0"),
        "google/xquad",
        known=sizes.XQUAD,
        translates=(("squad-v1", "dev"), ("squad-v2", "dev"), ("xquad", "dev")),
    ),
    _beside_squad(
        ("train", "dev"),
        Sources(
            lambda _split, language: _only(f"xquad/xquad.{language}.json", questions),
            lambda _split, language: Hub(
                "google/xquad",
                "51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
                (f"xquad.{language}/validation-00000-of-00001.parquet",),
                hub_questions(),
            ),
        ),
    ),
)
MLQA = with_sources(
    _task(
        *("mlqa", "span", MLQA_LANGUAGES, MLQA_LANGUAGES, [], MLQA_QA),
        *("questions on Wikipedia in their own language; trained on SQuAD v1.1", "CC-BY-SA-3.0"),
        XTREME_HUB,
        known=sizes.MLQA,
    ),
    _beside_squad(
        ("train",),
        Sources(
            lambda split, language: _only(
                f"mlqa/MLQA_V1/{split}/{split}-context-{language}-question-{language}.json",
                questions,
            ),
            lambda split, language: _xtreme(f"MLQA.{language}.{language}", split, hub_questions()),
        ),
    ),
)
TYDIQA = with_sources(
    _task(
        *("tydiqa", "span", TYDIQA_LANGUAGES, ["en"], [], QA),
        *("questions asked by speakers of the language; trained on its English part", "Apache-2.0"),
        "google-research-datasets/tydiqa",
        known=sizes.TYDIQA,
        unlabelled=("dev",),
    ),
    Sources(
        lambda split, language: _only(
            "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json"
            if split == "train"
            else f"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json",
            questions,
        ),
        # The hub has all languages in one file: its ids start with the language's name.
        lambda split, language: Hub(
            "google-research-datasets/tydiqa",
            "da78f23f9119363459acbaf46bf89426ff26c259",
            (
                "secondary_task/"
                f"{'train' if split == 'train' else 'validation'}-00000-of-00001.parquet",
            ),
            hub_questions(info(language).name.lower()),
        ),
    ),
)
