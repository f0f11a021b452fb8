"""An experiment with its results, as one side of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xstilts.analysis.encoder_identity import with_published_names
from xstilts.analysis.results import Facts, facts_in, states_of
from xstilts.analysis.run_states import States
from xstilts.analysis.same_test_data import ScoredRun
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell

Group = tuple[str, str, str]
"""(encoder, target, setting)."""


@dataclass(frozen=True, eq=False)
class ComparedExperiment:
    """An experiment with its results.

    Args:
        config: see `analysis.run_records.experiment_config`.
    """

    name: str
    config: Mapping[str, Any]
    compiled: CompiledPlan
    store: Store

    def groups(self) -> dict[Group, dict[str, dict[int, ResultCell]]]:
        """The cells by encoder, target and setting, then by language and seed."""
        groups: dict[Group, dict[str, dict[int, ResultCell]]] = {}
        for cell in with_published_names(self.compiled).cells:
            group = groups.setdefault((cell.encoder, cell.target, cell.intermediate), {})
            group.setdefault(cell.language, {})[cell.seed] = cell
        return groups

    def run(self, cell: ResultCell) -> ScoredRun:
        """A cell of this experiment."""
        return ScoredRun(cell, self.compiled, self.store)

    def states(self, cell: ResultCell) -> States:
        """What must be known of a cell's run."""
        return states_of(cell, self._facts)

    @cached_property
    def _facts(self) -> Facts:
        return facts_in(self.store)
