"""`train`: one phase of training: a mixture of tasks on top of an encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from math import isnan
from typing import Any, NamedTuple, cast

import torch
from safetensors.torch import load_file

from xstilts.config.recipe import Recipe
from xstilts.core.artifact import Artifact
from xstilts.core.atomic_io import write_json
from xstilts.core.errors import DataError, EncoderError
from xstilts.core.hashing import seed_of
from xstilts.core.process_rank import PartDone
from xstilts.formats import FORMATS, training_of
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.formats.feature_store import ConcatFeatures, occurring_ids
from xstilts.formats.image_features import with_image_shape
from xstilts.formats.spec import FormatSpec
from xstilts.formats.training_spec import SelfSupervision, TrainingSpec
from xstilts.metrics import METRICS
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import HEADS, MASKED_HEAD, EncoderFiles
from xstilts.models.heads import MaskedHead
from xstilts.models.lora import add_adapters, layers_text
from xstilts.models.masked_head_files import set_head_functions
from xstilts.stages.base import RETRIED, StageContext
from xstilts.stages.choose_recipe import RECIPE, chosen_values
from xstilts.stages.io.image_roles import IMAGE_CONTEXT
from xstilts.stages.io.rows import read_rows
from xstilts.stages.io.tokenized import prepared
from xstilts.stages.io.trained_weights import write_weights
from xstilts.stages.prepare import ROWS as EXAMPLES
from xstilts.tasks.shuffled_labels import is_control
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import EpochCallback, train
from xstilts.training.multitask_model import MultiTaskModel, initialised, module_name
from xstilts.training.precision_retry import FirstAttempt, train_with_retry
from xstilts.training.process_group import joined
from xstilts.training.run_log import Trained
from xstilts.training.text_moments import set_text_moments
from xstilts.training.train_task import TrainTask

LOG = "log.json"
CallbackFactory = Callable[[Sequence[TrainTask], int], EpochCallback]
"""(tasks, padding id) → callback with the model after each epoch."""


class TrainingRun(NamedTuple):
    """What a training has come to, and the model it was done with."""

    trained: Trained
    model: MultiTaskModel
    files: EncoderFiles
    first_attempt: FirstAttempt | None


def run(context: StageContext) -> dict[str, Any]:
    """Write body, touched rows, heads and `log.json`; facts: dev scores, best step, events.

    With `lora` in the recipe, adapters are written in place of body and rows.

    A run that diverges publishes its log and no weights, so that it is not run again.
    """
    trained, model, files, first_attempt = training(context)
    context.notes += [note for note in trained.notes if note not in context.notes]
    write_json(context.folder / LOG, _curves(trained, first_attempt))
    if trained.diverged:
        return {"diverged": trained.diverged, "steps": trained.steps}
    write_weights(context.folder, files, model, trained, recipe_of(context).lora)
    retried = {RETRIED: first_attempt.text} if first_attempt else {}
    return {**_facts(trained), **retried}


def training(context: StageContext, make_callback: CallbackFactory | None = None) -> TrainingRun:
    """Train what a stage asks for, with an optional callback after each epoch.

    Raises:
        PartDone: this is not the process that publishes the training.
    """
    recipe = recipe_of(context)
    files = encoder_files(context)
    tokenizer = files.tokenizer()
    vocabulary = len(files.full_embeddings())
    tasks = [
        _task(context, name, tokenizer, recipe, vocabulary) for name in context.params["tasks"]
    ]
    checkpoints = Checkpoints(context.checkpoint_folder, context.stage.key)
    padding = tokenizer.pad_token_id
    callback = make_callback(tasks, padding) if make_callback else None
    own = context.enter_group()

    def attempt(recipe: Recipe) -> tuple[Trained, MultiTaskModel]:
        encoder, notes = Encoder(files, _vocab_ids(tasks, files, vocabulary)), list[str]()
        if recipe.lora:
            seed = seed_of("adapters", context.params["seed"])
            notes.append(layers_text(add_adapters(encoder, recipe.lora, seed)))
        model = initialised(
            encoder,
            head_shapes(context, tasks, vocabulary, recipe.dropout),
            seed_of("heads", context.params["seed"]),
        )
        set_text_moments(model, tasks, padding)
        notes += load_masked_head(model, tasks, files)
        context.notes += [note for note in notes if note not in context.notes]
        if context.params.get("heads") == "base":
            model.heads.load_state_dict(load_file(context.inputs["base"] / HEADS))
        seed, report = context.params["seed"], context.report_progress
        given = (model, tasks, recipe, seed, padding, checkpoints, report, callback, group)
        return train(*given), model

    with joined(own) as group:
        trained, model, first_attempt = train_with_retry(
            attempt, recipe, checkpoints, records=own.rank == 0
        )
    if own.rank > 0:
        raise PartDone
    return TrainingRun(trained, model, files, first_attempt)


def recipe_of(context: StageContext) -> Recipe:
    """The recipe in the stage's parameters; a search has chosen the values that they lack."""
    runtime = {key: v for key, v in context.stage.context.items() if key != IMAGE_CONTEXT}
    params = {**context.params["recipe"], **runtime}
    chosen = chosen_values(context.inputs[RECIPE]) if RECIPE in context.inputs else None
    return Recipe.from_key_params(params, chosen)


def encoder_files(context: StageContext) -> EncoderFiles:
    """The encoder that the stage starts from: pretrained or already trained."""
    base = context.inputs.get("base")
    return EncoderFiles(context.inputs["encoder"].path, base.path if base else None)


def _vocab_ids(tasks: Sequence[TrainTask], files: EncoderFiles, vocabulary: int) -> torch.Tensor:
    """The vocabulary ids that training can touch: all of them if they are to be predicted."""
    if any(training_of(task.format).tied for task in tasks):
        return torch.arange(vocabulary)
    ids = [occurring_ids(features) for task in tasks for features in (task.train, task.dev)]
    return files.used_ids(ids)


def load_masked_head(
    model: MultiTaskModel, tasks: Sequence[TrainTask], files: EncoderFiles
) -> list[str]:
    """Initialise the masked-LM head with that of the encoder; return a note if it has none.

    Raises:
        EncoderError: that head is of another width or vocabulary.
    """
    path = files.root / MASKED_HEAD
    tied = [task for task in tasks if training_of(task.format).tied]
    if tied and not path.is_file():
        return ["the encoder's files have no masked LM head that can be read: a new one is trained"]
    for task in tied:
        head = cast("MaskedHead", model.heads[module_name(task.name)])
        weights = load_file(path)
        shapes = {key: value.shape for key, value in head.state_dict().items()}
        if different := [key for key in shapes if weights[key].shape != shapes[key]]:
            raise EncoderError(
                f"{different[0]} of the encoder's masked LM head has the shape "
                f"{list(weights[different[0]].shape)}, not {list(shapes[different[0]])}",
                todo="save the encoder with a head that fits its embeddings, or without one",
            )
        head.load_state_dict(weights)
        set_head_functions(head, model.encoder.model.config)
    return []


def head_shapes(
    context: StageContext, tasks: Sequence[TrainTask], vocabulary: int, dropout: float
) -> dict[str, HeadShape]:
    """The shape of each task's head."""
    return {
        task.name: with_image_shape(
            HeadShape(
                task.format,
                vocabulary if training_of(task.format).tied else len(task.labels),
                dropout,
                context.params["pooling"],
            ),
            task.train,
        )
        for task in tasks
    }


def _task(
    context: StageContext, name: str, tokenizer: Any, recipe: Recipe, vocabulary: int
) -> TrainTask:
    task = context.params["tasks"][name]
    labels = tuple(task["labels"])
    spec, training = FORMATS.get(task["format"]), training_of(task["format"])
    reading = TokenizationConfig(**spec.tokenization_params(recipe))
    examples, dev = (
        task_features(context, role, name, tokenizer, reading) for role in ("train", "dev")
    )
    given = TrainTask(
        name=name,
        format=task["format"],
        labels=labels,
        metric=task["metric"],
        train=examples,
        dev=dev,
        dev_gold=(),
        reading=reading,
        language=task.get("language", "en"),
    )
    if not (training.self_supervision or any(_has_target(one, training) for one in examples)):
        raise DataError(
            f"the tokenizer reads no labelled word of the training set of {name}",
            todo="check the texts, or use an encoder whose tokenizer knows their script",
        )
    if source := training.self_supervision:
        draw = source.drawer(recipe.mask_prob, tokenizer, vocabulary)
        return with_drawn_targets(given, source, draw)
    _check_training_labels(context, name, spec)
    if not _artifacts(context, "dev", name):
        return given
    gold = _gold(context, "dev", name, spec)
    is_blank = spec.is_uninformative(gold)
    if not is_blank and _can_be_scored(given, spec, gold):
        return replace(given, dev_gold=gold)
    if recipe.checkpoint == "last":
        return replace(given, dev=())
    if not is_blank:
        raise DataError(
            f"{given.metric} counts nothing in the dev set of {name}: no checkpoint can be chosen",
            todo="choose `metrics` that fit its labels or another dev set, or set "
            "`checkpoint: last`",
        )
    raise DataError(
        f"the dev labels of {name} are blank or all the same: no checkpoint can be chosen",
        todo=f"get the labelled dev set, {_other_rows(context, 'dev', name)}, or set "
        "`checkpoint: last`",
    )


def _check_training_labels(context: StageContext, name: str, spec: FormatSpec) -> None:
    """Check that training labels differ; those of a few shots may be equal by chance.

    Raises:
        DataError: they are blank, or all the same (20 rows or more; in tagging also fewer if all
            tags are `O`; not in multiple choice, where the right choice may always be the first).
    """
    is_few_shot = context.params.get("heads") == "base"
    if not is_few_shot and spec.is_uninformative(_gold(context, "train", name, spec)):
        raise DataError(
            f"the training labels of {name} are blank or all the same: nothing can be learned",
            todo=f"get the labelled training set, {_other_rows(context, 'train', name)}, or leave "
            "the task out",
        )


def _other_rows(context: StageContext, role: str, name: str) -> str:
    """Advice on how to read other rows of a set, or more if a limit has chosen them."""
    rows = _artifacts(context, role, name).values()
    limits = ((one.facts["rows"], one.manifest["stage"]["params"].get("limit")) for one in rows)
    is_limited = any(limit is not None and count >= limit for count, limit in limits)
    return "name another share in `splits`" + f", raise `limits.{role}`" * is_limited


def _gold(context: StageContext, role: str, name: str, spec: FormatSpec) -> list[Any]:
    """A task's gold answers in all its languages; none for formats without."""
    columns = [spec.gold.column] if spec.gold else []
    return [
        answer
        for rows in _artifacts(context, role, name).values()
        for answer in spec.gold_of_rows(read_rows(rows / EXAMPLES, columns))
    ]


def _has_target(feature: Feature, training: TrainingSpec) -> bool:
    """Whether anything in a feature is trained on."""
    target = feature.target
    return any(map(training.is_target, target if isinstance(target, list) else [target]))


def _can_be_scored(task: TrainTask, spec: FormatSpec, gold: Sequence[Any]) -> bool:
    """Whether the metric gives perfect predictions a score above 0."""
    assert spec.gold is not None
    perfect = [spec.gold.as_prediction(answer) for answer in gold]
    metric = METRICS.get(task.metric)
    sums = metric.statistics(gold, perfect, task.language).sum(0)
    return float(metric.value(sums)) > 0


def _artifacts(context: StageContext, role: str, name: str) -> dict[str, Artifact]:
    """A task's prepared rows by language, in an order that no experiment can change."""
    return {
        key.rpartition(":")[2]: artifact
        for key, artifact in sorted(context.inputs.items())
        if key.rpartition(":")[0] == f"{role}:{name}"
    }


def task_features(
    context: StageContext, role: str, name: str, tokenizer: Any, reading: TokenizationConfig
) -> Sequence[Feature]:
    """A task's features in all its languages; parallel examples share their id."""
    task = context.params["tasks"][name]
    by_language = {
        language: prepared(
            context,
            rows,
            *(task["format"], task["labels"], reading, tokenizer),
            name=f"{name} {role} {language}",
        )
        for language, rows in _artifacts(context, role, name).items()
    }
    if len(by_language) == 1:
        return next(iter(by_language.values()))
    return ConcatFeatures([(f"{language}:", part) for language, part in by_language.items()])


def with_drawn_targets(
    task: TrainTask, source: SelfSupervision, draw: Callable[[Feature, int], Feature]
) -> TrainTask:
    """The task with targets drawn at every training step, and fixed targets on dev."""
    dev = [draw(feature, seed_of("dev", number)) for number, feature in enumerate(task.dev)]
    return replace(task, dev=dev, dev_gold=[source.gold(feature) for feature in dev], augment=draw)


def _curves(trained: Trained, first_attempt: FirstAttempt | None) -> dict[str, Any]:
    log = trained.log
    curves = {"losses": log.losses, "dev": log.dev_evaluations, "events": log.events}
    return {**curves, RETRIED: asdict(first_attempt)} if first_attempt else curves


def _facts(trained: Trained) -> dict[str, Any]:
    log = trained.log
    best = log.dev_steps.index(log.best_step)
    defined = log.dev_scores[best] and not all(map(isnan, log.dev_scores[best].values()))
    return {
        "steps": trained.steps,
        "best_step": log.best_step,
        "dev": log.dev_scores[best],
        "dev_mean": round(log.best_score, 6) if defined else None,
        "collapsed": [name for name in log.collapsed if not is_control(name)],
        "events": log.events,
    }
