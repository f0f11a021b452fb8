"""The recipes of an experiment's trainings, with the keys that their values come from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.config.encoder_choice import ENCODER, ENCODERS
from xstilts.config.evaluation import FEW_SHOT
from xstilts.config.intermediate import TaskRef, parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.config.named_recipes import RECIPE, RECIPES, SEARCH, TASKS
from xstilts.config.recipe import Recipe
from xstilts.config.recipe_search import SearchOptions, ValueRange
from xstilts.config.yaml_tree import Location
from xstilts.planning.compile import languages_of
from xstilts.planning.encoder_experiments import encoder_experiments
from xstilts.planning.evaluation import few_shot_values, is_few_shot
from xstilts.planning.recipe_search import is_searched
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec

Section = tuple[Location, Collection[str]]
"""A mapping of an experiment: its path, and the fields that it gives."""


@dataclass(frozen=True)
class GivenRecipe:
    """The recipe of a training as the experiment gives it.

    Args:
        recipe: of fields that a search chooses, it has the largest value.
        sections: where values come from; the first that gives a field has priority.
        rows: task → training rows, None where neither the task nor a limit says how many; empty
            for a training on a few examples.
        texts: tasks that are trained by masked language modelling.
    """

    recipe: Recipe
    sections: tuple[Section, ...]
    rows: Mapping[str, int | None]
    texts: frozenset[str] = frozenset()

    def path(self, field: str) -> Location:
        """The key that gives a field; that of the last section if it has its default."""
        given = (path for path, fields in self.sections if field in fields)
        return (*next(given, self.sections[-1][0]), field)


def given_recipes(loaded: LoadedExperiment) -> Iterator[GivenRecipe]:
    """The recipe of every training of an experiment, seeds apart."""
    for index, single in enumerate(encoder_experiments(loaded)):
        own = (ENCODERS, index) if loaded.experiment.encoders is not None else (ENCODER,)
        encoder = _EncoderRecipes(loaded, ResolvedExperiment(single), (*own, RECIPE), index)
        yield from encoder.adaptation()
        yield from encoder.intermediate()
        for name in single.experiment.targets:
            yield from encoder.target(encoder.resolved.task(name))


@dataclass(frozen=True)
class _EncoderRecipes:
    """The recipes of the trainings of one encoder.

    Args:
        path: of the encoder's own recipe.
        index: of the encoder.
    """

    loaded: LoadedExperiment
    resolved: ResolvedExperiment
    path: Location
    index: int

    def adaptation(self) -> Iterator[GivenRecipe]:
        recipes = self.loaded.experiment.recipes
        phase = "intermediate" if recipes.adaptation is None else "adaptation"
        for mixture in self.resolved.adaptation.chain:
            recipe = self.resolved.adaptation_recipe
            yield self._given(recipe, self._sections(phase), mixture)

    def intermediate(self) -> Iterator[GivenRecipe]:
        experiment = self.loaded.experiment
        search = experiment.search if experiment.search and experiment.search.intermediate else None
        settings = map(parse_setting, experiment.intermediate)
        for mixture in dict.fromkeys(mixture for one in settings for mixture in one.chain):
            recipe, sections = self.resolved.recipe(None), self._sections("intermediate")
            yield self._given(*_searched(search, recipe, sections), mixture)

    def target(self, task: TaskSpec) -> Iterator[GivenRecipe]:
        if not self.resolved.is_trained(task):
            return
        recipe, sections = self.resolved.recipe(task.name), self._sections("target", task.name)
        search = self.loaded.experiment.search
        search = search if search and is_searched(search, task.name) else None
        *before, last = self.resolved.train_refs(task)
        for part in before:
            yield self._given(recipe, sections, [part])
        yield self._given(*_searched(search, recipe, sections), [last])
        few_shot = self.loaded.experiment.few_shot
        if few_shot and is_few_shot(self.resolved, task):
            values = recipe.model_dump() | few_shot_values(self.resolved)
            own = (FEW_SHOT, RECIPE), few_shot.recipe.model_fields_set
            yield GivenRecipe(Recipe.model_validate(values), (own, *sections), {})

    def _sections(self, phase: str, target: str = "") -> tuple[Section, ...]:
        """The sections of a phase, those with priority first; see `encoder_experiments`."""
        recipes = self.loaded.experiment.recipes
        of_phase = getattr(recipes, phase)
        sections: list[Section] = [((RECIPES, phase), of_phase.model_fields_set)]
        if target in recipes.tasks:
            fields = recipes.tasks[target].model_fields_set
            sections.insert(0, ((RECIPES, TASKS, target), fields))
        own = self.loaded.experiment.all_encoders[self.index].recipe
        if own is not None:
            sections.insert(0, (self.path, own.model_fields_set))
            if target in own.tasks:
                fields = own.tasks[target].model_fields_set
                sections.insert(0, ((*self.path, TASKS, target), fields))
        return tuple(sections)

    def _given(
        self, recipe: Recipe, sections: tuple[Section, ...], parts: Iterable[TaskRef]
    ) -> GivenRecipe:
        tasks = {part: self.resolved.task(part.task) for part in parts}
        rows = {task.name: self._rows(task, part) for part, task in tasks.items()}
        texts = {task.name for task in tasks.values() if task.format_spec.gold is None}
        return GivenRecipe(recipe, sections, rows, frozenset(texts))

    def _rows(self, task: TaskSpec, part: TaskRef) -> int | None:
        """Training rows of a task; at most those of its limit if its size is not known."""
        resolved, split = self.resolved, self.resolved.split_slice(task, "train").split
        codes = languages_of(part, task)
        if all(task.known_size(split, code) is not None for code in codes):
            return sum(resolved.expected_rows(task, "train", code) for code in codes)
        limit = resolved.limit(task.name, "train")
        return limit * len(codes) if limit else None


def _searched(
    search: SearchOptions | None, recipe: Recipe, sections: tuple[Section, ...]
) -> tuple[Recipe, tuple[Section, ...]]:
    """A recipe with the largest of the values that a search tries."""
    if search is None:
        return recipe, sections
    largest = {name: _largest(values) for name, values in search.searched.items()}
    largest = {name: value for name, value in largest.items() if value is not None}
    return recipe.model_copy(update=largest), (((SEARCH,), largest.keys()), *sections)


def _largest(values: Any) -> float | None:
    """The largest number that is tried; None if there is none."""
    if isinstance(values, ValueRange):
        return values.max
    numbers = [value for value in values if type(value) in (int, float)]
    return max(numbers, default=None)
