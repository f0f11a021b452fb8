"""Published claims as YAML: statement, source, and the checks that judge it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from xstilts.claims import CHECKS
from xstilts.claims.verdict import Check
from xstilts.config.base import ConfigModel, Fraction
from xstilts.config.validation import validate
from xstilts.config.yaml_tree import Lines, Location, parse, read
from xstilts.core.errors import ConfigError

Kind = Literal["effect", "ranking", "contrast", "selection", "setting"]
NEEDED = "needed"
"""A key of a check, like `check`, that is not one of its parameters."""


class Source(ConfigModel):
    """Where a claim is from."""

    paper: str = Field(description="the publication")
    through: str = Field("", description="secondary source, if the paper itself was not read")
    confidence: tuple[Fraction, Fraction] | None = Field(
        None, description="lowest and highest confidence stated by the sources; not a probability"
    )
    unverified: bool = Field(False, description="whether the source calls the claim unverified")


class PublishedFigure(ConfigModel):
    """One published number."""

    what: str
    points: float = Field(description="of 100")
    note: str = ""


class Scope(ConfigModel):
    """Encoders and targets that the claim was published for."""

    encoders: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


class Claim(ConfigModel):
    """One claim; `checks` as in the file, see `LoadedClaim` for the check objects."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    short: str
    statement: str
    kind: tuple[Kind, ...] = Field(min_length=1)
    source: Source
    condition: str = Field(description="requirements for judging it")
    unjudged: str = Field("", description="part of the statement that no check covers")
    about: Scope = Scope()
    published: tuple[PublishedFigure, ...] = ()
    checks: tuple[dict[str, Any], ...] = Field(min_length=1)


class Claims(ConfigModel):
    """A file of claims. `shared` holds YAML anchors only."""

    shared: Any = None
    claims: tuple[Claim, ...] = Field(min_length=1)


@dataclass(frozen=True)
class LoadedCheck:
    """One check of a claim with its parameters.

    Args:
        needed: whether the claim cannot be judged without this check.
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
    """The claims of a file; those of the paper by default.

    Raises:
        ConfigError: with file and line: invalid YAML, unknown keys or
            checks, wrong types, duplicate ids.
    """
    file = Path(path) if path else published()
    if not file.is_file():
        raise ConfigError(f"no such file of claims: {file}", todo="give a YAML file with --claims")
    tree, lines = parse(read(file), str(file), "a file of claims")
    parsed = validate(Claims, tree, lines)
    known: set[str] = set()
    for number, claim in enumerate(parsed.claims):
        if claim.id in known:
            where = lines["claims", number, "id"]
            raise ConfigError(f"duplicate claim {claim.id}", where=where)
        known.add(claim.id)
    return tuple(
        LoadedClaim(claim, tuple(_checks_of(claim, number, lines)))
        for number, claim in enumerate(parsed.claims)
    )


def _checks_of(claim: Claim, number: int, lines: Lines) -> list[LoadedCheck]:
    return [
        _check_of(dict(params), ("claims", number, "checks", index), lines)
        for index, params in enumerate(claim.checks)
    ]


def _check_of(params: dict[str, Any], at: Location, lines: Lines) -> LoadedCheck:
    name = params.pop("check", None)
    if not isinstance(name, str):
        todo = f"one of {', '.join(CHECKS)}"
        raise ConfigError("`check` must be the name of a check", where=lines[at], todo=todo)
    check = CHECKS.get(name, where=lines[(*at, "check")])
    needed = params.pop(NEEDED, False)
    return LoadedCheck(name, check, validate(check.params, params, lines, at), bool(needed))
