"""Which tasks and targets ask for reasoning, and which of them about language."""

from __future__ import annotations

TASKS = frozenset(
    ("hellaswag", "cosmosqa", "commonsenseqa", "socialiqa", "piqa", "winogrande", "copa")
)
"""The intermediate tasks that ask for reasoning. Which these are is our choice."""
LINGUISTIC = frozenset(("xcopa", "xstorycloze", "xwinograd"))
"""XStoryCloze is no task of xstilts; one of your own by that name counts."""
NON_LINGUISTIC = frozenset(("mgsm-choice",))
TARGETS = LINGUISTIC | NON_LINGUISTIC
KINDS = ("reasoning", "not about language", "other")


def kind_of(target: str) -> str:
    """The kind of a target; see `KINDS`."""
    reasoning, numeric, other = KINDS
    if target in NON_LINGUISTIC:
        return numeric
    return reasoning if target in LINGUISTIC else other
