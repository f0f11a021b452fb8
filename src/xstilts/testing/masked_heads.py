"""Tiny models with random weights that have a masked LM head, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xstilts.testing.encoder_families import FAMILIES, write_family

WITH_MASKED_HEAD: Mapping[str, Mapping[str, Any]] = {
    "xlm-roberta": {"hidden_act": "relu"},  # its head has GELU all the same
    "bert": {"hidden_act": "gelu_new"},
    "xlm-roberta-xl": {},
    "xmod": {},
    "deberta-v2": {"legacy": False, "hidden_act": "relu", "layer_norm_eps": 1e-3},
    "albert": {"hidden_act": "gelu_new"},
    "electra": {},
    "mpnet": {},
    "distilbert": {"activation": "relu"},
    "modernbert": {"norm_eps": 1e-3},
    "nomic_bert": {},
}
"""Families whose head can be read → changes of their config that the head depends on."""


def write_masked_family(folder: Path, family: str, **changes: Any) -> Any:
    """Write a tiny model for masked LM, all its weights far from their start; returns it.

    Args:
        family: in `encoder_families.FAMILIES`.
        changes: to the arguments of the config.
    """
    import torch
    import transformers

    write_family(folder, family, **changes)
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    name = "XLMWithLMHeadModel" if family == "xlm" else f"{FAMILIES[family].prefix}ForMaskedLM"
    torch.manual_seed(1)
    model = getattr(transformers, name)(config).eval()
    with torch.no_grad():
        for value in model.parameters():
            value += torch.randn(value.shape) * 0.1
    model.save_pretrained(folder)
    return model
