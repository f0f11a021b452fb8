"""Tables as LaTeX with booktabs and adjustbox: escaped texts, a caption and a label."""

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
    "†": r"$^{\dagger}$", "‡": r"$^{\ddagger}$", "§": r"$^{\mathsection}$",
    "¶": r"$^{\mathparagraph}$",
    "‘": "`", "’": "'", "“": "``", "”": "''", "\u00a0": "~",
}  # fmt: skip
"""Character → LaTeX. A bracket or star after the end of a row would be an argument of it."""
SIGN = re.compile(r"(?<![\w.])([+-])(?=\d)")
LATIN = 0x17F
"""The last character of the blocks that LaTeX's own fonts have, nearly all of them."""
NO_LIGATURE = "\u200c"
"""Between two hyphens, which would be a dash."""
RULED = r"\addlinespace"
REQUIREMENTS = (
    "% Needs \\usepackage{booktabs,adjustbox}. Include it with \\input{FILE}.\n"
    "% The width of each table is stated above it; a wider one than the line is scaled down.\n"
)
COLUMN_SPACE = 3
"""Points at each side of a column."""
LINE = 219.0
"""TeX points of one of two columns in the style of ACL, 7.7 cm."""
CENTIMETRE = 72.27 / 2.54


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


def sentences(*texts: str) -> str:
    """Texts to follow a sentence, each after a space; empty ones are left out."""
    return "".join(f" {shown}" for text in texts if (shown := escaped(text)))


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
        groups: rows that belong together, with a small space between groups; a row of a single
            cell is a title over all columns.
        caption: LaTeX.
        label: of `\ref`, after `tab:`.
        continued: caption of further parts, see `latex_layout.fitted`.
        width: in TeX points; None is unknown.
    """

    alignment: str
    header: Sequence[str]
    groups: Sequence[Sequence[Sequence[str]]]
    caption: str
    label: str
    continued: str = ""
    width: float | None = None

    @property
    def text(self) -> str:
        """The LaTeX of the table."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        environment = "table" if self.width is not None and self.width <= LINE else "table*"
        if self.width is not None:
            yield f"% At most {self.width / CENTIMETRE:.1f} cm wide."
        yield rf"\begin{{{environment}}}[tbp]"
        yield rf"\centering\footnotesize\setlength{{\tabcolsep}}{{{COLUMN_SPACE}pt}}"
        yield r"\begin{adjustbox}{max width=\linewidth}"
        yield rf"\begin{{tabular}}{{@{{}}{self.alignment}@{{}}}}"
        yield r"\toprule"
        yield self._row(self.header)
        yield r"\midrule"
        for number, group in enumerate(self.groups):
            if number:
                yield RULED
            yield from map(self._row, group)
        yield r"\bottomrule"
        yield r"\end{tabular}"
        yield r"\end{adjustbox}"
        yield rf"\caption{{{self.caption}}}"
        yield rf"\label{{tab:{self.label}}}"
        yield rf"\end{{{environment}}}"

    def _row(self, cells: Sequence[str]) -> str:
        if len(cells) == 1 < len(self.header):
            return rf"\multicolumn{{{len(self.header)}}}{{@{{}}l@{{}}}}{{{cells[0]}}} \\"
        return " & ".join(cells) + r" \\"


def label_of(*parts: str) -> str:
    """A label of letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(filter(None, parts))).strip("-")
