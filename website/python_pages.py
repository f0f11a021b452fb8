"""The Python reference: every function of `xstilts`, and what plug-ins are made of.

The pages name the objects; mkdocstrings fills in signatures and docstrings.
"""

from __future__ import annotations

import xstilts

INTRODUCTION = """\
# Python reference

Each function is imported as `xstilts.NAME`. An experiment is a YAML file, the name of a preset, or
what `xstilts.load` returns; a store is a folder.

"""
PLUG_INS = {
    "Tasks": ("xstilts.tasks.base.TaskSpec", "xstilts.tasks.builders.english_task"),
    "Formats": ("xstilts.formats.spec.FormatSpec",),
    "Stages": ("xstilts.core.stage.Stage", "xstilts.stages.base.StageKind"),
    "Studies": ("xstilts.studies.base.Study",),
    "Executors": (
        "xstilts.executors.base.Executor",
        "xstilts.executors.base.RunResult",
        "xstilts.executors.events.Event",
    ),
    "Trackers": ("xstilts.trackers.base.Tracker", "xstilts.trackers.base.RunInfo"),
    "Registries": ("xstilts.core.registry.Registry",),
    "Errors": ("xstilts.core.errors",),
}
"""Heading → the objects below it."""


def pages() -> dict[str, str]:
    """Path → text of each page."""
    functions = [f"::: xstilts.api.{xstilts.VERBS[name]}.{name}" for name in xstilts.__all__]
    sections = [
        "\n\n".join([f"## {title}", *(f"::: {name}" for name in names)])
        for title, names in PLUG_INS.items()
    ]
    intro = "# Classes and protocols for plug-ins\n\nWhat the pages under “Extend” use.\n\n"
    return {
        "reference/python.md": INTRODUCTION + "\n\n".join(functions) + "\n",
        "reference/plug-ins.md": intro + "\n\n".join(sections) + "\n",
    }
