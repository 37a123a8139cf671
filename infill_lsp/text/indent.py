"""Measures the indentation of lines."""

from typing import Final

BLANKS: Final = " \t"
"""The characters that indent lines; other white space is text, as it is for languages."""

_TAB: Final = 8
"""A tab moves to the next multiple of this number of columns, as in Python."""


def indentation(line: str) -> str:
    """Return the leading blanks of a line."""
    return line[: len(line) - len(line.lstrip(BLANKS))]


def indent_width(line: str) -> int:
    """Return the number of columns before the first character of a line."""
    return len(indentation(line).expandtabs(_TAB))
