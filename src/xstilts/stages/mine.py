"""`mine`: pairs of sentences that may be translations of each other, by ratio margin."""

from __future__ import annotations

from typing import Any

from xstilts.metrics.bitext_mining import deduplicate, group_by_source, mine_pairs
from xstilts.metrics.mining_f1 import tune_threshold
from xstilts.models.bf16_products import fast_bf16_product
from xstilts.stages.base import StageContext
from xstilts.stages.io.bitext import SIDES, read_mined, translations
from xstilts.stages.io.retrieval_sides import read_side
from xstilts.stages.io.rows import PREDICTIONS, write_rows


def run(context: StageContext) -> dict[str, Any]:
    """Write `predictions.parquet`: id, prediction (English id), score, repeated.

    The highest score comes first. A repeated sentence has a row for each occurrence.
    Fact `threshold`: the score that is best on dev, unless dev is what is mined.
    """
    here, english = (read_side(context, name) for name in SIDES)
    (kept, same), (there, same_there) = deduplicate(here.texts), deduplicate(english.texts)
    vectors = here.vectors[kept], english.vectors[there]
    pairs = mine_pairs(*vectors, context.params["neighbours"], fast_bf16_product())
    mined = group_by_source(pairs, here.ids, same, english.ids, same_there)
    rows = [
        {"id": pair.source, "prediction": name, "score": pair.score, "repeated": pair.repeated}
        for pair in sorted(mined, key=lambda pair: -pair.score)
        for name in pair.targets
    ]
    write_rows(context.folder / PREDICTIONS, rows)
    facts = {"sentences": [len(here.ids), len(english.ids)], "pairs": len(rows)}
    if "tuning:predictions" in context.inputs:
        names, gold = translations(context, "tuning:")
        other = read_mined(context.inputs["tuning:predictions"], names)
        facts["threshold"] = tune_threshold(gold, other, include_repeated=False)
    return facts
