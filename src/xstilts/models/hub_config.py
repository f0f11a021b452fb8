"""The config.json of a model on the Hub, for planning: from the cache, else from the network."""

from __future__ import annotations

import json
import logging
import urllib.request
from functools import cache
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any

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
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        # no network, no such model, a token that is needed, a cut or odd file
        shape, reason = None, f"config.json cannot be read: {error}"
    if shape is None:
        logger.warning(
            "the sizes of %s are unknown (%s): the plan assumes 12 layers of width 768, as in "
            "XLM-R Base; set retrieval.layer, or plan again with a network",
            name,
            reason,
        )
    return shape


class KeepTokenAtHost(urllib.request.HTTPRedirectHandler):
    """Follow redirects, but send the user's token to no other host."""

    def redirect_request(
        self,
        request: urllib.request.Request,
        answer: IO[bytes],
        code: int,
        message: str,
        headers: HTTPMessage,
        url: str,
    ) -> urllib.request.Request | None:
        """The request that follows a redirect."""
        following = super().redirect_request(request, answer, code, message, headers, url)
        if following and following.host != request.host:
            following.remove_header("Authorization")
        return following


def _config(name: str, revision: str) -> dict[str, Any]:
    """Read config.json.

    Raises:
        OSError: it is not cached, and the Hub does not answer or has no such file.
        ValueError: it is not a JSON object.
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
        opener = urllib.request.build_opener(KeepTokenAtHost)
        with opener.open(request, timeout=TIMEOUT) as answer:
            text = answer.read()
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ValueError("config.json is not a JSON object")
    return config
