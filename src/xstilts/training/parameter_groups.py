"""Parameters by their learning rate and weight decay."""

from __future__ import annotations

from typing import Any

from xstilts.config.recipe import Recipe
from xstilts.training.multitask_model import MultiTaskModel

NO_DECAY = (
    *("bias", "LayerNorm.weight", "norm.weight", "layer_norm1.weight", "layer_norm2.weight"),
    *("ln_1.weight", "ln_2.weight", "ln_f.weight", "ln_attn.weight", "ln_mlp.weight"),
)


def parameter_groups(model: MultiTaskModel, recipe: Recipe) -> list[dict[str, Any]]:
    """Return groups of encoder and heads, with and without (biases, LayerNorms) weight decay.

    Frozen parameters are in none: they have no gradient, no moments and no decay.
    """
    groups = []
    head_rate = recipe.head_learning_rate or recipe.learning_rate
    for part, peak in ((model.encoder, recipe.learning_rate), (model.heads, head_rate)):
        named = [item for item in part.named_parameters() if item[1].requires_grad]
        for exempt, decay in ((False, recipe.weight_decay), (True, 0.0)):
            params = [value for name, value in named if name.endswith(NO_DECAY) == exempt]
            groups.append({"params": params, "weight_decay": decay, "lr": peak, "peak_lr": peak})
    return groups
