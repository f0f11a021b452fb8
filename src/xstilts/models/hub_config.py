"""The config.json of a model on the Hub, for planning: from the cache, else from the network."""

from __future__ import annotations

import json
import logging
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

from xstilts.models.encoder_config import EncoderShape, shape_of

logger = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds to wait for the Hub: a plan has to work without a network."""


@cache
def hub_shape(name: str, revision: str) -> EncoderShape | None:
    """Return the sizes of a model on the Hub; None with a warning if they cannot be read."""
    try:
        shape = shape_of(_config(name, revision))
        reason = "its config.json does not have them"
    except (OSError, ValueError) as error:  # no network, no such model, a token that is needed
        shape, reason = None, f"config.json cannot be read: {error}"
    if shape is None:
        logger.warning(
            "the sizes of %s are unknown (%s): the plan assumes 12 layers of width 768, as in "
            "XLM-R Base; set retrieval.layer, or plan again with a network",
            name,
            reason,
        )
    return shape


def _config(name: str, revision: str) -> dict[str, Any]:
    """Read config.json.

    Raises:
        OSError: it is not cached, and the Hub does not answer or has no such file.
        ValueError: it is no JSON object.
    """
    from huggingface_hub import constants, get_token, hf_hub_url, try_to_load_from_cache

    cached = try_to_load_from_cache(name, "config.json", revision=revision)
    if isinstance(cached, str):
        text = Path(cached).read_bytes()
    elif constants.HF_HUB_OFFLINE:
        raise OSError("offline, and not in the cache")
    else:
        url = hf_hub_url(name, "config.json", revision=revision)
        token = get_token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            text = answer.read()
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ValueError("config.json is no JSON object")
    return config
