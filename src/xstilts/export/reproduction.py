"""The experiment of a trained model as a file from which it can be run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from xstilts.config.recorded_experiment import recorded_experiment
from xstilts.config.renamed_keys import with_current_names
from xstilts.core.private_text import without_paths

EXPERIMENT = "experiment.yaml"
HEAD = """\
# The experiment that trained this model, as xstilts {version} recorded it. Values that are the
# defaults of this version and absolute paths are left out.
"""


def experiment_text(config: Mapping[str, Any], version: str) -> str:
    """The experiment of a record as YAML; all recorded keys if this version cannot read them.

    Args:
        config: of the record.
        version: of the package that trained the model.
    """
    try:
        tree = recorded_experiment(config).model_dump(mode="json", exclude_defaults=True)
    except ValueError:
        tree = with_current_names(config)
    text = yaml.safe_dump(without_paths(tree), allow_unicode=True, sort_keys=False, width=100)
    return HEAD.format(version=version) + text
