"""PAN-X (WikiAnn): named entity recognition in 40 languages."""

from __future__ import annotations

from xstilts.tasks.builders import names, same_size, task
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.xtreme.dataset import CITATION, DATASET, SOURCE, one_file, tagging_hub

LANGUAGES = names(
    "en ar he vi id jv ms tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th "
    "sw yo my zh kk tr et fi hu"
)
SIZES = {
    **same_size(LANGUAGES, 10_000),
    **same_size(names("af bn hi kk ml mr ms sw ta te tl ur"), 1_000),
    **same_size(names("jv my yo"), 100),
}
"""Size of the dev set, and of the test set."""
TAGS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")
HUB_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")

PAN_X = task(
    name="pan-x",
    version=2,
    format="tagging",
    sizes={"train": {"en": 20_000}, "dev": SIZES, "test": SIZES},
    local=lambda split, language: one_file(f"panx/{split}-{language}.tsv", read_tagged((1, 2))),
    hub=tagging_hub("PAN-X.{}".format, "ner_tags", HUB_TAGS),
    dataset=DATASET,
    source=SOURCE,
    labels=TAGS,
    metrics=("span_f1",),
    subwords=14,
    summary="names of places, organisations and people (WikiAnn)",
    licence="",
    citation=CITATION,
)
