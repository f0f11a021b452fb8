"""Which model types have which masked LM head, from config.json; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GELU_HEADS = frozenset(
    {
        *("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "roberta-prelayernorm"),
        *("xmod", "mpnet", "electra", "ibert", "data2vec-text", "longformer"),
    }
)
"""Model types whose head has GELU, whatever activation their layers have."""
BERT_HEADS = frozenset(
    {
        *("bert", "big_bird", "canine", "ernie", "fnet", "layoutlm", "luke", "markuplm"),
        *("megatron-bert", "mobilebert", "mra", "nystromformer", "roc_bert", "roformer"),
        *("squeezebert", "tapas", "yoso"),
    }
)
"""Model types whose head has BERT's names and the activation of their layers."""
OTHER_HEADS = frozenset(
    {
        *("albert", "convbert", "deberta", "deberta-v2", "distilbert", "electra"),
        *("modernbert", "nomic_bert"),
    }
)
"""Model types whose head has names of its own."""


def masked_head_in_key(config: Mapping[str, Any]) -> bool:
    """Whether version 1 of the reading of heads gave another head than today's.

    It knew the names of BERT and RoBERTa alone, computed GELU in all heads, and also read heads
    whose output matrix is not that of the embeddings.
    """
    kind = config.get("model_type")
    if kind in OTHER_HEADS:
        return True
    if kind in GELU_HEADS | BERT_HEADS and config.get("tie_word_embeddings") is False:
        return True
    return kind in BERT_HEADS and config.get("hidden_act", "gelu") != "gelu"
