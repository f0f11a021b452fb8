"""Verbs for encoders."""

from __future__ import annotations

from pathlib import Path

from xstilts.models.pickled_weights import convert_encoder as convert


def convert_encoder(folder: str | Path, to: str | Path) -> Path:
    """Copy an encoder's folder with its pickled weights as safetensors.

    Raises:
        EncoderError: no pickled weights, weights that are more than tensors, or `to` has files.
    """
    return convert(Path(folder), Path(to))
