"""What trained models make of a task's English examples: LogME, CKA, TaskEmb."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.formats import FORMATS
from xstilts.planning.cost import gradient_cost, sample_cost
from xstilts.planning.measures.base import (
    TEXTS,
    WORDS,
    Measure,
    MeasureContext,
    MeasureRef,
    SingleTaskSetting,
    TextSample,
)
from xstilts.planning.measures.text_similarity import comparison, first_value, text_vectors
from xstilts.planning.relevant_fields import key_pooling
from xstilts.tasks.base import TaskSpec

SQUARED = 100
"""Examples whose gradients TaskEmb averages."""

Trained = tuple[SingleTaskSetting, TaskSpec, int, str, str]


def _pairs(context: MeasureContext) -> Iterator[Trained]:
    """Single-task setting, target, seed, key of the task's training, label of that training."""
    for single, target in context.pairs:
        for seed in context.seeds:
            *_, key = context.compiler.intermediate(single.setting, seed)
            yield single, target, seed, key, f"after {single.name} seed {seed}"


def _logme(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    pooling = context.compiler.resolved.pooling
    for single, target, seed, base, after in _pairs(context):
        if class_of := target.format_spec.class_of:
            texts, words = context.texts_of(target), WORDS if class_of == "word" else 0
            vectors = text_vectors(
                context, texts, pooling=pooling, base=base, after=after, words=words
            )
            what = f"{target.name} {after}"
            key = context.add("logme", {}, {"vectors": vectors}, what, sample_cost(TEXTS))
            yield MeasureRef(name, single.name, target.name, seed=seed, keys=(key,))


def _cka(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    """The encoders after the intermediate task and after the target, on the target's examples."""
    pooling = context.compiler.resolved.pooling
    for single, target, seed, base, after in _pairs(context):
        texts = context.texts_of(target)
        trained = context.compiler.resolved.is_trained(target)
        own = context.baseline(target, seed) if trained else context.start(seed) or ""
        itself = "" if not own else f"after {'itself' if trained else 'the baseline'} seed {seed}"
        one, other = (
            text_vectors(context, texts, pooling=pooling, base=key, after=suffix)
            for key, suffix in ((base, after), (own, itself))
        )
        key = comparison(context, "cka", one, other, f"{target.name} {after}")
        yield MeasureRef(name, single.name, target.name, seed=seed, keys=(key,))


def _taskemb(context: MeasureContext, name: str) -> Iterator[MeasureRef]:
    for single, target, seed, base, after in _pairs(context):
        if single.task.format_spec.has_gold_probability and (
            target.format_spec.has_gold_probability
        ):
            own, part = context.baseline(target, seed), context.compiler.resolved.train_ref(target)
            one = _fisher(context, context.texts(single), single.task.name, base, seed)
            other = _fisher(context, context.texts_of(target), part.task, own, seed)
            key = comparison(context, "fisher", one, other, f"{target.name} {after}")
            yield MeasureRef(name, single.name, target.name, seed=seed, keys=(key,))


def _fisher(context: MeasureContext, texts: TextSample, task: str, model: str, seed: int) -> str:
    """The stage that estimates the Fisher information of a trained model."""
    params = {
        **texts.params,
        "most": SQUARED,
        "task": task,
        "pooling": key_pooling(context.compiler.resolved, [FORMATS.get(texts.params["format"])]),
    }
    inputs = {"encoder": context.graph.encoder, "model": model, **texts.rows}
    cost = gradient_cost(context.graph.source.defaults, min(SQUARED, texts.count) * texts.subwords)
    return context.add("fisher", params, inputs, f"{texts.name} seed {seed}", cost)


LOGME = Measure(
    "LogME of the target's labels on the intermediate encoder's vectors",
    _logme,
    first_value,
    pairs=True,
)
CKA = Measure(
    "linear CKA of the intermediate and the target encoder", _cka, first_value, pairs=True
)
TASKEMB = Measure(
    "mean cosine of the models' Fisher information", _taskemb, first_value, pairs=True
)
