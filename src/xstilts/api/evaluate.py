"""Evaluate a model that was tuned elsewhere, or a raw encoder, on a suite.

xstilts.evaluate("my-model", "xtreme", data="data").scores
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from xstilts.api.inputs import AnyStore, load, open_store
from xstilts.api.plan_summary import PlanSummary, plan_summary
from xstilts.api.run_options import DEFAULT, RunKeywords, RunOptions
from xstilts.api.run_plans import run_plans
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.core.plan import StageStatus
from xstilts.core.store import Store
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.executors.base import RunResult
from xstilts.executors.events import Listener, ignore_events
from xstilts.languages.unknown import unknown_language
from xstilts.planning.other_models import ModelChoice, OtherModel, compile_other_model
from xstilts.tasks import TASKS
from xstilts.tasks.suites import SUITES, Suite, members

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("test", "dev")


@dataclass(frozen=True)
class EvaluatedModel:
    """What a model was evaluated on.

    Args:
        scores: task, language, split, metric, value, low, high (95 % bootstrap over examples), n.
        skipped: task → why it was left out.
        head: the head that answered; empty for an encoder without one.
        run: what was run.
    """

    scores: pd.DataFrame
    skipped: Mapping[str, str]
    head: str
    run: RunResult


@dataclass(frozen=True, eq=False)
class PreparedEvaluation:
    """An evaluation in steps: `summary`, `run`."""

    model: OtherModel
    store: Store

    @cached_property
    def statuses(self) -> Mapping[str, StageStatus]:
        """Key → state of each stage."""
        return self.model.part.compiled.plan.statuses(StoreSnapshot(self.store))

    def summary(self, options: RunOptions = DEFAULT) -> PlanSummary:
        """What is done and what is to do."""
        snapshot = StoreSnapshot(self.store)
        return plan_summary([self.model.part], snapshot, options=options, statuses=self.statuses)

    def run(
        self, options: RunOptions = DEFAULT, on_event: Listener = ignore_events
    ) -> EvaluatedModel:
        """Run what is missing, and return the scores; see `evaluate`."""
        import pandas as pd

        from xstilts.analysis.score_intervals import score_intervals

        part = self.model.part
        result = run_plans([part], self.store, options, on_event, statuses=self.statuses)
        found = score_intervals(part.compiled.cells, StoreSnapshot(self.store))
        names = ["target", "language", "split", "metric", "value", "low", "high", "n"]
        table = pd.DataFrame([vars(one) for one in found], columns=names)
        head = str(self.model.head) if self.model.head else ""
        return EvaluatedModel(
            table.rename(columns={"target": "task"}), self.model.skipped, head, result
        )


def prepare_evaluation(
    encoder: Path | str,
    suite: str | Sequence[str],
    store: AnyStore | None = None,
    *,
    languages: Sequence[str] = (),
    split: str = "test",
    limit: int | None = None,
    labels: Sequence[str] = (),
    max_length: int | None = None,
    data: Path | str | None = None,
    experiment: Path | str | None = None,
) -> PreparedEvaluation:
    """An evaluation that has not started. Arguments: see `evaluate`."""
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS, where="--split")
    own = load(experiment, data=data) if experiment is not None else None
    names = [suite] if isinstance(suite, str) else list(suite)
    targets = _targets(names, languages, own.experiment.tasks if own else {})
    folder = Path(data).expanduser().absolute() if data else None
    choice = ModelChoice(
        *(str(encoder), targets, split, limit, tuple(labels), max_length, own, folder)
    )
    return PreparedEvaluation(compile_other_model(choice), open_store(store))


def _targets(
    names: Sequence[str], languages: Sequence[str], defined: Mapping[str, object]
) -> dict[str, tuple[str, ...] | None]:
    """Task → languages to evaluate, None for all; tasks in none of `languages` are left out.

    Args:
        names: of suites or tasks.
        languages: codes asked for; empty for all.
        defined: name → task of the user's experiment.

    Raises:
        UnknownNameError: no such suite, task or language.
    """
    if not names:
        raise ConfigError("no suite or task", where="--suite", todo=f"such as {', '.join(SUITES)}")
    targets: dict[str, tuple[str, ...] | None] = {}
    for name in names:
        if name in defined:
            targets[name] = tuple(languages) or None
            continue
        if name not in SUITES and name not in TASKS:
            raise UnknownNameError("suite or task", name, [*SUITES, *TASKS, *defined])
        needed = members([name])
        for task in SUITES[name].tasks if name in SUITES else (name,):
            codes = needed[task].languages
            chosen = [one for one in languages if codes is None or one in codes]
            if chosen or not languages:
                targets[task] = tuple(chosen) or (tuple(sorted(codes)) if codes else None)
    _check_languages(languages, names, defined)
    return targets


def _check_languages(
    languages: Sequence[str], names: Sequence[str], defined: Mapping[str, object]
) -> None:
    """Raise for a language that none of the tasks has; the user's own tasks may have any."""
    suites = [SUITES.get(name, Suite(name, (name,))) for name in names if name not in defined]
    known = [suite.languages(task) for suite in suites for task in suite.tasks]
    if len(suites) < len(names) or None in known:
        return
    codes = sorted({code for one in known for code in one or ()})
    for language in languages:
        if language not in codes:
            raise unknown_language("language of these tasks", language, codes, "--languages")


def evaluate(
    encoder: Path | str,
    suite: str | Sequence[str],
    store: AnyStore | None = None,
    *,
    languages: Sequence[str] = (),
    split: str = "test",
    limit: int | None = None,
    labels: Sequence[str] = (),
    max_length: int | None = None,
    data: Path | str | None = None,
    experiment: Path | str | None = None,
    on_event: Listener = ignore_events,
    **options: Unpack[RunKeywords],
) -> EvaluatedModel:
    """Evaluate a model that was tuned elsewhere, or a raw encoder, on a suite or tasks.

    A folder saved from an `AutoModelFor…` class answers the targets whose format and labels its
    head has. Retrieval targets are searched with the vectors of the encoder, without training.
    Other targets are left out, with a reason. Nothing is trained.

    Args:
        encoder: a folder or a name on the Hugging Face hub.
        suite: names of suites (`tasks.suites.SUITES`) or tasks.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        languages: codes; all by default.
        split: test or dev.
        limit: maximum number of examples per language.
        labels: names of the outputs of the head in order, if its config.json has none.
        max_length: sub-words that texts are cut at; by default the tokenizer's, else 256.
        data: the folder of the user's files.
        experiment: a file that defines further tasks.
        on_event: called with every event, in this process.
        options: workers, devices and the others of `run`.

    Raises:
        EncoderError: no such model.
        ConfigError: nothing can be evaluated.
        StoreError: the store cannot be written.
    """
    prepared = prepare_evaluation(
        encoder,
        suite,
        store,
        languages=languages,
        split=split,
        limit=limit,
        labels=labels,
        max_length=max_length,
        data=data,
        experiment=experiment,
    )
    return prepared.run(RunOptions(**options), on_event)
