"""Exclusions: combinations of intermediate settings and targets that are not run."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pydantic import Field, field_validator, model_validator

from xstilts.config.base import ConfigModel, explained, refusal, refuse_repeats
from xstilts.config.intermediate import parse_setting

Names = tuple[str, ...]


class CellExclusion(ConfigModel):
    """Every combination of some settings with some targets; all, where either is left out."""

    intermediate: Names | None = Field(None, description="settings; empty: all")
    targets: Names | None = Field(None, description="targets; empty: all")

    @field_validator("intermediate")
    @classmethod
    def _settings(cls, value: Names | None) -> Names | None:
        with explained():
            return value and tuple(parse_setting(text).name for text in value)

    @field_validator("intermediate", "targets")
    @classmethod
    def _names(cls, value: Names | None) -> Names | None:
        if value is not None and not value:
            raise refusal("an empty list excludes nothing", "name some, or leave the key out")
        refuse_repeats(value or ())
        return value

    @model_validator(mode="after")
    def _some(self) -> CellExclusion:
        if self.intermediate is None and self.targets is None:
            raise refusal("it would exclude everything", "name `intermediate` or `targets`")
        return self

    def covers(self, setting: str, target: str) -> bool:
        """Whether it excludes a combination."""
        return (self.intermediate is None or setting in self.intermediate) and (
            self.targets is None or target in self.targets
        )


def is_excluded(exclusions: Iterable[CellExclusion], setting: str, target: str) -> bool:
    """Whether any of the exclusions covers the combination."""
    return any(one.covers(setting, target) for one in exclusions)


def restricted(
    exclusions: Iterable[CellExclusion], settings: Collection[str], targets: Collection[str]
) -> tuple[CellExclusion, ...]:
    """The exclusions of an experiment that has only these settings and targets."""
    kept = []
    for one in exclusions:
        names = one.intermediate and tuple(name for name in one.intermediate if name in settings)
        tasks = one.targets and tuple(name for name in one.targets if name in targets)
        if names != () and tasks != ():
            kept.append(CellExclusion(intermediate=names, targets=tasks))
    return tuple(kept)
