"""A page per preset: its YAML file."""

from __future__ import annotations

from importlib import resources

from xstilts.config.load import presets

FOLDER = "reference/presets"


def names() -> list[str]:
    """The names of all presets."""
    return sorted(presets())


def path(name: str) -> str:
    """Where the page of a preset is, below the folder of pages."""
    return f"{FOLDER}/{name}.md"


def pages() -> dict[str, str]:
    """Path → text of the page of every preset."""
    folder = resources.files("xstilts.config") / "presets"
    texts = {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in names()}
    return {path(name): _page(name, text) for name, text in texts.items()}


def _page(name: str, text: str) -> str:
    return (
        f"# Preset {name}\n\n"
        f"```console\n$ xstilts plan {name}\n$ xstilts run {name}\n```\n\n"
        "Any value is overridden with `--set A.B=C`; the fields are those of\n"
        "[experiments](../../guide/experiments.md).\n\n"
        f"```yaml\n{text.rstrip()}\n```\n"
    )
