"""Edits of a document: its text, lines and tree equal those of the resulting text."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tree_sitter import Node

from infill_lsp.syntax import languages
from infill_lsp.syntax.languages import Language
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.document import Document

SAMPLES = {path.name: path.read_text(encoding="utf-8") for path in (Path(__file__).parent / "syntax/samples").iterdir()}
SIGNS = "x(){}[]é'\"`:;,.#<>=+1日🐍\n\r\f\v\x85\u2028\u2029\u0301"
WORDS = [
    "\r\n",
    "    ",
    '"""',
    "e\u0301",
    "👩\u200d💻",
    "//",
    "/*",
    "*/",
    "return ",
    "def f(a):\n    b\n",
    "if (x) {\n  y;\n}\n",
]
PIECES = st.sampled_from([*SIGNS, *WORDS])
SEQUENCES = 2_200
"""Over all languages, divided evenly."""


@dataclass(frozen=True)
class Edit:
    """The place in thousandths of the text, the number of characters removed, and the inserted text."""

    at: int
    gone: int
    new: str


EDITS = st.lists(
    st.builds(Edit, st.integers(0, 1000), st.integers(0, 4), st.lists(PIECES, max_size=3).map("".join)),
    min_size=1,
    max_size=6,
)


def reference_lines(text: str) -> list[str]:
    r"""Return the lines of a text, each with its end, character by character; only `\n`, `\r\n` and `\r` end one."""
    lines, at = [""], 0
    while at < len(text):
        end = "\r\n" if text[at : at + 2] == "\r\n" else text[at]
        lines[-1] += end
        if end in {"\n", "\r\n", "\r"}:
            lines.append("")
        at += len(end)
    return lines


def check_lines(document: Document) -> None:
    """Check that the number, text and offsets of the lines equal the reference."""
    lines = reference_lines(document.text)
    assert document.line_count == len(lines)
    start = 0
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        assert document.line(number) == text
        for column in {1, len(text) // 2 + 1, len(text) + 1}:
            assert document.offset(number, column) == start + column - 1
            assert document.place(start + column - 1) == (number, column)
        start += len(line)


def nodes(root: Node) -> list[tuple[str, int, int, tuple[int, int], bool]]:
    """Return every node of a tree with its position, in order."""
    found, branches = [], [root]
    while branches:
        node = branches.pop()
        found.append((node.type, node.start_byte, node.end_byte, node.start_point, node.is_missing))
        branches += node.children
    return found


def check_edits(document: Document, edits: list[Edit]) -> None:
    """Check after each edit that text, lines and tree equal those of a document made from scratch."""
    text = document.text
    for version, edit in enumerate(edits):
        start = edit.at * len(text) // 1000
        end = min(start + edit.gone, len(text))
        text = text[:start] + edit.new + text[end:]
        document = document.edited(start, end, edit.new, version)
        assert document.text == text
        assert document.version == version
        check_lines(document)
        tree = document.parsed()
        if tree is not None and document.language is not None:
            assert tree.text == text
            assert nodes(tree.root) == nodes(SyntaxTree.parse(text, document.language).root)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_edited_documents_are_those_of_the_edited_text(name: str) -> None:
    language = languages.of_file(name)

    @settings(max_examples=SEQUENCES // len(SAMPLES) + 1, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 1000), st.integers(0, 400), EDITS)
    def holds(start: int, length: int, edits: list[Edit]) -> None:
        first = start * len(SAMPLES[name]) // 1000
        check_edits(Document(name, SAMPLES[name][first : first + length], language), edits)

    holds()


@pytest.mark.parametrize("language", [None, languages.by_id("yaml")], ids=["unknown", "without a grammar"])
@settings(deadline=None)  # A slow machine is not a fault of the code.
@given(st.lists(PIECES, max_size=20).map("".join), EDITS)
def test_documents_without_a_tree_have_text_and_lines(language: Language | None, text: str, edits: list[Edit]) -> None:
    check_edits(Document("x", text, language), edits)
