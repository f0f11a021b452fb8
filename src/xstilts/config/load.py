"""From a YAML file or a preset's name to an Experiment, with file and line in every error."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from xstilts.config.experiment import Experiment
from xstilts.core.errors import ConfigError, UnknownName

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Loaded:
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


def load(name_or_path: str, overrides: Sequence[str] = ()) -> Loaded:
    """The experiment in a file, or the preset of that name.

    Args:
        overrides: texts `a.b=value`, the value being YAML, applied in order.

    Raises:
        ConfigError: no such file or preset, broken YAML, unknown keys, wrong types.
    """
    path = _find(name_or_path)
    text = _read(path)
    tree, lines = _extended(path, text)
    for override in overrides:
        _apply(tree, override, lines)
    try:
        experiment = Experiment.model_validate(tree)
    except ValidationError as error:
        raise _explain(error, lines, str(path)) from None
    return Loaded(experiment, text, str(path), path.parent)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", where=str(path), todo="save it as UTF-8") from error


def _extended(
    path: Path, text: str, above: tuple[Path, ...] = ()
) -> tuple[dict[str, Any], dict[Path_, int]]:
    """The tree of a file over that of the preset or file that it `extends`; its own lines."""
    tree, lines = _parse(text, str(path))
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
    below, _ = _extended(base, _read(base), (path, *above))
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
    raise UnknownName("preset", name_or_path, known)


def _parse(text: str, origin: str) -> tuple[dict[str, Any], dict[Path_, int]]:
    try:
        tree = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{origin}:{mark.line + 1}" if mark else origin
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"not YAML: {problem}", where=where) from None
    if not isinstance(tree, dict):
        raise ConfigError("an experiment is a mapping of keys to values", where=f"{origin}:1")
    return _unshared(tree), dict(_lines(node, (), origin))


def _unshared(value: Any) -> Any:
    """A copy in which what YAML's aliases share is apart, so that --set changes one place."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _lines(node: Any, path: Path_, origin: str) -> Iterator[tuple[Path_, int]]:
    """Every path in the YAML tree with its line, counted from 1."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(
                    f"the key {key.value!r} is there twice",
                    where=f"{origin}:{key.start_mark.line + 1}",
                )
            seen.add(key.value)
            yield from _lines(value, (*path, key.value), origin)
            yield (*path, key.value), key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index), origin)


def _apply(tree: dict[str, Any], override: str, lines: dict[Path_, int]) -> None:
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


def _explain(error: ValidationError, lines: dict[Path_, int], origin: str) -> ConfigError:
    """The first complaint as our own error; further ones are listed under it."""
    found = sorted(error.errors(), key=lambda item: item["type"] == "missing")
    said = [_complaint(dict(item), lines, origin) for item in found]
    where, what, todo = said[0]
    more = "".join(f"\n{place}: {text}" for place, text, _ in said[1:6])
    return ConfigError(what + more, where=where, todo=todo)


def _complaint(
    item: dict[str, Any], lines: dict[Path_, int], origin: str
) -> tuple[str, str, str | None]:
    path: Path_ = tuple(item["loc"])
    name = ".".join(str(part) for part in path)
    known = path
    while known and known not in lines:
        known = known[:-1]
    line = lines.get(known, 1)
    where = f"--set {name}" if line == 0 else f"{origin}:{line}"
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _fields_at(path[:-1]), n=1)
        todo = (
            f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_fields_at(path[:-1]))}"
        )
        return where, f"unknown key {name!r}", todo
    if item["type"] == "missing":
        return where, f"the key {name!r} is missing", None
    shown = json.dumps(item["input"], ensure_ascii=False, default=str)
    return where, f"{name}: {item['msg']}, not {shown[:80]}", None


def _fields_at(path: Path_) -> list[str]:
    """The keys that the model at this place of an experiment knows."""
    model: Any = Experiment
    for part in path:
        field = getattr(model, "model_fields", {}).get(str(part))
        model = _part(field.annotation) if field else None
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    return sorted(model.model_fields) if is_model else []


def _part(annotation: Any) -> Any:
    """What a field holds when it is not left empty."""
    found = [kind for kind in get_args(annotation) if kind is not type(None)]
    return found[0] if type(None) in get_args(annotation) else annotation
