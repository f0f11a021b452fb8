"""A training of a store: its encoder, its heads, and the trainings and data before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.errors import XstiltsError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.export.task_head import TaskHead, heads_of
from xstilts.models.encoder_defaults import PACKAGED, PACKAGED_ON_HUB
from xstilts.models.encoder_files import EncoderFiles
from xstilts.stages.prepare import ROWS
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.shuffled_labels import find_task

ENCODER, BASE = "encoder", "base"
PARTS = ("train", "dev")
PAIR = "text_pair"
"""The column of the second text."""


@dataclass(frozen=True)
class DataUse:
    """Rows that a training or an evaluation read.

    Args:
        role: train, dev or test.
        split: of the data set.
        rows: their number; none if it is not known.
        licence, source, citation, hub: of the task; empty if it names none.
    """

    task: str
    role: str
    language: str
    split: str
    rows: int | None = None
    licence: str = ""
    source: str = ""
    citation: str = ""
    hub: str = ""


@dataclass(frozen=True)
class TrainedModel:
    """A finished training with its files.

    Args:
        stages: key → stage, of the training and everything before it.
        own_tasks: name → task in the experiment's file, as JSON.
        encoder_names: of the pretrained encoder, in results, the newest first; several if entries
            of `encoders` share the training.
    """

    store: Store
    stage: Stage
    stages: Mapping[str, Stage]
    own_tasks: Mapping[str, Any] = field(default_factory=dict)
    encoder_names: tuple[str, ...] = ()

    @property
    def artifact(self) -> Artifact:
        """Of the training."""
        return self.store.artifact(self.stage.key)

    @cached_property
    def files(self) -> EncoderFiles:
        """The encoder after the training.

        Raises:
            DamagedArtifact: a file is not what was published.
        """
        encoder = self.store.artifact(self.stage.inputs[ENCODER])
        for artifact in (encoder, self.artifact):
            artifact.check_digests()
        return EncoderFiles(encoder.path, self.artifact.path)

    @property
    def heads(self) -> list[TaskHead]:
        """The heads of formats with a class of transformers."""
        return heads_of(self.stage.params, self.artifact.path)

    @property
    def pooling(self) -> str:
        """What its sentence heads and vectors read."""
        return str(self.stage.params.get("pooling", "mean"))

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Its recipe, with the names that stages have."""
        recipe: Mapping[str, Any] = self.stage.params["recipe"]
        return recipe

    @property
    def max_length(self) -> int | None:
        """Sub-words that its texts were cut at."""
        value = self.recipe.get("max_length")
        return value if isinstance(value, int) else None

    @property
    def source(self) -> Mapping[str, Any]:
        """The source of the pretrained encoder; see `models.encoder_source`."""
        encoder = self.stages.get(self.stage.inputs[ENCODER])
        source: Mapping[str, Any] = encoder.params.get("source", {}) if encoder else {}
        return source

    @property
    def hub_encoder(self) -> str:
        """The pretrained encoder's name on the hub; empty for a folder."""
        if self.source.get("from") == "package":
            return PACKAGED_ON_HUB
        return str(self.source.get("name", ""))

    @property
    def shown_encoder(self) -> str:
        """The pretrained encoder's name for people."""
        if len(self.encoder_names) == 1:
            return self.encoder_names[0]
        if self.source.get("from") == "package":
            return PACKAGED
        return self.hub_encoder or next(iter(self.encoder_names), "encoder")

    @property
    def chain(self) -> list[Stage]:
        """The trainings from the pretrained encoder to this one."""
        trainings, key = list[Stage](), self.stage.key
        while key and (stage := self.stages.get(key)):
            trainings.append(stage)
            key = stage.inputs.get(BASE, "")
        return trainings[::-1]

    def data_of(self, training: Stage) -> Iterator[DataUse]:
        """What a training read."""
        for name, key in sorted(training.inputs.items()):
            part, _, rest = name.partition(":")
            if part in PARTS:
                task, _, language = rest.rpartition(":")
                yield self.use_of(key, task, part, language)

    def use_of(self, key: str, task: str, role: str, language: str) -> DataUse:
        """The use of rows.

        Args:
            key: of the stage that made them.
        """
        spec, own = self._task(task), self.own_tasks.get(task, {})
        about = (
            (spec.licence, spec.source, spec.citation, spec.hub)
            if spec
            else (str(own.get("licence") or ""), "files of the user", "", "")
        )
        split = str(self._prepared(key).get("split", role))
        return DataUse(task, role, language, split, self._rows(key), *about)

    def reads_pairs(self, task: str) -> bool:
        """Whether a task it was trained on has pairs of texts; False if its rows are not there."""
        for name, key in self.stage.inputs.items():
            if name.rpartition(":")[0] == f"train:{task}":
                with suppress(OSError, KeyError, pa.ArrowException):
                    column = pq.read_table(self.store.artifact(key) / ROWS, columns=[PAIR])[PAIR]
                    return bool(column.null_count < len(column))
        return False

    def _task(self, name: str) -> TaskSpec | None:
        if name in self.own_tasks:
            return None
        with suppress(XstiltsError, ImportError):
            return find_task(name, TASKS.get)
        return None

    def task_of(self, key: str) -> str:
        """The task of rows.

        Args:
            key: of the stage that made them.
        """
        return str(self._prepared(key).get("task", ""))

    def _prepared(self, key: str) -> Mapping[str, Any]:
        """The parameters of the stage that prepared rows, before translations and draws."""
        while (stage := self.stages.get(key)) and "rows" in stage.inputs:
            key = stage.inputs["rows"]
        return stage.params if stage else {}

    def _rows(self, key: str) -> int | None:
        with suppress(DamagedArtifact, KeyError, OSError):
            return int(self.store.artifact(key).facts["rows"])
        return None

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of the packages that trained it."""
        provenance = self.artifact.manifest.get("provenance", {})
        versions: Mapping[str, str] = provenance.get("versions", {})
        return versions
