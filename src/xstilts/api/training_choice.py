"""The one training of a store that a user means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xstilts.analysis.run_differences import changed_keys
from xstilts.analysis.run_records import RunRecord, experiment_config, saved_records
from xstilts.analysis.stage_needs import stage_needs
from xstilts.api.inputs import experiment_file
from xstilts.api.stage_names import SHORTEST, keys_of, known_stages
from xstilts.config.intermediate import parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, suggestion
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell

TRAIN = "train"
LISTED = 12
"""Trainings that a message lists."""
MOST_KEYS = 5
"""Keys of an experiment that a note lists."""


@dataclass(frozen=True)
class TrainingQuery:
    """What a training is chosen by, apart from its name; empty: any.

    Args:
        setting: the intermediate setting, `none` for the baseline.
    """

    target: str = ""
    setting: str = ""
    seed: int | None = None
    encoder: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is given."""
        return self == TrainingQuery()

    def fits(self, cell: ResultCell) -> bool:
        """Whether a result is one of the training that is meant."""
        return (
            self.target in ("", cell.target)
            and (not self.setting or parse_setting(self.setting).name == cell.intermediate)
            and self.seed in (None, cell.seed)
            and self.encoder in ("", cell.encoder)
        )


@dataclass(frozen=True)
class Training:
    """A training, and the records of the experiments that have it.

    Args:
        stages: key → stage, of all that is known of the store.
        records: the newest last.
        note: what a user must know of the choice; may be empty.
    """

    stage: Stage
    stages: dict[str, Stage]
    records: tuple[RunRecord, ...]
    note: str = ""

    @property
    def cells(self) -> list[ResultCell]:
        """The results of this model itself, those of the newest record first.

        No other training came after it. Several can be of one test set, such as those of a run on
        a part of it and of a run on all.
        """
        newest_first = (cell for record in reversed(self.records) for cell in record.cells)
        own: dict[str, ResultCell] = {}
        for cell in newest_first:
            if cell.trained_by and cell.trained_by[-1] == self.stage.key:
                own.setdefault(cell.key, cell)
        return list(own.values())


def find_training(store: Store, name: str | None, query: TrainingQuery, task: str = "") -> Training:
    """The training that a name and a query mean.

    Args:
        name: an experiment or its file, or the key (or its first 6 digits), the label or a pattern
            of the label of a stage; by default every experiment of the store.
        task: whose head is wanted; of several trainings, those on it are meant.

    Raises:
        ConfigError: none, or several.
    """
    needs = stage_needs(store)
    stages = known_stages(store, needs)
    experiments = {need.experiment for need in needs.needs}
    file = None if name is None or name in experiments else experiment_file(name)
    name = file.experiment.name if file else name
    records = tuple(saved_records(store))
    if name is None or name in experiments:
        chosen = [one for one in records if name in (None, one.experiment)]
        keys = _trained(chosen, query, task)
        if not keys:
            raise ConfigError(_nothing(query, chosen), todo=_known(chosen))
    elif not query.is_empty:
        raise ConfigError(
            f"{name} is not an experiment in the store, so no target, setting or seed can be "
            "chosen of it",
            todo=suggestion(name, experiments),
        )
    else:
        keys = list(keys_of(name, needs, stages))
    trained = [stages[key] for key in keys if stages[key].kind == TRAIN]
    trainings = _without_unfinished(_on_task(trained, task), store)
    if not trainings:
        kinds = sorted({stages[key].kind for key in keys})
        raise ConfigError(
            f"{name} is not a training: {', '.join(kinds)}",
            todo="name a stage whose label begins with `train`",
        )
    if len(trainings) > 1:
        if not any(_is_on(one, task) for one in trainings):
            raise ConfigError(f"no training is on {task}", where="--task", todo=_several(trainings))
        raise ConfigError(_several(trainings), todo="choose one by --target, --setting, --seed "
                          "(--encoder, --task), or by its key")  # fmt: skip
    stage = trainings[0]
    holding = tuple(record for record in records if stage.key in record.plan.by_key)
    return Training(stage, stages, holding, _changed(file, holding) if file else "")


def _changed(file: LoadedExperiment, records: Sequence[RunRecord]) -> str:
    """A sentence if a file is not the experiment that a training was last run by."""
    last = records[-1].config if records else {}
    keys = list(changed_keys(last, experiment_config(file.experiment)))
    if not keys:
        return ""
    shown = ", ".join([*keys[:MOST_KEYS], *(["…"] if len(keys) > MOST_KEYS else [])])
    return f"{file.origin} has changed since this model was last run: {shown}"


def _trained(records: Iterable[RunRecord], query: TrainingQuery, task: str) -> list[str]:
    """The last trainings of the results that fit, each once.

    Without a target also those of the settings, as no result is of a model before its target; if a
    task chooses among them, also the earlier trainings of a chain.
    """
    keys: dict[str, None] = {}
    for record in records:
        for cell in filter(query.fits, record.cells):
            keys |= dict.fromkeys(cell.trained_by[-1:])
            if not query.target:
                of_setting = cell.setting_trainings
                keys |= dict.fromkeys(of_setting if task else of_setting[-1:])
    return list(keys)


def _on_task(trainings: Sequence[Stage], task: str) -> Sequence[Stage]:
    """The trainings on a task; all if there is none."""
    return [stage for stage in trainings if _is_on(stage, task)] or trainings


def _is_on(training: Stage, task: str) -> bool:
    return not task or task in training.params["tasks"]


def _without_unfinished(trainings: Sequence[Stage], store: Store) -> list[Stage]:
    """The trainings without those that have not finished, where one with the same label has."""
    done = {stage.key for stage in trainings if store.get_finished(stage.key)}
    labels = {stage.label for stage in trainings if stage.key in done}
    return [stage for stage in trainings if stage.key in done or stage.label not in labels]


def _nothing(query: TrainingQuery, records: Iterable[RunRecord]) -> str:
    given = {
        "target": query.target,
        "setting": query.setting,
        "seed": "" if query.seed is None else str(query.seed),
        "encoder": query.encoder,
    }
    wanted = ", ".join(f"{name} {value}" for name, value in given.items() if value)
    names = ", ".join(dict.fromkeys(record.experiment for record in records)) or "the store"
    return f"{names} has no training with {wanted}" if wanted else f"{names} has no training"


def _known(records: Iterable[RunRecord]) -> str:
    cells = [cell for record in records for cell in record.cells if cell.trained_by]
    parts: dict[str, Iterable[object]] = {
        "targets": dict.fromkeys(cell.target for cell in cells),
        "settings": dict.fromkeys(cell.intermediate for cell in cells),
        "seeds": dict.fromkeys(cell.seed for cell in cells),
        "encoders": dict.fromkeys(cell.encoder for cell in cells),
    }
    lists = [f"{name}: {', '.join(map(str, values))}" for name, values in parts.items() if values]
    return "; ".join(lists) or "run an experiment first"


def _several(trainings: Iterable[Stage]) -> str:
    ordered = sorted(trainings, key=lambda stage: stage.label)
    lines = [f"  {stage.key[: SHORTEST + 2]}  {stage.label}" for stage in ordered[:LISTED]]
    if len(ordered) > LISTED:
        lines.append(f"  … and {len(ordered) - LISTED} more")
    return "\n".join([f"{len(ordered)} trainings match:", *lines])
