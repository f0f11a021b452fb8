"""What an encoder is used for in an experiment, checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xstilts.config.intermediate import IntermediateSetting, parse_setting
from xstilts.core.errors import ConfigError
from xstilts.models.encoder_config import (
    FINAL_NORMS,
    FIRST,
    LAST,
    MASKED_HEAD_TYPES,
    MEAN,
    PACKED_TYPES,
)
from xstilts.models.encoder_source import EncoderSource, source_json, weight_paths
from xstilts.models.masked_head_types import has_masked_head
from xstilts.models.sentence_transformers import CONFIG
from xstilts.models.text_towers import TEXT_TOWERS
from xstilts.models.tokenizer_files import (
    check_fast_tokenizer,
    check_sentencepiece,
    has_mask_token,
)
from xstilts.models.weight_files import tensor_names
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.vector_settings import differences, searched_targets, vector_settings
from xstilts.tasks.base import TaskSpec

READ_AT = {"cls": "the first token", "mean": "the mean of all tokens", "last": "the last token"}
"""Pooling → what is read of a text."""


def check_encoder_use(
    resolved: ResolvedExperiment, settings: Sequence[IntermediateSetting]
) -> None:
    """Check that the encoder can do what the experiment asks of it.

    Raises:
        ConfigError: a decoder is read at its first token or trained as a masked language model,
            an encoder without mask token is, or a final norm does not exist.
        EncoderError: its tokenizer needs a package that is not installed.
    """
    source = resolved.source
    if source.folder is not None:
        check_sentencepiece(source.folder)
        check_fast_tokenizer(source.folder)
    names = {part.task for setting in settings for part in setting.parts}
    tied = sorted(name for name in names if _predicts_masked(resolved, name))
    if tied:
        _check_masked_lm(source, tied[0])
    if source.defaults.causal:
        _check_pooling(resolved)
    kind = source.defaults.model_type
    if resolved.experiment.retrieval.final_norm and kind and kind not in FINAL_NORMS:
        raise ConfigError(
            f"{source.name} (type {kind}) has no norm after its last block",
            where="retrieval.final_norm",
            todo="leave it out",
        )


def _predicts_masked(resolved: ResolvedExperiment, task: str) -> bool:
    training = resolved.task(task, "intermediate").format_spec.training
    return training is not None and training.tied


def _check_masked_lm(source: EncoderSource, task: str) -> None:
    if source.defaults.causal:
        raise ConfigError(
            f"{source.name} is a decoder, which cannot be trained as a masked language model "
            f"({task})",
            where="intermediate",
            todo=f"leave {task} out of `intermediate`, or use an encoder",
        )
    if source.defaults.model_type in TEXT_TOWERS:
        raise ConfigError(
            f"{source.name} is the text side of an image-text model, which has no masked LM head "
            f"and reads padding ({task})",
            where="intermediate",
            todo=f"leave {task} out of `intermediate`, or use an encoder of texts",
        )
    if has_mask_token(lambda path: source_json(source, path)) is False:
        raise ConfigError(
            f"the tokenizer of {source.name} has no mask token, which masked language modelling "
            f"({task}) needs",
            where="intermediate",
            todo=f"leave {task} out of `intermediate`, or set `mask_token` in "
            "tokenizer_config.json to the token the encoder was trained with",
        )


def _check_pooling(resolved: ResolvedExperiment) -> None:
    chosen: list[tuple[str, tuple[str, ...]]] = [("encoder.pooling", (resolved.pooling,))]
    for task in searched_targets(resolved):
        chosen.append(("retrieval.pooling", vector_settings(resolved, task).poolings))
    for where, poolings in chosen:
        if FIRST in poolings:
            raise ConfigError(
                f"{resolved.source.name} is a decoder: the state of the first token of a text does "
                "not depend on the text",
                where=where,
                todo=f"use {LAST} or mean",
            )


def _trains_new_head(resolved: ResolvedExperiment) -> bool:
    """Whether a masked language model is trained whose head is known to be missing.

    The weights of a folder tell; of a model on the hub, its type alone.
    """
    settings = map(parse_setting, resolved.experiment.intermediate)
    if not any(_predicts_masked(resolved, name) for one in settings for name in one.tasks):
        return False
    source = resolved.source
    if source.folder is not None:
        return not _has_tied_head(source, source.folder)
    packaged = source.params["from"] == "package"
    return packaged or source.defaults.model_type not in ("", *MASKED_HEAD_TYPES)


def _has_tied_head(source: EncoderSource, folder: Path) -> bool:
    config = source_json(source, CONFIG)
    if isinstance(config, Mapping) and config.get("tie_word_embeddings") is False:
        return False
    return has_masked_head(set[str]().union(*map(tensor_names, weight_paths(folder))))


def _prompt_text(resolved: ResolvedExperiment) -> str:
    """The prompt of the retrieval targets, or the one that the encoder was trained with."""
    if resolved.prompt():
        return f", after {resolved.prompt()!r}"
    trained = resolved.source.defaults.trained_prompt
    if not trained or resolved.experiment.retrieval.prompt is not None:
        return ""
    return f', without the prompt of its training (set it with retrieval.prompt: "{trained}")'


def _retrieval_notes(resolved: ResolvedExperiment) -> Iterator[str]:
    """Which states are the vectors of the retrieval targets."""
    targets = list(searched_targets(resolved))
    frozen = [target for target in targets if not resolved.is_trained(target)]
    if frozen:
        yield from _frozen_notes(resolved)
    for target in targets:
        if target not in frozen:
            yield _trained_note(resolved, target)


def _trained_note(resolved: ResolvedExperiment, target: TaskSpec) -> str:
    """Which states are the vectors of a trained target, and what its training has otherwise."""
    settings, depth = vector_settings(resolved, target), resolved.source.defaults.layers
    layers = ", ".join(map(str, settings.layers))
    how = " and ".join(READ_AT[pooling] for pooling in settings.poolings)
    note = (
        f"encoder {resolved.encoder_name}: {target.name}, trained on "
        f"{resolved.train_ref(target).name}, is searched with {how} of layer {layers} of {depth}"
    )
    if resolved.recipe(target.name).contrastive_similarity == "dot":
        note += ", by cosine; its training compares dot products"
    if keys := list(differences(resolved, target)):
        note += f"; its training compares other vectors: leave out {', '.join(keys)} for the same"
    return note


def _frozen_notes(resolved: ResolvedExperiment) -> Iterator[str]:
    """Which states are the vectors of targets that are not trained."""
    defaults, name = resolved.source.defaults, resolved.encoder_name
    layers = ", ".join(map(str, resolved.layers()))
    how = " and ".join(READ_AT[pooling] for pooling in resolved.poolings())
    why = _why(resolved, defaults.layer_reason, resolved.experiment.retrieval.layer)
    yield (
        f"encoder {name}: retrieval reads {how} of layer {layers} of {defaults.layers} ({why})"
        f"{_prompt_text(resolved)}"
    )
    if resolved.prompt() and MEAN in resolved.poolings() and not defaults.include_prompt:
        yield (
            f"encoder {name}: its own mean leaves the prompt out (include_prompt: false), "
            "which is not computed: its vectors differ from published ones"
        )
    if defaults.not_applied:
        yield (
            f"encoder {name}: its {', '.join(defaults.not_applied)} after the pooling is not "
            "computed: its vectors differ from published ones"
        )


def _why(resolved: ResolvedExperiment, reason: str, chosen: object) -> str:
    """Why something is read: the experiment's choice, or the encoder's default and its reason."""
    if chosen != "auto":
        return "set in the experiment"
    return f"assumed: {reason}" if resolved.source.defaults.assumed else reason


def encoder_notes(resolved: ResolvedExperiment) -> Iterator[str]:
    """Which states of the encoder are read and why, and what is not as published."""
    source, defaults = resolved.source, resolved.source.defaults
    name = resolved.encoder_name
    why = _why(resolved, defaults.pooling_reason, resolved.encoder.pooling)
    yield f"encoder {name}: sentence heads read {READ_AT[resolved.pooling]} ({why})"
    yield from _retrieval_notes(resolved)
    if defaults.lower_case:
        yield (
            f"encoder {name}: texts are lower-cased before tokenization (do_lower_case in its "
            "sentence-transformers files)"
        )
    if tower := TEXT_TOWERS.get(defaults.model_type):
        yield (
            f"encoder {name}: the text side of an image-text model; the last token of its last "
            "layer is projected into the space of its images where retrieval reads it"
        )
        if tower.reads_padding:
            yield (
                f"encoder {name}: every text is padded to {defaults.positions} tokens, and padding "
                "is read, as in its training"
            )
    if defaults.model_type and defaults.model_type not in PACKED_TYPES:
        yield (
            f"encoder {name}: batches are padded; only {', '.join(sorted(PACKED_TYPES))} are packed"
        )
    if _trains_new_head(resolved):
        yield f"encoder {name}: masked language modelling starts from a new head"
    if source.pinned:
        yield (
            f"encoder {name}: weights of commit {source.params['revision']}, the first as "
            "safetensors"
        )
