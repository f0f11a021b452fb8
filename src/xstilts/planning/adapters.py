"""What `lora` in a recipe changes for a plan: the package it needs and the cost of a training."""

from __future__ import annotations

from collections.abc import Mapping

from xstilts.config.lora import LoraConfig
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.stage import Cost
from xstilts.models.encoder_defaults import EncoderDefaults
from xstilts.models.peft_package import check_peft
from xstilts.planning.cost import block_weights, computed_cost

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
