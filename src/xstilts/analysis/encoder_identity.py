"""Names of encoders that hold across experiments: a label is only the name in its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from xstilts.models.encoder_defaults import PACKAGED
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.compiled_experiment import encoders_of, plan_of_encoder


def name_of_source(source: Mapping[str, Any], name: str) -> str:
    """The published name of an encoder; a folder has the name of its experiment.

    Args:
        source: parameters of `models.encoder_source.EncoderSource`.
        name: in results.
    """
    if source.get("from") == "hub":
        return str(source["name"])
    return PACKAGED if source.get("from") == "package" else name


def with_published_names(compiled: CompiledPlan) -> CompiledPlan:
    """A plan whose cells have the published names of their encoders.

    Encoders that share a published name, such as one with two recipes, keep their labels.
    """
    published = {label: _published_name(compiled, label) for label in encoders_of(compiled)}
    counts = Counter(published.values())
    names = {label: name if counts[name] == 1 else label for label, name in published.items()}
    cells = tuple(replace(cell, encoder=names[cell.encoder]) for cell in compiled.cells)
    return replace(compiled, cells=cells)


def plans_by_encoder(compiled: CompiledPlan) -> dict[str, CompiledPlan]:
    """Published name of each encoder → its cells and stages."""
    named = with_published_names(compiled)
    return {name: plan_of_encoder(named, name) for name in encoders_of(named)}


def _published_name(compiled: CompiledPlan, label: str) -> str:
    stages = plan_of_encoder(compiled, label).plan.stages
    sources = [stage.params.get("source", {}) for stage in stages if stage.kind == "encoder"]
    return name_of_source(sources[0], label) if len(sources) == 1 else label
