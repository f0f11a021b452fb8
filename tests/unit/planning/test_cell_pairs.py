"""`exclude` removes combinations of settings and targets from the plan, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.config.exclude import CellExclusion, restricted
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import compile_measures
from xstilts.planning.variants import make_variant

ALL = {
    (setting, target)
    for setting in ("none", "toy-same", "toy-same+toy-tags")
    for target in ("toy-kind", "toy-tags", "toy-search")
}
MIXTURE = "[{intermediate: [toy-same+toy-tags], targets: [toy-search, toy-kind]}]"


def pairs(toy_file: Path, exclude: str) -> set[tuple[str, str]]:
    cells = compile_experiment(xstilts.load(str(toy_file), [f"exclude={exclude}"])).cells
    return {(cell.intermediate, cell.target) for cell in cells}


@pytest.mark.parametrize(
    ("exclude", "removed"),
    [
        (MIXTURE, {("toy-same+toy-tags", "toy-search"), ("toy-same+toy-tags", "toy-kind")}),
        (
            "[{intermediate: [toy-tags+toy-same]}]",  # names are read as in `intermediate`
            {("toy-same+toy-tags", target) for _, target in ALL},
        ),
        (
            "[{intermediate: [toy-same], targets: [toy-kind]}, "
            "{intermediate: [toy-same+toy-tags], targets: [toy-tags]}]",
            {("toy-same", "toy-kind"), ("toy-same+toy-tags", "toy-tags")},
        ),
    ],
)
def test_exclusions_remove_their_cells_only(
    toy_file: Path, exclude: str, removed: set[tuple[str, str]]
) -> None:
    assert pairs(toy_file, exclude) == ALL - removed


def test_the_other_cells_keep_their_keys(toy_file: Path) -> None:
    complete = compile_experiment(xstilts.load(str(toy_file))).cells
    some = compile_experiment(xstilts.load(str(toy_file), [f"exclude={MIXTURE}"]))
    assert set(some.cells) < set(complete)
    trainings = [stage.label for stage in some.plan.stages if stage.kind == "train"]
    assert not any("train toy-kind after toy-same+toy-tags" in label for label in trainings)


def test_an_experiment_without_exclusions_has_the_record_that_it_had(toy_file: Path) -> None:
    assert "exclude" not in xstilts.load(str(toy_file)).experiment.model_dump(mode="json")


@pytest.mark.parametrize(
    ("exclude", "message"),
    [
        ("[{intermediate: [none], targets: [toy-kind]}]", "baseline none of toy-kind"),
        ("[{targets: [toy-kind]}]", "every setting of toy-kind"),
        (
            "[{intermediate: [toy-same]}, {intermediate: [toy-same], targets: [toy-kind]}]",
            "removes nothing",
        ),
        ("[{}]", "would exclude everything"),
        ("[{targets: []}]", "excludes nothing"),
    ],
)
def test_exclusions_that_cannot_be_meant_are_refused(
    toy_file: Path, exclude: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        pairs(toy_file, exclude)
    assert "exclude" in str(caught.value.where)


@pytest.mark.parametrize(
    ("exclude", "name"),
    [
        ("[{intermediate: [toy-sam]}]", "toy-sam"),
        ("[{intermediate: [toy-same], targets: [toy-kinds]}]", "toy-kinds"),
    ],
)
def test_unknown_names_are_named(toy_file: Path, exclude: str, name: str) -> None:
    with pytest.raises(UnknownNameError, match=f"{name!r}"):
        pairs(toy_file, exclude)


def test_an_error_has_the_line_of_its_exclusion(toy_file: Path, tmp_path: Path) -> None:
    extra = "exclude:\n  - intermediate: [toy-same]\n  - targets: [toy-kinds]\n"
    path = toy_file.with_name("excluding.yaml")
    path.write_text(toy_file.read_text(encoding="utf-8") + extra, encoding="utf-8")
    lines = path.read_text(encoding="utf-8").count("\n")
    with pytest.raises(UnknownNameError) as caught:
        xstilts.plan(str(path), tmp_path / "store")
    assert str(caught.value.where).startswith(f"{path}:{lines}")


def test_measures_of_pairs_leave_excluded_pairs_out(toy_file: Path) -> None:
    exclude = "exclude=[{intermediate: [toy-same], targets: [toy-kind]}]"
    _, references = compile_measures(xstilts.load(str(toy_file), [exclude]), ["divergence"])
    assert {ref.other for ref in references} == {"toy-tags", "toy-search"}


def test_variants_keep_the_exclusions_of_what_they_keep(toy_file: Path) -> None:
    loaded = xstilts.load(str(toy_file), [f"exclude={MIXTURE}"])
    variant = make_variant(loaded, ["toy-kind"], ["none", "toy-same"], {})
    assert variant.experiment.exclude == ()
    mixed = make_variant(loaded, ["toy-kind"], ["none", "toy-same+toy-tags"], {})
    assert mixed.experiment.exclude == (
        CellExclusion(intermediate=("toy-same+toy-tags",), targets=("toy-kind",)),
    )


def test_an_exclusion_of_all_settings_stays_one() -> None:
    exclusions: Any = (CellExclusion(targets=("a", "b")),)
    assert restricted(exclusions, ["none"], ["b"]) == (CellExclusion(targets=("b",)),)
    assert restricted(exclusions, ["none"], ["c"]) == ()
