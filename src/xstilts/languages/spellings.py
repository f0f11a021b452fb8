"""The language that a text stands for: its name, or a code of one of the usual systems."""

from __future__ import annotations

import re

from xstilts.languages.metadata import Language, language, language_named

TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?")
"""Language, script and region, as in BCP 47, with - or _: pt-BR, zh_Hans_CN, eng_Latn."""
_CODES = (
    "alb:sq arm:hy baq:eu bur:my chi:zh cze:cs dut:nl fre:fr geo:ka ger:de gre:el ice:is mac:mk "
    "mao:mi may:ms per:fa rum:ro slo:sk tib:bo wel:cy "
    "als:sq arb:ar azj:az cmn:zh ekk:et gaz:om khk:mn lvs:lv npi:ne ory:or pbt:ps pes:fa plt:mg "
    "swh:sw uzn:uz zsm:ms "
    "fil:tl in:id iw:he jw:jv no:nb nor:nb"
)
OTHER_CODES = {code: own for code, _, own in (pair.partition(":") for pair in _CODES.split())}
"""ISO 639-2/B; main members of macrolanguages, as in FLORES; further and withdrawn codes."""
_SCRIPTS = (
    "Arab:Arabic Armn:Armenian Beng:Bengali Cyrl:Cyrillic Deva:Devanagari Ethi:Ethiopic "
    "Geor:Georgian Grek:Greek Gujr:Gujarati Guru:Gurmukhi Hang:Hangul Hans:Han Hebr:Hebrew "
    "Jpan:Japanese Khmr:Khmer Knda:Kannada Kore:Hangul Laoo:Lao Latn:Latin Mlym:Malayalam "
    "Mymr:Myanmar Orya:Odia Sinh:Sinhala Taml:Tamil Telu:Telugu Thai:Thai Tibt:Tibetan"
)
SCRIPTS = {code: name for code, _, name in (pair.partition(":") for pair in _SCRIPTS.split())}
"""ISO 15924 → script in the table of languages."""
TRADITIONAL = ("zh", ("HK", "MO", "TW"))
"""Chinese, and the regions in which it is written in traditional characters."""


def spelled_language(text: str) -> Language | None:
    """The language of the table that a name or code stands for, whatever its region.

    A code may have a script: `hin_Latn` is `hi-Latn`, and `sr-Latn` none, as the table has Serbian
    in Cyrillic only.
    """
    if named := language_named(text):
        return named
    match = TAG.fullmatch(text.strip())
    known = _of_code(match[1].lower()) if match else None
    if match is None or known is None:
        return None
    script, region = (match[2] or "").capitalize(), (match[3] or "").upper()
    if not script and known.code == TRADITIONAL[0] and region in TRADITIONAL[1]:
        script = "Hant"
    if not script or SCRIPTS.get(script) == known.script:
        return known
    return language_named(f"{known.code}-{script}")


def _of_code(code: str) -> Language | None:
    known = language(OTHER_CODES.get(code, code))
    return None if known.name == known.code else known
