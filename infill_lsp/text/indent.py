"""How far lines are indented."""

from typing import Final

BLANKS: Final = " \t"
"""What lines are indented with; other white space is text, as it is for languages."""

_TAB: Final = 8
"""Columns to the next multiple of which a tab goes on, as Python counts."""


def indentation(line: str) -> str:
    """The blanks a line starts with."""
    return line[: len(line) - len(line.lstrip(BLANKS))]


def indent_width(line: str) -> int:
    """Columns before the first sign of a line."""
    return len(indentation(line).expandtabs(_TAB))
