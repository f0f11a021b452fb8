"""What both sides read: real data where it is, toy sentences for `--tiny`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import Any

from bench.cli import NotAvailable, Options
from xstilts.formats.base import Row
from xstilts.planning.resolve import located
from xstilts.tasks import TASKS
from xstilts.tasks.origin import OriginKind
from xstilts.tasks.validate import validated
from xstilts.testing.tiny import in_language, sentences

NLI = ("contradiction", "entailment", "neutral")
TOY_TAGS = ("O", "B-animal", "B-food", "B-tool")


def rows(options: Options, task: str, split: str, language: str) -> list[Row]:
    """The usable examples of a task's file.

    Raises:
        NotAvailable: there is no such file.
    """
    spec = located(TASKS.get(task), options.data, {})
    origins = spec.origin(split, language)
    if not origins or any(origin.kind is not OriginKind.FILE for origin in origins):
        raise NotAvailable(f"no {task} {split} {language} in the data folder")
    examples, _ = validated(spec.read(split, language), spec, split, language)
    return [asdict(example) for example in examples]


def nli(options: Options) -> list[Row]:
    """XNLI dev in English: 2,490 pairs."""
    if not options.tiny:
        return rows(options, "xnli", "dev", "en")
    return [
        _row(number, text=text, text_pair=f"{text} {thing}" * (1 + number % 3), label=NLI[kind])
        for number, (text, _, thing) in enumerate(sentences("train", 128))
        for kind in [number % 3]
    ]


def tags(options: Options, language: str) -> list[Row]:
    """PAN-X dev in a language, test where the folder has no dev; or 20 toy sentences."""
    if not options.tiny:
        with suppress(NotAvailable):
            return rows(options, "pan-x", "dev", language)
        return rows(options, "pan-x", "test", language)
    return [
        _row(number, tokens=text.split(), tags=["O"] * len(text.split()))
        for number, (text, _, _) in enumerate(sentences(language, 20))
    ]


def bitext(options: Options, language: str) -> tuple[list[str], list[str]]:
    """Tatoeba's sentences of a language and their English translations."""
    if not options.tiny:
        sides = (language, f"en:{language}")
        here, english = ([row["text"] for row in rows(options, "tatoeba", "test", side)]
                         for side in sides)  # fmt: skip
        return here, english
    english = [f"{text} {language}" for text, _, _ in sentences(language, 20)]
    return [in_language(text, "xx") for text in english], english


def _row(number: int, **fields: Any) -> Row:
    return {"id": str(number), **fields}
