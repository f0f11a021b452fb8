"""Labels of the user's files that are other spellings of declared ones, and the map of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xstilts.formats.spec import FormatSpec
from xstilts.formats.tag_schemes import declared_spelling, spelling_of
from xstilts.tasks.base import TaskSpec

MOST = 1000
"""Labels outside the set that are kept in memory, per split."""


@dataclass(frozen=True)
class Spellings:
    """How the labels of some rows are spelled, where some are not those of the task.

    Args:
        label_map: label in the files → the task's; what the task has already is in it.
        examples: spelling of tags, such as b-X → one of its tags, with file and line.
    """

    label_map: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: Spellings) -> Spellings:
        return Spellings({**self.label_map, **other.label_map}, {**other.examples, **self.examples})

    @property
    def advice(self) -> str:
        """What to do; blank if no label is another spelling of the task's."""
        if not self.label_map:
            return ""
        several = f"tags are spelled as {', '.join(self.examples.values())}; "
        map_text = f"add `label_map: {flow_map(self.label_map)}` to the task"
        return (several if len(self.examples) > 1 else "") + map_text


@dataclass
class LabelsSeen:
    """The labels of rows of a split: those that the task does not have, and one that it has.

    Args:
        outside, inside: label → file and line.
    """

    outside: dict[str, str] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)

    def add_bad(self, gold: Any, where: str, task: TaskSpec) -> None:
        """Note the labels of a row with one that the task does not have."""
        for label in _labels(gold, task.format_spec):
            if label not in task.labels and label.strip() and len(self.outside) < MOST:
                self.outside.setdefault(label, where)

    def add_good(self, gold: Any, where: str, task: TaskSpec) -> None:
        """Note the first tag of a span in a row with the labels of the task."""
        tags = (tag for tag in _labels(gold, task.format_spec) if spelling_of(tag))
        self.inside.update((tag, where) for tag in list(tags)[:1])

    def spellings(self, task: TaskSpec) -> Spellings:
        """Which of the labels are other spellings of those that the task has.

        Nothing of tasks that are not the user's own: they take no `label_map`.
        """
        if task.label_map is None:
            return Spellings()
        own = {*task.labels, *task.label_map}
        found = {label: declared_spelling(label, task.labels) for label in self.outside}
        new = {label: known for label, known in found.items() if known and label not in own}
        examples = dict[str, str]()
        for label, where in {**self.inside, **self.outside}.items():
            if new and (spelling := spelling_of(label)):
                examples.setdefault(spelling, f"{label} ({where})")
        return Spellings({**task.label_map, **new} if new else {}, examples)


def flow_map(mapping: Mapping[str, str]) -> str:
    """A map as YAML in one line, with quotes where a label needs them."""
    import yaml

    text: str = yaml.safe_dump(
        dict(mapping), default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9
    )
    return text.strip()


def _labels(gold: Any, spec: FormatSpec) -> list[str]:
    return list(gold) if spec.class_of == "word" else [gold]
