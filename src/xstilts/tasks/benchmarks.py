"""Benchmarks: their tasks, the languages and the official metric of each, and groups of tasks.

A task may have more languages than a benchmark evaluates: `udpos` has those of XTREME and of
XTREME-R. `languages: xtreme` in an experiment evaluates those of the benchmark's table, and a
benchmark's averages and submissions use its table only.

Sources: evaluate.py of github.com/google-research/xtreme; Hu et al. 2020 (arXiv 2003.11080) for
XTREME, Ruder et al. 2021 (arXiv 2104.07412) for XTREME-R.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xstilts.tasks.builders import names


@dataclass(frozen=True)
class Benchmark:
    """The tasks that a benchmark averages over.

    Args:
        name: as in `languages: NAME` of an experiment.
        title: its name in reports.
        languages: task → the languages of its test set that are averaged.
        metrics: task → its official metric.
        groups: group → its tasks; every task is in one group.
        further_groups: groups of some of the same tasks that the benchmark's code averages.
        protocol: task → the tasks that its official protocol trains on, one after the other, where
            that is not just one task of its format; none for retrieval by a pretrained encoder.
    """

    name: str
    title: str
    languages: Mapping[str, tuple[str, ...]]
    metrics: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    further_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protocol: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of its tasks, group by group."""
        return tuple(self.metrics)

    @property
    def all_groups(self) -> dict[str, tuple[str, ...]]:
        """Group → its tasks, with the further groups."""
        return {**self.groups, **self.further_groups}


XTREME = Benchmark(
    name="xtreme",
    title="XTREME",
    languages={
        "xnli": names("en ar bg de el es fr hi ru sw th tr ur vi zh"),
        "paws-x": names("en de es fr ja ko zh"),
        "udpos": names(
            "en af ar bg de el es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl "
            "tr ur vi yo zh"
        ),
        "pan-x": names(
            "en ar he vi id jv ms tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja "
            "ka ko th sw yo my zh kk tr et fi hu"
        ),
        "xquad": names("en ar de el es hi ru th tr vi zh"),
        "mlqa": names("en ar de es hi vi zh"),
        "tydiqa": names("en ar bn fi id ko ru sw te"),
        "bucc": names("de fr ru zh"),
        "tatoeba": names(
            "af ar bg bn de el es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr nl pt ru sw "
            "ta te th tl tr ur vi zh"
        ),
    },
    metrics={
        "xnli": "accuracy",
        "paws-x": "accuracy",
        "udpos": "pos_f1",
        "pan-x": "span_f1",
        "xquad": "qa_mean",
        "mlqa": "mlqa_mean",
        "tydiqa": "qa_mean",
        "bucc": "mining_f1",
        "tatoeba": "tatoeba_accuracy",
    },
    groups={
        "classification": ("xnli", "paws-x"),
        "tagging": ("udpos", "pan-x"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc", "tatoeba"),
    },
    protocol={"bucc": (), "tatoeba": ()},
)

XTREME_R = Benchmark(
    name="xtreme-r",
    title="XTREME-R",
    languages={
        "xnli": XTREME.languages["xnli"],
        "xcopa": names("et ht id it qu sw ta th tr vi zh"),
        "udpos": (*XTREME.languages["udpos"], *names("lt pl uk wo ro")),
        "pan-x": (*XTREME.languages["pan-x"], *names("qu pl uk az lt pa gu ro")),
        "xquad": (*XTREME.languages["xquad"], "ro"),
        "mlqa": XTREME.languages["mlqa"],
        "tydiqa": XTREME.languages["tydiqa"],
        "tatoeba": (*XTREME.languages["tatoeba"], *names("az lt pl uk ro")),
        "mewsli-x": names("ar de en es fa ja pl ro ta tr uk"),
        "lareqa-xquad-r": XTREME.languages["xquad"],
    },
    metrics={
        "xnli": "accuracy",
        "xcopa": "accuracy",
        "udpos": "pos_f1",
        "pan-x": "span_f1",
        "xquad": "qa_mean",
        "mlqa": "mlqa_mean",
        "tydiqa": "qa_mean",
        "tatoeba": "tatoeba_accuracy",
        "mewsli-x": "map_at_20",
        "lareqa-xquad-r": "map_at_20",
    },
    groups={
        "classification": ("xnli", "xcopa"),
        "tagging": ("udpos", "pan-x"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "mewsli-x", "lareqa-xquad-r"),
    },
    further_groups={"retrieval-without-lareqa": ("tatoeba", "mewsli-x")},
    protocol={
        "xcopa": ("socialiqa", "copa"),
        "tatoeba": ("squad-v1",),
        "mewsli-x": ("mewsli-x-pairs",),
        "lareqa-xquad-r": ("squad-retrieval",),
    },
)

BENCHMARKS = {benchmark.name: benchmark for benchmark in (XTREME, XTREME_R)}


def languages_in(benchmark: str, task: str) -> tuple[str, ...]:
    """The languages of a task in a benchmark; empty if the benchmark does not have the task.

    Args:
        benchmark: a name in `BENCHMARKS`, or `all`, which has no table.
    """
    known = BENCHMARKS.get(benchmark)
    return known.languages.get(task, ()) if known else ()
