"""What targets are evaluated on, where that is not the whole test split."""

from __future__ import annotations

from xstilts.config.split_slices import SplitSlice
from xstilts.planning.compile import CompiledPlan

TEST = "test"


def nonstandard_splits(compiled: CompiledPlan) -> dict[str, str]:
    """Target → the split, share or number of examples that stands in for its test split."""
    found: dict[str, str] = {}
    for cell in compiled.cells:
        inputs = compiled.plan.by_key[cell.key].inputs
        rows = compiled.plan.by_key[inputs.get("rows") or inputs["rows:here"]].params
        said = SplitSlice(rows["split"], *rows.get("share", ())).name
        if rows["limit"]:
            said += f", at most {rows['limit']:,} examples per language"
        if said != TEST:
            found[rows["task"]] = said
    return found


def nonstandard_splits_note(compiled: CompiledPlan) -> str:
    """A sentence that says so under a table; empty if all test splits are whole."""
    targets: dict[str, list[str]] = {}
    for target, said in nonstandard_splits(compiled).items():
        targets.setdefault(said, []).append(target)
    if not targets:
        return ""
    said = "; ".join(f"{' '.join(names)} ({where})" for where, names in targets.items())
    return (
        f"Not evaluated on the whole test split: {said}. "
        "Compare these scores with each other, not with published ones."
    )
