"""Medians, ratios with their spread, and tables in Markdown, which a terminal shows well enough too."""

from __future__ import annotations

import statistics
import unicodedata
from collections.abc import Iterable, Sequence


def median(values: Iterable[float]) -> float:
    """The figure to quote."""
    return statistics.median(values)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Ours over theirs, round by round: the median, and between which values it lay."""
    each = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
    return f"{median(each):.2f} ({each[0]:.2f}–{each[-1]:.2f})"


def duration(seconds: float) -> str:
    """To three digits or so, in the unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds / size < 100 else f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def size(count: float) -> str:
    """Bytes."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def number(value: float) -> str:
    """A whole number, its thousands apart."""
    return f"{value:,.0f}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of figures stand to the right, columns of text to the left."""
    columns = [Column(title, [row[place] for row in rows]) for place, title in enumerate(head)]
    lines = [[column.cell(column.title) for column in columns], [column.rule() for column in columns]]
    lines += [[column.cell(text) for column, text in zip(columns, row, strict=True)] for row in rows]
    return "\n".join("|".join(["", *cells, ""]) for cells in lines)


class Column:
    """How wide a column is, and to which side it stands."""

    def __init__(self, title: str, texts: Sequence[str]) -> None:
        self.title = title
        self.width = max(width(text) for text in (title, *texts))
        self.is_text = not all(text[:1].isdigit() or text == "–" for text in texts)

    def cell(self, text: str) -> str:
        """The text, as wide as the column."""
        space = " " * (self.width - width(text))
        return f" {text}{space} " if self.is_text else f" {space}{text} "

    def rule(self) -> str:
        """The line below the title, which says to which side the column stands."""
        return f" {'-' * self.width} " if self.is_text else f" {'-' * (self.width - 1)}: "


def width(text: str) -> int:
    """How many columns a text takes in a terminal."""
    return sum(0 if unicodedata.combining(character) else 1 for character in text)
