"""Evaluate a trained target: zero-shot, after a few examples of the language, and translated.

Zero-shot evaluation is the default, and the others are rows of their own beside it (see
`TargetName.evaluation`). Few-shot training continues from the model of a target, heads included,
on k examples of one language; translate-test predicts from test sets in the training language.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from xstilts.config.evaluation import AUTO
from xstilts.config.intermediate import TaskRef
from xstilts.config.recipe import Recipe
from xstilts.config.split_slices import SplitSlice, parse_split_slice
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.core.stage import Cost
from xstilts.planning.answer_text import answer_text_params
from xstilts.planning.cost import TOUCHED_ROWS, forward_cost, sample_cost, score_cost, train_cost
from xstilts.planning.evaluation_precision import precision_params
from xstilts.planning.graph import EvalSet, StageGraph
from xstilts.planning.recipe_search import params_with_overrides
from xstilts.planning.relevant_fields import key_pooling, relevant_recipe
from xstilts.planning.resolve import ResolvedExperiment, expected_size
from xstilts.planning.target_name import TRANSLATE_TEST, TargetName, shots
from xstilts.planning.task_params import format_params, task_params
from xstilts.stages.choose_recipe import RECIPE
from xstilts.tasks.base import ALIGNMENT, BY_ID, TaskSpec
from xstilts.training.task_sampling import steps_per_task

FEW_SHOT_RECIPE = {"epochs": 10.0, "warmup_ratio": 0.0, "warmup_steps": None, "max_steps": None}
"""Differences from the target's recipe, a default of xstilts: no source prescribes one."""


@dataclass(frozen=True)
class Evaluated:
    """A result cell of a target.

    Args:
        target: its name in results, see `TargetName`.
        key: of the score stage.
        trained_by: the trainings that lead to it.
    """

    target: str
    language: str
    key: str
    trained_by: tuple[str, ...]


@dataclass(frozen=True)
class TargetEvaluation:
    """Evaluates a target's model after a setting and with a seed.

    Args:
        trained: the trainings that lead to the model, which is the last.
        what: target and setting, for labels.
    """

    graph: StageGraph
    task: TaskSpec
    trained: tuple[str, ...]
    seed: int
    what: str

    def results(self) -> Iterator[Evaluated]:
        """Add the stages of all evaluations; yield their cells."""
        resolved = self.graph.resolved
        for language in resolved.languages(self.task):
            sample = self.graph.eval_set(self.task, language)
            yield self._scored(TargetName(self.task.name), sample, sample.rows)
        if is_few_shot(resolved, self.task):
            yield from self._few_shot()
        if is_translated(resolved, self.task):
            yield from self._translate_test()

    @property
    def _foreign(self) -> tuple[str, ...]:
        """The evaluated languages that the model is not trained on."""
        resolved = self.graph.resolved
        seen = training_languages(resolved, self.task)
        return tuple(code for code in resolved.languages(self.task) if code not in seen)

    def _scored(
        self, name: TargetName, sample: EvalSet, rows: str, more: tuple[str, ...] = ()
    ) -> Evaluated:
        """Add prediction and score of one language.

        Args:
            rows: key of the rows to predict; those of the sample, or their translation.
            more: further trainings.
        """
        graph, defaults, trained = self.graph, self.graph.source.defaults, (*self.trained, *more)
        what = f"{self.what.replace(self.task.name, str(name), 1)} {sample.language}"
        recipe = graph.resolved.recipe(self.task.name)
        predictions = graph.add(
            "predict",
            {
                **self._tokenization,
                **answer_text_params(recipe, self.task.format_spec, sample.language),
                **self._precision(few_shot=bool(more)),
            },
            {"encoder": graph.encoder, "model": trained[-1], "rows": rows},
            f"predict {what} seed {self.seed}",
            forward_cost(defaults, sample.count * self.task.subwords, 20 * sample.count),
            affinity=trained[-1],
        )
        score = graph.add(
            "score",
            sample.scoring,
            {"rows": sample.rows, "predictions": predictions},
            f"score {what} seed {self.seed}",
            score_cost(sample.count),
        )
        return Evaluated(str(name), sample.language, score, trained)

    @cached_property
    def _tokenization(self) -> dict[str, Any]:
        """Parameters that all languages share."""
        return tokenization_params(self.graph.resolved, self.task)

    def _precision(self, *, few_shot: bool) -> dict[str, str]:
        """The parameter of a precision that is chosen in the recipe of the last training."""
        resolved = self.graph.resolved
        values = few_shot_values(resolved) if few_shot else {}
        search = resolved.experiment.search if self._choice else None
        searched = set(search.searched if search else ()) - values.keys()
        recipe = resolved.recipe(self.task.name).model_copy(update=values)
        return precision_params(recipe, searched=searched)

    # few shots

    def _few_shot(self) -> Iterator[Evaluated]:
        few_shot = self.graph.experiment.few_shot
        assert few_shot is not None
        for language in self._foreign:
            share = few_shot_slice(self.graph.resolved, self.task, language)
            if share is None:
                continue
            sample = self.graph.eval_set(self.task, language)
            for count in few_shot.examples:
                name = TargetName(self.task.name, evaluation=shots(count))
                trained = self._trained_on(language, share, count)
                yield self._scored(name, sample, sample.rows, (trained,))

    def _trained_on(self, language: str, share: SplitSlice, count: int) -> str:
        """The training of the target's model on examples of a language."""
        graph, resolved = self.graph, self.graph.resolved
        size = expected_size(self.task, share.split, language)
        aligned = {} if self.task.alignment_key is BY_ID else {ALIGNMENT: 1}
        drawn = graph.add(
            "draw",
            {"examples": count, "draw": self.seed},
            {"rows": graph.prepare_slice(self.task, share, None, language, size, **aligned)},
            f"draw {self.task.name} {language} {shots(count)} draw {self.seed}",
            sample_cost(count),
        )
        trained = resolved.task(resolved.train_ref(self.task).task)
        labelled = replace(self.task, labels=_labels(resolved, self.task))
        recipe = few_shot_recipe(resolved, self.task)
        search = resolved.experiment.search if self._choice else None
        chosen = search.searched if search else ()
        params = {
            "tasks": {trained.name: task_params(TaskRef(trained.name, (language,)), labelled)},
            "recipe": self._few_shot_params(recipe, chosen),
            "pooling": key_pooling(resolved, [self.task.format_spec]),
            "seed": self.seed,
            "heads": "base",
        }
        inputs = {
            "encoder": graph.encoder,
            "base": self.trained[-1],
            f"train:{trained.name}:{language}": drawn,
        }
        if choice := self._choice:
            inputs[RECIPE] = choice
        return graph.add(
            "train",
            params,
            inputs,
            f"train {self.what} {language} {shots(count)} seed {self.seed}",
            self._cost(recipe, count),
            context=recipe.runtime_params(),
        )

    def _few_shot_params(self, recipe: Recipe, searched: Collection[str]) -> dict[str, Any]:
        """The fields of a recipe in the key of a few-shot training, which has no dev set."""
        values = few_shot_values(self.graph.resolved)
        open_fields = set(searched) - values.keys()
        formats = [self.task.format_spec]
        used = relevant_recipe(recipe, formats, searched=open_fields, has_dev=False)
        return params_with_overrides(used, searched, values)

    @property
    def _choice(self) -> str | None:
        """Key of the choice of the target's recipe, if it is searched."""
        return self.graph.stages[self.trained[-1]].inputs.get(RECIPE)

    def _cost(self, recipe: Recipe, count: int) -> Cost:
        steps = sum(steps_per_task({self.task.name: count}, **recipe.sampling_params()).values())
        tokens = self.task.subwords * steps * min(count, recipe.batch_size)
        return train_cost(self.graph.source.defaults, tokens, steps, 0, TOUCHED_ROWS)

    # translate-test

    def _translate_test(self) -> Iterator[Evaluated]:
        name = TargetName(self.task.name, evaluation=TRANSLATE_TEST)
        for language in self._foreign:
            sample = self.graph.eval_set(self.task, language)
            into, *_ = training_languages(self.graph.resolved, self.task)
            rows = self.graph.translated_test(self.task, language, into)
            yield self._scored(name, sample, rows)


def training_languages(resolved: ResolvedExperiment, task: TaskSpec) -> tuple[str, ...]:
    """The languages that a target's model is trained on."""
    part = resolved.train_ref(task)
    return part.languages or resolved.task(part.task).train_languages


def tokenization_params(resolved: ResolvedExperiment, task: TaskSpec) -> dict[str, Any]:
    """Parameters of the predict stages of a target."""
    return {
        "task": resolved.train_ref(task).task,
        **format_params(task),
        "labels": list(_labels(resolved, task)),
        "pooling": key_pooling(resolved, [task.format_spec]),
        "reading": task.format_spec.tokenization_params(resolved.recipe(task.name)),
    }


def _labels(resolved: ResolvedExperiment, task: TaskSpec) -> tuple[str, ...]:
    """The labels of a target in the order of its model's head."""
    trained = resolved.task(resolved.train_ref(task).task)
    return trained.labels if task.format_spec.class_of else task.labels


def few_shot_recipe(resolved: ResolvedExperiment, task: TaskSpec) -> Recipe:
    """The recipe of training on a few examples: the last checkpoint, without dev evaluations."""
    recipe = resolved.recipe(task.name).model_dump()
    return Recipe.model_validate(recipe | few_shot_values(resolved))


def few_shot_values(resolved: ResolvedExperiment) -> dict[str, Any]:
    """The values that differ from the target's recipe."""
    few_shot = resolved.experiment.few_shot
    assert few_shot is not None
    fixed = {"checkpoint": "last", "patience": None, "num_evals": 1, "eval_steps": None}
    return FEW_SHOT_RECIPE | few_shot.recipe.model_dump(exclude_unset=True) | fixed


def few_shot_slice(
    resolved: ResolvedExperiment, task: TaskSpec, language: str
) -> SplitSlice | None:
    """What a language's examples are drawn from; None if the task has no such data."""
    few_shot = resolved.experiment.few_shot
    assert few_shot is not None
    if few_shot.split == AUTO:
        shares = [resolved.split_slice(task, role) for role in ("train", "dev")]
    else:
        shares = [parse_split_slice(few_shot.split)]
    return next((share for share in shares if language in task.splits.get(share.split, ())), None)


def is_few_shot(resolved: ResolvedExperiment, task: TaskSpec) -> bool:
    """Whether a target is evaluated after training on a few examples of each language."""
    few_shot = resolved.experiment.few_shot
    if few_shot is None or not task.format_spec.training:
        return False
    return few_shot.targets is None or task.name in few_shot.targets


def is_translated(resolved: ResolvedExperiment, task: TaskSpec) -> bool:
    """Whether a target's test sets are translated."""
    chosen = resolved.experiment.translate_test
    if chosen is None:
        return False
    return task.name in chosen if isinstance(chosen, tuple) else can_be_translated(task)


def can_be_translated(task: TaskSpec) -> bool:
    """Whether the answers of a test set are those of its translation."""
    translation = task.format_spec.translation
    return bool(task.format_spec.training and translation and translation.keeps_answers)


def check_evaluation(resolved: ResolvedExperiment) -> None:
    """Check that the targets can be evaluated as the experiment asks.

    Raises:
        ConfigError: they cannot; names the key.
    """
    _check_few_shot(resolved)
    _check_translate_test(resolved)


def _check_few_shot(resolved: ResolvedExperiment) -> None:
    experiment = resolved.experiment
    if experiment.few_shot is None:
        return
    for name in experiment.few_shot.targets or ():
        _check_target(resolved, name, "few_shot.targets")
        if not resolved.task(name).format_spec.training:
            raise ConfigError(
                f"{name} is not trained, so it has no few-shot training",
                where="few_shot.targets",
                todo="leave it out",
            )
    tasks = [resolved.task(name) for name in experiment.targets]
    chosen = [task for task in tasks if is_few_shot(resolved, task)]
    _check_split(experiment.few_shot.split, chosen)
    drawn = [_drawn_from(resolved, task) for task in chosen]
    if not any(drawn):
        raise ConfigError(
            "no target has examples to draw in another language than its training data",
            where="few_shot.split",
            todo="draw from a slice of test and evaluate on the rest, such as few_shot.split: "
            "test[:50%] and splits: {TASK: {test: test[50%:]}}; or leave it out",
        )


def _check_split(text: str, tasks: Iterable[TaskSpec]) -> None:
    known = {split for task in tasks for split in task.splits}
    if text != AUTO and known and (split := parse_split_slice(text).split) not in known:
        raise UnknownNameError("split", split, sorted(known), where="few_shot.split")


def _drawn_from(resolved: ResolvedExperiment, task: TaskSpec) -> set[str]:
    """The languages that a target's examples can be drawn in.

    Raises:
        ConfigError: they are among the evaluated examples.
    """
    evaluated = resolved.split_slice(task, resolved.experiment.eval_split)
    languages = set()
    for language in resolved.languages(task):
        share = few_shot_slice(resolved, task, language)
        if share is None or language in training_languages(resolved, task):
            continue
        languages.add(language)
        if share.overlaps(evaluated):
            raise ConfigError(
                f"{task.name}: few-shot examples would be drawn from {share.name}, which is "
                f"evaluated ({evaluated.name})",
                where="few_shot.split",
                todo="use slices that do not overlap, such as few_shot.split: "
                f"{share.split}[:50%] and splits: {{{task.name}: {{test: {share.split}[50%:]}}}}",
            )
    return languages


def _check_translate_test(resolved: ResolvedExperiment) -> None:
    experiment, where = resolved.experiment, "translate_test"
    if experiment.translate_test is None:
        return
    if experiment.translator is None:
        raise ConfigError(
            "translated test sets need a translator",
            where=where,
            todo="add `translator: {engine: …}`; see docs/guide/translation.md",
        )
    names = experiment.translate_test
    for name in names if isinstance(names, tuple) else ():
        _check_target(resolved, name, where)
        if not can_be_translated(resolved.task(name)):
            raise ConfigError(
                f"{name} cannot be scored on a translated test set: a {resolved.task(name).format} "
                "task has answers in the words of its texts, or is not trained",
                where=where,
                todo="leave it out; classification and multiple choice can be translated",
            )
    if not any(is_translated(resolved, resolved.task(name)) for name in experiment.targets):
        raise ConfigError(
            "no target can be scored on a translated test set",
            where=where,
            todo="leave it out; classification and multiple choice can be translated",
        )


def _check_target(resolved: ResolvedExperiment, name: str, where: str) -> None:
    if name not in resolved.experiment.targets:
        raise UnknownNameError("target", name, resolved.experiment.targets, where=where)
