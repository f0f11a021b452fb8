"""Published claims as YAML: statement, source, and the checks that judge it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from xstilts.claims import CHECKS
from xstilts.claims.verdict import Check
from xstilts.config.base import ConfigModel, Fraction
from xstilts.config.yaml_lines import Lines, Location, explain, parse, read
from xstilts.core.errors import ConfigError

Kind = Literal["effect", "ranking", "contrast", "selection", "setting"]
OURS = "needed"
"""A key of a check, like `check`, that is not one of its parameters."""


class Source(ConfigModel):
    """Where a claim is from."""

    paper: str = Field(description="the publication")
    through: str = Field("", description="what it was read in, where that is not the paper")
    confidence: tuple[Fraction, Fraction] | None = Field(
        None, description="least and most that the sources attach to it: theirs, no probability"
    )
    unverified: bool = Field(False, description="the source itself says so")


class PublishedFigure(ConfigModel):
    """One published number."""

    what: str
    points: float = Field(description="of 100")
    note: str = ""


class Scope(ConfigModel):
    """What the claim was published about."""

    encoders: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


class Claim(ConfigModel):
    """One claim; `checks` as written, see `LoadedClaim` for them ready to be asked."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    short: str
    statement: str
    kind: tuple[Kind, ...] = Field(min_length=1)
    source: Source
    condition: str = Field(description="when it can be judged")
    unjudged: str = Field("", description="what of the statement no check judges")
    about: Scope = Scope()
    published: tuple[PublishedFigure, ...] = ()
    checks: tuple[dict[str, Any], ...] = Field(min_length=1)

    @property
    def is_setting(self) -> bool:
        """Whether it says how the study was set up, and nothing of its results."""
        return self.kind == ("setting",)


class Claims(ConfigModel):
    """A file of claims. What stands under `shared` is for YAML's anchors alone."""

    shared: Any = None
    claims: tuple[Claim, ...] = Field(min_length=1)


@dataclass(frozen=True)
class LoadedCheck:
    """One check of a claim with its parameters.

    Args:
        needed: without it the claim cannot be judged.
    """

    name: str
    check: Check
    params: BaseModel
    needed: bool


@dataclass(frozen=True)
class LoadedClaim:
    """A claim and its checks."""

    claim: Claim
    checks: tuple[LoadedCheck, ...]


def published() -> Path:
    """The file of the paper's own claims."""
    return Path(str(resources.files("xstilts.claims") / "claims.yaml"))


def load_claims(path: Path | str | None = None) -> tuple[LoadedClaim, ...]:
    """The claims of a file; the paper's if none is given.

    Raises:
        ConfigError: with file and line: no YAML, unknown keys or checks, wrong types, an id twice.
    """
    place = Path(path) if path else published()
    if not place.is_file():
        raise ConfigError(f"no file of claims {place}", todo="give a YAML file with --claims")
    tree, lines = parse(read(place), str(place), "a file of claims")
    try:
        found = Claims.model_validate(tree)
    except ValidationError as error:
        raise explain(error, lines, str(place), Claims) from None
    known: set[str] = set()
    for number, claim in enumerate(found.claims):
        if claim.id in known:
            where = f"{place}:{lines['claims', number, 'id']}"
            raise ConfigError(f"duplicate claim {claim.id}", where=where)
        known.add(claim.id)
    return tuple(
        LoadedClaim(claim, tuple(_asked(claim, number, lines, str(place))))
        for number, claim in enumerate(found.claims)
    )


def _asked(claim: Claim, number: int, lines: Lines, origin: str) -> list[LoadedCheck]:
    return [
        _one(dict(params), ("claims", number, "checks", place), lines, origin)
        for place, params in enumerate(claim.checks)
    ]


def _one(params: dict[str, Any], at: Location, lines: Lines, origin: str) -> LoadedCheck:
    name = params.pop("check", None)
    if not isinstance(name, str):
        where = f"{origin}:{lines[at]}"
        raise ConfigError("`check` names no check", where=where, todo=f"one of {', '.join(CHECKS)}")
    check = CHECKS.get(name, where=f"{origin}:{lines[(*at, 'check')]}")
    needed = params.pop(OURS, False)
    try:
        return LoadedCheck(name, check, check.params.model_validate(params), bool(needed))
    except ValidationError as error:
        raise explain(error, lines, origin, check.params, at) from None
