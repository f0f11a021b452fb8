"""A declaration of a task that is guessed from its data files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from xstilts.core.errors import ConfigError, DataError
from xstilts.formats import FORMATS
from xstilts.formats.io.readers import FileRow
from xstilts.formats.io.tables import CSV, first_records, other_separator
from xstilts.formats.tagging import TOKEN_TAG_ENDINGS
from xstilts.tasks.guessed_files import SHOWN, GuessedFiles
from xstilts.tasks.guessed_labels import guess_labels
from xstilts.tasks.row_languages import LANGUAGE_COLUMNS
from xstilts.tasks.user_rows import NAME, READERS

READ = 2000
"""Rows of a file that the columns are guessed from."""
SCORES = 10
"""Distinct numbers of a column with a usual name of scores, at most, if they are classes."""
CLASSES = 200
"""Distinct values of a label column, at most."""
NAMES = {
    "text": "text sentence sentence1 premise review tweet content utterance utt body comment",
    "text_pair": "text_pair sentence2 hypothesis text2",
    "label": "label labels gold gold_label class category intent sentiment target topic",
    "score": "score similarity relatedness rating",
    "tokens": "tokens words",
    "tags": "tags ner_tags pos_tags labels upos bio slots ner",
    "query": "query question",
    "passage": "passage positive answer_sentence",
    "id": "id guid idx index",
    "language": " ".join(LANGUAGE_COLUMNS),
}
"""Column of a format → names that it often has, in lower case."""
CHOICE = re.compile(r"(?:choice|ending|option|answer)_?(\d)")
CHOICE_LISTS = ("choices", "options", "endings", "candidates")
"""Usual names of a column that holds all choices of a question."""
SENTENCE_FORMATS = (("tagging", ("tokens", "tags")), ("dual_encoder", ("query", "passage")))
PAIR_FORMATS = ("classification", "regression")


@dataclass(frozen=True)
class GuessedTask:
    """A task's declaration, as in an experiment's `tasks`, and what was guessed, in words."""

    declaration: dict[str, Any]
    guesses: tuple[str, ...]


def guess_task(files: GuessedFiles) -> GuessedTask:
    """The declaration of a task with these files.

    Raises:
        ConfigError: files with such an ending are not read.
        DataError: the columns are unclear.
    """
    first = next(iter(files.paths.values()))
    ending = first.suffix.lower()
    shape, guesses = _shape(first, ending)
    declaration: dict[str, Any] = {"format": shape.pop("format"), "files": files.pattern}
    declaration |= {
        key: dict(value)
        for key, value in (("split_names", files.split_names), ("codes", files.codes))
        if value
    }
    declaration["splits"] = {split: list(codes) for split, codes in files.splits.items()}
    declaration |= shape
    guesses = [*files.guesses, f"format: {declaration['format']}", *guesses]
    if FORMATS.get(declaration["format"]).class_of:
        found = guess_labels(declaration, files)
        declaration |= {"label_map": dict(found.label_map)} if found.label_map else {}
        declaration["labels"] = list(found.labels)
        guesses += found.guesses
    return GuessedTask(declaration, tuple(guesses))


def _shape(path: Path, ending: str) -> tuple[dict[str, Any], list[str]]:
    """The format and columns of a file."""
    if ending in (*TOKEN_TAG_ENDINGS, ".conllu"):
        return {"format": "tagging"}, []
    if ending == ".json":
        return {"format": "span"}, ["SQuAD's JSON; add `labels: [unanswerable]` for v2.0"]
    if ending in READERS:
        rows = [
            row.cells for row in islice(READERS[ending](path, ""), READ) if isinstance(row, FileRow)
        ]
        names = list(dict.fromkeys(name for cells in rows for name in cells))
        columns = {name: [cells.get(name) for cells in rows] for name in names}
        return _of_columns(columns, path, has_names=True)
    if ending not in (CSV, ".tsv", ".tab", ".txt", ""):
        known = [".tsv", CSV, ".txt", *READERS, *TOKEN_TAG_ENDINGS, ".conllu", ".json"]
        raise ConfigError(
            f"files that end in {ending} are not read",
            where=str(path),
            todo=f"give one of {', '.join(known)}",
        )
    return _of_table(path, "," if ending == CSV else "\t")


def _of_table(path: Path, separator: str) -> tuple[dict[str, Any], list[str]]:
    lines = [record.cells for record in islice(first_records(path, separator), READ)]
    if not lines:
        raise DataError("the file has no rows", where=str(path))
    width = len(lines[0])
    if width == 1 and path.suffix.lower() != CSV:
        return {"format": "masked_lm"}, ["one text in each line"]
    todos = [other_separator(cells, path, least=2) for cells in lines]
    if all(todos):
        what = f"the first line has 1 cell: {lines[0][0][:60]!r}"
        raise DataError(what, where=f"{path}:1", todo=todos[0])
    body = [cells for cells in lines[1:] if len(cells) == width]
    has_names = _is_header(lines[0], body)
    rows = body if has_names else [cells for cells in lines if len(cells) == width]
    names = [cell.strip().strip('"') for cell in lines[0]] if has_names else []
    keys = names or [f"column{number}" for number in range(1, width + 1)]
    columns = {key: [cells[index] for cells in rows] for index, key in enumerate(keys)}
    shape, guesses = _of_columns(columns, path, has_names=has_names)
    header = f"header line: {', '.join(names)}" if has_names else "no header line"
    return shape, [header, *guesses]


def _is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names the columns: by usual names, or by its labels or numbers."""
    names = {cell.strip().strip('"').lower() for cell in first}
    if names & {word for words in NAMES.values() for word in words.split()}:
        return all(NAME.fullmatch(cell.strip().strip('"')) for cell in first)
    columns = {str(index): [cells[index] for cells in body] for index in range(len(first))}
    if len(body) <= 2:
        return False
    label = _label_column(columns)
    if any(_numbers(columns[str(at)]) and not _numbers([cell]) for at, cell in enumerate(first)):
        return True
    return bool(label) and first[int(label)] not in columns[label] and not _numbers(columns[label])


def _of_columns(
    columns: Mapping[str, Sequence[Any]], path: Path, *, has_names: bool
) -> tuple[dict[str, Any], list[str]]:
    """The format, and the columns or their renaming."""
    _check_choices(columns, path)
    roles = _roles(columns)
    if not roles:
        shown = ", ".join(list(columns)[:8])
        raise DataError(
            f"the columns are unclear: {shown}",
            where=str(path),
            todo="write the task yourself: docs/guide/experiments.md, Custom tasks; or rename "
            "the columns to those of the format, such as text and label",
        )
    form = roles.pop("format")
    renamed = ", ".join(f"{old} → {new}" for new, old in roles.items() if old != new)
    guesses = [f"columns: {renamed or ', '.join(roles)}", *_languages(columns, roles)]
    guesses += _unread(columns, form, roles, has_names=has_names)
    if has_names:
        rename = {old: new for new, old in roles.items() if old != new}
        return {"format": form, **({"rename": rename} if rename else {})}, guesses
    by_column = {old: new for new, old in roles.items()}
    names = [by_column.get(name, name) for name in columns]
    return {"format": form, "header": False, "columns": names}, guesses


def _roles(columns: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """The format, and column of the format → column of the file; empty if it is unclear."""
    found = {role: _named(columns, words.split()) for role, words in NAMES.items()}
    own_id = {"id": found["id"]} if found["id"] and _is_unique(columns[found["id"]]) else {}
    for form, needed in SENTENCE_FORMATS:
        if all(found[role] for role in needed):
            return {"format": form, **own_id, **{role: found[role] for role in needed}}
    choices = {match[1]: name for name in columns if (match := CHOICE.fullmatch(name.lower()))}
    unread = (found["id"], found["language"])
    others = {name: values for name, values in columns.items() if name not in unread}
    own = {name: values for name, values in columns.items() if name == found["language"]}
    label = found["label"] or _label_column(others) or _label_column(own)
    texts = [name for name in others if name not in (label, found["score"], *choices.values())]
    texts.sort(key=lambda name: (bool(_numbers(columns[name])), -_mean_length(columns[name])))
    text = found["text"] or found["query"] or next(iter(texts), "")
    if not text:
        return {}
    if len(choices) > 1 and label:
        numbered = {f"choice{at}": choices[key] for at, key in enumerate(sorted(choices), 1)}
        return {"format": "multiple_choice", **own_id, "text": text, **numbered, "label": label}
    pair = found["text_pair"] or _second_text(texts, text, columns)
    texts_of = {"text": text, **({"text_pair": pair} if pair and pair != text else {})}
    unused = [label] if label else [one for one in others if one not in texts_of.values()]
    score = _score_column(found["score"], unused, columns)
    if score:
        return {"format": "regression", **own_id, **texts_of, "score": score}
    if label:
        return {"format": "classification", **own_id, **texts_of, "label": label}
    return {"format": "masked_lm", "text": text} if len(others) == 1 else {}


def _check_choices(columns: Mapping[str, Sequence[Any]], path: Path) -> None:
    """Refuse a column with all choices of a question, which no format reads."""
    for name in columns:
        if name.lower() in CHOICE_LISTS and any(map(_is_nested, columns[name])):
            raise DataError(
                f"{name!r} has all choices of a question, and multiple_choice reads a column each",
                where=str(path),
                todo="write them to columns choice1, choice2 …, and to `label` which one is right, "
                "such as 0 for choice1",
            )


def _is_nested(value: Any) -> bool:
    """Whether a cell is a list or an object."""
    return isinstance(value, list | dict)


def _unread(
    columns: Mapping[str, Sequence[Any]], form: str, roles: Mapping[str, str], *, has_names: bool
) -> list[str]:
    """What to know of columns that are left out, and how a second text is named."""
    language = _named(columns, NAMES["language"].split())
    unread = [name for name in columns if name not in (*roles.values(), language)]
    if not unread:
        return []
    shown = ", ".join(unread[:SHOWN]) + (" …" if len(unread) > SHOWN else "")
    pair, may_pair = "", form in PAIR_FORMATS and "text_pair" not in roles
    texts = [name for name in unread if _may_be_text(columns[name])]
    if may_pair and texts:
        how = f"rename: {{{texts[0]}: text_pair}}"
        pair = f"; to read one as the second text: {how if has_names else 'name it text_pair'}"
    return [f"not read: {shown}{pair}"]


def _may_be_text(values: Sequence[Any]) -> bool:
    """Whether a column is neither nested, nor of numbers, nor of a few labels."""
    is_plain = not any(map(_is_nested, values)) and not _numbers(values)
    return is_plain and not _label_column({"column": values})


def _languages(columns: Mapping[str, Sequence[Any]], roles: Mapping[str, str]) -> list[str]:
    """What to know of a column with several languages of rows that is no label."""
    name = _named(columns, NAMES["language"].split())
    values = sorted({str(value) for value in columns.get(name, ()) if value not in (None, "")})
    if len(values) < 2 or name in roles.values():
        return []
    shown = ", ".join(values[:SHOWN]) + (" …" if len(values) > SHOWN else "")
    return [
        f"not read: {name} ({shown}); all rows of a file count as one language: write a file for "
        "each, with its code in the name"
    ]


def _named(columns: Mapping[str, Any], words: Sequence[str]) -> str:
    """The column with the first of these names that there is."""
    lowered = {name.lower(): name for name in reversed(list(columns))}
    return next((lowered[word] for word in words if word in lowered), "")


def _label_column(columns: Mapping[str, Sequence[Any]]) -> str:
    """The last column with few distinct short values; blank if there is none."""
    for name in reversed(list(columns)):
        values = [str(value).strip() for value in columns[name] if value is not None]
        distinct = set(values)
        most = min(CLASSES, len(values) - 1, max(2, len(values) // 3))
        few = 1 < len(distinct) <= most
        if few and max(map(len, distinct)) <= 40:
            return name
    return ""


def _second_text(texts: Sequence[str], text: str, columns: Mapping[str, Sequence[Any]]) -> str:
    """Another column with texts of several words; blank if there is none."""
    for name in texts:
        values = [str(value) for value in columns[name] if not _is_nested(value)]
        if name != text and values and sum(len(v.split()) for v in values) > 2 * len(values):
            return name
    return ""


def _score_column(named: str, others: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> str:
    """The column of scores: the one that is named so, else the last other one with fractions."""
    if named and len(_numbers(columns[named])) > SCORES:
        return named
    names = filter(None, (named, *reversed(others)))
    return next((name for name in names if _has_fractions(columns[name])), "")


def _has_fractions(values: Sequence[Any]) -> bool:
    """Whether all are numbers, some are fractions, and none has two spellings, as 1.1 and 1.10."""
    numbers = _numbers(values)
    spelled = {value for value in values if value not in (None, "")} if numbers else set()
    return len(numbers) == len(spelled) and any(not one.is_integer() for one in numbers)


def _numbers(values: Sequence[Any]) -> set[float]:
    """The distinct numbers of a column; empty if another value is in it."""
    try:
        numbers = {float(value) for value in values if value not in (None, "")}
    except (TypeError, ValueError, OverflowError):
        return set()
    return numbers if all(map(isfinite, numbers)) else set()


def _is_unique(values: Sequence[Any]) -> bool:
    return len(set(map(str, values))) == len(values)


def _mean_length(values: Sequence[Any]) -> float:
    return sum(len(str(value)) for value in values) / max(1, len(values))
