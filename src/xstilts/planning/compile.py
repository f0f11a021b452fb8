"""Compile an experiment to a plan: the three phases as stages, shared where they are equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from xstilts.config.experiment import Experiment
from xstilts.config.intermediate import (
    NO_INTERMEDIATE,
    IntermediateSetting,
    TaskRef,
    mixture_name,
    parse_setting,
)
from xstilts.config.load import LoadedExperiment
from xstilts.config.recipe import Recipe
from xstilts.core.errors import ConfigError
from xstilts.core.plan import Plan
from xstilts.core.stage import Cost
from xstilts.planning.adapters import check_target_modules, lora_cost
from xstilts.planning.cell_pairs import cell_pairs
from xstilts.planning.cost import TOUCHED_ROWS, train_cost
from xstilts.planning.encoder_experiments import (
    encoder_experiments,
    locating_encoder,
    stages_of_encoders,
)
from xstilts.planning.encoder_use import check_encoder_use
from xstilts.planning.evaluation import Evaluated, TargetEvaluation, check_evaluation
from xstilts.planning.graph import StageGraph
from xstilts.planning.identical_files import warn_of_identical_files
from xstilts.planning.images import warn_of_unused_tower
from xstilts.planning.own_task_names import warn_of_names
from xstilts.planning.pooled_retrieval import warn_of_languages_without_candidates
from xstilts.planning.recipe_search import (
    RecipeChoice,
    RecipeSearches,
    check_apart_from_results,
    check_search,
)
from xstilts.planning.relevant_fields import key_pooling, relevant_recipe
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.retrieval import compile_retrieval
from xstilts.planning.same_data import uses_target_data
from xstilts.planning.selection_split import warn_of_selection_on_evaluated
from xstilts.planning.task_params import task_params
from xstilts.planning.validate import check, check_data_folder
from xstilts.stages.choose_recipe import RECIPE
from xstilts.tasks.base import TaskSpec
from xstilts.training.task_sampling import steps_per_task

ADAPTATION_SEED = 0
"""Of the training that adapts the encoder: it is done once, for all seeds of the experiment."""
Rows = Callable[[TaskSpec, str, str], str]
"""(task, train or dev, language) → key of the stage that prepares these rows."""


@dataclass(frozen=True)
class ResultCell:
    """A cell of the results table, with its score stage and the trainings that lead to it."""

    encoder: str
    intermediate: str
    target: str
    language: str
    split: str
    seed: int
    metrics: tuple[str, ...]
    key: str
    trained_by: tuple[str, ...]
    same_data: bool

    @property
    def setting_trainings(self) -> tuple[str, ...]:
        """The trainings of the setting; empty for `none`."""
        return self.trained_by[: len(parse_setting(self.intermediate).chain)]

    @property
    def target_trainings(self) -> tuple[str, ...]:
        """The trainings after those of the setting; empty for a target that is not trained."""
        return self.trained_by[len(self.setting_trainings) :]


@dataclass(frozen=True)
class CompiledPlan:
    """A plan and the cells of its results table.

    Args:
        baseline: the setting that gains of the others are over.
    """

    plan: Plan
    cells: tuple[ResultCell, ...]
    baseline: str = NO_INTERMEDIATE


def compile_experiment(loaded: LoadedExperiment) -> CompiledPlan:
    """Compile an experiment, without torch, weights or data.

    Raises:
        ConfigError: the experiment is invalid.
    """
    tasks: dict[str, TaskSpec] = {}
    parts: dict[str, CompiledPlan] = {}
    with loaded.locating_errors():
        check_data_folder(loaded)
        for index, single in enumerate(encoder_experiments(loaded)):
            resolved = ResolvedExperiment(single, tasks)
            with locating_encoder(loaded, index):
                compiled = Compiler(resolved, StageGraph(resolved)).compile()
                parts[resolved.encoder_name] = compiled
    if len(parts) == 1:
        return compiled
    stages = stages_of_encoders({name: part.plan for name, part in parts.items()})
    cells = tuple(cell for part in parts.values() for cell in part.cells)
    return CompiledPlan(Plan.of(stages), cells, compiled.baseline)


@dataclass
class Compiler:
    """Adds trainings and evaluations to a stage graph."""

    resolved: ResolvedExperiment
    graph: StageGraph
    full_vocabulary: set[str] = field(default_factory=set)
    """Keys of trainings that change all rows of the embedding matrix."""
    chains: dict[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
    """(setting, seed) → its training stages, shared by all targets."""

    @property
    def experiment(self) -> Experiment:
        """The experiment as written."""
        return self.resolved.experiment

    @cached_property
    def searches(self) -> RecipeSearches:
        """The searches of recipes."""
        return RecipeSearches(self.graph, self.train)

    def compile(self) -> CompiledPlan:
        """Compile the experiment; see `compile_experiment`."""
        settings = [parse_setting(text) for text in self.experiment.intermediate]
        trained = [*settings, self.resolved.adaptation]
        check(self.resolved, trained)
        check_encoder_use(self.resolved, trained)
        self.adapt()
        check_search(self.resolved)
        check_target_modules(self.resolved)
        check_evaluation(self.resolved)
        warn_of_selection_on_evaluated(self.resolved)
        warn_of_identical_files(self.resolved)
        warn_of_names(self.resolved)
        warn_of_languages_without_candidates(self.resolved)
        cells = tuple(self._cells(settings))
        if not cells:
            raise ConfigError(
                "no result to compute: the only intermediate task of each target is the target "
                "itself, or each target is a retrieval task that has only English",
                where="targets",
                todo=f"add {NO_INTERMEDIATE} or another task to `intermediate`, or more languages",
            )
        warn_of_unused_tower(self.graph.images)
        plan = Plan.of(self.graph.stages.values())
        check_apart_from_results(plan, cells)
        return CompiledPlan(plan, cells, self.experiment.baseline)

    def _cells(self, settings: Sequence[IntermediateSetting]) -> Iterator[ResultCell]:
        for task, setting in cell_pairs(self.resolved, settings):
            yield from self._cells_after(setting, task)

    def _cells_after(self, setting: IntermediateSetting, task: TaskSpec) -> Iterator[ResultCell]:
        same_data = uses_target_data(self.resolved, task, setting)
        split = self.resolved.split_slice(task, self.experiment.eval_split).name
        for seed in self.experiment.seeds:
            for result in self._evaluated(setting, task, seed):
                yield ResultCell(
                    encoder=self.resolved.encoder_name,
                    intermediate=setting.name,
                    target=result.target,
                    language=result.language,
                    split=split,
                    seed=seed,
                    metrics=task.metrics,
                    key=result.key,
                    trained_by=result.trained_by,
                    same_data=same_data,
                )

    def _evaluated(
        self, setting: IntermediateSetting, task: TaskSpec, seed: int
    ) -> Iterator[Evaluated]:
        trained = self.intermediate(setting, seed)
        if self.resolved.is_trained(task):
            trained = (*trained, *self.target_chain(setting, task, seed))
        if task.format_spec.search:
            after = self._after(setting) + (f" seed {seed}" if trained else "")
            for target, language, key in compile_retrieval(self.graph, task, trained, after):
                yield Evaluated(target, language, key, trained)
        else:
            what = f"{task.name} {self._after(setting)}"
            yield from TargetEvaluation(self.graph, task, trained, seed, what).results()

    def _after(self, setting: IntermediateSetting) -> str:
        """What is trained before, for labels."""
        is_baseline = setting.name == self.experiment.baseline
        return "(baseline)" if is_baseline and not setting.chain else f"after {setting.name}"

    # training

    def adapt(self) -> None:
        """Add the training that adapts the encoder, from which all others start."""
        recipe = self.resolved.adaptation_recipe
        for mixture in self.resolved.adaptation.chain:
            label = f"adapt {self.resolved.source.name} to {mixture_name(mixture)}"
            base = self.graph.adapted or None
            self.graph.adapted = self.train(mixture, base, recipe, ADAPTATION_SEED, label)

    def intermediate(self, setting: IntermediateSetting, seed: int) -> tuple[str, ...]:
        """Keys of the training stages of a setting, in order; empty for the baseline."""
        chain_key = setting.name, seed
        if chain_key not in self.chains:
            self.chains[chain_key] = tuple(self._chain(setting, seed))
        return self.chains[chain_key]

    def _chain(self, setting: IntermediateSetting, seed: int) -> Iterator[str]:
        base = None
        for depth, mixture in enumerate(setting.chain, start=1):
            name = " > ".join(mixture_name(mixture) for mixture in setting.chain[:depth])
            recipe = self.searches.mixture_recipe(mixture)
            base = self.train(mixture, base, recipe, seed, f"train {name} seed {seed}")
            yield base

    def target(self, setting: IntermediateSetting, task: TaskSpec, seed: int) -> str:
        """Add the trainings of a target after a setting; return the key of the last one."""
        return self.target_chain(setting, task, seed)[-1]

    def target_chain(
        self, setting: IntermediateSetting, task: TaskSpec, seed: int
    ) -> tuple[str, ...]:
        """Add the trainings of a target after a setting, usually one; return their keys."""
        part, recipe = self.resolved.train_ref(task), self._target_recipe(setting, task)
        before = self._before_target(setting, task, seed)
        base = next(reversed(before), None)
        label = f"train {part.name} {self._after(setting)} seed {seed}"
        own = before[len(setting.chain) :]
        return (*own, self.train([part], base, recipe, seed, label))

    def _before_target(
        self, setting: IntermediateSetting, task: TaskSpec, seed: int
    ) -> tuple[str, ...]:
        """Keys of a setting's trainings and of a target's trainings but the last.

        These have the target's recipe, without values that a search chooses.
        """
        trained = self.intermediate(setting, seed)
        for part in self.resolved.train_refs(task)[:-1]:
            base, recipe = next(reversed(trained), None), self.resolved.recipe(task.name)
            label = f"train {part.name} {self._after(setting)} for {task.name} seed {seed}"
            trained = (*trained, self.train([part], base, recipe, seed, label))
        return trained

    def _target_recipe(self, setting: IntermediateSetting, task: TaskSpec) -> Recipe | RecipeChoice:
        """The recipe of a target, searched after the baseline unless `per_setting` is set."""
        search = self.experiment.search
        start = (
            setting if search and search.per_setting else parse_setting(self.experiment.baseline)
        )
        before = self._before_target(start, task, self.experiment.seeds[0])
        return self.searches.target_recipe(task, next(reversed(before), None), self._after(start))

    def train(
        self,
        parts: Sequence[TaskRef],
        base: str | None,
        recipe: Recipe | RecipeChoice,
        seed: int,
        label: str,
        *,
        kind: str = "train",
        rows: Rows | None = None,
        portion: float = 1.0,
    ) -> str:
        """Add the training of a mixture; return its key.

        Args:
            base: key of the previous training, if there is one.
            kind: stage kind with the inputs and parameters of a training.
            rows: training and dev rows; by default those of the experiment.
            portion: proportion of the training rows in `rows`, for the cost estimate.
        """
        rows_of = rows or self.graph.training_rows
        inputs = {"encoder": self.graph.encoder, **self.graph.starting_from([base])}
        tasks = {part: self.resolved.task(part.task) for part in parts}
        formats = [task.format_spec for task in tasks.values()]
        if isinstance(recipe, RecipeChoice):
            params_of_recipe = recipe.key_params(formats)
            inputs[RECIPE], recipe = recipe.key, recipe.recipe
        else:
            params_of_recipe = relevant_recipe(recipe, formats).key_params()
        for part, task in tasks.items():
            for language in languages_of(part, task):
                for role in ("train", "dev"):
                    inputs[f"{role}:{task.name}:{language}"] = rows_of(task, role, language)
        params = {
            "tasks": {task.name: task_params(part, task) for part, task in tasks.items()},
            "recipe": params_of_recipe,
            "pooling": key_pooling(self.resolved, formats),
            "seed": seed,
        }
        context = recipe.runtime_params()
        full_vocabulary = inputs.get("base") in self.full_vocabulary or (
            recipe.lora is None and any(_is_tied(task) for task in tasks.values())
        )
        cost = self._train_cost(tasks, recipe, portion, full_vocabulary=full_vocabulary)
        key = self.graph.add(kind, params, inputs, label, cost, context=context)
        self.full_vocabulary |= {key} if full_vocabulary else set()
        return key

    def _train_cost(
        self,
        tasks: Mapping[TaskRef, TaskSpec],
        recipe: Recipe,
        portion: float,
        *,
        full_vocabulary: bool,
    ) -> Cost:
        sizes = {
            task.name: max(1, int(portion * self.expected_rows(task, part, "train")))
            for part, task in tasks.items()
        }
        on_dev = {task.name: self.expected_rows(task, part, "dev") for part, task in tasks.items()}
        texts = {task.name for task in tasks.values() if task.format_spec.gold is None}
        steps = steps_per_task(sizes, extra_tasks=texts, **recipe.sampling_params())
        num_evals = recipe.expected_evals(sum(steps.values()))
        seen = {
            task.name: task.subwords
            * (
                steps[task.name] * min(sizes[task.name], recipe.batch_size)
                + num_evals * on_dev[task.name] / 3  # forward alone
            )
            for task in tasks.values()
        }
        masked = recipe.mask_prob * sum(seen[name] for name in texts)
        defaults = self.resolved.source.defaults
        if recipe.lora:
            passes = sum(seen.values()), sum(steps.values()), masked
            return lora_cost(defaults, recipe.lora, *passes)
        rows = defaults.vocabulary if full_vocabulary else TOUCHED_ROWS
        return train_cost(defaults, sum(seen.values()), sum(steps.values()), masked, rows)

    def expected_rows(self, task: TaskSpec, part: TaskRef, role: str) -> int:
        """Expected number of rows in all training languages of a task."""
        return sum(
            self.resolved.expected_rows(task, role, code) for code in languages_of(part, task)
        )


def languages_of(part: TaskRef, task: TaskSpec) -> tuple[str, ...]:
    """Training languages of a task."""
    return part.languages or task.train_languages


def _is_tied(task: TaskSpec) -> bool:
    """Whether training on the task changes all rows of the embedding matrix."""
    training = task.format_spec.training
    return training is not None and training.tied
