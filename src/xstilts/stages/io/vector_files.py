"""Names of the files with sentence vectors."""

from __future__ import annotations


def vectors_file(layer: int, pooling: str) -> str:
    """The name of the file with the vectors of a layer and pooling."""
    return f"vectors-{layer}-{pooling}.npy"
