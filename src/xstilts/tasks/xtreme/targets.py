"""The seven trained targets of XTREME with their languages, files, labels and metrics."""

from __future__ import annotations

from xstilts.tasks.base import TaskSpec
from xstilts.tasks.squad import read_squad
from xstilts.tasks.xtreme.layout import homeless, official, pairs, tagged

SOURCE = "XTREME's download folder"
CITATION = "Hu et al. 2020, arXiv 2003.11080"
QA = ("qa_mean", "exact_match", "token_f1")


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


def _task(
    name: str,
    kind: str,
    test: list[str],
    dev: list[str],
    labels: list[str],
    metrics: tuple[str, ...],
    summary: str,
    licence: str,
) -> TaskSpec:
    return TaskSpec(
        name=name,
        version=1,
        format=kind,
        splits={"train": ("en",), "dev": tuple(dev), "test": tuple(test)},
        labels=tuple(labels),
        metrics=metrics,
        read=homeless,
        fingerprint=homeless,
        summary=summary,
        source=SOURCE,
        licence=licence,
        citation=CITATION,
    )


XNLI = official(
    _task(
        *("xnli", "classification", XNLI_LANGUAGES, XNLI_LANGUAGES),
        *(["contradiction", "entailment", "neutral"], ("accuracy",)),
        *("does the premise entail the hypothesis? trained on MNLI", "CC-BY-NC-4.0"),
    ),
    lambda split, language: f"xnli/{split}-{language}.tsv",
    pairs,
)
PAWS_X = official(
    _task(
        *("paws-x", "classification", PAWSX_LANGUAGES, PAWSX_LANGUAGES),
        *(["0", "1"], ("accuracy",)),
        *("do two sentences with nearly the same words mean the same?", "custom, free use"),
    ),
    lambda split, language: f"pawsx/{split}-{language}.tsv",
    pairs,
)
UDPOS = official(
    _task(
        *("udpos", "tagging", UDPOS_LANGUAGES),
        [code for code in UDPOS_LANGUAGES if code not in WITHOUT_UDPOS_DEV],
        *(POS_TAGS, ("pos_f1", "pos_f1_seqeval_0", "tag_accuracy")),
        *("parts of speech, Universal Dependencies 2.5", "by treebank"),
    ),
    lambda split, language: f"udpos/{split}-{language}.tsv",
    tagged,
)
PAN_X = official(
    _task(
        *("pan-x", "tagging", PANX_LANGUAGES, PANX_LANGUAGES),
        *(PANX_TAGS, ("span_f1",)),
        *("names of places, organisations and people (WikiAnn)", ""),
    ),
    lambda split, language: f"panx/{split}-{language}.tsv",
    tagged,
)
XQUAD = official(
    _task(
        *("xquad", "span", XQUAD_LANGUAGES, ["en"], [], QA),
        *("SQuAD's questions translated by people; trained on SQuAD v1.1", "CC-BY-SA-4.0"),
    ),
    lambda split, language: (
        f"xquad/xquad.{language}.json" if split == "test" else f"squad/{split}-v1.1.json"
    ),
    read_squad,
)
MLQA = official(
    _task(
        *("mlqa", "span", MLQA_LANGUAGES, MLQA_LANGUAGES, [], QA),
        *("questions on Wikipedia in their own language; trained on SQuAD v1.1", "CC-BY-SA-3.0"),
    ),
    lambda split, language: (
        "squad/train-v1.1.json"
        if split == "train"
        else f"mlqa/MLQA_V1/{split}/{split}-context-{language}-question-{language}.json"
    ),
    read_squad,
)
TYDIQA = official(
    _task(
        *("tydiqa", "span", TYDIQA_LANGUAGES, ["en"], [], QA),
        *("questions asked by speakers of the language; trained on its English part", "Apache-2.0"),
    ),
    lambda split, language: (
        "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json"
        if split == "train"
        else f"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json"
    ),
    read_squad,
)
