"""Toy experiments of the study `scaling`: one toy task under many names."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from xstilts.api.inputs import load
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.studies.scaling import STUDY

SIX = ("one", "two", "three", "four", "five", "six")


def experiment(
    toy_file: Path, tasks: tuple[str, ...], *overrides: str, like: str
) -> LoadedExperiment:
    """The toy experiment with a toy task under other names for intermediate tasks."""
    own = yaml.safe_load(toy_file.read_text())["tasks"]
    known = {**own, **{name: own[like] for name in tasks if name not in own}}
    return load(
        str(toy_file),
        [
            f"tasks={yaml.safe_dump(known, default_flow_style=True, width=10**6)}",
            f"intermediate=[none, {', '.join(tasks)}, one > two]",
            "targets=[toy-kind, toy-search]",
            "limits.train=96",
            *overrides,
        ],
    )


@cache
def compiled(toy_file: Path, tasks: tuple[str, ...], *overrides: str) -> dict[str, CompiledPlan]:
    """The plan of each variant that the study needs."""
    needs = STUDY.needs(experiment(toy_file, tasks, *overrides, like="toy-same"))
    return {name: compile_experiment(variant) for name, variant in needs.variants.items()}
