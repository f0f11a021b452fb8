"""`embed`: one vector per sentence, straight from an encoder."""

from __future__ import annotations

from typing import Any

import numpy as np

from xstilts.core.errors import ConfigError
from xstilts.formats import EMBEDDED
from xstilts.formats.base import id_lists
from xstilts.models.encoder import frozen_encoder
from xstilts.models.vocabulary import used_ids
from xstilts.stages.kind import Work
from xstilts.stages.prepare import ROWS
from xstilts.stages.rows import read_rows
from xstilts.stages.train import encoder_files
from xstilts.train.predict import embed

VECTORS = "vectors.npy"


def run(work: Work) -> dict[str, Any]:
    """Write `vectors.npy`, float32 [rows, width] in the order of the rows."""
    params = work.params
    files = encoder_files(work)
    tokenizer = files.tokenizer()
    rows = read_rows(work.inputs["rows"] / ROWS)
    features = EMBEDDED.get(params["format"]).features(rows, tokenizer, (), params["max_length"])
    encoder = frozen_encoder(files)
    depth = int(encoder.model.config.num_hidden_layers)
    if not -depth <= params["layer"] <= depth:
        raise ConfigError(
            f"the encoder has no layer {params['layer']}",
            where="retrieval.layer",
            todo=f"0 is the embedding output, {depth} the last block",
        )
    encoder.view(used_ids(id_lists(features), tokenizer.pad_token_id))
    vectors = embed(encoder, features, tokenizer.pad_token_id, params["layer"], params["pooling"])
    np.save(work.folder / VECTORS, vectors, allow_pickle=False)
    return {"rows": len(rows), "width": int(vectors.shape[1])}
