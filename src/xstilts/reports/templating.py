"""HTML templates of the reports."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jinja2
from markupsafe import Markup, escape

BREAK = re.compile(r"(?<=[\w)])([-+_/]|&gt;)(?=[^\W\d])")
"""Where an escaped name may wrap: after these signs between words, not in numbers such as 1e-5."""


def template(name: str, **filters: Callable[..., Any]) -> jinja2.Template:
    """A template of this package; it escapes all values and fails on undefined names."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("xstilts.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"breakable": breakable, **filters}
    return environment.get_template(name)


def breakable(text: object) -> Markup:
    """A text, escaped, that a browser may wrap after `-`, `+`, `>`, `_` and `/` between words."""
    return Markup(BREAK.sub(r"\1<wbr>", str(escape(text))))
