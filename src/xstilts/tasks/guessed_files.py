"""The files of a task that lie near one of them: their splits and languages, by their names."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts.core.errors import ConfigError
from xstilts.languages.metadata import language

SPLIT_WORDS = {
    "train": ("train", "training", "trn"),
    "dev": ("dev", "validation", "valid", "val", "devel"),
    "test": ("test", "tst"),
}
DEFAULT_LANGUAGE = "en"
SPLIT, LANGUAGE = "{split}", "{language}"
PART = re.compile(r"([-_./\s]+)")
PLACEHOLDER = re.compile(r"\{\w*\}")
LANGUAGE_WORD = r"[A-Za-z]{2,}(?:[-_][A-Za-z0-9]{2,8})*"
"""What may stand for a language: a code such as pt_BR, or a name."""
SHOWN = 8


@dataclass(frozen=True)
class GuessedFiles:
    """The files of a task.

    Args:
        pattern: their path with {split} and {language}, relative to the base folder.
        splits: split → languages; split_names, codes: what file names have instead.
        paths: (split, language) → file.
        guesses: what was assumed, in words.
    """

    pattern: str
    splits: Mapping[str, tuple[str, ...]]
    split_names: Mapping[str, str]
    codes: Mapping[str, str]
    paths: Mapping[tuple[str, str], Path]
    guesses: tuple[str, ...]


def guess_files(path: Path, base: Path, default_language: str = "") -> GuessedFiles:
    """The files whose path differs from that of a data file by split and language alone.

    Args:
        base: the folder that the pattern is relative to.
        default_language: of files without a language in their name; English by default.

    Raises:
        ConfigError: the path has a word in braces, which would stand for another one.
    """
    relative = Path(os.path.relpath(path.resolve(), base.resolve())).as_posix()
    if word := PLACEHOLDER.search(relative):
        raise ConfigError(
            f"the path has {word[0]}, and in `files` of a task words in braces are placeholders",
            where=str(path),
            todo="rename the file or folder, or write the experiment into that folder (--out)",
        )
    parts = PART.split(relative.removesuffix(path.suffix))
    split_at = _last(parts, split_of_word)
    language_at = None if default_language else _last(parts, _code_of)
    for position, mark in ((split_at, SPLIT), (language_at, LANGUAGE)):
        if position is not None:
            parts[position] = mark
    pattern = "".join(parts) + path.suffix
    found: dict[tuple[str, str], Path] = {}
    split_names, codes = dict[str, str](), dict[str, str]()
    unknown, second = list[str](), list[str]()
    for file, split_word, code_word in _matching(pattern, base):
        split = split_of_word(split_word) if split_word else "train"
        code = _code_of(code_word) if code_word else default_language or DEFAULT_LANGUAGE
        if not split:
            continue
        if not code:
            unknown.append(file.name)
            continue
        name, short = split_word or split, code_word or code
        if split_names.setdefault(split, name) != name or codes.setdefault(code, short) != short:
            second.append(file.name)  # such as dev and validation side by side
            continue
        found[split, code] = file
    splits = {
        split: tuple(sorted((code for name, code in found if name == split), key=_english_first))
        for split in SPLIT_WORDS
        if any(name == split for name, _ in found)
    }
    guesses = [f"files: {pattern} ({len(found)} found)"]
    if split_at is None:
        guesses.append(
            "the file name has no split: all rows are train; take dev and test from it with "
            "`splits`, as in {train: 'train[:80%]', dev: 'train[80%:90%]', test: 'train[90%:]'}"
        )
    if language_at is None and not default_language:
        guesses.append(f"the file name has no language: {DEFAULT_LANGUAGE} (--language CODE)")
    if unknown:
        guesses.append(
            f"not used, as their names have no code of a known language: {_listed(unknown)}; add "
            "them to `splits`, and to `codes` what their names have instead of a code"
        )
    if second:
        guesses.append(f"not used, as another file has their split and language: {_listed(second)}")
    return GuessedFiles(
        pattern,
        splits,
        {split: word for split, word in split_names.items() if split != word},
        {code: word for code, word in codes.items() if code != word},
        found,
        tuple(guesses),
    )


def _last(parts: list[str], meaning: object) -> int | None:
    """The last part that has a meaning; separators are at odd positions."""
    assert callable(meaning)
    at = [position for position in range(0, len(parts), 2) if meaning(parts[position])]
    return at[-1] if at else None


def split_of_word(word: str) -> str:
    """The split that a word stands for; blank if none."""
    return next((split for split, words in SPLIT_WORDS.items() if word.lower() in words), "")


def _code_of(word: str) -> str:
    """The code of the language that a word stands for; blank if none."""
    known = language(word)
    return known.code if re.fullmatch("[a-z]{2,3}", word) and known.name != word else ""


def _matching(pattern: str, base: Path) -> Iterator[tuple[Path, str, str]]:
    """(file, its word for the split, and for the language) of every file of the pattern."""
    marks = {SPLIT: r"(?P<split>[A-Za-z]+)", LANGUAGE: f"(?P<language>{LANGUAGE_WORD})"}
    expression = re.escape(pattern)
    for mark, group in marks.items():
        expression = expression.replace(re.escape(mark), group)
    start = pattern.split("{", 1)[0].rpartition("/")[0]
    folder = base / start
    files = [base / pattern] if "{" not in pattern else sorted(_files(folder, pattern, start))
    for file in files:
        name = Path(os.path.relpath(file, base)).as_posix()
        if match := re.fullmatch(expression, name):
            words = match.groupdict()
            yield file, words.get("split") or "", words.get("language") or ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:SHOWN], *["…"][: len(names) > SHOWN]])


def _files(folder: Path, pattern: str, start: str) -> Iterator[Path]:
    rest = pattern.removeprefix(f"{start}/" if start else "")
    return folder.glob(glob.escape(rest).replace(SPLIT, "*").replace(LANGUAGE, "*"))


def _english_first(code: str) -> tuple[bool, str]:
    return code != DEFAULT_LANGUAGE, code
