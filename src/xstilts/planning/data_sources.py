"""The sources of a plan's data, determined without opening files or using the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xstilts.config.load import LoadedExperiment
from xstilts.core.stage import Stage
from xstilts.planning.resolve import DEFAULT_ROWS, ResolvedExperiment
from xstilts.tasks.origin import Origin, OriginKind, needs_download
from xstilts.tasks.user_tasks import file_of


@dataclass(frozen=True)
class DataSource:
    """One split of a task that a plan reads.

    Args:
        languages: languages with this origin.
        origin: kind of source; `HUB` if any part must be downloaded, None if data are missing.
        guessed: whether the size is unknown and assumed to be `DEFAULT_ROWS`.
        files: paths of missing files of a user's task, or of the task whose labels it shuffles.
    """

    task: str
    split: str
    languages: tuple[str, ...]
    origin: OriginKind | None
    guessed: bool
    files: tuple[str, ...] = ()


def data_sources(loaded: LoadedExperiment, stages: Iterable[Stage]) -> Iterator[DataSource]:
    """Yield the sources of the `prepare` stages among these, by task, split and origin."""
    resolved = ResolvedExperiment(loaded)
    groups: dict[tuple[str, str, OriginKind | None, bool], dict[str, None]] = {}
    for stage in stages:
        if stage.kind == "prepare":
            name, split, language = (stage.params[key] for key in ("task", "split", "language"))
            task, limit = resolved.task(name), stage.params["limit"]
            origin = _kind(task.origin(split, language))
            known = task.known_size(split, language) is not None
            guessed = not known and (limit is None or limit > DEFAULT_ROWS)
            groups.setdefault((name, split, origin, guessed), {})[language] = None
    for (name, split, origin, guessed), languages in groups.items():
        own = loaded.experiment.tasks.get(resolved.task(name).shuffled_from or name)
        files = [file_of(own, split, code) for code in languages] if own and not origin else ()
        yield DataSource(name, split, tuple(languages), origin, guessed, tuple(files))


def _kind(origins: tuple[Origin, ...]) -> OriginKind | None:
    if needs_download(origins):
        return OriginKind.HUB
    return origins[0].kind if origins else None
