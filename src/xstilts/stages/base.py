"""What a kind of stage is, and the context in which its function runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from xstilts.core.artifact import Artifact
from xstilts.core.process_rank import ProcessRank, single_process
from xstilts.core.stage import Stage, declare_blocking_fact, declare_reads_blocking

DIVERGED = declare_blocking_fact("diverged")
"""The fact of a training whose loss became NaN or infinite; it has no weights."""

CHOOSE_RECIPE = declare_reads_blocking("choose-recipe")
"""The kind of stage that chooses among trainings; those that diverged are among its inputs."""

RETRIED = "first_attempt"
"""The fact of a training that diverged in bf16 and was repeated in fp32; a key of its log too."""

FEATURE_PROBLEMS = "feature_problems"
"""The fact of a stage that read texts which the tokenizer could not read in full."""


@dataclass
class StageContext:
    """Execution context of a stage.

    Args:
        inputs: role → the artifact of the stage that plays it.
        folder: the stage writes its artifact's files here.
        checkpoint_folder: where a long stage keeps what it needs to resume; it may not exist.
        report_progress: takes progress, e.g. {"step": 3, "steps": 50, "loss": 0.7}; with `unit`,
            such as "image", of work that is no step of a training.
        notes: events for the provenance, such as a resumption; not results.
        features: where stages share tokenized features; none: every stage makes its own.
        feature_problems: what the tokenizer could not read, or what has no counterpart, counted by
            kind; part of the facts.
        enter_group: gives the stage to the processes that divide a training, once what it reads is
            prepared; returns the rank of this process.
    """

    stage: Stage
    inputs: Mapping[str, Artifact]
    folder: Path
    checkpoint_folder: Path
    report_progress: Callable[[dict[str, Any]], None]
    notes: list[str] = field(default_factory=list)
    features: Path | None = None
    feature_problems: Counter[str] = field(default_factory=Counter)
    enter_group: Callable[[], ProcessRank] = single_process

    @property
    def params(self) -> Mapping[str, Any]:
        """The stage's parameters."""
        return self.stage.params


StageFunction = Callable[[StageContext], dict[str, Any]]
"""Does the work in `folder` and returns the facts for the manifest."""


@dataclass(frozen=True)
class StageKind:
    """One kind of work: a function and the version of its results.

    Args:
        version: part of every key; raise it when the same parameters give another result.
        function: the function, or "module:function" to import it only in the worker.
        uses_torch: whether the function imports torch; then workers are forked with it.
    """

    version: int
    function: StageFunction | str
    uses_torch: bool = False

    def run(self, context: StageContext) -> dict[str, Any]:
        """Do the work and return the facts for the manifest."""
        return self._loaded()(context)

    def _loaded(self) -> StageFunction:
        if not isinstance(self.function, str):
            return self.function
        module, _, name = self.function.partition(":")
        return cast("StageFunction", getattr(import_module(module), name))
