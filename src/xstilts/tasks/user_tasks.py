"""Tasks of the user's own, from files of many kinds; every problem with file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import Any

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError, DataError, MissingDataError
from xstilts.core.hashing import digest_of, digest_of_unchanged
from xstilts.formats import FORMATS
from xstilts.formats.answer_retrieval import CANDIDATES
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.readers import FileRow, parse_rows
from xstilts.formats.io.tables import CSV
from xstilts.formats.retrieval import RETRIEVAL
from xstilts.formats.spec import FileSpec, FormatSpec
from xstilts.formats.tag_schemes import TagScheme, scheme_of_labels, split_tag
from xstilts.formats.tagging import TOKEN_TAG_ENDINGS
from xstilts.tasks.base import Conversion, Examples, TaskSpec
from xstilts.tasks.estimated_rows import estimated_rows
from xstilts.tasks.io.sentence_lines import check_sentence_per_line
from xstilts.tasks.io.sources import download
from xstilts.tasks.label_conversion import convert_tags, converted_labels, map_labels
from xstilts.tasks.origin import Origin, file_origin, hub_origin
from xstilts.tasks.paired_lines import PairedLines
from xstilts.tasks.user_images import IN_DATA, check_image_keys, with_own_images
from xstilts.tasks.user_rows import READERS, is_table, named_rows

TABLES = ("", ".tsv", ".tab", ".txt", CSV, *READERS)
"""Endings of tables; all but those of `READERS` and CSV are tab-separated."""
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
NOT_PLAIN_TEXT = (
    *COMPRESSED,
    *(CSV, ".json", ".conllu", ".xml", ".html", ".xlsx"),
    *TOKEN_TAG_ENDINGS,
)
INSTEAD = {
    **dict.fromkeys(COMPRESSED, "decompress them"),
    ".json": "give .jsonl, with one JSON object in each line",
    **dict.fromkeys(TOKEN_TAG_ENDINGS, "choose `format: tagging`, which reads words with tags"),
    ".xlsx": "save them as .tsv or .csv",
}
"""Ending → what to do."""
SPAN = frozenset(("span_f1", "span_f1_strict"))
"""Metrics of spans, for which tags are converted to BIO."""
CONVERTED_SCHEMES = (TagScheme.BIOES, TagScheme.IOB1)


def file_task(name: str, task: FileTask, folder: Path, data: Path | None = None) -> TaskSpec:
    """The task that an experiment's `tasks` section describes.

    Args:
        folder: the experiment's; data: the folder of its data, if it names one.

    Raises:
        UnknownNameError: there is no such format.
        ConfigError: columns or labels that the format needs are missing, or it has no files.
    """
    experiment_folder = folder
    if task.files.startswith(IN_DATA):
        if data is None:
            raise ConfigError(
                f"the files of {name!r} are in the folder of the experiment's data",
                where="data",
                todo="give it: data: FOLDER in the experiment, or --data",
            )
        folder, task = data, task.model_copy(update={"files": task.files.removeprefix(IN_DATA)})
    spec = FORMATS.get(task.format, where=f"tasks.{name}.format")
    files = _checked_files(name, task, spec)
    in_bio, pool = _counts_spans(task), _pool_parts(name, task, spec)
    labels = converted_labels(name, task.labels) if in_bio else task.labels
    lines = None if pool else _paired_lines(task, files, folder)
    own = TaskSpec(
        name=name,
        version=files.version,
        format=task.format,
        splits=_languages_apart(task, pool),
        labels=tuple(labels),
        metrics=task.metrics or spec.metrics_of(task.labels),
        read=partial(_read, task, folder),
        fingerprint=partial(_fingerprint, task, folder, lines),
        origin=partial(_origin, task, folder),
        estimated_size=partial(_estimated_size, task, folder),
        summary=f"{task.format} from files",
        source=task.source or task.files,
        licence=task.licence,
        pool_parts=pool,
        alignment_key=_alignment_key(spec, lines),
        alignment_version=2 if spec is RETRIEVAL else 1,
        convert=partial(_convert, task, spec, in_bio),
        label_map=task.label_map if spec.class_of else None,
        in_file_order=not files.shuffled,
        modalities=("text", "image") if spec.images else ("text",),
        withholds_image=task.withhold_images,
        control_of=task.control_of,
    )
    return with_own_images(own, task.images, experiment_folder, data)


def _alignment_key(spec: FormatSpec, lines: PairedLines | None) -> Callable[[Any], str]:
    """What examples have in common with those that belong in the same slice.

    Of sentences that are searched: their meaning, as one meaning may have an id or line of its own
    in each language.
    """
    if lines is None:
        return attrgetter("group")
    by_line = lines.alignment_key
    return (lambda example: example.meaning or by_line(example)) if spec is RETRIEVAL else by_line


def _pool_parts(name: str, task: FileTask, spec: FormatSpec) -> tuple[str, ...]:
    """The sets of candidates of a task that is searched in one pool.

    Raises:
        ConfigError: such a task has none, or not the same ones in every split.
    """
    if spec.search is None or not spec.search.pooled:
        return ()
    by_split = {
        split: tuple(code for code in codes if code.startswith(CANDIDATES))
        for split, codes in task.splits.items()
    }
    pool, *others = by_split.values() or [()]
    if not pool or any(set(other) != set(pool) for other in others):
        raise ConfigError(
            f"task {name!r} has no candidates to search in, or not the same in every split",
            where=f"tasks.{name}.splits",
            todo=f"add one set or several next to the languages: [de, en, {CANDIDATES}]",
        )
    return pool


def _languages_apart(task: FileTask, pool: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Split → languages, without the sets of candidates."""
    if not pool:
        return task.splits
    return {
        split: tuple(code for code in codes if code not in pool)
        for split, codes in task.splits.items()
    }


def _counts_spans(task: FileTask) -> bool:
    """Whether its metrics count spans, so that its tags are converted to BIO."""
    of_words = FORMATS.get(task.format).class_of == "word"
    return of_words and (not task.metrics or not SPAN.isdisjoint(task.metrics))


def _convert(
    task: FileTask, spec: FormatSpec, in_bio: bool, examples: Examples
) -> tuple[Examples, list[Conversion]]:
    if task.label_map:
        examples = map_labels(examples, spec, task.label_map)
    if task.bounds:
        assert spec.within_bounds is not None
        examples = spec.within_bounds(examples, task.bounds)
    if in_bio and spec.gold:
        return convert_tags(examples, spec.gold.column, task.labels)
    return examples, []


def _checked_files(name: str, task: FileTask, spec: FormatSpec) -> FileSpec:
    """How the task's format is read from files, once columns and labels are complete."""
    if spec.files is None:
        raise ConfigError(
            f"format {spec.name} cannot be read from files",
            where=f"tasks.{name}.format",
            todo=f"formats that can be: {', '.join(_readable_formats())}",
        )
    if task.columns and (missing := set(spec.files.columns) - set(task.columns)):
        raise ConfigError(
            f"task {name!r} names no column {', '.join(sorted(missing))}",
            where=f"tasks.{name}.columns",
            todo=f"format {spec.name} needs {', '.join(spec.files.columns)}; id may be added",
        )
    if not spec.files.columns and not task.files.lower().endswith(tuple(spec.files.readers)):
        raise ConfigError(
            f"task {name!r}: format {spec.name} is read from {', '.join(spec.files.readers)} only",
            where=f"tasks.{name}.files",
        )
    _check_ending(name, task, spec)
    if task.label_map and not spec.class_of:
        raise ConfigError(
            f"task {name!r}: format {spec.name} has no labels to map",
            where=f"tasks.{name}.label_map",
        )
    if unknown := sorted(_map_targets(task).difference(task.labels)):
        raise ConfigError(
            f"task {name!r} maps labels to {', '.join(unknown)}, which it does not have",
            where=f"tasks.{name}.label_map",
            todo="map to one of `labels`",
        )
    if task.bounds and not spec.within_bounds:
        raise ConfigError(
            f"task {name!r}: format {spec.name} has no scores to bound",
            where=f"tasks.{name}.bounds",
        )
    if task.labels and spec.within_bounds:
        raise ConfigError(
            f"task {name!r} has labels, but format {spec.name} has scores",
            where=f"tasks.{name}.labels",
            todo="leave them out; `bounds` limits the scores",
        )
    if spec.class_of and not task.labels:
        raise ConfigError(f"task {name!r} has no labels", where=f"tasks.{name}.labels")
    ending = PurePosixPath(task.files).suffix.lower()
    if task.header is not None and (ending not in TABLES or ending in READERS):
        raise ConfigError(
            f"task {name!r}: files that end in {ending} have no header line",
            where=f"tasks.{name}.header",
            todo="leave `header` out: it is for .tsv and .csv",
        )
    check_image_keys(name, task, spec)
    return spec.files


def _check_ending(name: str, task: FileTask, spec: FormatSpec) -> None:
    """Refuse files that no reader is made for, instead of reading them as something else.

    An ending with a placeholder, as in `train.{language}`, says nothing.
    """
    assert spec.files is not None
    ending = PurePosixPath(task.files).suffix.lower()
    if "{" in ending or not spec.files.columns or ending in spec.files.readers:
        return
    allowed = ending not in NOT_PLAIN_TEXT if spec.files.plain_text else ending in TABLES
    if not allowed:
        endings = ("",) if spec.files.plain_text else TABLES
        known = [*filter(None, endings), *READERS, *spec.files.readers]
        read = f"{'text, ' if spec.files.plain_text else ''}{', '.join(dict.fromkeys(known))}"
        raise ConfigError(
            f"files that end in {ending} are not read for {spec.name}",
            where=f"tasks.{name}.files",
            todo=INSTEAD.get(ending, f"give one of {read}"),
        )


def _map_targets(task: FileTask) -> set[str]:
    """The labels that others are mapped to, those that are types of spans by their labels."""
    types = {split_tag(label)[1] for label in task.labels}
    return {label for label in task.label_map.values() if label not in types}


def _readable_formats() -> list[str]:
    return [name for name in FORMATS if FORMATS.get(name).files]


def _paired_lines(task: FileTask, files: FileSpec, folder: Path) -> PairedLines:
    top = Path() if task.hub else folder
    tables = {
        split: [path for code in codes if is_table(files, path := _path(task, top, split, code))]
        for split, codes in task.splits.items()
    }
    return PairedLines(task, tables, partial(_from_hub, task) if task.hub else Path)


def file_of(task: FileTask, split: str, language: str) -> str:
    """The path of a split in a language, as `files` gives it."""
    code = task.codes.get(language, language)
    names = {str(part): name for part, name in task.split_names.items()}
    return task.files.replace("{split}", names.get(split, split)).replace("{language}", code)


def _path(task: FileTask, folder: Path, split: str, language: str) -> Path:
    return folder / file_of(task, split, language)


def _origin(task: FileTask, folder: Path, split: str, language: str) -> tuple[Origin, ...]:
    path = _path(task, folder, split, language)
    if task.hub:
        dataset, _, revision = task.hub.partition("@")
        return (hub_origin(dataset, revision),)
    return (file_origin(path),) if path.is_file() else ()


def _estimated_size(task: FileTask, folder: Path, split: str, language: str) -> int | None:
    return None if task.hub else estimated_rows(_path(task, folder, split, language))


def _fingerprint(
    task: FileTask, folder: Path, lines: PairedLines | None, split: str, language: str
) -> str:
    path = _path(task, folder, split, language)
    if task.hub:
        found: str | None = f"{task.hub}: {path.relative_to(folder)}"
    else:
        found = digest_of_unchanged(path) if path.is_file() else None
    files = FORMATS.get(task.format).files
    columns = task.columns if files and is_table(files, path) else ()
    shape: list[Any] = [task.format, columns, task.labels, path.suffix]
    shape += [task.rename] if task.rename else []
    shape += [{"label_map": task.label_map}] if task.label_map else []
    shape += [{"bounds": task.bounds}] if task.bounds else []
    if _counts_spans(task) and scheme_of_labels(task.labels) in CONVERTED_SCHEMES:
        shape += [{"tags": "BIO"}]
    if task.header is not None:
        shape += [{"header": task.header}]
    if lines:
        shape += lines.fingerprint(path.relative_to(folder) if task.hub else path)
    return digest_of([*shape, found])


def _read(task: FileTask, folder: Path, split: str, language: str) -> Iterable[Example | BadRow]:
    path = _path(task, folder, split, language)
    if task.hub:
        path = _from_hub(task, path.relative_to(folder))
    if not path.is_file():
        raise MissingDataError(
            f"no file {path}", todo=f"put the {split} split of {language} there, or correct `files`"
        )
    return read_examples(task, path, split, language)


def _from_hub(task: FileTask, path: Path) -> Path:
    """The file of a path in the task's dataset on the Hub."""
    dataset, _, revision = task.hub.partition("@")
    return download(dataset, revision, str(path), "")


def read_examples(
    task: FileTask, path: Path, split: str, language: str = ""
) -> Iterable[Example | BadRow]:
    """The examples of a file of the task, with labels as the file has them.

    Args:
        language: of the file; a blank one is not compared with a column of languages.

    Raises:
        DataError: the file cannot be read.
    """
    spec = FORMATS.get(task.format)
    files = spec.files
    assert files is not None
    if reader := files.readers.get(path.suffix.lower()):
        return reader(path, split)
    rows = partial(named_rows, task, files, split, language)
    if spec.class_of == "word" and path.suffix.lower() not in READERS:
        check_sentence_per_line(path)
    if files.examples:
        return files.examples(rows(path, path.name))
    return parse_rows(rows, partial(_example, files))(path, path.name)


def _example(files: FileSpec, row: FileRow) -> Example:
    if absent := [column for column in files.columns if column not in row.cells]:
        raise DataError(f"no {', '.join(absent)} in the row", where=row.where)
    assert files.example is not None
    return files.example(row.optional_key("id") or row.where.rpartition("/")[2], row)
