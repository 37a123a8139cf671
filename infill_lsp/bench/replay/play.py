"""Plays a typist's strokes to a real server in real time, and records what came of each key."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from infill_lsp.bench.editor import Editor, Message
from infill_lsp.bench.replay.course import Course
from infill_lsp.bench.replay.typist import Kind, Stroke, Typist
from infill_lsp.bench.typing import added
from infill_lsp.text.document import Document


@dataclass(frozen=True, slots=True)
class Key:
    """A stroke, and what came of it before the next one.

    Attributes:
        kind: what the typist did.
        length: of the document in lines, as it was asked for.
        language: the LSP id.
        cold: whether nothing near the cursor was asked before: after opening a document and after each jump.
        ms: from the stroke to its answer; None if the next stroke came first.
        word: from the stroke to the model's word, where copies came first; None if they did not, or it came too late.
        shown: whether the answer held a suggestion.
        right: whether it held what stood there.
        source: where the server had the answer from.
        engine: milliseconds in the engine, the pipe included.
        parts: the engine's own milliseconds; empty if it was not asked.
        forwards: of the model, for the answer.
        tokens: written by the model.
        copy: whether the fill began as a copy.
        before: the document and the cursor, to ask others the same.
    """

    kind: Kind
    length: int
    language: str
    cold: bool
    ms: float | None
    word: float | None = None
    shown: bool = False
    right: bool = False
    source: str = ""
    engine: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    forwards: int = 0
    tokens: int = 0
    copy: bool = False
    before: tuple[Document, int] | None = None

    @property
    def overhead(self) -> float | None:
        """Milliseconds outside the engine: server, pipes and this client; None if that is not known.

        Of what was being prepared when the key came, the engine's part is not known, nor of what copies preceded.
        """
        if self.ms is None or self.source in ("", "prepared", "copies"):
            return None
        return self.ms - self.parts.get("queue", 0.0) - self.parts.get("total", 0.0)


class Player:
    """Types into one document of a server, and keeps its state."""

    def __init__(self, editor: Editor, course: Course, typist: Typist) -> None:
        """Take a document that is open in the editor."""
        self._editor, self._course, self._typist = editor, course, typist
        self._document, self._version = course.document, 1

    def keys(self, most: int) -> Iterator[Key]:
        """Type the document's lines, and yield what came of each of up to `most` keys."""
        count = 0
        for number in self._course.lines:
            for key in self._line(number):
                count += 1
                yield key
                if count >= most:
                    return

    def _line(self, number: int) -> Iterator[Key]:
        whole = self._document.line(number).rstrip()
        indentation = len(whole) - len(whole.lstrip())
        start = self._document.lines.start(number) + indentation
        wanted = whole[indentation:]
        strokes = self._typist.retype(start, wanted)
        stroke = next(strokes)
        while True:
            key, ghost = self._strike(stroke, wanted[stroke.cursor - start :])
            yield key
            try:
                stroke = strokes.send(ghost)
            except StopIteration:
                return

    def _strike(self, stroke: Stroke, rest: str) -> tuple[Key, str]:
        """Make a change, ask, and wait until the next stroke is due; return the key and the ghost text then shown.

        Args:
            stroke: the change.
            rest: what the typist is going to type on the line.
        """
        began = time.perf_counter()
        asked = self._send(stroke)
        answer = self._editor.items_by(asked, began + stroke.wait)
        cold = stroke.kind == "jump"
        if answer is None:
            self._editor.cancel(asked)
            before = self._document, stroke.cursor
            return Key(stroke.kind, self._course.length, self._course.language, cold, None, before=before), ""
        arrived, items = answer
        timing = self._timing()
        word = self._word(stroke, began) if timing.get("source") == "copies" else None
        ghost = self._ghost(stroke.cursor, items if word is None else word[1])
        key = Key(
            kind=stroke.kind,
            length=self._course.length,
            language=self._course.language,
            cold=cold,
            ms=(arrived - began) * 1000,
            word=(word[0] - began) * 1000 if word else None,
            shown=bool(ghost),
            right=bool(ghost) and rest.startswith(ghost.rstrip()),
            source=timing.get("source", ""),
            engine=timing.get("engine", 0.0),
            parts=timing.get("parts", {}),
            forwards=timing.get("forwards", 0),
            tokens=timing.get("tokens", 0),
            copy=timing.get("copy", False),
            before=(self._document, stroke.cursor),
        )
        time.sleep(max(0.0, began + stroke.wait - time.perf_counter()))
        return key, ghost

    def _word(self, stroke: Stroke, began: float) -> tuple[float, list[Message]] | None:
        """Wait for what takes the place of copies, until the next stroke is due; None if nothing does."""
        newest = {"uri": self._document.name, "version": self._version}
        if not self._editor.told_by("infill/refresh", newest, began + stroke.wait):
            return None
        asked = self._editor.ask(self._document.name, self._place(stroke.cursor))
        return self._editor.items_by(asked, began + stroke.wait)

    def _send(self, stroke: Stroke) -> int:
        """Send a change and the question after it; return the question's id."""
        name, span = self._document.name, (self._place(stroke.start), self._place(stroke.end))
        self._version += 1
        self._editor.change(name, self._version, span, stroke.text)
        self._document = self._document.edited(stroke.start, stroke.end, stroke.text, self._version)
        return self._editor.ask(name, self._place(stroke.cursor))

    def _place(self, offset: int) -> Message:
        line, column = self._document.place(offset)
        return {"line": line - 1, "character": column - 1}

    def _ghost(self, cursor: int, items: list[Message]) -> str:
        """Return what the first suggestion adds at the cursor; an empty string if there is none."""
        found = added(self._document, cursor, items[0]) if items else None
        return found[0] if found else ""

    def _timing(self) -> Message:
        """Return what the server told of the answer to the newest question."""
        newest = (self._document.name, self._version)
        told = reversed(self._editor.timings)
        return next((it for it in told if (it["uri"], it["version"]) == newest), {})
