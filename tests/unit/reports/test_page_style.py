"""The report's script is the one that its policy allows; its colours can be read."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

import pytest

from xstilts.reports.page_script import page_script, script_source

STYLE = (files("xstilts.reports") / "templates" / "page.html.j2").read_text(encoding="utf-8")


def test_the_policy_has_the_digest_of_the_script() -> None:
    digest = base64.b64encode(hashlib.sha256(page_script().encode()).digest()).decode()
    assert script_source() == f"'sha256-{digest}'"


def test_the_script_ends_nowhere_in_the_page_and_loads_nothing() -> None:
    text = page_script()
    assert "</" not in text
    assert all(word not in text for word in ("fetch(", "XMLHttp", "import(", "eval(", "http"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["ink", "soft", "up", "down", "green", "purple", "olive"])
@pytest.mark.parametrize("ground", ["paper", "wash"])
def test_text_has_the_contrast_that_wcag_aa_asks_for(theme: str, colour: str, ground: str) -> None:
    colours = theme_colours(theme)
    assert contrast(colours[colour], colours[ground]) >= 4.5


def theme_colours(theme: str) -> dict[str, str]:
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w+)", block))
        for block in re.findall(r":root \{(.*?)\}", STYLE)
    )
    return light if theme == "light" else light | dark


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.1, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
