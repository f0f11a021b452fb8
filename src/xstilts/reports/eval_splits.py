"""Targets that are not evaluated on their full test split."""

from __future__ import annotations

from xstilts.config.split_slices import SplitSlice
from xstilts.planning.compile import CompiledPlan

TEST = "test"


def nonstandard_splits(compiled: CompiledPlan) -> dict[str, str]:
    """Target → the split, slice or number of examples used instead of its full test split."""
    found: dict[str, str] = {}
    for cell in compiled.cells:
        inputs = compiled.plan.by_key[cell.key].inputs
        rows = compiled.plan.by_key[inputs.get("rows") or inputs["rows:here"]].params
        split = SplitSlice(rows["split"], *rows.get("share", ())).name
        if rows["limit"]:
            split += f", at most {rows['limit']:,} examples per language"
        if split != TEST:
            found[rows["task"]] = split
    return found


def nonstandard_splits_note(compiled: CompiledPlan) -> str:
    """A note for below a table; empty if every target uses its full test split."""
    targets: dict[str, list[str]] = {}
    for target, split in nonstandard_splits(compiled).items():
        targets.setdefault(split, []).append(target)
    if not targets:
        return ""
    listed = "; ".join(f"{' '.join(names)} ({split})" for split, names in targets.items())
    return (
        f"Not evaluated on the full test split: {listed}. "
        "These scores are comparable with each other, not with published ones."
    )
