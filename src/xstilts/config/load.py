"""Load an experiment from a YAML file or a preset; errors name file and line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from xstilts.config.experiment import Experiment
from xstilts.config.renamed_keys import rename_in_override, rename_old_keys
from xstilts.config.yaml_lines import Lines, explain, parse, read
from xstilts.core.errors import ConfigError, UnknownNameError


@dataclass(frozen=True)
class LoadedExperiment:
    """An experiment and the YAML text that it was loaded from.

    Args:
        origin: the path of the file.
        folder: relative paths in the experiment are relative to it.
    """

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
    """Load an experiment file, or the preset of that name.

    Args:
        overrides: texts `a.b=value`, where the value is YAML; applied in order.

    Raises:
        ConfigError: no such file or preset, invalid YAML, unknown keys, or wrong types.
    """
    path = _find(name_or_path)
    text = read(path)
    tree, lines = _read_with_base(path, text)
    for override in overrides:
        _apply(tree, override, lines)
    try:
        experiment = Experiment.model_validate(tree)
    except ValidationError as error:
        raise explain(error, lines, str(path), Experiment) from None
    return LoadedExperiment(experiment, text, str(path), path.parent)


def _read_with_base(
    path: Path, text: str, descendants: tuple[Path, ...] = ()
) -> tuple[dict[str, Any], Lines]:
    """The tree of a file, merged over that of the file or preset it `extends`, and its lines."""
    tree, lines = parse(text, str(path), "an experiment")
    rename_old_keys(tree, lines, str(path))
    name = tree.pop("extends", None)
    if name is None:
        return tree, lines
    where = f"{path}:{lines[('extends',)]}"
    if not isinstance(name, str):
        raise ConfigError("`extends` takes one preset or file", where=where)
    base = path.parent / name
    base = base if name not in presets() and base.is_file() else _find(name)
    if base in (path, *descendants):
        raise ConfigError(f"{base.name} extends itself", where=where)
    inherited, _ = _read_with_base(base, read(base), (path, *descendants))
    return _merge(inherited, tree), lines


def _merge(base: dict[str, Any], tree: dict[str, Any]) -> dict[str, Any]:
    """The keys of both: mappings are merged, other values of `base` are replaced."""
    merged = dict(base)
    for key, value in tree.items():
        inner = merged.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            value = _merge(inner, value)
        merged[key] = value
    return merged


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
    """Set the value of one `a.b=value` in the tree, in place."""
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"invalid override {override!r}", todo="write --set a.b=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value in {override!r} is not YAML: {error}") from None
    parts, value = rename_in_override(tuple(name.strip().split(".")), value)
    mapping = tree
    for index, part in enumerate(parts[:-1]):
        if isinstance(mapping.get(part), str) and parts[: index + 1] == ("encoder",):
            mapping[part] = {"name": mapping[part]}
        inner = mapping.setdefault(part, {})
        if not isinstance(inner, dict):
            path = ".".join(parts[: index + 1])
            raise ConfigError(f"{path} is not a mapping, so {override!r} cannot be set")
        mapping = inner
    mapping[parts[-1]] = value
    lines[parts] = 0
