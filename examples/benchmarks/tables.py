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
    """The first column is text, the others are numbers, so they stand to the right."""
    widths = [max(width(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [line(head, widths), "|".join(["", *(rule(column, of) for column, of in enumerate(widths)), ""])]
    return "\n".join(lines + [line(row, widths) for row in rows])


def rule(column: int, of: int) -> str:
    """The line below the head, which also says to which side a column stands."""
    return f" {'-' * of} " if column == 0 else f" {'-' * (of - 1)}: "


def line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """A row, its columns below each other."""
    padded = []
    for column, (cell, of) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (of - width(cell))
        padded.append(f" {cell}{space} " if column == 0 else f" {space}{cell} ")
    return "|".join(["", *padded, ""])


def width(text: str) -> int:
    """How many columns a text takes in a terminal."""
    return sum(0 if unicodedata.combining(character) else 1 for character in text)
