"""A model that was tuned elsewhere, with its own head."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn

from xstilts.core.errors import EncoderError
from xstilts.models.encoder import layer_outputs
from xstilts.models.encoder_files import model_class
from xstilts.models.sentence_modules import sentence_output

SPAN = "span"
CHOICE = "AutoModelForMultipleChoice"


class TunedModel(nn.Module):
    """A model opened by its class; its logits have the shape that a format defines.

    Args:
        folder: of the model.
        auto_class: empty for dense layers of sentence-transformers.
        format: of the task that it answers.

    Raises:
        EncoderError: weights of the head are missing.
    """

    def __init__(self, folder: Path, auto_class: str, format: str) -> None:
        super().__init__()
        self.folder, self.auto_class, self.format = folder, auto_class, format
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
        opening: Any = getattr(transformers, auto_class) if auto_class else model_class(config)
        self.model, info = opening.from_pretrained(
            folder,
            dtype=torch.float32,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
        missing = [name for name in info["missing_keys"] if auto_class or "pooler" not in name]
        if missing:
            raise EncoderError(
                f"{len(missing)} tensors of {auto_class or 'the encoder'} are not in the weights, "
                f"such as {sorted(missing)[0]}",
                where=str(folder),
                todo="save the tuned model with save_pretrained",
            )

    def forward(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        """[n, t] ids, mask and segment ids → logits of n texts, as the format's own head."""
        inputs = {"input_ids": ids, "attention_mask": mask}
        if getattr(self.model.config, "type_vocab_size", 0) > 0:
            inputs["token_type_ids"] = types
        if self.auto_class == CHOICE:
            inputs = {name: value[:, None] for name, value in inputs.items()}
        output = self.model(**inputs)
        if not self.auto_class:
            return sentence_output(self.folder, layer_outputs(output)[-1], mask)
        if self.format != SPAN:
            return cast("Tensor", output.logits)
        if hasattr(output, "start_logits"):
            logits = torch.stack([output.start_logits, output.end_logits], dim=-1)
        else:
            logits = output.logits
        return logits.masked_fill(mask[:, :, None] == 0, -torch.inf)
