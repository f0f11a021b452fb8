"""`hub`: a translation model from the Hugging Face Hub or a folder (Marian, NLLB, M2M-100 …)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, PositiveInt

from xstilts.config.base import ConfigModel
from xstilts.core.errors import ConfigError, TranslatorError
from xstilts.models.encoder_source import file_digests
from xstilts.translate.base import Direction, Engine, missing_package
from xstilts.translate.segmentation import LINES, SENTENCES, translate_segments

if TYPE_CHECKING:
    from torch import Tensor

ENDINGS = (".safetensors", ".json", ".model", ".spm", ".txt")


class HubOptions(ConfigModel):
    """Options: the model and its decoding."""

    model: str = Field("Helsinki-NLP/opus-mt-{source}-{target}", description="hub name or folder")
    revision: str | None = Field(None, description="hub revision; a commit pins the weights")
    codes: dict[str, str] = Field(
        default_factory=dict, description="language → code of the model, e.g. es: spa_Latn"
    )
    prefix: str = Field("", description="prepended to every text, e.g. '>>{target}<< '")
    beams: PositiveInt = Field(1, description="number of beams; 1: greedy search")
    max_tokens: PositiveInt = Field(256, description="maximum number of tokens of a translation")
    sentences: bool = Field(True, description="translate sentence by sentence")
    batch_size: PositiveInt = 16


@dataclass(frozen=True)
class HubTranslator:
    """A model with its tokenizer; `start` is the forced first token of the decoder."""

    model: Any
    tokenizer: Any
    start: int | None
    prefix: str
    options: HubOptions
    unknown: ClassVar[int] = 0

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Translate in batches of similar length; batching changes only rounding errors.

        Texts that are too long, and texts whose translation reaches `max_tokens`, have no
        translation.
        """
        return translate_segments(
            texts, SENTENCES if self.options.sentences else LINES, self._pieces
        )

    def _pieces(self, pieces: Sequence[str]) -> list[str]:
        if not pieces:
            return []
        ids = self.tokenizer([self.prefix + piece for piece in pieces])["input_ids"]
        max_length = self.model.config.max_position_embeddings
        by_length = sorted(range(len(pieces)), key=lambda index: len(ids[index]))
        fitting = [index for index in by_length if len(ids[index]) <= max_length]
        translations = [""] * len(pieces)
        for first in range(0, len(fitting), self.options.batch_size):
            batch = fitting[first : first + self.options.batch_size]
            texts = self._generate([ids[index] for index in batch])
            for index, text in zip(batch, texts, strict=True):
                translations[index] = text
        return translations

    def _generate(self, ids: list[list[int]]) -> Iterator[str]:
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
            # Marian is forced to end at the last allowed token: an end there is not a real one.
            ended = self.tokenizer.eos_token_id in row[: self.options.max_tokens - 1]
            yield self.tokenizer.decode(row, skip_special_tokens=True).strip() if ended else ""


def key_params(direction: Direction, options: HubOptions) -> dict[str, Any]:
    """Hub name and revision of the model, or the digests of its files, and the options."""
    path, name = _folder(direction, options), direction.fill(options.model)
    if path is None and (name.startswith((".", "/", "~")) or name.count("/") != 1):
        raise ConfigError(
            f"{name} is neither a folder nor a name on the Hub",
            where="translator.options.model",
            todo="use owner/name, or a path relative to the experiment's folder",
        )
    chosen = options.model_dump(exclude={"model", "revision", "codes", "batch_size"})
    codes = [_code(direction.source, options), _code(direction.target, options)]
    if path is None:
        source = {"name": name, "revision": options.revision or "main"}
        return {**chosen, "codes": codes, "model": source}
    return {**chosen, "codes": codes, "model": file_digests(path, ENDINGS)}


def open_hub(direction: Direction, options: HubOptions) -> HubTranslator:
    """Load the model, on a GPU if there is one.

    Raises:
        TranslatorError: the model cannot be loaded, has no safetensors weights, or does not
            support the language.
        MissingPackageError: its tokenizer needs sentencepiece.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from xstilts.models.device import compute_device

    key_params(direction, options)
    name = str(_folder(direction, options) or direction.fill(options.model))
    revision = options.revision or "main"
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
        model = AutoModelForSeq2SeqLM.from_pretrained(
            name,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
        )
    except ImportError as error:
        install = "pip install 'xstilts[translate]'"
        raise missing_package(
            "hub", f"sentencepiece for the tokenizer of {name}", install
        ) from error
    except Exception as error:  # huggingface_hub also raises the errors of its HTTP library
        raise TranslatorError(
            f"{name} cannot be loaded ({type(error).__name__}: {error})",
            where="translator.options.model",
            todo="use an encoder-decoder with safetensors weights; offline, use a folder",
        ) from error
    model.generation_config.max_length = None  # `max_tokens` applies instead
    model = model.eval().to(compute_device())
    start = _start(tokenizer, direction, options)
    return HubTranslator(model, tokenizer, start, direction.fill(options.prefix), options)


def _start(tokenizer: Any, direction: Direction, options: HubOptions) -> int | None:
    """Set the source language of a multilingual tokenizer; return the target language's token."""
    if not hasattr(tokenizer, "src_lang"):
        return None
    source, target = _code(direction.source, options), _code(direction.target, options)
    try:
        tokenizer.src_lang = source
        if hasattr(tokenizer, "get_lang_id"):
            return int(tokenizer.get_lang_id(target))
        ids = [tokenizer.convert_tokens_to_ids(code) for code in (source, target)]
    except KeyError as error:
        raise _unknown_language(str(error)) from error
    for code, token_id in zip((source, target), ids, strict=True):
        if token_id is None or token_id == tokenizer.unk_token_id:
            raise _unknown_language(repr(code))
    return int(ids[1])


def _unknown_language(code: str) -> TranslatorError:
    return TranslatorError(
        f"the model has no language {code}",
        where="translator.options.codes",
        todo="set the model's codes, e.g. codes: {en: eng_Latn, es: spa_Latn}",
    )


def _code(language: str, options: HubOptions) -> str:
    return options.codes.get(language, language)


def _folder(direction: Direction, options: HubOptions) -> Path | None:
    path = direction.folder / Path(direction.fill(options.model)).expanduser()
    return path.resolve() if path.is_dir() else None


ENGINE = Engine(HubOptions, key_params, open_hub)
