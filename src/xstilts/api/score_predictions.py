"""Score predictions that were made elsewhere.

xstilts.score_predictions("sw.jsonl", "xnli", languages=["sw"], data="data")
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.api.inputs import load, with_own_tasks
from xstilts.config.split_slices import SplitSlice, parse_split_slice
from xstilts.core.atomic_io import write_chunks
from xstilts.core.errors import ConfigError, DataError, UnknownNameError
from xstilts.formats.base import Example
from xstilts.languages.unknown import unknown_language
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.unapplied_limits import note_unapplied_limits
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.io.sources import located

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.tasks.row_problems import RowProblems

PLACEHOLDER = "{language}"


def score_predictions(
    predictions: Path | str,
    task: str,
    *,
    languages: Sequence[str] = (),
    split: str = "test",
    data: Path | str | None = None,
    experiment: Path | str | None = None,
) -> pd.DataFrame:
    """Score predictions against the gold answers of a task.

    A file has a row with `id` and `prediction` for every example: a label, tags (a list, or with
    spaces between), a number or an answer. Languages are in its column `language`, or in file
    names for `{language}`, or the one that is given.

    Args:
        predictions: a JSONL, JSON, TSV, CSV or Parquet file, or a name with `{language}`.
        task: its name; of the experiment or of a package.
        languages: codes; by default those of the file or all of the split.
        split: train, dev or test, which an experiment's `splits` may replace; or a slice.
        data: the folder of the user's files.
        experiment: the file that defines the task, and slices of its splits.

    Returns:
        task, language, split (or slice that was read), metric, value, low, high (95 % bootstrap
        over examples), n.

    Raises:
        UnknownNameError: no such task or language.
        ConfigError: a task whose predictions are vectors or ranks, or an unclear language.
        DataError: an unknown or missing id, no label of the task, a missing prediction, or a
            language in some rows alone, with file and line.
    """
    import pandas as pd

    from xstilts.analysis.foreign_predictions import read_predictions
    from xstilts.analysis.foreign_predictions import score_predictions as score
    from xstilts.analysis.predicted_tags import gold_scheme

    test = _test_set(task, data, experiment, split)
    spec = test.task
    codes = test.languages(languages)
    scores = []
    for path, language in _files(Path(predictions).expanduser(), codes):
        rows = read_predictions(path, spec)
        named = {row.language for row in rows if row.language}
        for code in [language] if language else _languages_of_rows(named, path, spec, codes):
            predicted = [row for row in rows if row.language in ("", code)]
            if not predicted:
                raise _other_languages(named, path, f"{spec.name} {test.name} ({code})")
            examples, problems = test.examples(code)
            scheme = gold_scheme(problems.kept)
            scores += score(predicted, examples, spec, test.name, code, path, scheme)
    table = pd.DataFrame([vars(one) for one in scores])
    return table.rename(columns={"target": "task"})


def write_template(
    path: Path | str,
    task: str,
    *,
    languages: Sequence[str] = (),
    split: str = "test",
    data: Path | str | None = None,
    experiment: Path | str | None = None,
) -> int:
    """Write the ids and inputs of a test set as JSON lines, to be completed with predictions.

    Arguments: see `score_predictions`.

    Returns:
        The number of rows.

    Raises:
        UnknownNameError: no such task or language.
        ConfigError: a task whose predictions are vectors or ranks.
    """
    from xstilts.analysis.foreign_predictions import template_rows

    test = _test_set(task, data, experiment, split)
    lines = [
        json.dumps({"language": code, **row}, ensure_ascii=False) + "\n"
        for code in test.languages(languages)
        for row in template_rows(test.examples(code)[0], test.task)
    ]
    write_chunks(Path(path).expanduser(), lines)
    return len(lines)


@dataclass(frozen=True)
class _TestSet:
    """The examples that predictions are of: a task's split, or a slice of it."""

    task: TaskSpec
    share: SplitSlice

    @property
    def name(self) -> str:
        """`test`, `dev[50%:]`."""
        return self.share.name

    def languages(self, chosen: Sequence[str]) -> tuple[str, ...]:
        """Those of the split that are chosen; all if none is.

        Raises:
            UnknownNameError: no such split, or a language that it does not have.
        """
        task, split = self.task, self.share.split
        have = task.languages_of(split)
        if not have:
            raise UnknownNameError(f"split of {task.name}", split, task.splits, where="--split")
        for code in chosen:
            if code not in have:
                raise unknown_language(f"language of {task.name} {split}", code, have)
        return tuple(code for code in have if not chosen or code in chosen)

    def examples(self, language: str) -> tuple[list[Example], RowProblems]:
        """The examples in a language, and what was wrong with others of the split.

        Raises:
            DataError: the split has too many unusable rows, or the slice has none.
        """
        from xstilts.tasks.validate import validated

        task, split = self.task, self.share.split
        usable, problems = validated(task.read(split, language), task, split, language)
        kept = [one for one in usable if self.share.contains(task.alignment_key(one))]
        if not kept:
            raise DataError(
                f"{task.name} {self.name} ({language}) has no rows", todo="choose a larger slice"
            )
        return kept, problems


def _test_set(
    name: str, data: Path | str | None, experiment: Path | str | None, split: str
) -> _TestSet:
    from xstilts.analysis.foreign_predictions import is_scorable

    share = parse_split_slice(split)
    if experiment is not None:
        resolved = ResolvedExperiment(load(experiment, data=data))
        task = resolved.task(name, "--task")
        share = resolved.split_slice(task, split)
        note_unapplied_limits(resolved, [task], parse_split_slice(split).split)
    elif name in TASKS:
        folder = Path(data).expanduser().absolute() if data else None
        task = located(TASKS.get(name), folder, {})
    else:
        raise with_own_tasks(UnknownNameError("task", name, TASKS, where="--task"), "--experiment")
    if not is_scorable(task):
        raise ConfigError(
            f"predictions of {name} ({task.format}) are vectors or ranks",
            where="--task",
            todo="evaluate the encoder that makes them: xstilts evaluate --encoder X",
        )
    return _TestSet(task, share)


def _files(path: Path, codes: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """The files, and the language of each; empty if its rows say it."""
    if PLACEHOLDER in path.name:
        paths = {code: path.with_name(path.name.replace(PLACEHOLDER, code)) for code in codes}
        absent = [str(one) for one in paths.values() if not one.is_file()]
        if absent:
            raise DataError(
                f"{len(absent)} of {len(paths)} files are missing: {', '.join(absent[:3])}",
                todo="predict every language, or choose some with --language",
            )
        yield from ((one, code) for code, one in paths.items())
    elif len(codes) == 1:
        yield path, codes[0]
    else:
        yield path, ""


def _other_languages(named: set[str], path: Path, test_set: str) -> DataError:
    """The error of a file whose rows are all of other languages than its test set."""
    return DataError(
        f"no prediction is of {test_set}: the column `language` has {', '.join(sorted(named))}",
        where=str(path),
        todo="score these languages (--language), or correct or remove the column",
    )


def _languages_of_rows(
    named: set[str], path: Path, task: TaskSpec, codes: Sequence[str]
) -> list[str]:
    """The languages in the rows of a file, in the order of the task."""
    if not named:
        raise ConfigError(
            f"the language of the predictions is not known: {task.name} has {', '.join(codes)}",
            where=str(path),
            todo="give it with --language, add a column `language`, or name one file per language "
            "with {language}",
        )
    if unknown := sorted(named - set(codes)):
        raise unknown_language(f"language of {task.name}", unknown[0], codes, str(path))
    return [code for code in codes if code in named]
