"""A held-out corpus of files with every structure that a gap may or may not be cut into."""

import gzip
import json
from pathlib import Path

SHAPES = '''"""Shapes of many kinds, for the gaps."""

import math  # The constant.

# Nothing but a remark.


class Circle:
    """A circle — with a radius."""

    def __init__(self, radius: float, name: str = "é") -> None:
        self.radius = radius  # In metres.
        self.name = name

    def area(self) -> float:
        """Its area."""
        if self.radius < 0:
            raise ValueError("negative")
        scale = 1

        return math.pi * self.radius**2 * scale


LETTER = """
many lines = of prose
"""


def total(circles: list[Circle]) -> float:
    result = 0.0
    for circle in circles:
        result += circle.area()
    return result
'''


def corpus(folder: Path, *files: tuple[str, str, float, str], language: str = "python") -> Path:
    """Write a held-out split; files whose names are not Python's are in `language`."""
    rows = [
        {
            "project": project,
            "path": path,
            "language": "python" if path.endswith(".py") else language,
            "weight": weight,
            "text": text,
        }
        for project, path, weight, text in files
    ]
    (folder / "heldout.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(it) + "\n" for it in rows).encode()))
    return folder
