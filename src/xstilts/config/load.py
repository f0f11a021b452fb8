"""From a YAML file or a preset's name to an Experiment, with file and line in every error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from xstilts.config.experiment import Experiment
from xstilts.config.yaml_lines import Lines, explain, parse, read
from xstilts.core.errors import ConfigError, UnknownNameError


@dataclass(frozen=True)
class LoadedExperiment:
    """An experiment with the text it came from; relative paths start at `folder`."""

    experiment: Experiment
    text: str
    origin: str
    folder: Path

    @property
    def data(self) -> Path | None:
        """The folder of the user's data."""
        given = self.experiment.data
        return (self.folder / Path(given).expanduser()).resolve() if given else None


def presets() -> dict[str, Path]:
    """Preset name → its YAML file."""
    folder = Path(str(resources.files("xstilts.config") / "presets"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load(name_or_path: str, overrides: Sequence[str] = ()) -> LoadedExperiment:
    """The experiment in a file, or the preset of that name.

    Args:
        overrides: texts `a.b=value`, the value being YAML, applied in order.

    Raises:
        ConfigError: no such file or preset, broken YAML, unknown keys, wrong types.
    """
    path = _find(name_or_path)
    text = read(path)
    tree, lines = _extended(path, text)
    for override in overrides:
        _apply(tree, override, lines)
    try:
        experiment = Experiment.model_validate(tree)
    except ValidationError as error:
        raise explain(error, lines, str(path), Experiment) from None
    return LoadedExperiment(experiment, text, str(path), path.parent)


def _extended(path: Path, text: str, above: tuple[Path, ...] = ()) -> tuple[dict[str, Any], Lines]:
    """The tree of a file over that of the preset or file that it `extends`; its own lines."""
    tree, lines = parse(text, str(path), "an experiment")
    name = tree.pop("extends", None)
    if name is None:
        return tree, lines
    where = f"{path}:{lines[('extends',)]}"
    if not isinstance(name, str):
        raise ConfigError("`extends` names one preset or file", where=where)
    base = path.parent / name
    base = base if name not in presets() and base.is_file() else _find(name)
    if base in (path, *above):
        raise ConfigError(f"{base.name} extends itself", where=where)
    below, _ = _extended(base, read(base), (path, *above))
    return _over(below, tree), lines


def _over(below: dict[str, Any], tree: dict[str, Any]) -> dict[str, Any]:
    """The keys of both; mappings are merged, everything else is replaced."""
    merged = dict(below)
    for key, value in tree.items():
        inner = merged.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            value = _over(inner, value)
        merged[key] = value
    return merged


def schema() -> dict[str, Any]:
    """The JSON Schema of an experiment file, for editors."""
    return Experiment.model_json_schema()


def _find(name_or_path: str) -> Path:
    known = presets()
    if name_or_path in known:
        return known[name_or_path]
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or "/" in name_or_path:
        raise ConfigError(
            f"no experiment file {name_or_path}",
            todo=f"give a YAML file or a preset ({', '.join(known)})",
        )
    raise UnknownNameError("preset", name_or_path, known)


def _apply(tree: dict[str, Any], override: str, lines: Lines) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{override!r} is no setting", todo="write --set a.b=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value in {override!r} is not YAML: {error}") from None
    parts = name.strip().split(".")
    place = tree
    for index, part in enumerate(parts[:-1]):
        if isinstance(place.get(part), str) and parts[: index + 1] == ["encoder"]:
            place[part] = {"name": place[part]}
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{'.'.join(parts[: index + 1])} has no parts to set ({override!r})")
        place = inner
    place[parts[-1]] = value
    lines[tuple(parts)] = 0
