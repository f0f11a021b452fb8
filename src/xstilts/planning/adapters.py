"""What `lora` in a recipe means for a plan: its layers, the package it needs, and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xstilts.config.lora import LoraConfig
from xstilts.core.errors import ConfigError
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.stage import Cost
from xstilts.models.encoder_config import PACKED_TYPES
from xstilts.models.encoder_defaults import KNOWN_ENCODERS, EncoderDefaults
from xstilts.models.encoder_source import EncoderSource, read_json_object
from xstilts.models.peft_package import check_peft
from xstilts.planning.cost import block_weights, computed_cost
from xstilts.planning.resolve import ResolvedExperiment

BERT_LAYERS = ("query", "key", "value", "dense")
"""Names of the linear layers in the blocks of the families of BERT and RoBERTa."""
AUTO_LAYERS = 2
"""Adapted matrices of a block with `auto`: query and value, for most model types."""


def check_packages(plan: Plan, statuses: Mapping[str, StageStatus] | None) -> None:
    """Check that peft is installed if a stage to do trains adapters.

    Args:
        statuses: key → state. None: all stages are to do.

    Raises:
        MissingPackageError: it is not.
    """
    with_adapters = [stage.key for stage in plan.stages if "lora" in stage.params.get("recipe", ())]
    if any(statuses is None or statuses[key].state is StageState.TODO for key in with_adapters):
        check_peft()


def check_target_modules(resolved: ResolvedExperiment) -> None:
    """Check the layers of adapters, where the plan knows those of the encoder.

    Raises:
        ConfigError: a name in `target_modules` matches no linear layer.
    """
    recipes, source = resolved.experiment.recipes, resolved.source
    if _model_type(source) not in PACKED_TYPES:
        return
    sections: dict[str, Any] = {"intermediate": recipes.intermediate, "target": recipes.target}
    sections |= {f"tasks.{name}": changes for name, changes in recipes.tasks.items()}
    for section, recipe in sections.items():
        wanted = recipe.lora.target_modules if recipe.lora else ()
        for name in () if isinstance(wanted, str) else wanted:
            if name.rpartition(".")[2] not in BERT_LAYERS:
                raise ConfigError(
                    f"no linear layer of {source.name} has the name {name}",
                    where=f"recipes.{section}.lora.target_modules",
                    todo=f"it has {', '.join(BERT_LAYERS)}",
                )


def _model_type(source: EncoderSource) -> Any:
    """The model type in config.json; that of BERT for known encoders, which are all like it."""
    if source.folder:
        return read_json_object(source.folder / "config.json").get("model_type")
    return "bert" if source.name in KNOWN_ENCODERS else None


def adapter_weights(defaults: EncoderDefaults, lora: LoraConfig) -> int:
    """Return the expected number of weights in the adapters of all blocks."""
    width, layers = defaults.width, lora.target_modules
    if layers == "all-linear":
        sizes = 4 * 2 * width + 2 * 5 * width  # attention, and both layers of the feed-forward part
    else:
        sizes = (AUTO_LAYERS if layers == "auto" else len(layers)) * 2 * width
    return defaults.layers * lora.r * sizes


def lora_cost(
    defaults: EncoderDefaults,
    lora: LoraConfig,
    tokens: float,
    steps: float,
    masked_tokens: float = 0.0,
) -> Cost:
    """Forward and backward pass without gradients of frozen weights, and the optimizer.

    Args:
        masked_tokens: number of tokens to predict in masked language modelling.
    """
    adapters = adapter_weights(defaults, lora)
    table = defaults.vocabulary * defaults.width
    frozen = block_weights(defaults) * tokens + table * masked_tokens
    operations = 4 * frozen + 6 * adapters * tokens + 60 * adapters * steps
    head = defaults.width**2
    return computed_cost(operations, 1, 4 * (adapters + head))
