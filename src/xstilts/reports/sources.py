"""Licences and citations of the encoder and of all data that an experiment reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import pandas as pd

from xstilts.config.experiment import Experiment
from xstilts.core.errors import XstiltsError
from xstilts.core.private_text import without_paths
from xstilts.core.stage import Stage
from xstilts.formats.answer_retrieval import names_pool
from xstilts.reports.encoder_citations import UNKNOWN_LICENCE, encoder_citation
from xstilts.reports.sections import Section
from xstilts.reports.tables import NOTHING
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.shuffled_labels import find_task

USERS = "files of the user"
NOTE = (
    "Licences as the sources state them; whether they allow a use of data and models is for the "
    "reader to check. A citation that is missing here is not necessarily missing at the source."
)
SHOWN = 6
"""Languages that are named, at most."""


def sources_section(experiment: Experiment, stages: Iterable[Stage]) -> Section | None:
    """The encoders and the data of a plan; None for a plan that reads none."""
    stages = list(stages)
    rows = [*_encoders(experiment, stages), *_tasks(experiment, stages)]
    if not rows:
        return None
    title = "Licences and citations"
    return Section("sources", title, pd.DataFrame(rows), (NOTE,), wraps=True)


def _encoders(experiment: Experiment, stages: Iterable[Stage]) -> Iterator[dict[str, str]]:
    names = [one.label or without_paths(one.name) for one in experiment.all_encoders]
    sources = [stage.params.get("source", {}) for stage in stages if stage.kind == "encoder"]
    for number, source in enumerate(sources):
        name = names[number] if len(names) == len(sources) else "encoder"
        found = encoder_citation(source, name)
        yield _row(found.name, "encoder", found.licence, found.source, found.citation)


def _tasks(experiment: Experiment, stages: Iterable[Stage]) -> Iterator[dict[str, str]]:
    """A row per data set: controls and other versions of a task are one with it."""
    uses: dict[str, dict[str, dict[str, None]]] = {}
    for stage in stages:
        if stage.kind == "prepare" and "task" in stage.params:
            splits = uses.setdefault(str(stage.params["task"]), {})
            codes = splits.setdefault(str(stage.params["split"]), {})
            codes[str(stage.params["language"])] = None
    for name, splits in uses.items():
        use = "; ".join(f"{split}: {_languages(codes)}" for split, codes in splits.items())
        spec = None if name in experiment.tasks else _spec(name)
        if spec is None:
            own = experiment.tasks.get(name)
            yield _row(name, use, getattr(own, "licence", ""), USERS if own else "", "")
        else:
            source = spec.source or (f"https://huggingface.co/datasets/{spec.hub}" * bool(spec.hub))
            yield _row(name, use, spec.licence, source, spec.citation)


def _languages(codes: Mapping[str, None]) -> str:
    """The codes of a few languages, or their number; what they are searched in is no language."""
    languages = [code for code in codes if not names_pool(code)]
    return ", ".join(languages) if len(languages) <= SHOWN else f"{len(languages)} languages"


def _spec(name: str) -> TaskSpec | None:
    with suppress(XstiltsError, ImportError):
        return find_task(name, TASKS.get)
    return None


def _row(name: str, use: str, licence: str, source: str, citation: str) -> dict[str, str]:
    return {
        "name": name,
        "use": use,
        "licence": licence or UNKNOWN_LICENCE,
        "source": source or NOTHING,
        "citation": citation or NOTHING,
    }
