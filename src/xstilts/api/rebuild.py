"""Artifacts that results are read from: damaged ones are quarantined, to be rebuilt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import replace

from xstilts.core.artifact import DamagedArtifact
from xstilts.core.errors import StoreError
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.executors.damaged_inputs import BUT_STAYS
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.stages.io.prepared_inputs import read_inputs

logger = logging.getLogger(__name__)

MAX_REBUILDS = 3
"""How often damaged artifacts are rebuilt in one run; each time all that are damaged."""
TUNING = "tuning:"
"""Beginning of the roles of inputs that dev scores are computed from."""
WITH_INPUT_HASHES = ("prepare", "draw", "translate")
"""Kinds of stages that store hashes of their rows' inputs, for notes on shared inputs."""


def rebuild_damaged(
    result: RunResult,
    parts: Iterable[CompiledExperiment],
    store: Store,
    run: Callable[[], RunResult],
    snapshot: Store,
) -> RunResult:
    """The result of a run, once no artifact that its scores are read from is damaged.

    Args:
        result: of the run so far.
        run: runs the stages that are not done.
        snapshot: the store as it is after the run so far.

    Raises:
        StoreError: an artifact is damaged again after it was rebuilt.
    """
    keys = {key for part in parts for key in _keys_read(part.compiled)}
    unusable: dict[str, str] = {}
    for _ in range(MAX_REBUILDS):
        if not (damaged := _quarantined(keys, store, snapshot, unusable)):
            return _with_failures(result, unusable)
        for error in damaged:
            logger.warning("%s; it is rebuilt", error.what)
        again, snapshot = run(), store
        done = list(dict.fromkeys([*result.done, *again.done]))
        freed = result.freed + again.freed
        result = RunResult(done, again.failed, again.skipped, again.exit_code, freed)
    if damaged := _quarantined(keys, store, store, unusable):
        raise StoreError(
            f"{damaged[0].what} again, after it was rebuilt", todo="check the store's disk"
        )
    return _with_failures(result, unusable)


def _with_failures(result: RunResult, unusable: Mapping[str, str]) -> RunResult:
    """A result in which stages with artifacts that are damaged and stay, or unreadable, failed."""
    if not unusable:
        return result
    for key in unusable.keys() - result.failed.keys():
        logger.warning("%s", unusable[key])
    code = max(result.exit_code, StoreError.exit_code)
    return replace(result, failed={**unusable, **result.failed}, exit_code=code)


def _keys_read(compiled: CompiledPlan) -> Iterator[str]:
    """The stages whose files results and notes on them are read from."""
    for key in {cell.key for cell in compiled.cells}:
        yield key
        inputs = compiled.plan.by_key[key].inputs
        yield from (source for role, source in inputs.items() if role.startswith(TUNING))
    yield from (stage.key for stage in compiled.plan.stages if stage.kind in WITH_INPUT_HASHES)


def _quarantined(
    keys: Set[str], store: Store, snapshot: Store, unusable: dict[str, str]
) -> list[DamagedArtifact]:
    """The damage of finished stages, whose artifacts are moved to `damaged/`.

    Args:
        unusable: takes key → problem of artifacts that cannot be read or moved; left out.
    """
    damaged = list[DamagedArtifact]()
    for key in sorted(keys - unusable.keys()):
        try:
            error = _damage(key, snapshot)
        except StoreError as unreadable:
            unusable[key] = str(unreadable)
            continue
        if error:
            try:
                store.quarantine(key)
            except StoreError as refused:
                unusable[key] = f"{error.what}{BUT_STAYS}{refused}"
            else:
                damaged.append(error)
    return damaged


def _damage(key: str, snapshot: Store) -> DamagedArtifact | None:
    """What is wrong with what is read of a finished stage: its files, or its hashes of inputs."""
    try:
        if artifact := snapshot.get_valid(key):
            if artifact.manifest["stage"]["kind"] in WITH_INPUT_HASHES:
                read_inputs(key, snapshot)  # stages that read the rows verify these
            else:
                artifact.check_digests()
    except DamagedArtifact as error:
        return error
    return None
