"""Values of recipes that hardly any fine-tuning uses, so that they are likely slips."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.config.load import LoadedExperiment
from xstilts.config.yaml_tree import Lines, Location, location_of
from xstilts.planning.given_recipes import GivenRecipe, given_recipes
from xstilts.training.task_sampling import steps_per_task

MAX_LEARNING_RATE = 1e-2
"""Of all weights. AdamW changes a weight by up to its learning rate per step, and an encoder's
weights have a standard deviation of about 0.02; published recipes use 1e-6 to 1e-3."""
MAX_NEW_LEARNING_RATE = 1e-1
"""Of heads and adapters, which have nothing to forget; the presets of this package use up to
0.01 for heads."""
MAX_WEIGHT_DECAY = 1.0
"""Published recipes use 0 to 0.1, and 1 for RTE (recipe `modernbert`)."""
MAX_EPOCHS = 100
"""Published recipes use 1 to 30, also for a few hundred examples. With `max_steps` or `patience`
epochs are only an upper limit, and any number is usual."""
MAX_WARMUP_RATIO = 1.0
"""From here on the learning rate never falls."""
MAX_WARMUP_STEPS = 2.0
"""Per step of the training: XTREME's scripts warm up for 500 steps also on TyDiQA, whose training
has about 350."""

Problem = tuple[str, str, str]
"""(field, why its value is likely a slip, which training it concerns)."""


def recipe_notes(loaded: LoadedExperiment) -> Iterator[str]:
    """A sentence on each value that is likely a slip, with its key, and file and line if known."""
    found: dict[str, dict[str, None]] = {}
    for given in given_recipes(loaded):
        for field, problem, of in _problems(given):
            value = getattr(given.recipe, field)
            where = _where(given.path(field), loaded.lines)
            trainings = found.setdefault(f"{where}: {value:g} is likely a slip: {problem}", {})
            trainings |= {of: None} if of else {}
    for note, trainings in found.items():
        yield f"{note} ({'; '.join(trainings)})" if trainings else note


def _problems(given: GivenRecipe) -> Iterator[Problem]:
    recipe = given.recipe
    highest = MAX_NEW_LEARNING_RATE if recipe.lora else MAX_LEARNING_RATE
    if recipe.learning_rate > highest:
        what = "adapters" if recipe.lora else "all weights"
        yield "learning_rate", f"hardly any training of {what} uses more than {highest:g}", ""
    if (recipe.head_learning_rate or 0) > MAX_NEW_LEARNING_RATE:
        most = f"hardly any training of heads uses more than {MAX_NEW_LEARNING_RATE:g}"
        yield "head_learning_rate", most, ""
    if recipe.weight_decay > MAX_WEIGHT_DECAY:
        yield "weight_decay", f"hardly any fine-tuning uses more than {MAX_WEIGHT_DECAY:g}", ""
    is_limited = recipe.max_steps is not None or recipe.patience is not None
    if recipe.epochs > MAX_EPOCHS and not is_limited and given.rows:
        yield "epochs", f"hardly any fine-tuning uses more than {MAX_EPOCHS}", ""
    yield from _warmup_problems(given)
    yield from _batch_problems(given)


def _warmup_problems(given: GivenRecipe) -> Iterator[Problem]:
    recipe, steps = given.recipe, _steps(given)
    if recipe.warmup_steps is None:
        if recipe.warmup_ratio >= MAX_WARMUP_RATIO:
            yield "warmup_ratio", "the learning rate rises until the last step", ""
    elif steps is not None and recipe.warmup_steps > MAX_WARMUP_STEPS * steps:
        of = f"{'+'.join(given.rows)}: {steps:,} steps"
        yield "warmup_steps", "the training ends before half of them", of


def _batch_problems(given: GivenRecipe) -> Iterator[Problem]:
    """A batch is of one task, and `gradient_accumulation_steps` divides it."""
    known = [rows for rows in given.rows.values() if rows is not None]
    if known and len(known) == len(given.rows) and given.recipe.batch_size > max(known):
        of = ", ".join(f"{task}: {rows:,} rows" for task, rows in given.rows.items())
        yield "batch_size", "a batch is larger than the training data", of


def _steps(given: GivenRecipe) -> int | None:
    """Steps of a training; None if they are not known."""
    sizes = {task: rows for task, rows in given.rows.items() if rows}
    if not sizes or len(sizes) < len(given.rows):
        return given.recipe.max_steps
    steps = steps_per_task(sizes, extra_tasks=given.texts, **given.recipe.sampling_params())
    return sum(steps.values())


def _where(path: Location, lines: Lines) -> str:
    """The key of a value, after its file and line; the option that gives it."""
    key = ".".join(map(str, path))
    if not any(path[:depth] in lines for depth in range(1, len(path) + 1)):
        return key
    line = location_of(path, lines)
    return line if line.startswith("--") else f"{line}: {key}"
