"""Known gains of a store's experiments: one for each encoder, setting and target."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan

import pandas as pd

from xstilts.analysis.example_scores import example_scores
from xstilts.analysis.exclusions import BASELINE_FAILED, SETTING_FAILED, Exclusion
from xstilts.analysis.gain_table import gain_rows
from xstilts.analysis.gains import KEY, compute_gains, mean_gains
from xstilts.analysis.layer_sweeps import task_of
from xstilts.analysis.mixed_runs import MixedRuns, mixed_gains, restricted
from xstilts.analysis.results import results_frame
from xstilts.analysis.run_records import RunRecord
from xstilts.analysis.run_states import RunState
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.recommend.predict_gains import GAINS
from xstilts.statistics.estimate import Estimate, join_notes
from xstilts.tasks.shuffled_labels import has_control

RECORD = "record"


@dataclass
class DirectGains:
    """Candidates' results on the target itself.

    Args:
        gains: candidate → its gain, with the gain table's interval and which experiment it is of.
        failed: candidate → what failed where there is no gain, its own runs or the baseline's.
        mixed: the gains among these whose runs were computed differently.
    """

    gains: dict[str, Estimate] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    mixed: list[MixedRuns] = field(default_factory=list)


def known_gains(experiments: Sequence[RunRecord], store: Store) -> pd.DataFrame:
    """A row per encoder, setting and target with the columns `GAINS`; the newest experiment's.

    The column `record` has the name of its record.

    Args:
        experiments: the newest last.

    Only gains that may be compared count (see `analysis.exclusions`). Layer sweeps are excluded:
    they are one target, not many. So are controls with shuffled labels: they are no tasks.
    """
    tables = [pd.DataFrame(columns=[*GAINS, RECORD])]
    for record in experiments:
        frame = results_frame(record.cells, store)
        frame = frame[frame["target"].map(task_of) == frame["target"]]
        wanted = [cell for cell in record.cells if task_of(cell.target) == cell.target]
        gains = mean_gains(compute_gains(frame, wanted, record.compiled.baseline).table)
        tables.append(gains.assign(**{RECORD: record.name}))
    every = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    every = every.drop_duplicates(KEY, keep="last")
    every = every[~every["intermediate"].map(has_control).astype(bool)].reset_index(drop=True)
    return every.astype({"score": float, "gain": float})


def mixed_known_gains(
    gains: pd.DataFrame, experiments: Sequence[RunRecord], store: Store
) -> Iterator[MixedRuns]:
    """Those of `known_gains`, or some of its rows, whose runs were computed differently."""
    for record in experiments:
        of_record = gains.loc[gains[RECORD] == record.name, KEY]
        kept = set(of_record.itertuples(index=False, name=None))
        mixed = mixed_gains(record.cells, record.compiled.baseline, store) if kept else ()
        yield from restricted(mixed, lambda *group, kept=kept: group in kept)


def direct_gains(
    experiments: Sequence[RunRecord],
    store: Store,
    pair: tuple[str, str],
    candidates: Collection[str],
    languages: Collection[str] | None = None,
) -> DirectGains:
    """The candidates' own results on a target, each from the newest complete experiment.

    Args:
        experiments: the newest last.
        pair: encoder and target.
        languages: of the target; none for all.
    """
    direct = DirectGains()
    for record in reversed(experiments):
        left = {one for one in candidates if one not in (direct.gains.keys() | direct.failed)}
        here = [
            cell
            for cell in record.cells
            if (cell.encoder, cell.target) == pair
            and cell.intermediate in (record.compiled.baseline, *left)
            and (languages is None or cell.language in languages)
        ]
        if left.intersection(cell.intermediate for cell in here):
            _read(direct, record, here, store)
    return direct


def _read(
    direct: DirectGains, record: RunRecord, cells: Sequence[ResultCell], store: Store
) -> None:
    """Add what one experiment's cells say of their settings."""
    name = record.experiment
    frame = results_frame(cells, store)
    gains = compute_gains(frame, cells, record.compiled.baseline)
    rows = gain_rows(frame, gains, example_scores(cells, store))
    used: set[str] = set()
    for row in (row for row in rows if row.main):
        setting, states = row.intermediate, row.states
        if failed := _failures(gains.by_key.get((row.encoder, setting, row.target))):
            direct.failed[setting] = f"{failed} in {name}"
        elif RunState.PARTIAL in states:
            continue
        elif not isnan(row.gain):
            about = f"{name}, {row.seeds} seed{'s' if row.seeds > 1 else ''}"
            note = join_notes([about, "English only" if row.in_english else "", *sorted(states)])
            estimate = Estimate(row.gain, row.low, row.high, n=row.seeds, note=note)
            direct.gains[setting] = estimate
            used.add(setting)
    mixed = mixed_gains(cells, record.compiled.baseline, store)
    direct.mixed += restricted(mixed, lambda _encoder, setting, _target: setting in used)


def _failures(exclusion: Exclusion | None) -> str:
    """What diverged or collapsed, the setting or the baseline: a row's states are of both."""
    reasons = dict.fromkeys(one.reason for one in exclusion.reasons) if exclusion else {}
    failures = {*SETTING_FAILED.values(), *BASELINE_FAILED.values()}
    return ", ".join(reason for reason in reasons if reason in failures)
