"""What tasks are before any is trained: sizes, lengths, formats, and the likeness of texts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from xstilts.planning.cost import forward_cost, sample_cost
from xstilts.planning.measures.base import (
    TEXTS,
    Measure,
    MeasureContext,
    MeasureRef,
    StageFacts,
    TextSample,
)

COUNTED = 2000
"""Texts of a task whose sub-words are counted."""


def text_vectors(
    context: MeasureContext,
    texts: TextSample,
    layer: int | None = None,
    pooling: str = "mean",
    *,
    base: str = "",
    after: str = "",
    words: int = 0,
) -> str:
    """The stage with the vectors of a task's texts, or of some of its words.

    Args:
        layer: None or the depth of the encoder for the last.
        base: key of the training stage that the encoder is from; empty for the pretrained encoder.
        after: that training, for the label.
        words: the number of words; 0 for vectors of texts.
    """
    defaults = context.graph.source.defaults
    params: dict[str, Any] = {
        **texts.params,
        "most": words or TEXTS,
        "layer": None if layer == defaults.layers else layer,
        "unit": "words" if words else "texts",
        **({} if words else {"pooling": pooling}),
    }
    graph = context.graph
    inputs = {"encoder": graph.encoder, **texts.rows, **graph.starting_from([base])}
    count = min(TEXTS, texts.count)
    cost = forward_cost(defaults, count * texts.subwords, 4 * count * defaults.width)
    return context.add("represent", params, inputs, f"{texts.name} {after or '(baseline)'}", cost)


def comparison(context: MeasureContext, how: str, one: str, other: str, what: str) -> str:
    """The stage that compares the outputs of two stages."""
    inputs = {"one": one, "other": other}
    return context.add("compare", {"how": how}, inputs, f"{how} {what}", sample_cost(TEXTS))


def first_value(facts: StageFacts) -> float:
    """The `value` of the first stage; NaN without one."""
    return float(facts[0].get("value", float("nan")))


def _subwords(context: MeasureContext, texts: TextSample) -> str:
    inputs = {"encoder": context.graph.encoder, **texts.rows}
    params = {**texts.params, "most": COUNTED}
    return context.add("subwords", params, inputs, texts.name, sample_cost(COUNTED))


def _sizes(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single in context.singles:
        yield MeasureRef(name, single.name, keys=tuple(context.texts(single).rows.values()))


def _lengths(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single in context.singles:
        yield MeasureRef(name, single.name, keys=(_subwords(context, context.texts(single)),))


def _formats(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single, target in context.pairs:
        same = float(single.task.format == target.format)
        yield MeasureRef(name, single.name, target.name, value=same)


def _size_rule(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single, target in context.pairs:
        keys = tuple(context.texts(single).rows.values())
        yield MeasureRef(name, single.name, target.name, keys=keys)


def _rows(facts: StageFacts) -> float:
    return float(sum(stage["rows"] for stage in facts))


def _similarity(how: str, context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    """One reference per pair: the stage that compares the texts of both tasks."""
    for single, target in context.pairs:
        one, other = (
            _texts_stage(context, how, texts)
            for texts in (context.texts(single), context.texts_of(target))
        )
        key = comparison(context, how, one, other, f"{single.name} and {target.name}")
        yield MeasureRef(name, single.name, target.name, keys=(key,))


def _texts_stage(context: MeasureContext, how: str, texts: TextSample) -> str:
    if how == "divergence":
        return _subwords(context, texts)
    return text_vectors(context, texts, _sentence_layer(context) if how == "unit-means" else None)


def _sentence_layer(context: MeasureContext) -> int:
    """The layer of sentence vectors; in a sweep, the default layer of the encoder."""
    layers = context.graph.resolved.layers()
    swept = len(layers) > 1 or not isinstance(context.graph.experiment.retrieval.layer, int | str)
    return context.graph.source.defaults.retrieval_layer if swept else layers[0]


SIZE = Measure("training examples used", _sizes, _rows)
LENGTH = Measure("mean sub-words of an example", _lengths, lambda facts: float(facts[0]["length"]))
FORMAT = Measure("1: the same format, 0: another", _formats, pairs=True)
SIZE_RULE = Measure("training examples of the intermediate task", _size_rule, _rows, pairs=True)
TEXTEMB = Measure(
    "cosine of mean token vectors", partial(_similarity, "means"), first_value, pairs=True
)
SEMB = Measure(
    "cosine of mean sentence vectors", partial(_similarity, "unit-means"), first_value, pairs=True
)
DIVERGENCE = Measure(
    "Jensen–Shannon divergence of sub-words, bits",
    partial(_similarity, "divergence"),
    first_value,
    pairs=True,
)
