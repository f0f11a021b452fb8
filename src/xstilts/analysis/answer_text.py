"""Notes on scores whose answers have the text of XTREME's or jiant's scripts."""

from __future__ import annotations

from xstilts.core.artifact import Artifact
from xstilts.formats.answer_text import ANSWER_TEXT, CHANGED_ANSWERS

RULES = {"words": "XTREME's scripts", "decoded": "jiant's scripts in Chinese"}


def answer_text_note(artifact: Artifact) -> str:
    """The rule for answers of a `predict` stage and what it changed; empty for the default one."""
    rule = artifact.manifest["stage"]["params"].get(ANSWER_TEXT)
    if not rule:
        return ""
    changed, rows = artifact.facts[CHANGED_ANSWERS], artifact.facts["rows"]
    return (
        f"answers have the text of {RULES[rule]}: {changed:,} of {rows:,} differ from the "
        "predicted sub-words"
    )
