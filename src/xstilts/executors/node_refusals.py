"""Nodes of a cluster that run no worker, and what a run does that has no other node."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from xstilts.core.errors import ConfigError

logger = logging.getLogger(__name__)
REPORT_SECONDS = 20.0
"""Seconds without any worker after which a run says that it waits."""
LIMIT_SECONDS = 300.0
"""Seconds after which a run ends all of whose nodes were refused: others may join until then."""


@dataclass
class NodeRefusals:
    """Node → why it runs no worker, with its name."""

    problems: dict[str, str] = field(default_factory=dict)
    _is_reported: bool = False

    def add(self, node: str, problem: str) -> None:
        """Refuse a node."""
        self.problems[node] = problem
        logger.warning("no worker runs on %s", problem)

    def check(self, seconds: float, nodes: Collection[str]) -> None:
        """Report that a run has no worker, once.

        Args:
            seconds: since when it has none; 0 if it has one.
            nodes: those of the cluster that could run a worker.

        Raises:
            ConfigError: all of them were refused, and no other one has joined for some minutes.
        """
        if not seconds:
            self._is_reported = False
            return
        refused = all(node in self.problems for node in nodes)
        if refused and self.problems and seconds > LIMIT_SECONDS:
            raise ConfigError(
                f"no node of the cluster can run a worker: {'; '.join(self.problems.values())}",
                where="--executor ray",
                todo="correct these nodes or add others, and run the command again: it continues",
            )
        if seconds > REPORT_SECONDS and not self._is_reported:
            self._is_reported = True
            if refused and self.problems:
                logger.warning(
                    "every node was refused: waiting for others, for %d s at most", LIMIT_SECONDS
                )
            else:
                logger.warning("no node has free resources for a worker: waiting")
