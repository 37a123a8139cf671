"""Measure this machine's current speed, so that bounds in seconds mean the same on every machine.

Two runs of one commit on machines of one kind differ by a factor of two and more: others use the memory, the clock
changes. A bound wide enough for that guards against nothing on a fast machine, and a tighter one fails on a slow one.
"""

import time
from pathlib import Path
from typing import Final

import tree_sitter_python
from tree_sitter import Language, Parser

REFERENCE: Final = 0.02
"""Seconds the work below took on the idle machine on which the bounds were set."""


def slowness(samples: int = 5) -> float:
    """Return how many times slower than the reference this machine is now, at least 1; call next to timed code.

    The speed changes within a second. Timed code that takes longer samples it between its parts.
    """
    return max(1.0, min(_seconds() for _ in range(samples)) / REFERENCE)


def _seconds() -> float:
    """Return the processor seconds of a fixed piece of work: parsing, a loop in Python, and walking through memory."""
    parser, text = Parser(Language(tree_sitter_python.language())), Path(__file__).read_bytes() * 40
    start = time.thread_time()
    parser.parse(text)
    total = 0
    for number, _ in enumerate(text.split(b"\n")):
        total += number & 7
    bytes(reversed(bytearray(1_000_000)))
    return time.thread_time() - start
