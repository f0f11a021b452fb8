"""Measures of toy tasks, and a reference encoder to compare them with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from transformers import AutoModel, AutoTokenizer

from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.planning.measures import MEASURES, MeasureRef, compile_measures
from xstilts.stages.io.rows import read_rows

CHANGES = [
    "name=measured",
    "seeds=[0]",
    "intermediate=[none, toy-same, toy-tags, toy-same+toy-tags]",
    "targets=[toy-kind, toy-tags, toy-search]",
    "recipes.intermediate.epochs=2",
    "recipes.target.epochs=1",
]


def run_stages(stages: tuple[Stage, ...], folder: Path) -> Store:
    """Run stages in this process; returns their store."""
    store = Store(folder).prepare()
    for stage in Plan.of(stages).stages:
        if not store.has(stage.key):
            execute_stage(store, stage, lambda _: None)
    return store


def measure_value(table: pd.DataFrame, measure: str, task: str, other: str = "") -> float:
    """The only value of a measure in a table of measures."""
    rows = table[["measure", "task", "other"]].eq([measure, task, other]).all(axis=1)
    (only,) = table.loc[rows, "value"]
    return float(only)


def measure_ref(loaded: LoadedExperiment, measure: str, task: str, other: str = "") -> MeasureRef:
    """The only reference to a measure of a task or pair."""
    _, references = compile_measures(loaded, [measure])
    (only,) = (ref for ref in references if (ref.task, ref.other) == (task, other))
    return only


def prepared_rows(
    loaded: LoadedExperiment, store: Store, task: str, split: str, language: str = "en"
) -> Any:
    """The prepared rows of a task that measures read."""
    stages, _ = compile_measures(loaded, list(MEASURES))
    (stage,) = (
        stage
        for stage in stages
        if stage.kind == "prepare"
        and (stage.params["task"], stage.params["split"]) == (task, split)
        and stage.params["language"] == language
    )
    return read_rows(store.artifact(stage.key) / "rows.parquet")


class ReferenceEncoder:
    """Encoder and tokenizer of transformers, for one text at a time."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        self.model = AutoModel.from_pretrained(
            folder, add_pooling_layer=False, trust_remote_code=False
        ).eval()

    def ids(self, *texts: str) -> list[int]:
        """Sub-word ids of a text or pair."""
        return list(self.tokenizer(*texts, truncation=True)["input_ids"])

    @torch.no_grad()
    def states(self, *texts: str) -> np.ndarray[Any, Any]:
        """[sub-words, width]: last hidden states of a text or pair."""
        states = self.model(torch.tensor([self.ids(*texts)])).last_hidden_state[0]
        return np.asarray(states.numpy(), dtype=np.float64)
