"""`hub`: a translation model from the Hugging Face hub or a folder (Marian, NLLB, M2M-100 …)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, PositiveInt

from xstilts.config.base import ConfigModel
from xstilts.core.errors import ConfigError, TranslatorError
from xstilts.core.hashing import digest_of_unchanged
from xstilts.translate.base import Direction, Engine, missing
from xstilts.translate.segmentation import LINES, SENTENCES, segment

if TYPE_CHECKING:
    from torch import Tensor

ENDINGS = (".safetensors", ".json", ".model", ".spm", ".txt")


class HubOptions(ConfigModel):
    """Which model, and how it searches."""

    model: str = Field("Helsinki-NLP/opus-mt-{source}-{target}", description="hub name or folder")
    revision: str | None = Field(None, description="hub revision; a commit pins the weights")
    codes: dict[str, str] = Field(
        default_factory=dict, description="language → the model's own code, e.g. es: spa_Latn"
    )
    prefix: str = Field("", description="before every text, e.g. '>>{target}<< '")
    beams: PositiveInt = Field(1, description="1: greedy")
    max_tokens: PositiveInt = Field(256, description="sub-words of a translation")
    sentences: bool = Field(True, description="translate sentence by sentence")
    batch_size: PositiveInt = 16


@dataclass(frozen=True)
class HubTranslator:
    """A model with its tokenizer; `start` is the first sub-word that the decoder must give."""

    model: Any
    tokenizer: Any
    start: int | None
    prefix: str
    options: HubOptions
    unknown: ClassVar[int] = 0

    def translate(self, texts: Sequence[str]) -> list[str]:
        """In batches of like length; empty where a text is too long or its translation never ends.

        The batches change the result no more than floating point does.
        """
        return segment(texts, SENTENCES if self.options.sentences else LINES, self._pieces)

    def _pieces(self, pieces: Sequence[str]) -> list[str]:
        if not pieces:
            return []
        ids = self.tokenizer([self.prefix + piece for piece in pieces])["input_ids"]
        longest = self.model.config.max_position_embeddings
        places = sorted(range(len(pieces)), key=lambda place: len(ids[place]))
        fitting = [place for place in places if len(ids[place]) <= longest]
        found = [""] * len(pieces)
        for first in range(0, len(fitting), self.options.batch_size):
            batch = fitting[first : first + self.options.batch_size]
            for place, text in zip(batch, self._batch([ids[one] for one in batch]), strict=True):
                found[place] = text
        return found

    def _batch(self, ids: list[list[int]]) -> Iterator[str]:
        import torch

        padded = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt")
        forced = {} if self.start is None else {"forced_bos_token_id": self.start}
        with torch.inference_mode():
            output: Tensor = self.model.generate(
                **padded.to(self.model.device),
                num_beams=self.options.beams,
                do_sample=False,
                max_new_tokens=self.options.max_tokens,
                **forced,
            )
        for row in output[:, 1:].tolist():
            # Marian is made to end at the last sub-word allowed: an end there tells nothing.
            ended = self.tokenizer.eos_token_id in row[: self.options.max_tokens - 1]
            yield self.tokenizer.decode(row, skip_special_tokens=True).strip() if ended else ""


def identity(direction: Direction, options: HubOptions) -> dict[str, Any]:
    """The model's hub name and revision, or the digests of its files, and the options."""
    path, name = _folder(direction, options), direction.filled(options.model)
    if path is None and (name.startswith((".", "/", "~")) or name.count("/") != 1):
        raise ConfigError(
            f"{name} is neither a folder nor a hub name",
            where="translator.options.model",
            todo="write owner/name, or a path that starts at the experiment's folder",
        )
    chosen = options.model_dump(exclude={"model", "revision", "codes", "batch_size"})
    codes = [_code(direction.source, options), _code(direction.target, options)]
    if path is None:
        source = {"name": name, "revision": options.revision or "main"}
        return {**chosen, "codes": codes, "model": source}
    files = sorted(file for file in path.iterdir() if file.suffix in ENDINGS and file.is_file())
    digests = {file.name: digest_of_unchanged(file) for file in files}
    return {**chosen, "codes": codes, "model": digests}


def open_hub(direction: Direction, options: HubOptions) -> HubTranslator:
    """Load the model, onto a GPU if there is one.

    Raises:
        TranslatorError: not to be had, only as pickle, or without the language.
        MissingPackageError: its tokenizer needs sentencepiece.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from xstilts.models.device import compute_device

    identity(direction, options)
    name = str(_folder(direction, options) or direction.filled(options.model))
    wanted: dict[str, Any] = {"revision": options.revision or "main", "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **wanted)
        model = AutoModelForSeq2SeqLM.from_pretrained(
            name, **wanted, use_safetensors=True, dtype=torch.float32
        )
    except ImportError as error:
        install = "pip install 'xstilts[translate]'"
        raise missing("hub", f"sentencepiece for the tokenizer of {name}", install) from error
    except Exception as error:  # the hub's client lets its HTTP library's own errors through
        raise TranslatorError(
            f"{name} cannot be loaded ({type(error).__name__}: {error})",
            where="translator.options.model",
            todo="it must be an encoder-decoder with safetensors weights; give a folder offline",
        ) from error
    model.generation_config.max_length = None  # ours is `max_tokens`
    model = model.eval().to(compute_device())
    start = _start(tokenizer, direction, options)
    return HubTranslator(model, tokenizer, start, direction.filled(options.prefix), options)


def _start(tokenizer: Any, direction: Direction, options: HubOptions) -> int | None:
    """Tell a multilingual tokenizer the source; returns the sub-word that means the target."""
    if not hasattr(tokenizer, "src_lang"):
        return None
    source, target = _code(direction.source, options), _code(direction.target, options)
    try:
        tokenizer.src_lang = source
        if hasattr(tokenizer, "get_lang_id"):
            return int(tokenizer.get_lang_id(target))
        found = [tokenizer.convert_tokens_to_ids(code) for code in (source, target)]
    except KeyError as error:
        raise _no_language(str(error)) from error
    for code, number in zip((source, target), found, strict=True):
        if number is None or number == tokenizer.unk_token_id:
            raise _no_language(repr(code))
    return int(found[1])


def _no_language(code: str) -> TranslatorError:
    return TranslatorError(
        f"the model has no language {code}",
        where="translator.options.codes",
        todo="give its own codes, e.g. codes: {en: eng_Latn, es: spa_Latn}",
    )


def _code(language: str, options: HubOptions) -> str:
    return options.codes.get(language, language)


def _folder(direction: Direction, options: HubOptions) -> Path | None:
    path = direction.folder / Path(direction.filled(options.model)).expanduser()
    return path.resolve() if path.is_dir() else None


ENGINE = Engine(HubOptions, identity, open_hub)
