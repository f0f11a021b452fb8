"""`subwords`: the lengths of a task's examples, and the frequencies of their sub-words."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Any

from xstilts.core.atomic_io import write_json
from xstilts.formats.base import id_lists
from xstilts.models.encoder_files import EncoderFiles
from xstilts.stages.base import StageContext
from xstilts.stages.io.sample import SUBWORDS, sample_rows


def run(context: StageContext) -> dict[str, Any]:
    """Write `subwords.json` (vocabulary id → how often it occurs); facts: examples, length.

    The length is the mean number of sub-words of an example as the encoder reads it: all its
    texts, cut at the recipe's length, with special tokens. These are not in the counts.
    """
    tokenizer = EncoderFiles(context.inputs["encoder"].path).tokenizer()
    features = sample_rows(context, tokenizer)
    texts = list(id_lists(text for feature in features for text in feature.texts))
    special = set(tokenizer.all_special_ids)
    counted = Counter(chain.from_iterable(texts))
    write_json(
        context.folder / SUBWORDS,
        {str(name): count for name, count in counted.items() if name not in special},
    )
    examples = len({feature.id for feature in features})
    return {"examples": examples, "length": round(sum(map(len, texts)) / examples, 6)}
