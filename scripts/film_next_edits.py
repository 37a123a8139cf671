"""Draws docs/next-edits.svg, a film of next edits: three changes typed into a real server, and what it offers for them.

Run as `python scripts/film_next_edits.py [FILE]`. A frame is drawn after each key and each answer of the server.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from infill_lsp.bench.editor import Editor, Message
from infill_lsp.text.document import Document

URI: Final = "file:///shop.py"
SCENES: Final = (
    (
        "A name is changed where it is assigned",
        "def total_of(orders, rate):\n    amount = 0\n    for order in orders:\n"
        "        amount += order.price * order.count\n    return amount + amount * rate\n",
        "amount",
        "net",
    ),
    (
        "A parameter is added",
        "def load(path):\n    return path.read_text()\n\n\ndef show(path, encoding):\n"
        "    print(load(path))\n\n\ndef count(path, encoding):\n    return len(load(path))\n",
        "path",
        "path, encoding",
    ),
    (
        "One of several like calls gets an argument",
        'def declare(flags):\n    flags.add("--lines", default=20)\n    flags.add("--files", default=4)\n'
        '    flags.add("--pause", default=80)\n    flags.add("--seed", default=0)\n',
        "20",
        "20, type=int",
    ),
)
"""Title, code, the first text in it that the user replaces, and by what."""

_KEY, _LOOK, _END = 0.09, 1.3, 1.8
"""Seconds that a frame stays: while typing, when something is offered, and at the end of a scene."""

_WIDTH, _HEIGHT, _LINE, _LETTER = 640, 330, 21, 8.43
_STYLE: Final = (
    "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;fill:#d4d4d4}"
    ".title{fill:#9cdcfe}.note{fill:#808080}.new{fill:#b5f2b0}.old{fill:#f5a3a3;text-decoration:line-through}"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is seen for some seconds: code, a note below it, and the edit that is offered, if there is one."""

    title: str
    text: str
    cursor: int
    seconds: float
    note: str = ""
    offered: tuple[int, int, str] | None = None


class Viewer(Editor):
    """An editor that shows next edits."""

    def offered(self, version: int) -> list[Message]:
        """Wait for the edits that the server offers for a version of the document."""
        message = self._until(lambda it: it.get("method") == "infill/nextEdit" and it["params"]["version"] == version)
        edits: list[Message] = message["params"]["edits"]
        return edits


def frames(editor: Viewer) -> Iterator[Frame]:
    """Yield the film's frames, as the server answers."""
    version = 1
    for title, code, old, new in SCENES:
        document = Document(URI, code, None)
        editor.open(URI, code)
        start = code.index(old)
        yield Frame(title, code, start + len(old), _END, "The code")
        shared = len(old) if new.startswith(old) else 0
        steps = [*(("", it) for it in range(len(old), shared, -1)), *((it, -1) for it in new[shared:])]
        at = start + len(old)
        for letter, back in steps:
            version += 1
            change = (at - 1, at, "") if back >= 0 else (at, at, letter)
            document = _typed(editor, document, version, *change)
            at += -1 if back >= 0 else 1
            yield Frame(title, document.text, at, _KEY)
        while edits := editor.offered(version):
            first = edits[0]
            span = _offset(document, first["range"]["start"]), _offset(document, first["range"]["end"])
            waiting = f"Tab: {first['label'].replace('`', '')}, line {first['range']['start']['line'] + 1}"
            yield Frame(title, document.text, at, _LOOK, waiting, (*span, first["newText"]))
            version += 1
            document = _typed(editor, document, version, *span, first["newText"])
            at = span[0] + len(first["newText"])
            yield Frame(title, document.text, at, _LOOK / 2)
        yield Frame(title, document.text, at, _END, "Done")
        editor.close(URI)
        version += 1


def _typed(editor: Editor, document: Document, version: int, start: int, end: int, text: str) -> Document:
    places = [
        dict(zip(("line", "character"), (a - 1, b - 1), strict=True)) for a, b in map(document.place, (start, end))
    ]
    change = {"range": {"start": places[0], "end": places[1]}, "text": text}
    editor.notify(
        "textDocument/didChange", {"textDocument": {"uri": URI, "version": version}, "contentChanges": [change]}
    )
    return document.edited(start, end, text)


def _place(document: Document, offset: int) -> dict[str, int]:
    line, column = document.place(offset)
    return {"line": line - 1, "character": column - 1}


def _offset(document: Document, place: dict[str, int]) -> int:
    return document.offset(place["line"] + 1, place["character"] + 1)


def drawn(film: list[Frame]) -> str:
    """Return the film as an SVG that plays in a browser, and in pages that show it as a picture."""
    whole, begun, parts = sum(it.seconds for it in film), 0.0, []
    for frame in film:
        ends = begun + frame.seconds
        times = f"0;{begun / whole:.5f};{min(1.0, ends / whole):.5f}"
        shown = f'<animate attributeName="display" values="none;inline;none" keyTimes="{times}"'
        shown += f' calcMode="discrete" dur="{whole:.2f}s" repeatCount="indefinite"/>'
        parts.append(f'<g display="none">{shown}{_picture(frame)}</g>')
        begun = ends
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}">'
    )
    ground = f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#1e1e1e"/>'
    return f"{head}<style>{_STYLE}</style>{ground}{''.join(parts)}</svg>\n"


def _picture(frame: Frame) -> str:
    lines = [f'<text class="title" x="20" y="32">{escape(frame.title)}</text>']
    at = 0
    for number, line in enumerate(frame.text.split("\n")):
        y = 68 + number * _LINE
        lines.append(f'<text x="20" y="{y}" xml:space="preserve">{_line(frame, at, line)}</text>')
        if at <= frame.cursor <= at + len(line):
            x = 20 + (frame.cursor - at) * _LETTER
            lines.append(f'<rect x="{x:.1f}" y="{y - 14}" width="1.5" height="18" fill="#ffffff"/>')
        at += len(line) + 1
    lines.append(f'<text class="note" x="20" y="{_HEIGHT - 18}">{escape(frame.note)}</text>')
    return "".join(lines)


def _line(frame: Frame, at: int, line: str) -> str:
    """Return a line's text, with what is offered in it."""
    start, end, text = frame.offered or (-1, -1, "")
    if not at <= start <= at + len(line):
        return escape(line)
    before, old, behind = line[: start - at], line[start - at : end - at], line[end - at :]
    marks = f'<tspan class="old">{escape(old)}</tspan>' if old else ""
    return f'{escape(before)}{marks}<tspan class="new">{escape(text)}</tspan>{escape(behind)}'


def main(words: list[str]) -> None:
    """Run the server, and write the film."""
    place = Path(words[0]) if words else Path(__file__).parents[1] / "docs/next-edits.svg"
    settings: dict[str, Any] = {"model": "embedded", "threads": 1}
    with Viewer(settings, experimental={"infill": {"nextEdit": True}}) as editor:
        place.write_text(drawn(list(frames(editor))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
