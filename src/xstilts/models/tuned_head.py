"""The head of a model that was tuned elsewhere, from its config.json; without torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xstilts.core.counted import counted
from xstilts.core.errors import ConfigError
from xstilts.models.sentence_transformers import CONFIG, MODULES, Reader

FORMAT, HEAD_LABELS = "xstilts_format", "xstilts_labels"
"""Entries of the config.json of a folder whose head is dense layers of sentence-transformers."""
AUTO_CLASSES = {
    "ForSequenceClassification": "AutoModelForSequenceClassification",
    "ForTokenClassification": "AutoModelForTokenClassification",
    "ForQuestionAnsweringSimple": "AutoModelForQuestionAnswering",
    "ForQuestionAnswering": "AutoModelForQuestionAnswering",
    "ForMultipleChoice": "AutoModelForMultipleChoice",
}
"""End of the name of an architecture → the class that opens it."""
FORMATS_OF = {
    "AutoModelForSequenceClassification": ("classification", "regression"),
    "AutoModelForTokenClassification": ("tagging",),
    "AutoModelForQuestionAnswering": ("span",),
    "AutoModelForMultipleChoice": ("multiple_choice",),
}
"""Class → formats of the tasks that its heads can answer."""
NAMED = ("classification", "regression", "tagging")
"""Formats whose heads have an output for each label, or one."""
SPAN_LABELS = ("start", "end")
UNNAMED = re.compile(r"LABEL_\d+")
"""The names that transformers gives to outputs without a name."""
DENSE = "Dense"


@dataclass(frozen=True)
class TunedHead:
    """A head that was tuned elsewhere.

    Args:
        auto_class: the class that opens it; empty for dense layers of sentence-transformers.
        formats: of the tasks that it can answer.
        labels: names of its outputs, in order.
    """

    auto_class: str
    formats: tuple[str, ...]
    labels: tuple[str, ...]

    def labels_for(self, kind: str, labels: Sequence[str]) -> tuple[str, ...] | None:
        """The labels of a task in the order of the outputs; None if the head does not fit.

        Labels are compared without regard to case.

        Args:
            kind: format of the task.
        """
        if kind not in self.formats:
            return None
        if kind == "regression":
            return tuple(labels) if len(self.labels) == 1 else None
        if kind in ("span", "multiple_choice"):
            return tuple(labels)
        known = {label.casefold(): label for label in labels}
        ordered = tuple(known.get(label.casefold(), "") for label in self.labels)
        return ordered if sorted(ordered) == sorted(labels) else None

    @property
    def is_unnamed(self) -> bool:
        """Whether its outputs have transformers' default names, which say nothing."""
        return len(self.labels) > 1 and all(map(UNNAMED.fullmatch, self.labels))

    def __str__(self) -> str:
        return f"{self.auto_class or 'dense layers'} ({_first(self.labels)})"


def tuned_head_of(read: Reader, labels: Sequence[str] = ()) -> TunedHead | None:
    """The head of a model; None if its files are those of an encoder.

    Args:
        read: path in the folder or repository → JSON value.
        labels: names of the outputs in place of those in config.json.

    Raises:
        ConfigError: another number of names than outputs, or names in another order.
    """
    config = read(CONFIG)
    if not isinstance(config, Mapping):
        return None
    architecture = str(next(iter(config.get("architectures") or ()), ""))
    auto_class = next(
        (name for ending, name in AUTO_CLASSES.items() if architecture.endswith(ending)), ""
    )
    if auto_class:
        formats: tuple[str, ...] = FORMATS_OF[auto_class]
        own = _renamed(_labels(config), labels, formats)
        if auto_class == "AutoModelForTokenClassification" and own == SPAN_LABELS:
            formats = ("span",)
        return TunedHead(auto_class, formats, own)
    if FORMAT in config and _has_dense(read(MODULES)):
        formats = (str(config[FORMAT]),)
        own = _renamed(tuple(map(str, config.get(HEAD_LABELS, ()))), labels, formats)
        return TunedHead("", formats, own)
    return None


def _labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in `id2label`; transformers' defaults if there are none."""
    named = config.get("id2label")
    if isinstance(named, Mapping):
        numbered = {int(number): str(label) for number, label in named.items()}
        return tuple(numbered[number] for number in sorted(numbered))
    return tuple(f"LABEL_{number}" for number in range(int(config.get("num_labels", 2))))


def _first(labels: Sequence[str]) -> str:
    """The first four labels, as text."""
    return ", ".join(labels[:4]) + (" …" if len(labels) > 4 else "")


def _renamed(
    own: tuple[str, ...], labels: Sequence[str], formats: Sequence[str]
) -> tuple[str, ...]:
    """The names in place of a head's own ones, which say how many outputs it has.

    Raises:
        ConfigError: another number of names than outputs, or a name of its own for another output.
    """
    if not labels or not own or not set(formats) & set(NAMED):
        return tuple(labels) or own
    if len(labels) != len(own):
        raise ConfigError(
            f"{counted(len(labels), 'name')} for the {counted(len(own), 'output')} of the head",
            where="--labels",
            todo=f"name each output, in order; in config.json they are {_first(own)}",
        )
    numbers = {name.strip().casefold(): number for number, name in enumerate(own)}
    for number, name in enumerate(labels):
        if (in_config := numbers.get(name.strip().casefold(), number)) != number:
            raise ConfigError(
                f"{name!r} is output {in_config} in config.json ({_first(own)}), not {number}",
                where="--labels",
                todo="leave --labels out, or correct id2label in config.json",
            )
    return tuple(labels)


def _has_dense(modules: Any) -> bool:
    listed = modules if isinstance(modules, list) else []
    return any(str(module.get("type", "")).endswith(DENSE) for module in listed)
