"""XVNLI without its images: does the caption entail the hypothesis? Trained on SNLI.

IGLUE asks it of an image, with a model trained on images with hypotheses; its `sentence1` is the
image's caption, SNLI's premise. SNLI as the training data of this form is our choice: the test set
is a part of SNLI's test set, with translations, and has nothing in common with SNLI's train and
dev sets. The few-shot rows of the release are not read.
"""

from __future__ import annotations

from xstilts.formats.io.readers import json_rows, parse_rows
from xstilts.tasks.builders import NLI_LABELS, names, same_size, task
from xstilts.tasks.english.nli import OFFICIAL
from xstilts.tasks.io.sources import Local

XVNLI = task(
    name="xvnli",
    format="classification",
    sizes={"test": same_size(names("en ar es fr ru"), 1_150)},
    local=lambda _split, language: (
        Local((f"xvnli/{language}/test.jsonl",), parse_rows(json_rows, OFFICIAL)),
    ),
    labels=NLI_LABELS,
    subwords=35,
    train_task="snli",
    translates=(("snli", "test"),),
    missing_modalities=("image",),
    summary="does the caption entail the hypothesis? XVNLI's text alone",
    licence="",
    citation="Bugliarello et al. 2022, arXiv 2201.11732",
)
