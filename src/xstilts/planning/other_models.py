"""Compile the evaluation of a model that xstilts did not train.

Targets whose format and labels its head has are predicted by the head; retrieval targets are
searched with the vectors of its encoder. Everything else is left out, with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.config.experiment import Experiment
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.config.load import LoadedExperiment
from xstilts.config.validation import validate
from xstilts.core.errors import ConfigError, XstiltsError
from xstilts.core.plan import Plan
from xstilts.formats import FORMATS
from xstilts.models.encoder_source import file_digests, source_json
from xstilts.models.sentence_transformers import MODULES, Reader
from xstilts.models.tuned_head import DENSE, TunedHead, tuned_head_of
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.cost import forward_cost, score_cost
from xstilts.planning.graph import StageGraph
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.retrieval import compile_retrieval
from xstilts.planning.task_params import format_params
from xstilts.planning.unapplied_limits import note_unapplied_limits
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec

KIND = "predict-tuned"
ORIGIN = "evaluate"
"""Where these experiments come from, in place of a file."""
UNLIMITED = 100_000
"""A tokenizer's maximum length above this is none."""
SEED = 0


@dataclass(frozen=True)
class ModelChoice:
    """A model and what it is evaluated on.

    Args:
        encoder: a folder, a name on the hub, or the packaged encoder.
        targets: task → languages to evaluate; none for all.
        split: test or dev.
        limit: maximum number of examples per language; none for all.
        labels: names of the outputs of the head, in place of those in its config.json.
        max_length: sub-words that texts are cut at; none for the tokenizer's, else the default.
        own: an experiment that defines further tasks.
        data: the folder of the user's files.
    """

    encoder: str
    targets: Mapping[str, tuple[str, ...] | None]
    split: str = "test"
    limit: int | None = None
    labels: tuple[str, ...] = ()
    max_length: int | None = None
    own: LoadedExperiment | None = None
    data: Path | None = None


@dataclass(frozen=True)
class OtherModel:
    """The compiled evaluation of a model.

    Args:
        head: none for an encoder without one.
        skipped: task → why it is left out.
    """

    part: CompiledExperiment
    head: TunedHead | None
    skipped: Mapping[str, str] = field(default_factory=dict)


def compile_other_model(choice: ModelChoice) -> OtherModel:
    """Compile an evaluation.

    Raises:
        EncoderError: no such model, or one that cannot be read.
        ConfigError: nothing can be evaluated; the message has the reasons.
    """
    every = ResolvedExperiment(_experiment(choice, choice.targets))
    read = partial(source_json, every.source)
    head = tuned_head_of(read, choice.labels)
    if choice.max_length is None:
        choice = replace(choice, max_length=tokenizer_length(head, read))
    skipped, kept = dict[str, str](), dict[str, tuple[str, ...] | None]()
    for name, languages in choice.targets.items():
        if why := _why_not(every, name, head):
            skipped[name] = why
        else:
            kept[name] = languages
    if not kept:
        reasons = "\n".join(f"  {name}: {why}" for name, why in skipped.items())
        raise ConfigError(
            f"{choice.encoder} can be evaluated on none of the tasks:\n{reasons}",
            todo="name the outputs of its head in their order: --labels A,B,C"
            if head and head.is_unnamed
            else "train it on them: xstilts run; or evaluate retrieval tasks",
        )
    if choice.own and not choice.limit:
        own = ResolvedExperiment(choice.own)
        tasks = [every.task(name) for name in kept]
        note_unapplied_limits(own, tasks, choice.split, "--limit N takes a sample")
    loaded = _experiment(choice, kept)
    resolved = ResolvedExperiment(loaded)
    graph = StageGraph(resolved)
    cells = tuple(_cells(graph, head))
    plan = Plan.of(graph.stages.values())
    return OtherModel(CompiledExperiment(loaded, CompiledPlan(plan, cells)), head, skipped)


def _experiment(
    choice: ModelChoice, targets: Mapping[str, tuple[str, ...] | None]
) -> LoadedExperiment:
    own = choice.own
    folder = Path.cwd()
    encoder = choice.encoder
    as_folder = (folder / Path(encoder).expanduser()).resolve()
    if as_folder.is_dir():
        encoder = str(as_folder)
    data = choice.data or (own.data if own else None)
    recipe = {"max_length": choice.max_length} if choice.max_length else {}
    defined = own.experiment.tasks if own else {}
    sliced = [name for name in targets if own and name in own.experiment.splits]
    tree: dict[str, Any] = {
        "name": f"evaluate-{_slug(encoder)}",
        "encoder": {"name": encoder},
        "intermediate": [NO_INTERMEDIATE],
        "targets": list(targets),
        "train_task": {
            name: NO_INTERMEDIATE if _is_searched(name, own) else name for name in targets
        },
        "task_languages": {name: list(codes) for name, codes in targets.items() if codes},
        "eval_split": choice.split,
        "data": str(data) if data else None,
        "splits": {name: own.experiment.splits[name] for name in sliced} if own else {},
        "revisions": dict(own.experiment.revisions) if own else {},
        "limits": {"test": choice.limit, "dev": choice.limit},
        "recipes": {"target": recipe},
        "tasks": {name: defined[name].model_dump(exclude_unset=True) for name in defined},
    }
    experiment = validate(Experiment, tree, {})
    return LoadedExperiment(experiment, "", ORIGIN, own.folder if own else folder)


def _is_searched(name: str, own: LoadedExperiment | None) -> bool:
    if own and name in own.experiment.tasks:
        return FORMATS.get(own.experiment.tasks[name].format).search is not None
    return name in TASKS and TASKS.get(name).format_spec.search is not None


def _slug(encoder: str) -> str:
    """The name of a model as a part of the name of an experiment."""
    kept = "".join(
        char if char.isalnum() and char.isascii() else "-" for char in Path(encoder).name
    )
    return kept.strip("-").lower()[:80] or "model"


def _why_not(resolved: ResolvedExperiment, name: str, head: TunedHead | None) -> str:
    """Why a target is left out; empty if it can be evaluated."""
    task = resolved.task(name, "--suite")
    spec = task.format_spec
    if spec.gold is None:
        return "it has no gold answers"
    if task.images if not spec.search else "image" in task.modalities:
        return "it reads images"
    if not spec.search:
        if head is None:
            return f"an encoder without a head cannot answer {task.format}"
        if head.labels_for(task.format, task.labels) is None:
            more = " …" if len(task.labels) > 4 else ""
            labels = f" ({', '.join(task.labels[:4])}{more})" if task.labels else ""
            return f"{task.format}{labels} does not fit the head: {head}"
    if not resolved.languages(task):
        return f"no {resolved.experiment.eval_split} split in the languages asked for"
    if task.with_data_dir and not resolved.data and not task.hub:
        return f"it can only be read from your files ({task.source}): --data"
    try:
        for code in (*resolved.languages(task), *task.pool_parts):
            task.fingerprint(resolved.split_slice(task, resolved.experiment.eval_split).split, code)
    except XstiltsError as error:
        return error.what
    return ""


def _cells(graph: StageGraph, head: TunedHead | None) -> Iterator[ResultCell]:
    resolved = graph.resolved
    for name in resolved.experiment.targets:
        task = resolved.task(name)
        scores = (
            compile_retrieval(graph, task, (), f"by {resolved.encoder_name}")
            if task.format_spec.search
            else _predicted(graph, task, head)
        )
        split = resolved.split_slice(task, resolved.experiment.eval_split).name
        for target, language, key in scores:
            yield ResultCell(
                encoder=resolved.encoder_name,
                intermediate=NO_INTERMEDIATE,
                target=target,
                language=language,
                split=split,
                seed=SEED,
                metrics=task.metrics,
                key=key,
                trained_by=(),
                same_data=False,
            )


def _predicted(
    graph: StageGraph, task: TaskSpec, head: TunedHead | None
) -> Iterator[tuple[str, str, str]]:
    """Target, language and score stage of each language that the head predicts."""
    assert head is not None
    resolved, source = graph.resolved, graph.source
    labels = head.labels_for(task.format, task.labels)
    assert labels is not None
    params = {
        "task": task.name,
        **format_params(task),
        "labels": list(labels),
        "class": head.auto_class,
        "reading": task.format_spec.tokenization_params(resolved.recipe(task.name)),
    }
    if not head.auto_class and source.folder:
        params["modules"] = _module_digests(source.folder, source_json(source, MODULES))
    context = {"folder": str(source.folder)} if source.folder else {}
    for language in resolved.languages(task):
        sample = graph.eval_set(task, language)
        cost = forward_cost(source.defaults, sample.count * task.subwords, 20 * sample.count)
        inputs = {"encoder": graph.encoder, "rows": sample.rows}
        label = f"{task.name} {language} by {resolved.encoder_name}"
        options = {"affinity": f"{KIND} {graph.encoder}", "context": context}
        predictions = graph.add(KIND, params, inputs, f"predict {label}", cost, **options)
        scored = {"rows": sample.rows, "predictions": predictions}
        key = graph.add("score", sample.scoring, scored, f"score {label}", score_cost(sample.count))
        yield task.name, language, key


def _module_digests(folder: Path, modules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Path of each dense module → digests of its files."""
    paths = [str(one["path"]) for one in modules if str(one["type"]).endswith(DENSE)]
    return {path: file_digests(folder / path) for path in paths}


def tokenizer_length(head: TunedHead | None, read: Reader) -> int | None:
    """The maximum length in a tokenizer's config; None if it has none."""
    config = read("tokenizer_config.json") if head else None
    length = config.get("model_max_length") if isinstance(config, Mapping) else None
    return length if isinstance(length, int) and 0 < length < UNLIMITED else None
