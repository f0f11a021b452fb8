"""Estimated peak memory of the stages of an experiment; see `planning.memory`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from xstilts.config.recipe import Recipe
from xstilts.core.stage import Stage
from xstilts.formats import FORMATS
from xstilts.models.encoder_config import PACKED_TYPES
from xstilts.models.encoder_defaults import KNOWN_ENCODERS
from xstilts.models.encoder_source import EncoderSource, read_json_object
from xstilts.models.vision.tower_source import TowerSource
from xstilts.planning.adapters import adapter_weights
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.cost import TOUCHED_ROWS
from xstilts.planning.encoder_experiments import encoder_experiments
from xstilts.planning.image_memory import (
    ImageWork,
    evaluated_examples,
    image_memory,
    state_shape,
)
from xstilts.planning.images import ImageInputs
from xstilts.planning.memory import (
    Hardware,
    Workload,
    evaluation_memory,
    rows_in_view,
    training_memory,
)
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.stages.io.image_roles import IMAGE_CONTEXT, VISION

TRAININGS = frozenset({"train", "dynamics"})
SENTENCE = 24
"""Expected sub-words of a sentence that is embedded."""


def peak_memory(part: CompiledExperiment, hardware: Hardware) -> dict[str, int]:
    """Key → bytes at the peak of each training, prediction and embedding of an experiment."""
    return {stage.key: memory.of(stage) for stage, memory in _stages(part, hardware)}


def least_training_memory(part: CompiledExperiment, hardware: Hardware) -> dict[str, int]:
    """Key → bytes that each training of texts needs even with one text at a time.

    A batch is divided when memory is exhausted, down to single examples.
    """
    return {
        stage.key: memory.least(stage)
        for stage, memory in _stages(part, hardware)
        if stage.kind in TRAININGS and VISION not in stage.inputs
    }


def _stages(part: CompiledExperiment, hardware: Hardware) -> Iterator[tuple[Stage, StageMemory]]:
    """The stages that compute with an encoder, and the memory of that encoder's stages."""
    experiments = [ResolvedExperiment(one) for one in encoder_experiments(part.loaded)]
    encoders = [StageMemory(resolved, hardware) for resolved in experiments]
    plan = part.compiled.plan
    for stage in plan.stages:
        if stage.kind in TRAININGS or stage.kind in ("predict", "embed"):
            params = plan.by_key[stage.inputs["encoder"]].params["source"]
            encoder = next(one for one in encoders if one.source.params == params)
            yield stage, encoder


@dataclass(frozen=True)
class StageMemory:
    """The memory of stages of one encoder on some hardware."""

    resolved: ResolvedExperiment
    hardware: Hardware

    @property
    def source(self) -> EncoderSource:
        """Of the encoder."""
        return self.resolved.source

    def of(self, stage: Stage) -> int:
        """Bytes at the peak of a stage."""
        return self._of_texts(stage) + (self._of_images(stage) if VISION in stage.inputs else 0)

    def least(self, stage: Stage) -> int:
        """Bytes of a training that computes one text at a time."""
        work = self._training(stage)
        single = replace(work, tokens=min(work.tokens, work.length))
        return training_memory(self.source.defaults, single, self.hardware)

    def _of_images(self, stage: Stage) -> int:
        """Bytes that the images of a training or prediction add."""
        encoder, shape = self.source.defaults, state_shape(self._tower)
        if stage.kind in TRAININGS:
            text, recipe = self._training(stage), _recipe(stage)
            images = max(
                self.resolved.task(name).format_spec.images for name in stage.params["tasks"]
            )
            size = -(-recipe.batch_size // recipe.gradient_accumulation_steps)
            sharded = text.packed and not text.checkpointing
            work = ImageWork(size, text.length, images, gradients=True, sharded=sharded)
            return image_memory(encoder, shape, work, self.hardware)
        task = self.resolved.task(stage.params["task"])
        work = ImageWork(0, task.subwords, task.format_spec.images, gradients=False)
        examples = evaluated_examples(work, shape, self.hardware)
        return image_memory(encoder, shape, replace(work, examples=examples), self.hardware)

    @cached_property
    def _tower(self) -> TowerSource:
        return ImageInputs(self.resolved).source

    def _of_texts(self, stage: Stage) -> int:
        encoder = self.source.defaults
        if stage.kind in TRAININGS:
            return training_memory(encoder, self._training(stage), self.hardware)
        if stage.kind == "embed":
            work = Workload(0, min(SENTENCE, stage.params["max_length"]), TOUCHED_ROWS, self._packs)
            states = 1 + max(stage.params["layers"])
            return evaluation_memory(encoder, work, self.hardware, states)
        name, longest = stage.params["task"], stage.params["reading"]["max_length"]
        length = min(self.resolved.task(name).subwords, longest)
        work = Workload(0, length, TOUCHED_ROWS, self._packs)
        return evaluation_memory(encoder, work, self.hardware)

    @cached_property
    def _packs(self) -> bool:
        """Whether batches are packed; unknown model types on the Hub are assumed to be padded."""
        if self.source.folder is None:
            return self.source.name in KNOWN_ENCODERS
        config = read_json_object(self.source.folder / "config.json")
        return config.get("model_type") in PACKED_TYPES

    def _training(self, stage: Stage) -> Workload:
        encoder, recipe = self.source.defaults, _recipe(stage)
        lengths = {
            name: self.resolved.task(name).subwords for name in stage.params["tasks"]
        }  # of an example: all choices of a question
        masked_lm = any(_is_tied(task["format"]) for task in stage.params["tasks"].values())
        length = min(max(lengths.values()), recipe.max_length)
        size = -(-recipe.batch_size // recipe.gradient_accumulation_steps)
        return Workload(
            tokens=size * max(lengths.values()),
            length=length,
            rows=encoder.vocabulary if masked_lm else self._rows(stage, lengths),
            packed=self._packs and not recipe.compile,
            bf16=recipe.precision == "bf16" or (self.hardware.gpu and recipe.precision == "auto"),
            checkpointing=recipe.gradient_checkpointing,
            trained=adapter_weights(encoder, recipe.lora) if recipe.lora else None,
            masked_lm=masked_lm,
        )

    def _rows(self, stage: Stage, lengths: dict[str, int]) -> int:
        """Rows of the embedding matrix in the training and dev data of a stage."""
        tokens = 0
        for role in stage.inputs:
            part, _, rest = role.partition(":")
            name, _, language = rest.rpartition(":")
            if name in lengths:
                rows = self.resolved.expected_rows(self.resolved.task(name), part, language)
                tokens += rows * lengths[name]
        return rows_in_view(tokens, self.source.defaults.vocabulary)


def _recipe(stage: Stage) -> Recipe:
    runtime = {key: v for key, v in stage.context.items() if key != IMAGE_CONTEXT}
    params: dict[str, Any] = {**stage.params["recipe"], **runtime}
    return Recipe.from_key_params(params)


def _is_tied(name: str) -> bool:
    training = FORMATS.get(name).training
    return training is not None and training.tied
