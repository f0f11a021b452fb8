"""What is wrong with the rows of a split, by kind, apart for rows left out and rows kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.cells import escaped

SHOWN = 10
"""Problems described per split; the rest are counted."""
SHOWN_PER_KIND = 3
PROBLEMS, KEPT_PROBLEMS = "problems", "kept_problems"
"""Facts of a prepared split: counts by kind of all problems, and of those whose rows are used."""
KEPT = ", kept"
"""Part of every kind whose rows are used: facts of version 0.1.0 have no `kept_problems`.

Stores of that release are still read.
"""


@dataclass
class RowProblems:
    """Problems by kind, with messages of the first of each kind.

    Args:
        left_out: of rows that are not used; kept: of rows that are.
        messages: kind → its first messages, with file and line.
    """

    left_out: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    messages: dict[str, list[str]] = field(default_factory=dict)

    def add(self, problem: str, example: Example | BadRow, detail: str = "") -> None:
        """Note a row that is left out."""
        self._count(self.left_out, problem, example, detail)

    def add_kept(self, problem: str, example: Example | BadRow, detail: str = "") -> None:
        """Note a row that is kept, or a fact of a file."""
        self._count(self.kept, problem, example, detail)

    def add_all(self, others: RowProblems) -> None:
        """Note the problems of others after these."""
        self.left_out.update(others.left_out)
        self.kept.update(others.kept)
        for kind, messages in others.messages.items():
            own = self.messages.setdefault(kind, [])
            own += messages[: SHOWN - len(own)]

    def _count(
        self, counts: Counter[str], problem: str, example: Example | BadRow, detail: str
    ) -> None:
        counts[problem] += 1
        messages = self.messages.setdefault(problem, [])
        if len(messages) < SHOWN:
            where = example.where or f"row {example.id!r}"
            messages.append(escaped(f"{where}: {problem}{': ' + detail if detail else ''}"))

    @property
    def counts(self) -> Counter[str]:
        """All problems by kind."""
        return self.left_out + self.kept

    def facts(self) -> dict[str, dict[str, int]]:
        """The counts as facts of a prepared split; see `recorded_problems`."""
        counts = {PROBLEMS: self.counts, KEPT_PROBLEMS: self.kept}
        return {name: dict(sorted(each.items())) for name, each in counts.items()}

    @property
    def first(self) -> list[str]:
        """The first messages: of rows left out before those of rows kept."""
        return [*self.causes(), *_first(self.kept, self.messages)][:SHOWN]

    def causes(self) -> list[str]:
        """The first messages of rows that are left out."""
        return _first(self.left_out, self.messages)

    def summary(self) -> str:
        """The number of rows left out by kind, the most frequent first."""
        return ", ".join(f"{kind} {count:,}" for kind, count in self.left_out.most_common())


def recorded_problems(facts: Mapping[str, Any]) -> tuple[Counter[str], Counter[str]]:
    """Counts by kind of the rows left out, and of those kept, from a prepared split's facts."""
    every = Counter[str](facts.get(PROBLEMS, {}))
    kept = facts.get(KEPT_PROBLEMS)
    if kept is None:
        kept = {kind: count for kind, count in every.items() if KEPT in kind}
    return every - Counter(kept), Counter(kept)


def _first(counts: Counter[str], messages: dict[str, list[str]]) -> list[str]:
    """Some messages of every kind; as many as fit if there is one kind only."""
    per_kind = SHOWN if len(counts) == 1 else SHOWN_PER_KIND
    return list(_of_kinds(counts, messages, per_kind))[:SHOWN]


def _of_kinds(counts: Counter[str], messages: dict[str, list[str]], per_kind: int) -> Iterator[str]:
    for kind, _ in counts.most_common():
        yield from messages[kind][:per_kind]
