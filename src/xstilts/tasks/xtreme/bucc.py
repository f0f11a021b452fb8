"""BUCC 2018: bitext mining in four languages. There is no training data.

`read(split, "de")` returns the German sentences and `read(split, "en:de")` the English sentences
that they are searched in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xstilts.formats.base import BadRow
from xstilts.formats.io.cells import not_as_many
from xstilts.formats.io.lines import lines
from xstilts.formats.retrieval import RetrievalExample
from xstilts.tasks.builders import same_size, task
from xstilts.tasks.io.sources import Local
from xstilts.tasks.xtreme.dataset import CITATION, SOURCE

PIVOT = "en:"
"""Prefix of the English side of a language."""
LANGUAGES = ("de", "fr", "ru", "zh")
ZH_DEV_SIZES = {"zh": 8_624, f"{PIVOT}zh": 13_589}
"""Counted in the files; no sizes of the other collections are published."""


def _local(split: str, side: str) -> Sequence[Local]:
    language = side.removeprefix(PIVOT)
    stem = f"bucc2018/{language}-en.{split}"
    name = f"{stem}.{'en' if side.startswith(PIVOT) else language}"
    return (
        Local((name,), _sentences, companions=(f"{stem}.gold",)),
        Local((name,), _sentences),
    )


def _sentences(path: Path, start: str) -> Iterator[RetrievalExample | BadRow]:
    """`id<TAB>sentence`; the meaning of a sentence is the ids of its translations, if any."""
    gold = path.with_name(f"{path.name.rpartition('.')[0]}.gold")
    translations: dict[str, list[str]] = {}
    bad = []
    for where, cells in _cells(gold) if gold.is_file() else ():
        if len(cells) != 2:
            bad.append(BadRow(where, "wrong number of columns", not_as_many(len(cells), 2), where))
            continue
        for sentence, translation in (cells, cells[::-1]):
            translations.setdefault(sentence, []).append(translation)
    yield from bad
    for number, (where, cells) in enumerate(_cells(path)):
        if len(cells) == 2:
            sentence, text = cells
            meaning = " ".join(translations.get(sentence, []))
            yield RetrievalExample(sentence, text, meaning, where)
        else:
            detail = not_as_many(len(cells), 2)
            yield BadRow(f"{start}-{number}", "wrong number of columns", detail, where)


def _cells(path: Path) -> Iterator[tuple[str, list[str]]]:
    return ((where, [cell.strip() for cell in line.split("\t")]) for where, line in lines(path))


def _alignment_key(example: RetrievalExample) -> str:
    """A key that both sides of a pair have, so that slices of both contain the pair."""
    return min([example.id, *example.meaning.split()])


BUCC = task(
    name="bucc",
    format="mining",
    sizes={
        "dev": {**same_size(LANGUAGES, None), "zh": ZH_DEV_SIZES["zh"]},
        "test": same_size(LANGUAGES, None),
    },
    pool_sizes={("dev", f"{PIVOT}zh"): ZH_DEV_SIZES[f"{PIVOT}zh"]},
    local=_local,
    source=SOURCE,
    metrics=("mining_f1", "mining_f1_best", "mining_f1_best_all"),
    subwords=40,
    pool_split=PIVOT + "{language}",
    alignment_key=_alignment_key,
    summary="find the few translations in two collections of sentences",
    licence="for research",
    citation=CITATION,
)
