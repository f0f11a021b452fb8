"""Recipe searches of an experiment: the dev score of every trial, the choice and its cost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xstilts.config.intermediate import NO_INTERMEDIATE, parse_setting, setting_of
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.planning.recipe_search import trials_of, values_text
from xstilts.stages.choose_recipe import CHOICE, RECIPE, TrialScore, trial_role, trial_score

if TYPE_CHECKING:
    import pandas as pd

TODO = "to do"
COLUMNS = (
    "encoder", "phase", "task", "after", "recipe", "dev", "runs", "steps", "seconds", "chosen",
    "note",
)  # fmt: skip


@dataclass(frozen=True)
class RecipeSearchResult:
    """One search: for one encoder and what it trains.

    Args:
        phase: `intermediate` or `target`.
        task: what is trained; of a mixture, all tasks.
        after: the setting that the trials start from; `none` for the pretrained encoder.
        trials: in the order in which they are tried; those that are not finished have no score.
        seconds: that the trainings of each trial took, so far.
        chosen: number of the chosen trial; None until the choice is made.
        seeds: the search seeds.
        todo: number of trainings that are not finished.
    """

    encoder: str
    phase: str
    task: str
    after: str
    trials: tuple[TrialScore, ...]
    seconds: tuple[float, ...]
    chosen: int | None
    seeds: tuple[int, ...]
    todo: int

    @property
    def num_trainings(self) -> int:
        """Number of trainings of the search."""
        return len(self.trials) * len(self.seeds)

    @property
    def notes(self) -> tuple[str, ...]:
        """Reasons to doubt the choice: at an end of the values, or among equal scores."""
        if self.chosen is None:
            return ()
        scores = [trial.dev for trial in self.trials if trial.dev is not None]
        if max(scores) <= 0:
            return ("no trial scores above 0 on dev: the choice means nothing",)
        if (equal := scores.count(max(scores))) > 1:
            return (f"{equal} trials share the best dev score: the first is used",)
        return tuple(_at_an_end(self.trials, self.chosen))


def recipe_search_results(compiled: CompiledPlan, store: Store) -> list[RecipeSearchResult]:
    """The searches of an experiment in plan order, each once."""
    results: dict[tuple[str, str], RecipeSearchResult] = {}
    for cell in compiled.cells:
        for key in cell.trained_by:
            choice = compiled.plan.by_key[key].inputs.get(RECIPE)
            if choice and (cell.encoder, choice) not in results:
                results[cell.encoder, choice] = _result(compiled, store, cell, key, choice)
    return list(results.values())


def trial_table(results: Iterable[RecipeSearchResult]) -> pd.DataFrame:
    """One row per trial; `dev` is a mean over search seeds between 0 and 1, NaN without one."""
    import pandas as pd

    rows = [row for result in results for row in _rows(result)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def choice_texts(results: Sequence[RecipeSearchResult]) -> list[str]:
    """One line per search; it names the encoder if there are several."""
    several = len({result.encoder for result in results}) > 1
    return [choice_text(one, f" [{one.encoder}]" if several else "") for one in results]


def choice_text(result: RecipeSearchResult, suffix: str = "") -> str:
    """A search in one line: what was chosen, by which score, from how many, at what cost.

    Args:
        suffix: after what is trained.
    """
    about = (
        result.task + (f" after {result.after}" if result.after != NO_INTERMEDIATE else "") + suffix
    )
    cost = f"{result.num_trainings} trainings, {sum(result.seconds):.0f} s"
    if result.chosen is None and result.todo:
        return f"recipe of {about}: not chosen yet ({result.todo} trainings to do)"
    if result.chosen is None:
        return f"recipe of {about}: not chosen: no trial that can be used ({cost})"
    best = result.trials[result.chosen]
    assert best.dev is not None
    failed = sum(bool(trial.failed) for trial in result.trials)
    lost = f"; {failed} diverged or collapsed" if failed else ""
    return "; ".join(
        (
            f"recipe of {about}: {values_text(best.values)}, dev {100 * best.dev:.1f} "
            f"(best of {len(result.trials)}; {cost}{lost})",
            *result.notes,
        )
    )


def _result(
    compiled: CompiledPlan, store: Store, cell: ResultCell, training: str, choice: str
) -> RecipeSearchResult:
    plan = compiled.plan
    stage, trial = plan.by_key[choice], plan.by_key[trials_of(plan, choice)[0]]
    seeds: list[int] = stage.params["seeds"]
    values: list[Mapping[str, Any]] = stage.params["trials"]
    made = {role: store.get_finished(key) for role, key in stage.inputs.items()}
    roles = [[trial_role(number, seed) for seed in seeds] for number in range(len(values))]
    chosen: int | None = None
    if store.get_valid(choice):
        record = json.loads(store.read(choice, CHOICE))
        chosen, trials = record["trial"], [TrialScore(**one) for one in record["trials"]]
    else:
        facts = {role: artifact.facts if artifact else {} for role, artifact in made.items()}
        trials = [
            trial_score(tried, {seed: facts[trial_role(number, seed)] for seed in seeds})
            for number, tried in enumerate(values)
        ]
    return RecipeSearchResult(
        cell.encoder,
        "intermediate" if training in cell.setting_trainings else "target",
        " + ".join(trial.params["tasks"]),
        _setting_after(trial.inputs.get("base"), (cell, *compiled.cells)),
        tuple(trials),
        tuple(
            sum(artifact.seconds for role in of_trial if (artifact := made[role]))
            for of_trial in roles
        ),
        chosen,
        tuple(seeds),
        sum(artifact is None for artifact in made.values()),
    )


def _setting_after(training: str | None, cells: Iterable[ResultCell]) -> str:
    """The setting whose last training this is; `none` if it is of no setting."""
    for cell in cells:
        if training in cell.trained_by:
            depth = cell.trained_by.index(training) + 1
            return setting_of(parse_setting(cell.intermediate).chain[:depth]).name
    return NO_INTERMEDIATE


def _at_an_end(trials: Sequence[TrialScore], chosen: int) -> Iterator[str]:
    """A note for each chosen number that is the smallest or the largest of those tried."""
    for name, value in trials[chosen].values.items():
        tried = {trial.values[name] for trial in trials} - {None}
        if len(tried) < 2 or not all(map(_is_number, tried)) or value is None:
            continue
        if value in (min(tried), max(tried)):
            end = "smallest" if value == min(tried) else "largest"
            yield f"the {end} {name} tried is the best: try {end[:-3]}er ones"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rows(result: RecipeSearchResult) -> Iterator[dict[str, Any]]:
    for number, (trial, seconds) in enumerate(zip(result.trials, result.seconds, strict=True)):
        is_chosen = number == result.chosen
        notes = [trial.failed, *(result.notes if is_chosen else ())]
        unfinished = trial.dev is None and not trial.failed and result.todo > 0
        yield {
            "encoder": result.encoder,
            "phase": result.phase,
            "task": result.task,
            "after": result.after,
            "recipe": values_text(trial.values),
            "dev": float("nan") if trial.dev is None else trial.dev,
            "runs": len(trial.dev_by_seed),
            "steps": trial.steps,
            "seconds": round(seconds, 1),
            "chosen": is_chosen,
            "note": "; ".join(filter(None, (*notes, TODO if unfinished else ""))),
        }
