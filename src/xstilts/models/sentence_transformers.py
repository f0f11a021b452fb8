"""What sentence-transformers stores with an encoder: its pooling, prompts and further modules.

`modules.json` lists the modules in order: the Transformer, a Pooling with its own config.json,
and optional Dense, LayerNorm and Normalize modules. `config_sentence_transformers.json` has the
prompts, `sentence_bert_config.json` whether texts are lower-cased. Source: sentence-transformers'
SentenceTransformer, Transformer and Pooling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from xstilts.models.encoder_config import FIRST, LAST, MEAN

MODULES, PROMPTS = "modules.json", "config_sentence_transformers.json"
TRANSFORMER = "sentence_bert_config.json"
POOLING = "1_Pooling"
CONFIG = "config.json"
APPLIED = ("Transformer", "Pooling", "Normalize", "Dropout")
"""Modules that are computed, or that change no cosine in evaluation."""
POOLING_MODES = {
    "cls_token": FIRST,
    "mean_tokens": MEAN,
    "mean_sqrt_len_tokens": MEAN,  # of another length, with the same cosine
    "lasttoken": LAST,
    "max_tokens": "max",
    "weightedmean_tokens": "weightedmean",
}
"""Name after `pooling_mode_` → pooling; max and weightedmean are not supported."""
MODE_NAMES = {**POOLING_MODES, "cls": FIRST}
"""`pooling_mode` of newer versions → pooling."""
BITEXT = "bitextmining"
"""Name of the prompt of mteb for the retrieval of translations, in lower case."""
QUERY = "query"

Reader = Callable[[str], Any]
"""Path in an encoder's folder or repository → its JSON value; None if there is no such file."""


class SentenceEncoder(NamedTuple):
    """How an encoder computes a sentence vector.

    Args:
        pooling: of the last hidden states; also poolings that xstilts does not support.
        prompt: text before each sentence.
        not_applied: modules after the pooling that xstilts does not compute, such as Dense.
        include_prompt: whether the mean includes the prompt's tokens.
        lower_case: whether texts and prompts are lower-cased before tokenization.
    """

    pooling: str
    prompt: str = ""
    not_applied: tuple[str, ...] = ()
    include_prompt: bool = True
    lower_case: bool = False


def sentence_encoder_of(read: Reader) -> SentenceEncoder | None:
    """Return how an encoder computes sentence vectors; None if its files do not tell."""
    modules = _modules(read(MODULES))
    paths = [path for kind, path in modules if kind == "Pooling"] or ([] if modules else [POOLING])
    config = read(f"{paths[0]}/{CONFIG}") if paths else None
    if not isinstance(config, Mapping):
        return None
    not_applied = tuple(kind for kind, _ in modules if kind not in APPLIED)
    included = config.get("include_prompt") is not False
    lower_case = any(_lower_cases(read, path) for kind, path in modules if kind == "Transformer")
    return SentenceEncoder(
        *(_pooling(config), _prompt(read(PROMPTS)), not_applied, included, lower_case)
    )


def _lower_cases(read: Reader, path: str) -> bool:
    """Whether a Transformer module lower-cases texts, independent of its tokenizer."""
    config = read(f"{path}/{TRANSFORMER}" if path else TRANSFORMER)
    return isinstance(config, Mapping) and config.get("do_lower_case") is True


def _modules(value: Any) -> list[tuple[str, str]]:
    """Kind and path of each module."""
    modules = [module for module in value or () if isinstance(module, Mapping)]
    return [
        (str(module.get("type")).rpartition(".")[2], PurePosixPath(str(module.get("path"))).name)
        for module in modules
    ]


def _pooling(config: Mapping[str, Any]) -> str:
    """The pooling of a config; several at once are joined by `+`."""
    mode = config.get("pooling_mode")
    if isinstance(mode, str):
        return MODE_NAMES.get(mode, mode)
    modes = mode if isinstance(mode, list) else []
    chosen = [MODE_NAMES.get(str(name), str(name)) for name in modes]
    chosen += [
        pooling for name, pooling in POOLING_MODES.items() if config.get(f"pooling_mode_{name}")
    ]
    return "+".join(chosen) or MEAN


def _prompt(config: Any) -> str:
    """The prompt of retrieval: the default one, else that for bitext mining, else for queries."""
    if not isinstance(config, Mapping) or not isinstance(config.get("prompts"), Mapping):
        return ""
    prompts = {str(name).lower(): text for name, text in config["prompts"].items()}
    default = str(config.get("default_prompt_name")).lower()
    texts = (prompts.get(name) for name in (default, BITEXT, QUERY))
    return next((text for text in texts if isinstance(text, str)), "")
