"""`embed`: one vector per sentence, straight from an encoder."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from xstilts.core.errors import ConfigError
from xstilts.formats import EMBEDDED
from xstilts.formats.base import Reading, id_lists
from xstilts.models.encoder import frozen_encoder
from xstilts.models.vocabulary import used_ids
from xstilts.stages.kind import Work
from xstilts.stages.prepare import ROWS
from xstilts.stages.rows import read_rows
from xstilts.stages.train import encoder_files
from xstilts.train.predict import embed


def run(work: Work) -> dict[str, Any]:
    """Write a file of vectors, float32 [rows, width], for every layer and pooling."""
    params = work.params
    files = encoder_files(work)
    tokenizer = files.tokenizer()
    rows = read_rows(work.inputs["rows"] / ROWS)
    reading = Reading(max_length=params["max_length"])
    features = EMBEDDED.get(params["format"]).features(rows, tokenizer, (), reading)
    encoder = frozen_encoder(files)
    depth = int(encoder.model.config.num_hidden_layers)
    if wrong := [layer for layer in params["layers"] if not 0 <= layer <= depth]:
        raise ConfigError(
            f"the encoder has no layer {wrong[0]}",
            where="retrieval.layer",
            todo=f"0 is the embedding output, {depth} the last block",
        )
    encoder.view(used_ids(id_lists(features), tokenizer.pad_token_id))
    ways = list(product(params["layers"], params["poolings"]))
    found = embed(encoder, features, tokenizer.pad_token_id, ways)
    for (layer, pooling), vectors in found.items():
        np.save(work.folder / vectors_file(layer, pooling), vectors, allow_pickle=False)
    return {"rows": len(rows), "width": encoder.width}


def vectors_file(layer: int, pooling: str) -> str:
    """The name of the file with the vectors of a layer and pooling."""
    return f"vectors-{layer}-{pooling}.npy"
