"""Tables as LaTeX that compiles with booktabs alone: escaped texts, a caption and a label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SIGNS = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\char34{}",
    "[": "{[}", "*": "{*}", "`": r"\textasciigrave{}",
    "−": "$-$", "–": "--", "—": "---", "…": r"\ldots{}",
    "→": r"$\rightarrow$", "←": r"$\leftarrow$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$",
    "×": r"$\times$", "±": r"$\pm$", "·": r"$\cdot$", "•": r"\textbullet{}",
    "‘": "`", "’": "'", "“": "``", "”": "''", "\u00a0": "~",
}  # fmt: skip
"""Character → LaTeX. A bracket or star after the end of a row would be an argument of it."""
SIGN = re.compile(r"(?<![\w.])([+-])(?=\d)")
LATIN = 0x17F
"""The last character of the blocks that LaTeX's own fonts have, nearly all of them."""
NO_LIGATURE = "\u200c"
"""Between two hyphens, which would be a dash."""
RULED = r"\addlinespace"
REQUIREMENTS = "% Needs \\usepackage{booktabs}. Include it with \\input{FILE}.\n"


def escaped(text: str) -> str:
    """A text in one line, as LaTeX prints it; a character that its fonts lack as U+4E2D."""
    joined = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(map(_escaped, joined.replace("--", f"-{NO_LIGATURE}-")))


def _escaped(character: str) -> str:
    if character in SIGNS:
        return SIGNS[character]
    if character == NO_LIGATURE:
        return "{}"
    if unicodedata.category(character).startswith("C"):
        return ""
    if ord(character) > LATIN:
        return rf"\texttt{{U+{ord(character):04X}}}"
    return character


def signed(number: str) -> str:
    """A number, or several, as text with the signs of mathematics; not a date or a range."""
    return SIGN.sub(r"$\1$", escaped(number))


def bold(cell: str) -> str:
    """A cell in bold."""
    return rf"\textbf{{{cell}}}"


@dataclass(frozen=True)
class LatexTable:
    r"""A floating table with rules of booktabs.

    Args:
        alignment: of the columns, such as `lrr`.
        header: a cell per column; all cells are LaTeX.
        groups: rows that belong together, with a small space between groups.
        caption: LaTeX.
        label: of `\ref`, after `tab:`.
        spans_page: whether it spans both columns of a two-column page.
    """

    alignment: str
    header: Sequence[str]
    groups: Sequence[Sequence[Sequence[str]]]
    caption: str
    label: str
    spans_page: bool = True

    @property
    def text(self) -> str:
        """The LaTeX of the table."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        environment = "table*" if self.spans_page else "table"
        yield rf"\begin{{{environment}}}[tbp]"
        yield r"\centering\footnotesize\setlength{\tabcolsep}{3pt}"
        yield rf"\caption{{{self.caption}}}"
        yield rf"\label{{tab:{self.label}}}"
        yield rf"\begin{{tabular}}{{@{{}}{self.alignment}@{{}}}}"
        yield r"\toprule"
        yield _row(self.header)
        yield r"\midrule"
        for number, group in enumerate(self.groups):
            if number:
                yield RULED
            yield from map(_row, group)
        yield r"\bottomrule"
        yield r"\end{tabular}"
        yield rf"\end{{{environment}}}"


def label_of(*parts: str) -> str:
    """A label of letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(filter(None, parts))).strip("-")


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
