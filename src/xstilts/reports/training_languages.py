"""Languages of the data that an experiment trains on."""

from __future__ import annotations

from collections.abc import Iterable

from xstilts.languages import language
from xstilts.planning.compile import CompiledPlan


def training_languages(compiled: CompiledPlan, keys: Iterable[str]) -> tuple[str, ...]:
    """Names of the languages of the training data of some stages, without duplicates.

    Data that are translated from another language are marked: `German (translated)`. Further
    training on a few examples of the target language is left out: its rows are named after it.

    Args:
        keys: of the training stages.
    """
    names: dict[str, None] = {}
    for key in keys:
        if compiled.plan.by_key[key].params.get("heads") == "base":
            continue
        for name, source in compiled.plan.by_key[key].inputs.items():
            if name.startswith("train:"):
                translated = compiled.plan.by_key[source].kind == "translate"
                spoken = language(name.rpartition(":")[2]).name
                names[f"{spoken} (translated)" if translated else spoken] = None
    return tuple(names)
