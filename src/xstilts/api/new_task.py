"""Write the declaration of a task for data files, check it, and show what a model would see.

xstilts.new_task("data/train-en.tsv")
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from xstilts.api.init import experiment_name
from xstilts.config.file_task import FileTask
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.core.errors import ConfigError, XstiltsError
from xstilts.core.output_folder import make_output_folder
from xstilts.formats.base import Feature, TokenizationConfig, subword_list
from xstilts.models.encoder_defaults import PACKAGED
from xstilts.models.encoder_source import find_source
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.data_check import SplitReport, check_split
from xstilts.tasks.guessed_files import guess_files
from xstilts.tasks.guessed_task import guess_task
from xstilts.tasks.suites import ALL, is_needed
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import filter_rows

HEADER = """\
# An experiment with a task that `xstilts tasks new` guessed from your files.
# encoder: a folder, or a name on the Hugging Face hub; intermediate: what it is trained on first,
# such as [none, mnli] (`xstilts tasks` lists tasks). All keys: docs/guide/experiments.md
"""
NO_TARGET = """\
# targets: missing. Name tasks to evaluate: this one has no gold answers, so it is only trained on.
"""
SLICES = {"train": "train[:80%]", "dev": "train[80%:90%]", "test": "train[90%:]"}
SLICED = """\
# splits: there are no files of dev and test, so these are slices of train.
"""
BATCH = 4
MAX_LENGTH = 256


@dataclass(frozen=True)
class SeenExample:
    """One text of an example as a model sees it.

    Args:
        subwords: with special tokens; ids: theirs in the vocabulary.
        target: the class index, number, or one class index per sub-word, -100 where there is none.
        labels: the names of the classes that occur in `target`, by index.
    """

    id: str
    subwords: tuple[str, ...]
    ids: tuple[int, ...]
    target: float | list[int]
    labels: dict[int, str]


@dataclass(frozen=True)
class NewTask:
    """A declaration that was guessed.

    Args:
        text: YAML, the section `tasks` of an experiment.
        guesses: what was guessed, in words.
        reports: the check of each split and language.
        batch: the first examples as the encoder's tokenizer reads them.
        file: an experiment with the text, which was written; none if it was not.
        is_target: whether that experiment evaluates the task, and so is complete.
    """

    name: str
    declaration: dict[str, Any]
    text: str
    guesses: tuple[str, ...]
    reports: tuple[SplitReport, ...]
    encoder: str
    batch: tuple[SeenExample, ...]
    file: Path | None = None
    is_target: bool = True


def new_task(
    path: Path | str,
    *,
    name: str = "",
    language: str = "",
    encoder: str = PACKAGED,
    out: Path | str | None = None,
) -> NewTask:
    """Guess the declaration of a task from a data file and those near it, and check it.

    Args:
        path: a file of any split and language.
        name: of the task; by default that of the file's folder, or of the file.
        language: of files without a language in their name; English by default.
        encoder: whose tokenizer the first examples are shown with.
        out: a YAML file to write, with an experiment; no file is replaced. Paths are relative to
            its folder, else to the current one.

    Raises:
        ConfigError: no such file, an ending that is not read, or `out` exists.
        DataError: the columns are unclear, or the file cannot be read.
    """
    file, target = Path(path).expanduser(), Path(out).expanduser() if out else None
    if not file.is_file():
        raise ConfigError(f"no file {file}", where="FILE", todo="give a data file of the task")
    base = target.absolute().parent if target else Path.cwd()
    files = guess_files(file, base, language)
    guessed = guess_task(files)
    task_name = name or _name_of(file)
    with_file = FileTask.model_validate(guessed.declaration)
    task = file_task(task_name, with_file, base)
    reports = [
        check_split(task, split, code, needed=is_needed(task, split, code, ALL))
        for split in task.splits
        for code in task.languages_of(split)
    ]
    text = _yaml({"tasks": {task_name: guessed.declaration}})
    batch = _batch(task, encoder)
    if target:
        _write(target, _head(task, target, encoder) + text)
    return NewTask(
        task_name,
        guessed.declaration,
        text,
        guessed.guesses,
        tuple(reports),
        encoder,
        tuple(batch),
        target,
        task.format_spec.gold is not None,
    )


def _head(task: TaskSpec, target: Path, encoder: str) -> str:
    """What an experiment with a task needs before its section `tasks`."""
    folder = Path(encoder).expanduser()
    keys: dict[str, Any] = {
        "name": experiment_name(target.stem),
        "encoder": str(folder.absolute()) if folder.is_dir() else encoder,
    }
    if task.format_spec.gold is None:
        return HEADER + NO_TARGET + _yaml({**keys, "intermediate": [NO_INTERMEDIATE, task.name]})
    keys |= {"intermediate": [NO_INTERMEDIATE], "targets": [task.name]}
    if list(task.splits) == ["train"]:
        return HEADER + SLICED + _yaml({**keys, "splits": {task.name: SLICES}})
    return HEADER + _yaml(keys)


def _name_of(file: Path) -> str:
    """The name of the folder, unless it is a usual name of folders with data; else of the file."""
    folder = file.absolute().parent.name.lower()
    chosen = file.stem.lower() if folder in ("data", "", "tmp", "datasets") else folder
    words = re.sub(r"\b(train|dev|valid|validation|test)\b|[^\w]+|_", " ", chosen).split()
    return "-".join(words) if any(len(word) > 3 for word in words) else "my-task"


class _FlatDumper(yaml.SafeDumper):
    """Lists in one line, as people write them."""


def _flow_list(dumper: yaml.SafeDumper, items: Sequence[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_FlatDumper.add_representer(list, _flow_list)


def _yaml(tree: dict[str, Any]) -> str:
    return yaml.dump(tree, Dumper=_FlatDumper, sort_keys=False, allow_unicode=True, width=100)


def _batch(task: TaskSpec, encoder: str) -> list[SeenExample]:
    """The first examples of the first split that can be read."""
    from xstilts.models.source_tokenizer import source_tokenizer

    tokenizer = source_tokenizer(find_source(encoder, None, Path.cwd()))
    for split in task.splits:
        try:
            examples, _, _ = filter_rows(task.read(split, task.languages_of(split)[0]), task, split)
        except (XstiltsError, OSError):
            continue  # the check has the reason
        if examples:
            rows = [
                {key: value for key, value in asdict(example).items() if key != "where"}
                for example in examples[:BATCH]
            ]
            config = TokenizationConfig(max_length=MAX_LENGTH)
            features = task.format_spec.features(rows, tokenizer, task.labels, config)
            seen = (text for feature in features[:BATCH] for text in feature.texts)
            return [_seen(text, tokenizer, task.labels) for text in seen]
    return []


def _seen(feature: Feature, tokenizer: Any, labels: Sequence[str]) -> SeenExample:
    target = feature.target
    indices = target if isinstance(target, list) else [target]
    named = {
        int(index): labels[int(index)]
        for index in indices
        if index == int(index) and 0 <= index < len(labels)
    }
    ids = subword_list(feature.ids)
    subwords = tokenizer.convert_ids_to_tokens(ids)
    return SeenExample(feature.id, tuple(subwords), tuple(ids), target, named)


def _write(target: Path, text: str) -> None:
    try:
        make_output_folder(target.parent)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(
            "this file exists, and is not replaced", where=str(target), todo="give another name"
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(target)) from error
