"""A user types real files, with typos, pastes and requests: text, tree and suggestions stay consistent."""

import asyncio
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lsprotocol import types

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine

from infill_lsp.completion.question import Question
from infill_lsp.server import convert
from infill_lsp.session.session import Session
from infill_lsp.settings.settings import ServerSettings
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.syntax import languages
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.document import Document

KEYSTROKES = 2000
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


FILL = "é_𝔵y"
"""Continues from most places, and is counted differently in each encoding."""


class Editor:
    """A text as an editor keeps it: a string, with positions counted by encoding the text before them."""

    def __init__(self, text: str, encoding: str) -> None:
        self.text, self.encoding = text, encoding

    def position(self, offset: int) -> types.Position:
        codec, width = CODECS[self.encoding]
        line = self.text.count("\n", 0, offset)
        start = self.text.rfind("\n", 0, offset) + 1
        return types.Position(line, len(self.text[start:offset].encode(codec)) // width)

    def edit(self, start: int, end: int, new: str) -> types.TextDocumentContentChangePartial:
        range_ = types.Range(self.position(start), self.position(end))
        self.text = self.text[:start] + new + self.text[end:]
        return types.TextDocumentContentChangePartial(range_, new)


def keystrokes(
    editor: Editor, at: int, goal: str, dice: random.Random
) -> Iterator[tuple[types.TextDocumentContentChangePartial, int]]:
    """Type `goal` at a place in the existing text; yield each change, and the cursor after it."""
    typed = ""
    while len(typed) < len(goal):
        slip = dice.random()
        if slip < 0.05 and typed:  # deletes a few characters
            count = dice.randrange(1, 1 + min(5, len(typed)))
            yield editor.edit(at + len(typed) - count, at + len(typed), ""), at + len(typed) - count
            typed = typed[:-count]
            continue
        if slip < 0.1:  # types something wrong somewhere else, and undoes it
            place = dice.randrange(len(editor.text) + 1)
            yield editor.edit(place, place, "('😀"), place + 3
            yield editor.edit(place, place + 3, ""), place
            continue
        count = 1 if slip < 0.97 else dice.randrange(2, 80)  # pastes now and then
        new = goal[len(typed) : len(typed) + count]
        yield editor.edit(at + len(typed), at + len(typed), new), at + len(typed) + len(new)
        typed += new


def is_right(suggestion: Suggestion, document: Document, cursor: int) -> bool:
    """Report whether it is the untyped part of the engine's one text, with indentation only at line starts.

    The rest of the line after the cursor stays as it is. A half word may be completed to one of the document's instead.
    """
    half = re.search(r"\w{2,}$", document.text[:cursor])
    word = f"{half[0]}{suggestion.text}" if half and suggestion.start == cursor == suggestion.end else ""
    if word and word in re.findall(r"\w+", document.text):
        return True
    left = suggestion.text.lstrip(" ")
    typed = FILL.removesuffix(left)
    line = document.text[document.text.rfind("\n", 0, cursor) + 1 : cursor]
    indents = suggestion.start < cursor or left != suggestion.text
    return (
        cursor - len(line) <= suggestion.start <= cursor == suggestion.end
        and left != ""
        and typed + left == FILL
        and line.endswith(typed)
        and not (indents and line.strip())
    )


@pytest.mark.parametrize("encoding", list(CODECS))
def test_text_tree_and_suggestions_stay_consistent(encoding: str) -> None:
    dice = random.Random(encoding)
    python = languages.by_id("python")
    assert python
    sources = [Path(it.__file__ or "").read_text(encoding="utf-8") for it in (json.decoder, json.encoder, json.scanner)]

    async def session() -> tuple[int, int]:
        it = Session(lambda settings: fake_engine.command(), ServerSettings(), lambda status: None)
        await it.start()
        await it.loaded()
        count = answered = 0
        try:
            for number, source in enumerate(sources):
                name = f"file:///{number}.py"
                text = f"# fill {FILL}\n{source}"
                cut = text.index("\n", len(text) // 2)
                end = text.rindex("\n", cut, cut + 1500)
                goal = text[cut:end].replace("self", "self_é")
                editor = Editor(text[:cut] + text[end:], encoding)
                it.put(Document(name, editor.text, python, 0))
                for change, cursor in keystrokes(editor, cut, goal, dice):
                    count += 1
                    it.put(convert.changed(it.documents[name], [change], count, encoding))
                    document = it.documents[name]
                    assert document.text == editor.text
                    offset = convert.checked_offset(document, editor.position(cursor), encoding)
                    assert offset == cursor
                    if count % 50 == 0:
                        tree = document.parsed()
                        assert tree
                        assert str(tree.root) == str(SyntaxTree.parse(editor.text, python).root)
                    if dice.random() < 0.4:
                        question = Question(document, cursor, False)
                        found = await it.suggester.ask(question, it.suggester.next_number(question))
                        answered += len(found)
                        assert all(is_right(one, document, cursor) for one in found), (found, cursor)
                    if count * len(CODECS) >= KEYSTROKES * (number + 1) / len(sources):
                        break
        finally:
            await it.close()
        assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()
        return count, answered

    count, answered = asyncio.run(session())
    assert count * len(CODECS) >= KEYSTROKES
    assert answered > 15
