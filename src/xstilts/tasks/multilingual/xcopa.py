"""XCOPA: COPA's dev and test sets in eleven languages; trained on English COPA.

XTREME-R trains on Social IQa and then on COPA: `train_task: {xcopa: socialiqa > copa}`.
The question is asked in English in every language and is the one that the release states, as in
XTREME-R's code. It is always `effect` in Thai (allenai/natural-instructions, issue 522), and at
times another one than the original's in Turkish and Swahili.
"""

from __future__ import annotations

from xstilts.formats.io.readers import parquet_rows
from xstilts.tasks.benchmarks import XTREME_R
from xstilts.tasks.builders import HUB_SPLITS, same_size, task
from xstilts.tasks.english.copa import PARTS, PLACES, copa_hub, plausible_alternatives
from xstilts.tasks.io.sources import Hub, Local

LANGUAGES = XTREME_R.languages["xcopa"]
DATASET = "cambridgeltl/xcopa"
REVISION = "042f78955ba48e6404616762fa6e05e839c3907a"


def _local(split: str, language: str) -> tuple[Local, ...]:
    """The release's files come first: the test labels of XTREME's copies are dummies."""
    part, parse = PARTS[split], plausible_alternatives(split)
    names = (f"xcopa/{language}/{part}.{language}.jsonl", f"xcopa/{part}-{language}.jsonl")
    return tuple(Local((name,), parse) for name in names)


def _hub(split: str, language: str) -> Hub:
    """The translations; English COPA is another data set."""
    if language not in LANGUAGES:
        return copa_hub(split)
    file = f"{language}/{HUB_SPLITS[split]}-00000-of-00001.parquet"
    return Hub(DATASET, REVISION, (file,), plausible_alternatives(split, parquet_rows()))


XCOPA = task(
    name="xcopa",
    format="multiple_choice",
    sizes={
        "dev": same_size(("en", *LANGUAGES), 100),
        "test": same_size(LANGUAGES, 500),
    },
    local=_local,
    hub=_hub,
    dataset=DATASET,
    labels=PLACES,
    subwords=55,
    train_task="copa",
    translates=(("copa", "dev"), ("copa", "test")),
    summary="COPA in eleven languages; trained on English COPA",
    licence="CC-BY-4.0",
    citation="Ponti et al. 2020, arXiv 2005.00333",
)
