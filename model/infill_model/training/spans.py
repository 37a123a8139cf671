"""Choose the stretches of a file that are cut out as gaps in training.

All gaps of one example end on the same line, the split line, because the lines below it are encoded first and shared:
[lines below][lines above, up to the gap] then the canvas. Half of the gaps are syntax nodes, a quarter whole lines, a
quarter random characters (Bavarian et al. 2022 for character cuts, AST-FIM 2506.00204 for nodes). Gaps are cut at
character boundaries, so half-typed names are common. This module works on text and grammars, not on tokens.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tree_sitter import Node

from infill_model.data.grammars import parser

LINES_ABOVE = 80
LINES_BELOW = 40
LONGEST_GAP_LINES = 6


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A window of a file around its split line.

    Attributes:
        text: consecutive whole lines of the file, without the last newline.
        line_start: code point in `text` at which the split line starts.
        line_end: code point in `text` at which it ends, before its newline.
        at_start: whether `text` starts where the file starts.
    """

    text: str
    line_start: int
    line_end: int
    at_start: bool
    language: str


@dataclass(frozen=True, slots=True)
class Span:
    """A gap of an excerpt: [start, end) in code points of its text, ending on the split line."""

    start: int
    end: int


def excerpt(text: str, language: str, rng: random.Random) -> Excerpt | None:
    """Return a window around a random line of `text` with content, or None if none was found."""
    lines = text.split("\n")
    for _ in range(8):
        split = rng.randrange(len(lines))
        line = lines[split].strip()
        if len(line) < 2 or (line.startswith("#") and rng.random() < 0.7) or len(line) > 200:
            continue
        first = max(0, split - LINES_ABOVE)
        above = "".join(f"{it}\n" for it in lines[first:split])
        window = above + "\n".join(lines[split : split + 1 + LINES_BELOW])
        return Excerpt(window, len(above), len(above) + len(lines[split]), first == 0, language)
    return None


def sample_spans(source: Excerpt, count: int, rng: random.Random, *, long_gaps: float) -> list[Span]:
    """Return `count` gaps of an excerpt, not necessarily different.

    Args:
        source: the excerpt to cut.
        count: number of gaps.
        rng: the only source of randomness.
        long_gaps: share of the whole-line gaps that span several lines.
    """
    nodes = _node_spans(source)
    return [_sample_span(source, nodes, rng, long_gaps) for _ in range(count)]


def _sample_span(source: Excerpt, nodes: Sequence[Span], rng: random.Random, long_gaps: float) -> Span:
    kind = rng.random()
    if kind < 0.5 and nodes:
        return rng.choice(nodes)
    if kind < 0.75:
        return _line_span(source, rng, rng.randint(2, LONGEST_GAP_LINES) if rng.random() < long_gaps else 1)
    return _character_span(source, rng)


def _line_span(source: Excerpt, rng: random.Random, lines: int) -> Span:
    """Return whole lines up to the split line, usually without the first indentation, which editors insert."""
    start = source.line_start
    for _ in range(lines - 1):
        above = source.text.rfind("\n", 0, max(0, start - 1)) + 1
        if above == start:
            break
        start = above
    indented = _skip_indent(source.text, start, source.line_end)
    return Span(start if rng.random() < 0.25 else indented, source.line_end)


def _character_span(source: Excerpt, rng: random.Random) -> Span:
    """Cut at any character of the split line; two times in three up to the line's end, as when typing."""
    first = _skip_indent(source.text, source.line_start, source.line_end)
    start = rng.randint(first, source.line_end - 1)
    end = source.line_end if rng.random() < 0.66 else rng.randint(start + 1, source.line_end)
    return Span(start, end)


def _skip_indent(text: str, start: int, end: int) -> int:
    blank = re.compile(r"[ \t]*").match(text, start, end)
    at = blank.end() if blank else start
    return at if at < end else start


def _node_spans(source: Excerpt) -> list[Span]:
    """Return all syntax nodes that end on the split line and span more than one character and at most a few lines."""
    reading = parser(source.language)
    if reading is None:
        return []
    data = source.text.encode()
    to_bytes = len(source.text[: source.line_start].encode())
    end_bytes = to_bytes + len(source.text[source.line_start : source.line_end].encode())
    plain = len(data) == len(source.text)
    spans = set()
    for node in _nodes_ending_within(reading.parse(data).root_node, to_bytes, end_bytes):
        start = node.start_byte if plain else len(data[: node.start_byte].decode(errors="ignore"))
        end = node.end_byte if plain else len(data[: node.end_byte].decode(errors="ignore"))
        lines = source.text.count("\n", start, end)
        if end - start >= 2 and lines < LONGEST_GAP_LINES:
            spans.add(Span(start, end))
    return sorted(spans, key=lambda it: (it.start, it.end))


def _nodes_ending_within(root: Node, low: int, high: int) -> list[Node]:
    """Return the nodes with low < end <= high, without walking the rest of the tree."""
    found, stack = [], [root]
    while stack:
        node = stack.pop()
        if low < node.end_byte <= high:
            found.append(node)
        stack += [child for child in node.children if child.end_byte > low and child.start_byte < high]
    return found
