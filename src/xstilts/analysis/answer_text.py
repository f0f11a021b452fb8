"""Notes on scores whose answers have the text of XTREME's or jiant's scripts."""

from __future__ import annotations

from xstilts.core.artifact import Artifact
from xstilts.formats.answer_text import ANSWER_TEXT, CHANGED_ANSWERS

RULES = {
    "words": "the words around them (XTREME's rule)",
    "decoded": "these decoded (jiant's rule for Chinese)",
}


def answer_text_note(artifact: Artifact) -> str:
    """The rule for answers of a `predict` stage and what it changed; empty for the default one."""
    rule = artifact.manifest["stage"]["params"].get(ANSWER_TEXT)
    if not rule:
        return ""
    changed, rows = artifact.facts[CHANGED_ANSWERS], artifact.facts["rows"]
    return (
        f"answers are not the predicted sub-words but {RULES[rule]}: {changed:,} of {rows:,} differ"
    )
