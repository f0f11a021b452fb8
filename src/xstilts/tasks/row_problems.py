"""What is wrong with the rows of a split, by kind, apart for rows left out and rows kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.cells import escaped

SHOWN = 10
"""Problems described per split; the rest are counted."""
SHOWN_PER_KIND = 3


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

    def add_kept(self, problem: str, example: Example, detail: str = "") -> None:
        """Note a row that is kept."""
        self._count(self.kept, problem, example, detail)

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


def _first(counts: Counter[str], messages: dict[str, list[str]]) -> list[str]:
    """Some messages of every kind; as many as fit if there is one kind only."""
    per_kind = SHOWN if len(counts) == 1 else SHOWN_PER_KIND
    return list(_of_kinds(counts, messages, per_kind))[:SHOWN]


def _of_kinds(counts: Counter[str], messages: dict[str, list[str]], per_kind: int) -> Iterator[str]:
    for kind, _ in counts.most_common():
        yield from messages[kind][:per_kind]
