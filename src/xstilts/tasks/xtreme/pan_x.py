"""PAN-X (WikiAnn): named entity recognition, 40 languages of XTREME and eight more of XTREME-R."""

from __future__ import annotations

from xstilts.tasks.benchmarks import XTREME_R
from xstilts.tasks.builders import names, same_size, task
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.io.sources import Hub
from xstilts.tasks.xtreme.dataset import (
    CITATION,
    DATASET,
    SOURCE,
    added_hub,
    one_file,
    tagging_hub,
)

ADDED = names("az gu lt pa pl qu ro uk")
"""Languages of XTREME-R."""
LANGUAGES = XTREME_R.languages["pan-x"]
SIZES = {
    **same_size(LANGUAGES, 10_000),
    **same_size(names("af az bn hi kk ml mr ms sw ta te tl ur"), 1_000),
    **same_size(names("gu jv my pa qu yo"), 100),
}
"""Size of the dev set, and of the test set."""
TAGS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")
HUB_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
ADDED_DATASET = "unimelb-nlp/wikiann"

_xtreme_hub = tagging_hub("PAN-X.{}".format, "ner_tags", HUB_TAGS)


def _hub(split: str, language: str) -> Hub:
    """google/xtreme, which has XTREME's languages only; the others are in WikiAnn itself."""
    if language in ADDED:
        return added_hub(ADDED_DATASET, split, language, "ner_tags", HUB_TAGS)
    return _xtreme_hub(split, language)


PAN_X = task(
    name="pan-x",
    version=2,
    format="tagging",
    sizes={"train": {"en": 20_000}, "dev": SIZES, "test": SIZES},
    local=lambda split, language: one_file(f"panx/{split}-{language}.tsv", read_tagged((1, 2))),
    hub=_hub,
    dataset=DATASET,
    source=SOURCE,
    labels=TAGS,
    metrics=("span_f1",),
    subwords=14,
    summary="names of places, organisations and people (WikiAnn)",
    licence="",
    citation=CITATION,
)
