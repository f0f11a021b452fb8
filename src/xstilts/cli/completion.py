"""What a shell completes: names of presets, files, tasks and studies."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

YAML = (".yaml", ".yml")


def complete_experiments(incomplete: str) -> list[str]:
    """Presets and YAML files."""
    from xstilts.config.load import presets

    folder, slash, begin = incomplete.rpartition("/")
    files = []
    for path in sorted(Path(folder + slash or ".").glob(f"{begin}*")):
        if path.is_dir():
            files.append(f"{folder}{slash}{path.name}/")
        elif path.suffix in YAML:
            files.append(f"{folder}{slash}{path.name}")
    return [*_beginning(presets(), incomplete), *files]


def complete_tasks(incomplete: str) -> list[str]:
    """Tasks."""
    from xstilts.tasks import TASKS

    return _beginning(TASKS, incomplete)


def complete_studies(incomplete: str) -> list[str]:
    """Studies."""
    from xstilts.studies import STUDIES

    return _beginning(STUDIES, incomplete)


def complete_recipes(incomplete: str) -> list[str]:
    """Published recipes."""
    from xstilts.config.named_recipes import named_recipe_files

    return _beginning(named_recipe_files(), incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
