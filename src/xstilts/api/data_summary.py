"""What the examples of a task are like: some of them, their lengths and labels by language.

xstilts.show_data("mine", experiment="my.yaml", languages=["sw"])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from xstilts.api.inputs import data_folder, load, with_own_tasks
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import UnknownNameError
from xstilts.core.hashing import seed_of
from xstilts.formats.base import Example
from xstilts.formats.text_lengths import text_lengths
from xstilts.languages.unknown import unknown_language
from xstilts.models.encoder_defaults import PACKAGED
from xstilts.models.encoder_source import EncoderSource, find_source
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.unapplied_slices import note_unapplied_slices
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.io.sources import located
from xstilts.tasks.origin import describe_origins
from xstilts.tasks.validate import filter_rows

SAMPLE = 1000
"""Examples of a split in a language whose texts are tokenized, a random sample."""
MAX_LENGTH = 256
"""Of a recipe that says nothing else."""


@dataclass(frozen=True)
class SplitSummary:
    """One split of a task in one language.

    Args:
        file: its source.
        rows: usable ones; left_out: by kind of problem; noted: of rows that are kept.
        labels: label → rows, or words, that have it, the most frequent first; empty without labels.
        sampled: examples that lengths are of.
        words, subwords: median of an example; longest: of the longest one, in sub-words.
        cut: share of the sampled examples with more sub-words than `max_length`.
        per_word: sub-words of a word; unknown_rate: share of unknown tokens in the sub-words.
        examples: the first ones of the sample, by field.
        why: why it cannot be read; blank if it can.
    """

    task: str
    split: str
    language: str
    file: str = ""
    rows: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    sampled: int = 0
    words: float = 0.0
    subwords: float = 0.0
    longest: int = 0
    cut: float = 0.0
    per_word: float = 0.0
    unknown_rate: float = 0.0
    examples: tuple[dict[str, Any], ...] = ()
    why: str = ""


@dataclass(frozen=True)
class DataSummary:
    """A task's data, as an encoder's tokenizer reads them.

    Args:
        max_length: of the recipe; beyond it, texts are cut or divided.
    """

    task: str
    format: str
    metrics: tuple[str, ...]
    labels: tuple[str, ...]
    encoder: str
    max_length: int
    splits: tuple[SplitSummary, ...]


def show_data(
    task: str,
    *,
    experiment: Path | str | None = None,
    languages: Sequence[str] = (),
    splits: Sequence[str] = (),
    examples: int = 3,
    encoder: str | None = None,
    data: Path | str | None = None,
) -> DataSummary:
    """Read a task and count its rows, labels, words, sub-words and unknown tokens by language.

    Nothing of the data is downloaded.

    Args:
        task: its name, or that of an own task of the experiment.
        experiment: the file that defines the task, and names the encoder and the recipe; splits
            that it slices or replaces are shown in full, with a note.
        languages: codes; by default all.
        splits: train, dev, test; by default all.
        examples: shown of each split and language.
        encoder: whose tokenizer; by default the experiment's, else the packaged one.
        data: the folder of the user's files.

    Raises:
        UnknownNameError: no such task, split or language.
        ConfigError: the experiment, or the task in it, is not valid.
        EncoderError: the encoder has no fast tokenizer, or cannot be reached.
    """
    from xstilts.models.source_tokenizer import source_tokenizer

    loaded = load(experiment, encoder=encoder, data=data) if experiment else None
    spec = _task(task, loaded, data)
    if loaded:
        note_unapplied_slices(ResolvedExperiment(loaded), spec)
    wanted = list(_wanted(spec, splits, languages))
    source, length = _source(loaded, encoder), _max_length(loaded, spec)
    tokenizer = source_tokenizer(source)
    summaries = [
        _summary(spec, split, language, tokenizer, length, examples) for split, language in wanted
    ]
    return DataSummary(
        spec.name, spec.format, spec.metrics, spec.labels, source.name, length, tuple(summaries)
    )


def _task(name: str, loaded: LoadedExperiment | None, data: Path | str | None) -> TaskSpec:
    if loaded:
        with loaded.locating_errors():
            return ResolvedExperiment(loaded).task(name, where="TASK")
    if name not in TASKS:
        raise with_own_tasks(UnknownNameError("task", name, TASKS, where="TASK"), "--experiment")
    return located(TASKS.get(name), data_folder(data), {})


def _source(loaded: LoadedExperiment | None, encoder: str | None) -> EncoderSource:
    if loaded is None:
        return find_source(encoder or PACKAGED, None, Path.cwd())
    chosen = loaded.experiment.all_encoders[0]
    return find_source(chosen.name, chosen.revision, loaded.folder)


def _max_length(loaded: LoadedExperiment | None, task: TaskSpec) -> int:
    if loaded is None:
        return MAX_LENGTH
    if task.format_spec.search:
        return loaded.experiment.retrieval.max_length
    return ResolvedExperiment(loaded).recipe(task.name).max_length


def _wanted(
    task: TaskSpec, splits: Sequence[str], languages: Sequence[str]
) -> Iterator[tuple[str, str]]:
    every = {code for codes in task.splits.values() for code in codes}
    for name in splits:
        if name not in task.splits:
            raise UnknownNameError("split", name, task.splits, where="--split")
    for code in languages:
        if code not in every:
            raise unknown_language("language", code, every, "--language")
    for split in splits or task.splits:
        for code in task.languages_of(split):
            if not languages or code in languages:
                yield split, code


def _summary(
    task: TaskSpec, split: str, language: str, tokenizer: Any, max_length: int, shown: int
) -> SplitSummary:
    from xstilts.tasks.data_check import SplitState, check_split

    found = check_split(task, split, language)
    name = task.name, split, language
    if found.state is SplitState.HUB:
        return SplitSummary(*name, file=found.file, why="on the hub: a run downloads it")
    if not found.rows:
        return SplitSummary(*name, why=found.why or "no rows")
    kept, problems, _ = filter_rows(task.read(split, language), task, split)
    sample = sorted(kept, key=lambda example: seed_of("sample", example.id))[:SAMPLE]
    lengths = text_lengths(sample, task.format_spec, tokenizer)
    return SplitSummary(
        *name,
        file=found.file or describe_origins(task.origin(split, language)),
        rows=len(kept),
        left_out=dict(problems.left_out),
        noted=dict(problems.kept),
        labels=dict(_label_counts(task, kept).most_common()),
        sampled=len(sample),
        words=median(lengths.words),
        subwords=median(lengths.subwords),
        longest=max(lengths.subwords),
        cut=sum(length > max_length for length in lengths.subwords) / len(sample),
        per_word=lengths.subwords_per_word,
        unknown_rate=lengths.unknown_rate,
        examples=tuple(_fields(example) for example in sample[:shown]),
        why=found.why,
    )


def _label_counts(task: TaskSpec, examples: Iterable[Example]) -> Counter[str]:
    """How many rows, or words, have each label; labels of the task that none has count 0."""
    spec = task.format_spec
    if not spec.class_of:
        return Counter()
    counts = Counter(dict.fromkeys(task.labels, 0))
    for gold in spec.gold_of_examples(examples):
        counts.update(gold if spec.class_of == "word" else [gold])
    return counts


def _fields(example: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in asdict(example).items()
        if name not in ("id", "where") and value not in (None, (), [])
    }
