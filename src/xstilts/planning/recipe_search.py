"""Recipe search as stages: the trials are trainings, and a further stage chooses among them.

A trial is the `train` stage of its recipe and seed, so that it is shared with every experiment that
trains the same. The final trainings have the choice as an input: their keys are known when the
plan is made, the chosen values when they run. Trials and choice read training and dev rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xstilts.config.intermediate import Mixture, TaskRef, mixture_name
from xstilts.config.recipe import Recipe
from xstilts.config.recipe_search import SearchOptions, Trial
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.core.plan import Plan
from xstilts.formats.spec import FormatSpec
from xstilts.planning.cost import sample_cost
from xstilts.planning.graph import StageGraph
from xstilts.planning.relevant_fields import relevant_recipe
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.shared_rows import share_examples
from xstilts.stages.base import CHOOSE_RECIPE
from xstilts.stages.choose_recipe import RECIPE, trial_role
from xstilts.tasks.base import TaskSpec

if TYPE_CHECKING:
    from xstilts.planning.compile import ResultCell

OVERRIDDEN = {"warmup_ratio": "warmup_steps", "num_evals": "eval_steps"}
"""Field of a recipe → the field that takes its place where it is set."""
AddTraining = Callable[[Sequence[TaskRef], str | None, Recipe, int, str], str]
"""(tasks, key of the previous training, recipe, seed, label) → key of the training."""


@dataclass(frozen=True)
class RecipeChoice:
    """A recipe with values that a stage of the plan chooses.

    Args:
        key: of that stage.
        recipe: with the values of the trial that takes longest, for estimates of cost.
        searched: names of the fields that are chosen.
    """

    key: str
    recipe: Recipe
    searched: tuple[str, ...]

    def key_params(self, formats: Sequence[FormatSpec]) -> dict[str, Any]:
        """The fields that are not searched, as JSON for the key of a training.

        Args:
            formats: those of its tasks, which decide which fields have an effect.
        """
        recipe = relevant_recipe(self.recipe, formats, searched=self.searched)
        return params_without(recipe, self.searched)


def params_without(recipe: Recipe, chosen: Collection[str]) -> dict[str, Any]:
    """The fields of a recipe that are not chosen by a search, as JSON for the key of a stage."""
    names = set(map(_key_name, chosen))
    return {name: value for name, value in recipe.key_params().items() if name not in names}


def params_with_overrides(
    recipe: Recipe, chosen: Collection[str], overridden: Collection[str]
) -> dict[str, Any]:
    """As `params_without`, for a stage with values of its own for fields that a search chooses."""
    fixed = {_key_name(name): getattr(recipe, name) for name in chosen if name in overridden}
    return params_without(recipe, chosen) | fixed


def _key_name(field: str) -> str:
    """The name of a field of the recipe in stage keys."""
    return Recipe.model_fields[field].serialization_alias or field


@dataclass
class RecipeSearches:
    """Adds searches of recipes to a plan, each once.

    Args:
        train: adds a training.
    """

    graph: StageGraph
    train: AddTraining
    choices: dict[tuple[str, str], RecipeChoice] = field(default_factory=dict)
    """(what is trained, target) → the choice of its recipe."""

    def mixture_recipe(self, mixture: Mixture) -> Recipe | RecipeChoice:
        """The recipe of a mixture; searched from the pretrained encoder, also within a chain."""
        search, recipe = self.graph.experiment.search, self.graph.resolved.recipe(None)
        if search is None or not search.intermediate:
            return recipe
        return self._searched(search, recipe, mixture, None, mixture_name(mixture))

    def target_recipe(self, task: TaskSpec, base: str | None, after: str) -> Recipe | RecipeChoice:
        """The recipe of a target.

        Args:
            base: the training that its search starts from; None: the pretrained encoder.
            after: which training that is, for labels.
        """
        search, recipe = self.graph.experiment.search, self.graph.resolved.recipe(task.name)
        if search is None or not is_searched(search, task.name):
            return recipe
        part = self.graph.resolved.train_ref(task)
        return self._searched(search, recipe, [part], base, f"{part.name} {after}", task.name)

    def _searched(
        self,
        search: SearchOptions,
        recipe: Recipe,
        parts: Sequence[TaskRef],
        base: str | None,
        what: str,
        target: str = "",
    ) -> RecipeChoice:
        if (what, target) not in self.choices:

            def add_trial(tried: Recipe, seed: int, label: str) -> str:
                return self.train(parts, base, tried, seed, f"train {what} {label}")

            self.choices[what, target] = _add_search(self.graph, search, recipe, what, add_trial)
        return self.choices[what, target]


def is_searched(search: SearchOptions, target: str) -> bool:
    """Whether the recipe of a target is searched."""
    return search.targets == "all" or target in search.targets


def _add_search(
    graph: StageGraph,
    search: SearchOptions,
    recipe: Recipe,
    what: str,
    add_trial: Callable[[Recipe, int, str], str],
) -> RecipeChoice:
    """Add the trials of a search and the choice among them.

    Args:
        recipe: has the values of the fields that are not searched.
        what: what is trained, for labels.
        add_trial: (recipe, seed, end of the label) → key of the training.
    """
    trials, seeds = search.trials(), search.search_seeds(graph.experiment.seeds)
    inputs: dict[str, str] = {}
    recipes: dict[str, Recipe] = {}
    for number, values in enumerate(trials):
        tried = recipe.model_copy(update=dict(values))
        for seed in seeds:
            key = add_trial(tried, seed, f"seed {seed}, {values_text(values)}")
            inputs[trial_role(number, seed)] = key
            recipes[key] = tried
    choice = graph.add(
        CHOOSE_RECIPE,
        {"trials": [dict(values) for values in trials], "seeds": list(seeds)},
        inputs,
        f"choose recipe {what}",
        sample_cost(len(inputs)),
    )
    costliest = max(recipes, key=lambda key: graph.stages[key].cost.seconds)
    return RecipeChoice(choice, recipes[costliest], tuple(search.searched))


def values_text(values: Trial) -> str:
    """A combination of values as people read it: `learning_rate 3e-05, batch_size 16`."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in values.items())


def value_text(value: Any) -> str:
    """One value; numbers with up to six digits."""
    if value is None:
        return "none"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:g}" if is_number else str(value).lower()


def trials_of(plan: Plan, choice: str) -> tuple[str, ...]:
    """Keys of the trial trainings behind a choice."""
    return tuple(plan.by_key[choice].inputs.values())


def search_trainings(plan: Plan) -> frozenset[str]:
    """Keys of the trial trainings of all searches of a plan."""
    choices = (stage.key for stage in plan.stages if stage.kind == CHOOSE_RECIPE)
    return frozenset(key for choice in choices for key in trials_of(plan, choice))


def search_within(resolved: ResolvedExperiment, targets: Iterable[str]) -> SearchOptions | None:
    """The experiment's search for some of its targets; None if nothing of it is left."""
    search = resolved.experiment.search
    if search is None:
        return None
    left = tuple(name for name in targets if _is_trained_and_searched(resolved, search, name))
    if not left and not search.intermediate:
        return None
    return search if search.targets == "all" else search.model_copy(update={"targets": left})


def _is_trained_and_searched(
    resolved: ResolvedExperiment, search: SearchOptions, target: str
) -> bool:
    return is_searched(search, target) and resolved.is_trained(resolved.task(target))


def check_search(resolved: ResolvedExperiment) -> None:
    """Check that the search has something to train.

    Raises:
        ConfigError: it names no target, one that is not trained, or nothing is left to search.
    """
    experiment = resolved.experiment
    search = experiment.search
    if search is None:
        return
    _check_overridden(resolved, search)
    named = () if search.targets == "all" else search.targets
    for name in named:
        if name not in experiment.targets:
            raise UnknownNameError("target", name, experiment.targets, where="search.targets")
        if not resolved.is_trained(resolved.task(name)):
            raise ConfigError(
                f"{name} is not trained, so it has no recipe",
                where="search.targets",
                todo="leave it out",
            )
    if search_within(resolved, experiment.targets) is None:
        raise ConfigError(
            "no target is trained, so there is no recipe to search",
            where="search",
            todo="remove `search`, or set `intermediate: true` in it",
        )


def _check_overridden(resolved: ResolvedExperiment, search: SearchOptions) -> None:
    """Check that no searched field is replaced by another one.

    Raises:
        ConfigError: one is, so that all its values train the same.
    """
    recipes = [resolved.recipe(None)] if search.intermediate else []
    recipes += [resolved.recipe(name) for name in resolved.experiment.targets]
    for name, other in OVERRIDDEN.items():
        given = other in search.searched or any(getattr(one, other) is not None for one in recipes)
        if name in search.searched and given:
            raise ConfigError(
                f"{name} has no effect where {other} is set",
                where=f"search.{name}",
                todo=f"search {other} alone, or remove it from `recipes`",
            )


def check_apart_from_results(plan: Plan, cells: Iterable[ResultCell]) -> None:
    """Check that no choice is made by examples that are evaluated.

    Raises:
        ConfigError: the dev rows of a trial are among the evaluated rows of a target.
    """
    checked = set[tuple[str, str]]()
    for cell in cells:
        evaluated = plan.by_key[cell.key].inputs.get("rows")
        choices = {plan.by_key[key].inputs.get(RECIPE) for key in cell.trained_by}
        for choice in choices - {None}:
            if evaluated is None or choice is None or (choice, evaluated) in checked:
                continue
            checked.add((choice, evaluated))
            _check_apart(plan, cell, choice, evaluated)


def _check_apart(plan: Plan, cell: ResultCell, choice: str, evaluated: str) -> None:
    trial = plan.by_key[trials_of(plan, choice)[0]]
    for role, key in trial.inputs.items():
        if role.startswith("dev:") and share_examples(plan.by_key[key], plan.by_key[evaluated]):
            raise ConfigError(
                f"the recipe would be chosen by {plan.by_key[key].label.removeprefix('prepare ')}, "
                f"and {cell.target} is evaluated on the same examples",
                where="search",
                todo="name other targets in search.targets, or evaluate on other examples: splits: "
                f'{{{cell.target}: {{dev: "dev[:50%]", test: "dev[50%:]"}}}}',
            )
