"""Measures of the toy experiment, computed once for all tests of measures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import xstilts
from xstilts.analysis.measures_table import measures_table
from xstilts.analysis.results import facts_in
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.measures import MEASURES, compile_measures
from xstilts.testing.measures import CHANGES, ReferenceEncoder, run_stages


@pytest.fixture(scope="session")
def loaded(toy_file: Path) -> LoadedExperiment:
    return xstilts.load(str(toy_file), CHANGES)


@pytest.fixture(scope="session")
def store(loaded: LoadedExperiment, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with every measure of the experiment, and nothing else."""
    stages, _ = compile_measures(loaded, list(MEASURES))
    return run_stages(stages, tmp_path_factory.mktemp("measured"))


@pytest.fixture(scope="session")
def table(loaded: LoadedExperiment, store: Store) -> pd.DataFrame:
    _, measured = compile_measures(loaded, list(MEASURES))
    return measures_table(measured, facts_in(store))


@pytest.fixture(scope="session")
def oracle(toy_file: Path) -> ReferenceEncoder:
    return ReferenceEncoder(toy_file.parent / "encoder")


# what a plan is
