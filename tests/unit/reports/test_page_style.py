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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("table", ["heat", "confusion"])
@pytest.mark.parametrize("side", ["up", "down"])
def test_numbers_on_the_colour_scale_have_that_contrast_too(
    theme: str, table: str, side: str
) -> None:
    """From no colour to the strongest one, as the style mixes them."""
    colours = theme_colours(theme)
    for step in range(21):
        ground = mixed(colours[side], colours["paper"], step / 20 * strength(theme, table, side))
        assert contrast(colours["ink"], ground) >= 4.5, (step, ground)
    (soft,) = re.findall(r"\.heat \.up small, \.heat \.down small \{ color: (\w+)", STYLE)
    assert soft == "inherit"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "wash"])
def test_underlines_of_links_and_borders_of_fields_have_a_contrast_of_3(
    theme: str, ground: str
) -> None:
    colours = theme_colours(theme)
    assert contrast(colours["edge"], colours[ground]) >= 3
    assert re.findall(r"[ }]a \{[^}]* text-decoration-color: var\(--(\w+)\)", STYLE) == ["edge"]
    (fields,) = re.findall(r"\.tools button, \.tools input \{(.*?)\}", STYLE)
    assert "border: 1px solid var(--edge)" in fields


def strength(theme: str, table: str, side: str) -> float:
    """The share of the strongest colour of a table's cells."""
    rule = rf"\.{table} \.{side} {{ background: color-mix\(in srgb, var\(--{side}\) calc\((.*?)\), "
    (amount,) = re.findall(rule, STYLE)
    known = re.fullmatch(r"var\(--g\) \* (?:(0?\.\d+) \* )?var\(--most\)", amount)
    assert known, amount
    light, dark = (
        re.findall(r"--most: (\d+)%", block) for block in re.findall(r":root \{(.*?)\}", STYLE)
    )
    (most,) = dark if theme == "dark" else light
    return float(known[1] or 1) * int(most) / 100


def mixed(colour: str, ground: str, share: float) -> str:
    """A colour that is transparent but for a share, on a ground."""
    parts = [
        round(share * over + (1 - share) * under)
        for over, under in zip(channels(colour), channels(ground), strict=True)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


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


def channels(colour: str) -> list[int]:
    """Red, green and blue, 0 to 255."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return [int(digits[at : at + 2], 16) for at in (0, 2, 4)]


def luminance(colour: str) -> float:
    parts = [channel / 255 for channel in channels(colour)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
