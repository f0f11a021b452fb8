"""Licences and papers of encoders that are used often, as their cards on the hub state them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.models.encoder_defaults import PACKAGED, PACKAGED_ON_HUB

UNKNOWN_LICENCE = "not known"
XLM_R = "Conneau et al. 2020, arXiv 1911.02116"
E5 = "Wang et al. 2024, arXiv 2402.05672"
KNOWN = {
    "facebookai/xlm-roberta-base": ("MIT", XLM_R),
    "facebookai/xlm-roberta-large": ("MIT", XLM_R),
    "xlm-roberta-base": ("MIT", XLM_R),
    "xlm-roberta-large": ("MIT", XLM_R),
    "facebook/xlm-v-base": ("MIT", "Liang et al. 2023, arXiv 2301.10472"),
    "google-bert/bert-base-multilingual-cased": (
        "Apache-2.0",
        "Devlin et al. 2019, arXiv 1810.04805",
    ),
    "bert-base-multilingual-cased": ("Apache-2.0", "Devlin et al. 2019, arXiv 1810.04805"),
    "intfloat/multilingual-e5-base": ("MIT", E5),
    "intfloat/multilingual-e5-large": ("MIT", E5),
    "intfloat/multilingual-e5-small": ("MIT", E5),
    "microsoft/mdeberta-v3-base": ("MIT", "He et al. 2023, arXiv 2111.09543"),
    "sentence-transformers/labse": ("Apache-2.0", "Feng et al. 2022, arXiv 2007.01852"),
}
"""Name on the hub in lower case → licence and paper."""


@dataclass(frozen=True)
class EncoderCitation:
    """Origin, licence and paper of an encoder; no paper if it is not known."""

    name: str
    source: str
    licence: str
    citation: str = ""


def encoder_citation(source: Mapping[str, Any], name: str) -> EncoderCitation:
    """The citation of an encoder.

    Args:
        source: parameters of `models.encoder_source.EncoderSource`.
        name: in results, for a folder.
    """
    origin = source.get("from")
    if origin == "package":
        return EncoderCitation(PACKAGED, f"https://huggingface.co/{PACKAGED_ON_HUB}", "MIT", E5)
    if origin == "hub":
        hub = str(source["name"])
        licence, citation = KNOWN.get(hub.lower(), ("see its card", ""))
        return EncoderCitation(hub, f"https://huggingface.co/{hub}", licence, citation)
    return EncoderCitation(name, "folder of the user", UNKNOWN_LICENCE)
