"""An experiment with several encoders as one experiment per encoder, with unique names.

Everything but the encoder and its recipe is the same, so that the stages of each part have the keys
that they have in an experiment with this encoder alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations
from pathlib import PurePosixPath

from xstilts.config.encoder_choice import ENCODER, ENCODERS
from xstilts.config.experiment import EncoderConfig, Experiment
from xstilts.config.load import LoadedExperiment
from xstilts.config.recipe import EncoderRecipe, Recipe, RecipeChanges, Recipes
from xstilts.core.errors import ConfigError, XstiltsError
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.models.encoder_source import EncoderSource, find_source


def encoder_experiments(loaded: LoadedExperiment) -> tuple[LoadedExperiment, ...]:
    """One experiment per encoder, whose `encoder` has a unique label and no recipe of its own.

    The recipe of an encoder is applied to the recipes of the experiment. An experiment that has
    one encoder without a recipe is returned unchanged.

    Raises:
        ConfigError: an encoder occurs twice, or two have one name.
        EncoderError: an encoder does not exist.
    """
    given = loaded.experiment.all_encoders
    singles = [_single(loaded, encoder) for encoder in given]
    if len(given) == 1:
        return tuple(singles)
    with loaded.locating_errors():
        sources = [_source(loaded, encoder, index) for index, encoder in enumerate(given)]
        _check_distinct(singles, sources)
        labels = _unique_names(given, sources)
    return tuple(
        replace(single, experiment=_relabelled(single.experiment, label))
        for single, label in zip(singles, labels, strict=True)
    )


def stages_of_encoders(plans: Mapping[str, Plan]) -> Iterator[Stage]:
    """The stages of all encoders' plans, each once; labels name the encoder if it matters.

    Args:
        plans: name of an encoder → the plan of its experiment.
    """
    shown, seen = short_names(plans), set[str]()
    for name, plan in plans.items():
        dependent: set[str] = set()
        for stage in plan.stages:
            label = stage.label
            if stage.kind == ENCODER:
                dependent.add(stage.key)
            elif dependent.intersection(stage.inputs.values()):
                dependent.add(stage.key)
                label = f"{label} [{shown[name]}]"
            if stage.key not in seen:
                seen.add(stage.key)
                yield replace(stage, label=label)


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Name of an encoder → its last part, where no other has the same."""
    last = {name: name.rpartition("/")[2] or name for name in names}
    counts = Counter(last.values())
    return {name: part if counts[part] == 1 else name for name, part in last.items()}


@contextmanager
def locating_encoder(loaded: LoadedExperiment, index: int) -> Iterator[None]:
    """Let errors about `encoder` name the entry of `encoders`, if there are several."""
    try:
        yield
    except XstiltsError as error:
        key, dot, rest = (error.where or "").partition(".")
        if key == ENCODER and loaded.experiment.encoders is not None:
            error.where = f"{ENCODERS}.{index}{dot}{rest}"
        raise


def _single(loaded: LoadedExperiment, encoder: EncoderConfig) -> LoadedExperiment:
    experiment = loaded.experiment
    if experiment.encoder is encoder and encoder.recipe is None:
        return loaded
    recipes, plain = experiment.recipes, encoder
    if encoder.recipe is not None:
        recipes = _with_changes(recipes, encoder.recipe, experiment.targets)
        plain = encoder.model_copy(update={"recipe": None})
    changes = {"encoder": plain, "encoders": None, "recipes": recipes}
    return replace(loaded, experiment=experiment.model_copy(update=changes))


def _with_changes(recipes: Recipes, changes: EncoderRecipe, targets: Collection[str]) -> Recipes:
    """Recipes in which values of an encoder replace all others, those of single tasks too.

    The encoder's own values for single tasks have priority.
    """
    values = changes.model_dump(exclude_unset=True, exclude={"tasks"})
    phases = {
        phase: Recipe.model_validate(getattr(recipes, phase).model_dump() | values)
        for phase in ("intermediate", "target", "adaptation")
        if getattr(recipes, phase) is not None
    }
    tasks = {
        task: {k: v for k, v in own.model_dump(exclude_unset=True).items() if k not in values}
        for task, own in recipes.tasks.items()
    }
    for task, own in changes.tasks.items():
        if task in targets:
            tasks[task] = tasks.get(task, {}) | own.model_dump(exclude_unset=True)
    validated = {task: RecipeChanges.model_validate(own) for task, own in tasks.items()}
    return recipes.model_copy(update={**phases, "tasks": validated})


def _relabelled(experiment: Experiment, label: str) -> Experiment:
    encoder = experiment.all_encoders[0].model_copy(update={"label": label})
    return experiment.model_copy(update={"encoder": encoder})


def _source(loaded: LoadedExperiment, encoder: EncoderConfig, index: int) -> EncoderSource:
    with locating_encoder(loaded, index):
        return find_source(encoder.name, encoder.revision, loaded.folder)


def _check_distinct(singles: Sequence[LoadedExperiment], sources: Sequence[EncoderSource]) -> None:
    """Check that no two encoders have the same weights, adaptation, pooling and recipes."""
    for first, second in combinations(range(len(singles)), 2):
        one, other = (singles[index].experiment for index in (first, second))
        first_options, second_options = (
            (single.all_encoders[0].pooling, single.all_encoders[0].adapted_by)
            for single in (one, other)
        )
        if (
            sources[first].params == sources[second].params
            and first_options == second_options
            and one.recipes == other.recipes
        ):
            names = [single.all_encoders[0].name for single in (one, other)]
            raise ConfigError(
                f"{names[0]} and {names[1]} are the same encoder with the same options",
                where=f"{ENCODERS}.{second}",
                todo="remove one, or give it another pooling, recipe or adapted_by",
            )


def _unique_names(encoders: Sequence[EncoderConfig], sources: Sequence[EncoderSource]) -> list[str]:
    """Their labels; else their names, of folders with as many parts of the path as needed."""
    names = [
        encoder.shown_name(source.name) for encoder, source in zip(encoders, sources, strict=True)
    ]
    folders = [PurePosixPath(source.folder).parts if source.folder else () for source in sources]
    for depth in range(2, max(map(len, folders), default=0) + 1):
        counts = Counter(names)
        if max(counts.values()) == 1:
            break
        names = [
            encoder.shown_name("/".join(folder[-depth:])) if counts[name] > 1 and folder else name
            for name, folder, encoder in zip(names, folders, encoders, strict=True)
        ]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        index = len(names) - 1 - names[::-1].index(repeated[0])
        raise ConfigError(
            f"two encoders are called {encoders[index].label or sources[index].name}",
            where=f"{ENCODERS}.{index}",
            todo="give each a label: {name: …, label: …}",
        )
    return names
