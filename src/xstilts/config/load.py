"""Load an experiment from a YAML file or a preset; errors name file and line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from xstilts.config.encoder_choice import ENCODER, ENCODERS, choose_encoder, remove_replaced
from xstilts.config.experiment import Experiment
from xstilts.config.merge import merge
from xstilts.config.named_recipes import (
    PRESET,
    RECIPE,
    TASKS,
    drop_unused_tasks,
    expand_presets,
    override_task_values,
    remove_sections,
)
from xstilts.config.renamed_keys import rename_in_override, rename_old_keys
from xstilts.config.validation import validate
from xstilts.config.yaml_tree import (
    OVERRIDE,
    Lines,
    Location,
    location_of,
    parse,
    parse_value,
    read,
)
from xstilts.core.errors import ConfigError, UnknownNameError, XstiltsError

ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class LoadedExperiment:
    """An experiment and the YAML text that it was loaded from.

    Args:
        origin: the path of the file.
        folder: relative paths in the experiment are relative to it.
        lines: file and line of every key, for errors.
    """

    experiment: Experiment
    text: str
    origin: str
    folder: Path
    lines: Lines = field(default_factory=dict, repr=False, compare=False)

    @property
    def data(self) -> Path | None:
        """The folder of the user's data."""
        given = self.experiment.data
        return (self.folder / Path(given).expanduser()).resolve() if given else None

    @contextmanager
    def locating_errors(self) -> Iterator[None]:
        """Add file and line to errors that name a dotted key, such as `tasks.mine.files`."""
        try:
            yield
        except XstiltsError as error:
            parts = _path_of(error.where or "")
            if parts[: 2 if parts[0] == "tasks" else 1] in self.lines:
                line = location_of(parts, self.lines)
                error.where = line if line.startswith("--") else f"{line}: {error.where}"
            raise


def _path_of(where: str) -> Location:
    """The path of a dotted key; entries of `encoders` and `exclude` are numbered."""
    first, *rest = where.split(".")
    if first in (ENCODERS, "exclude") and rest and rest[0].isdigit():
        return (first, int(rest[0]), *rest[1:])
    return (first, *rest)


def presets() -> dict[str, Path]:
    """Preset name → its YAML file."""
    folder = Path(str(resources.files("xstilts.config") / "presets"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load(
    name_or_path: str, overrides: Sequence[str] = (), encoder: str | None = None
) -> LoadedExperiment:
    """Load an experiment file, or the preset of that name.

    Args:
        overrides: texts `a.b=value`, where the value is YAML; applied in order.
        encoder: the only encoder, see `encoder_choice.choose_encoder`.

    Raises:
        ConfigError: no such file or preset, invalid YAML, unknown keys, or wrong types.
    """
    path = _find(name_or_path)
    text = read(path)
    tree, lines = _read_with_base(path, text)
    if encoder is not None:
        choose_encoder(tree, lines, encoder, path.parent)
    for override in overrides:
        _apply(tree, override, lines)
    drop_unused_tasks(tree, lines)
    experiment = validate(Experiment, tree, lines)
    _check_encoder_tasks(experiment, lines)
    return LoadedExperiment(experiment, text, str(path), path.parent, lines)


def _check_encoder_tasks(experiment: Experiment, lines: Lines) -> None:
    """Check that the recipes of encoders name targets."""
    several = experiment.encoders is not None
    for index, encoder in enumerate(experiment.all_encoders):
        path: Location = (ENCODERS, index) if several else (ENCODER,)
        for name in sorted(set(encoder.recipe.tasks if encoder.recipe else ())):
            if name not in experiment.targets:
                where = location_of((*path, RECIPE, TASKS, name), lines)
                raise UnknownNameError("target", name, experiment.targets, where=where)


def _read_with_base(
    path: Path, text: str, descendants: tuple[Path, ...] = ()
) -> tuple[dict[str, Any], Lines]:
    """The tree of a file, merged over that of the file or preset it `extends`, and its lines."""
    tree, lines = parse(text, str(path), "an experiment")
    rename_old_keys(tree, lines)
    replaced = expand_presets(tree, lines)
    name = tree.pop("extends", None)
    if name is None:
        return tree, lines
    where = lines[("extends",)]
    if not isinstance(name, str):
        raise ConfigError("`extends` takes one preset or file", where=where)
    base = path.parent / name
    try:
        base = base if name not in presets() and _is_file(base) else _find(name)
    except ConfigError as error:
        error.where = where
        raise
    files = (path.resolve(), *descendants)
    if base.resolve() in files:
        raise ConfigError(f"{base.name} extends itself", where=where)
    inherited, inherited_lines = _read_with_base(base, read(base), files)
    remove_replaced(inherited, tree)
    remove_sections(inherited, inherited_lines, replaced)
    return merge(inherited, tree), inherited_lines | lines


def _find(name_or_path: str) -> Path:
    known = presets()
    if name_or_path in known:
        return known[name_or_path]
    path = Path(name_or_path)
    if _is_file(path):
        return path
    if path.suffix in ENDINGS or "/" in name_or_path:
        raise ConfigError(
            f"no experiment file {name_or_path}",
            todo=f"give a YAML file or a preset ({', '.join(known)})",
        )
    error = UnknownNameError("preset", name_or_path, known)
    files = [Path(name_or_path + ending) for ending in ENDINGS]
    if file := next(filter(_is_file, files), None):
        error.todo = f"did you mean the file {file}?"
    elif error.nearest is None:
        error.todo = f"give a YAML file or a preset ({', '.join(known)})"
    raise error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _apply(tree: dict[str, Any], override: str, lines: Lines) -> None:
    """Set the value of one `a.b=value` in the tree, in place; null removes the key."""
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"invalid override {override!r}", todo="write --set a.b=value")
    value = parse_value(text, f"--set {override}")
    parts, value = rename_in_override(tuple(name.strip().split(".")), value)
    if value is not None:
        remove_replaced(tree, parts[:1])
    mapping = tree
    for index, part in enumerate(parts[:-1]):
        if isinstance(mapping.get(part), str) and parts[: index + 1] == (ENCODER,):
            mapping[part] = {"name": mapping[part]}
        inner = mapping.setdefault(part, {})
        if not isinstance(inner, dict):
            path = ".".join(parts[: index + 1])
            raise ConfigError(f"{path} is not a mapping, so {override!r} cannot be set")
        mapping = inner
    if value is None and parts[-1] in mapping:
        del mapping[parts[-1]]
    else:
        mapping[parts[-1]] = value
    if parts[:-1] == (ENCODER, RECIPE):
        override_task_values(mapping, parts[-1], lines)
    replaced = parts
    if parts[-1] == PRESET and value is not None:
        replaced = parts[:-1]
        for other in set(mapping) - {PRESET}:
            del mapping[other]
    for location in [location for location in lines if location[: len(replaced)] == replaced]:
        del lines[location]
    lines[parts] = OVERRIDE
    expand_presets(tree, lines)
