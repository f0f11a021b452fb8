"""The experiment that a question about candidates stands for, and what else is worth measuring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from xstilts.config.experiment import Experiment
from xstilts.config.intermediate import NO_INTERMEDIATE, TaskRef, parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.config.validation import validate
from xstilts.core.errors import ConfigError, DataError, MissingPackageError, XstiltsError
from xstilts.core.plan import Plan, StageState
from xstilts.core.store import Store
from xstilts.languages.unknown import unknown_language
from xstilts.planning.data_sources import data_sources
from xstilts.planning.measures import compile_measures
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.variants import make_variant
from xstilts.recommend.predict_gains import LOW_COST
from xstilts.tasks import TASKS
from xstilts.tasks.origin import OriginKind

FETCHED = (None, OriginKind.HUB)
"""Origins of data that are not on this disk."""
NOT_HERE = "data are not on this disk"
UNUSABLE = (ConfigError, DataError, MissingPackageError, OSError)
"""What a task may raise whose files or packages are missing, or that does not fit others."""


@dataclass(frozen=True)
class MeasuredTasks:
    """What low-cost measures are computed for.

    Args:
        loaded: the candidates and the target, and tasks with known gains.
        left_out: other task, or setting of one, with known gains → why it is not measured.
    """

    loaded: LoadedExperiment
    left_out: Mapping[str, str]

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each reason."""
        names: dict[str, list[str]] = {}
        for name, why in self.left_out.items():
            names.setdefault(why, []).append(name)
        return tuple(f"Not measured: {', '.join(of)} ({why})." for why, of in names.items())


@dataclass(frozen=True)
class Request:
    """Candidates for one target.

    Args:
        base: where recipes, limits and tasks come from; its settings and targets do not count.
        languages: of the target; none for all that the base has.
    """

    base: LoadedExperiment
    target: str
    candidates: tuple[str, ...]
    languages: tuple[str, ...] = ()

    @property
    def baseline(self) -> str:
        """The setting that gains are over."""
        return self.base.experiment.baseline

    @property
    def loaded(self) -> LoadedExperiment:
        """The baseline and the candidates for the target."""
        return self._with(self.candidates, [self.target])

    def with_known_tasks(self, gains: pd.DataFrame, store: Store) -> MeasuredTasks:
        """With the tasks and targets of known gains, whose measures say what measures are worth.

        Without those that the base does not know, those that do not fit it, and those with data
        that are not on this disk.
        """
        names = ResolvedExperiment(self.base)
        settings = [one for one in gains["intermediate"].unique() if _is_single(one, names)]
        targets = [one for one in gains["target"].unique() if _is_known(one, names)]
        try:
            return self._measured(settings, targets, store)
        except UNUSABLE:
            unusable = self._unusable(settings, targets, store)
        settings, targets = (
            [one for one in known if one not in unusable] for known in (settings, targets)
        )
        try:
            found = self._measured(settings, targets, store)
        except UNUSABLE as error:  # some do not fit each other
            rest = dict.fromkeys((*settings, *targets), _why(error))
            return MeasuredTasks(self.loaded, {**unusable, **rest})
        return replace(found, left_out={**unusable, **found.left_out})

    def _unusable(
        self, settings: Sequence[str], targets: Sequence[str], store: Store
    ) -> dict[str, str]:
        """The known settings and targets that cannot be used, each alone → why."""
        problems: dict[str, str] = {}
        for one, pair in (
            *((one, ((one,), ())) for one in settings),
            *((one, ((), (one,))) for one in targets),
        ):
            try:
                self._measured(*pair, store)
            except UNUSABLE as error:
                problems[one] = _why(error)
        return problems

    def _measured(
        self, settings: Sequence[str], targets: Sequence[str], store: Store
    ) -> MeasuredTasks:
        """With those of known settings and targets whose data are on this disk.

        Raises:
            ConfigError, DataError, MissingPackageError, OSError: some of them cannot be used.
        """
        names = ResolvedExperiment(self.base)
        wide = self._with([*self.candidates, *settings], [self.target, *targets])
        absent = _absent(wide, store)
        kept = [one for one in targets if not {one, *_train_tasks(one, names)} & absent.keys()]
        here = [one for one in settings if one not in absent]
        return MeasuredTasks(self._with([*self.candidates, *here], [self.target, *kept]), absent)

    def _with(self, settings: Iterable[str], targets: Iterable[str]) -> LoadedExperiment:
        all_cells = self.base.experiment.model_copy(update={"exclude": ()})
        named = tuple(dict.fromkeys((self.baseline, *settings)))
        base = replace(self.base, experiment=all_cells)
        variant = make_variant(base, tuple(dict.fromkeys(targets)), named, {})
        if not self.languages:
            return variant
        own = variant.experiment.task_languages | {self.target: self.languages}
        return replace(
            variant, experiment=variant.experiment.model_copy(update={"task_languages": own})
        )


def make_request(
    target: str,
    candidates: Sequence[str],
    base: LoadedExperiment | None = None,
    *,
    encoder: str | None = None,
    languages: Sequence[str] = (),
    data: Path | None = None,
) -> Request:
    """What was asked for.

    Args:
        candidates: intermediate settings.
        base: an experiment to take everything else from; by default one with default recipes and
            no limits, for which an encoder is needed.

    Raises:
        ConfigError: no candidate, one that is no setting or the target itself, no encoder, or a
            language that the target does not have.
    """
    if base is None:
        base = _plain(target, encoder, data)
    settings = [parse_setting(text) for text in candidates]
    baseline = base.experiment.baseline
    settings = [setting for setting in settings if setting.chain and setting.name != baseline]
    if not settings:
        raise ConfigError(
            "no intermediate task to choose from",
            where="--candidates",
            todo="name some, with commas between them: --candidates mnli,squad-v1",
        )
    names = ResolvedExperiment(base)
    *_, own = _train_tasks(target, names)
    if any(setting.chain == ((TaskRef(target),),) for setting in settings) and own == target:
        raise ConfigError(
            f"{target} is the target: a task after itself is just more epochs of it",
            where="--candidates",
            todo="leave it out",
        )
    _check_languages(target, languages, names)
    chosen = tuple(dict.fromkeys(setting.name for setting in settings))
    return Request(base, target, chosen, tuple(languages))


def _check_languages(target: str, languages: Iterable[str], names: ResolvedExperiment) -> None:
    task = names.task(target)
    have = task.languages_of(names.split_slice(task, names.experiment.eval_split).split)
    for code in languages:
        if code not in have:
            raise unknown_language(f"language of {target}", code, have, "--languages")


def _plain(target: str, encoder: str | None, data: Path | None) -> LoadedExperiment:
    if encoder is None:
        raise ConfigError(
            "no encoder",
            where="--encoder",
            todo="give a Hugging Face name or a folder, or an experiment with --like",
        )
    tree = {
        "name": "recommend",
        "encoder": encoder,
        "intermediate": [NO_INTERMEDIATE],
        "targets": [target],
        "data": str(data) if data else None,
    }
    experiment = validate(Experiment, tree, {})
    return LoadedExperiment(experiment, "", "recommend", Path.cwd())


def _is_known(name: str, resolved: ResolvedExperiment) -> bool:
    return name in resolved.experiment.tasks or name in TASKS


def _is_single(name: str, resolved: ResolvedExperiment) -> bool:
    """Whether a setting is one task in its own language, and one that is known."""
    setting = parse_setting(name)
    return setting.chain == ((TaskRef(name),),) and _is_known(name, resolved)


def _train_tasks(target: str, resolved: ResolvedExperiment) -> tuple[str, ...]:
    return tuple(part.task for part in resolved.train_refs(resolved.task(target)))


def _absent(wide: LoadedExperiment, store: Store) -> dict[str, str]:
    """Task with rows that would have to be fetched first → why."""
    plan = Plan.of(compile_measures(wide, LOW_COST)[0])
    statuses = plan.statuses(store)
    todo = [one for one in plan.stages if statuses[one.key].state is StageState.TODO]
    return {
        one.task: f"there is no file {one.files[0]}" if one.files else NOT_HERE
        for one in data_sources(wide, todo)
        if one.origin in FETCHED
    }


def _why(error: Exception) -> str:
    return error.what if isinstance(error, XstiltsError) else str(error)
