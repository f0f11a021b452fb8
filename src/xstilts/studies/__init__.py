"""Studies: one folder per research question, over results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xstilts.core.registry import Registry

if TYPE_CHECKING:
    from xstilts.studies.base import Study

STUDIES: Registry[Study] = Registry(
    "study",
    "xstilts.studies",
    {
        "difficulty": "xstilts.studies.difficulty:STUDY",
        "reasoning": "xstilts.studies.reasoning:STUDY",
        "scaling": "xstilts.studies.scaling:STUDY",
        "similarity": "xstilts.studies.similarity:STUDY",
        "multimodal": "xstilts.studies.multimodal:STUDY",
    },
)
"""Name → study."""
