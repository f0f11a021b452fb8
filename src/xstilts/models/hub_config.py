"""Small JSON files of a model on the Hub, for planning: from the cache, else from the network."""

from __future__ import annotations

import json
import logging
import urllib.request
from functools import cache, partial
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError

from xstilts.models.encoder_config import EncoderShape, check_text_config, shape_of
from xstilts.models.sentence_transformers import CONFIG, SentenceEncoder, sentence_encoder_of

logger = logging.getLogger(__name__)

TIMEOUT = 5.0
"""Seconds to wait for the Hub: a plan has to work without a network."""
NOT_FOUND = 404
UNREADABLE = (OSError, HTTPException, ValueError, RecursionError)
"""Errors without a network, without the model or a token, and of a cut or invalid file."""


@cache
def hub_shape(name: str, revision: str) -> EncoderShape | None:
    """Return the sizes of a model on the Hub; None with a warning if they cannot be read."""
    try:
        config = hub_json(name, revision, CONFIG)
        if isinstance(config, dict):
            check_text_config(config, f"hub:{name}")
        shape = shape_of(config) if isinstance(config, dict) else None
        reason = f"its {CONFIG} does not have them"
    except UNREADABLE as error:
        shape, reason = None, f"{CONFIG} cannot be read: {error}"
    if shape is None:
        logger.warning(
            "the sizes of %s are unknown (%s): the plan assumes 12 layers of width 768, as in "
            "XLM-R Base; set retrieval.layer, or plan again with a network",
            name,
            reason,
        )
    return shape


@cache
def hub_sentence_encoder(name: str, revision: str) -> tuple[SentenceEncoder | None, bool]:
    """Return how a model on the Hub computes sentence vectors, and whether that is known.

    A warning says if its files cannot be read.
    """
    try:
        return sentence_encoder_of(partial(hub_json, name, revision)), True
    except UNREADABLE as error:
        logger.warning(
            "the files of sentence-transformers of %s cannot be read (%s): the plan assumes that "
            "it is no sentence encoder; set encoder.pooling and retrieval, or plan again with a "
            "network",
            name,
            error,
        )
        return None, False


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


def hub_json(name: str, revision: str, path: str) -> Any:
    """Read a JSON file of a model on the Hub, from the cache or the network.

    Returns:
        None if the model has no such file.

    Raises:
        OSError: it is not cached, and the Hub does not answer or has no such model.
        ValueError: it is not JSON.
    """
    from huggingface_hub import constants, get_token, hf_hub_url, try_to_load_from_cache

    cached = try_to_load_from_cache(name, path, revision=revision)
    if isinstance(cached, str):
        return json.loads(Path(cached).read_bytes())
    if cached is not None:  # known to be absent
        return None
    if constants.HF_HUB_OFFLINE:
        raise OSError("offline, and not in the cache")
    url = hf_hub_url(name, path, revision=revision)
    token = get_token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)
    opener = urllib.request.build_opener(KeepTokenAtHost)
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return json.loads(answer.read())
    except HTTPError as error:
        if error.code == NOT_FOUND and path != CONFIG:
            return None
        raise
