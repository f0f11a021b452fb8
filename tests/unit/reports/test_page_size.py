"""The page of a large experiment is small: 8 targets, 40 languages, 8 settings, 3 seeds."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.analysis.example_scores import example_scores
from xstilts.analysis.gain_table import gain_table
from xstilts.analysis.gains import compute_gains
from xstilts.analysis.language_intervals import LanguageInterval
from xstilts.analysis.results import results_frame
from xstilts.core.artifact import Artifact
from xstilts.core.plan import StageState, StageStatus
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats.training_spec import PredictedClass
from xstilts.languages import suite
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.reports.answered_tests import LONGEST
from xstilts.reports.html import ReportData, page
from xstilts.reports.stage_rows import LISTED
from xstilts.stages.io.rows import PREDICTIONS, write_predictions, write_rows
from xstilts.stages.prepare import ROWS
from xstilts.stages.score import STATISTICS
from xstilts.testing.tiny import write_encoder

LIMIT = 5_000_000
"""Bytes of a page, at most."""
TARGETS = tuple(f"target-{number}" for number in range(8))
SETTINGS = tuple(f"intermediate-{number}" for number in range(7))
LANGUAGES = tuple(spoken.code for spoken in suite("xtreme"))
LABELS = ("contradiction", "entailment", "neutral")
EXAMPLES, STEPS, VARIANTS, DRAWS = 24, 1_000, 16, 100
PROVENANCE = {"seconds": 1234.5, "published": 1.7e9, "versions": {"python": "3"}, "machine": "x"}


class FabricatedStore(Store):
    """All stages of a plan are done; what reports read is drawn, and never on the disk."""

    def __init__(self, plan_stages: Mapping[str, Stage], folder: Path) -> None:
        super().__init__(folder / "store")
        self.stages = plan_stages
        self.parts = folder
        self.made: dict[str, Artifact] = {}

    def artifact(self, key: str) -> Artifact:
        if key not in self.made:
            stage, draw = self.stages[key], random.Random(key)
            facts: dict[str, Any] = {}
            if stage.kind == "score":
                scores = {name: {"value": draw.random(), "n": EXAMPLES} for name in ("accuracy",)}
                facts = {"scores": scores}
            if stage.kind == "train":
                facts = {"dev_mean": draw.random(), "dev": {}, "collapsed": [], "events": []}
            self.made[key] = Artifact(key, self.root)
            manifest = {"key": key, "facts": facts, "provenance": PROVENANCE, "files": {}}
            object.__setattr__(self.made[key], "_read", {**manifest, "stage": stage.to_json()})
        return self.made[key]

    def get_valid(self, key: str) -> Artifact | None:
        return self.artifact(key)

    def read(self, key: str, name: str) -> bytes:
        return self.file(name, int(key[:8], 16) % VARIANTS)

    @cache  # noqa: B019 - of one store
    def file(self, name: str, variant: int) -> bytes:
        """The bytes of a file; a few different ones are enough for a page."""
        draw, path = random.Random(f"{name}{variant}"), self.parts / name
        ids = [{"id": str(number)} for number in range(EXAMPLES)]
        if name == ROWS:
            text = "word " * (LONGEST // 4)
            write_rows(path, [one | {"text": text, "label": draw.choice(LABELS)} for one in ids])
        elif name == PREDICTIONS:
            write_rows(self.parts / "ids.parquet", ids)
            answers = [PredictedClass(draw.choice(LABELS), draw.uniform(0.34, 1)) for _ in ids]
            write_predictions(path, self.parts / "ids.parquet", answers)
        elif name == STATISTICS:
            hits = ([float(draw.random() < 0.6), 1.0] for _ in ids)
            made = zip(ids, hits, strict=True)
            write_rows(path, [{"metric": "accuracy"} | n | {"statistics": s} for n, s in made])
        else:
            losses = [1 + draw.random() for _ in range(STEPS)]
            dev = [{"step": step, "scores": {"t": draw.random()}} for step in range(100, 1001, 100)]
            return json.dumps({"losses": losses, "dev": dev, "events": []}).encode()
        return path.read_bytes()


def write_large_experiment(folder: Path) -> Path:
    """An experiment of own tasks, each with small files of its own."""
    tasks = {}
    for name in (*TARGETS, *SETTINGS):
        tests = {"test": list(LANGUAGES)} if name in TARGETS else {}
        splits = {"train": ["en"], "dev": ["en"], **tests}
        for split, codes in splits.items():
            for code in codes:
                lines = (f"{name} {split} {code} {n}\t{LABELS[n % 3]}" for n in range(3))
                (folder / f"{name}-{split}-{code}.tsv").write_text("\n".join(lines), "utf-8")
        tasks[name] = {
            "format": "classification",
            "files": f"{name}-{{split}}-{{language}}.tsv",
            "splits": splits,
            "columns": ["text", "label"],
            "labels": list(LABELS),
        }
    experiment = {
        "name": "large",
        "encoder": str(write_encoder(folder / "encoder")),
        "intermediate": ["none", *SETTINGS],
        "targets": list(TARGETS),
        "seeds": [0, 1, 2],
        "tasks": tasks,
    }
    path = folder / "large.yaml"
    path.write_text(json.dumps(experiment), "utf-8")
    return path


def intervals(compiled: CompiledPlan) -> list[LanguageInterval]:
    """An interval for each number of the heat maps."""
    runs = dict.fromkeys((c.encoder, c.target, c.language, c.intermediate) for c in compiled.cells)
    ends = (0.412, 0.634, -0.123, 0.145)
    return [LanguageInterval(*run, *ends, 2_490, 3) for run in runs]


@pytest.fixture(scope="module")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("large")
    loaded = xstilts.load(str(write_large_experiment(folder)))
    compiled = compile_experiment(loaded)
    store = FabricatedStore(compiled.plan.by_key, folder)
    results = results_frame(compiled.cells, store)
    run_gains = compute_gains(results, compiled.cells, compiled.baseline)
    data = ReportData(
        loaded.experiment,
        compiled,
        dict.fromkeys(compiled.plan.by_key, StageStatus(StageState.DONE)),
        store,
        results,
        run_gains,
        gain_table(results, run_gains, example_scores(compiled.cells, store), DRAWS),
        language_intervals=intervals(compiled),
    )
    return page(data, folder)


def test_the_page_of_a_large_experiment_stays_below_the_limit(large_page: str) -> None:
    assert large_page.count('<table class="heat"') >= len(TARGETS)
    assert large_page.count('<table class="calibration">') == len(TARGETS)
    assert len(large_page.encode()) < LIMIT


def test_every_score_of_a_large_experiment_is_linked_without_a_row_of_its_own(
    large_page: str,
) -> None:
    ids = re.findall(' id="([^"]+)"', large_page)
    assert len(set(ids)) == len(ids)
    inner = set(re.findall('href="#([^"]+)"', large_page))
    assert inner <= set(ids)
    runs = len(TARGETS) * len(LANGUAGES) * (len(SETTINGS) + 1) * 3
    scores = large_page[large_page.index("<h3>Score stages") :]
    assert len(set(re.findall('href="store/artifacts/([0-9a-f]{64})/"', scores))) == runs
    listed = large_page.count('<tr id="k-')
    assert 0 < listed <= LISTED
    assert f"Without {2 * runs:,} predictions and scores" in large_page
