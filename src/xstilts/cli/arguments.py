"""The arguments of a command that select an experiment and its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xstilts.config.load import LoadedExperiment


@dataclass(frozen=True)
class ExperimentArguments:
    """An experiment with its overrides, and its store, as given on the command line."""

    experiment: str
    store: Path | None = None
    overrides: Sequence[str] | None = None
    encoder: str | None = None
    data: Path | None = None

    def load(self) -> LoadedExperiment:
        """The experiment with all overrides applied.

        Raises:
            ConfigError: an invalid experiment.
        """
        import xstilts

        return xstilts.load(
            self.experiment, list(self.overrides or ()), encoder=self.encoder, data=self.data
        )

    def command_line(self) -> list[str]:
        """Arguments that select the same experiment and store in another command."""
        options = (
            ("--store", [self.store] if self.store else []),
            ("--set", self.overrides or []),
            ("--encoder", [self.encoder] if self.encoder else []),
            ("--data", [self.data] if self.data else []),
        )
        given = [(option, str(value)) for option, values in options for value in values]
        return [self.experiment, *(text for pair in given for text in pair)]
