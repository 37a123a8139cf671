"""`infill-lsp bench typing`: types lines of real files key by key, and compares the ghost text with what stood there.

A real server is driven over its pipes as by an editor. Everything around a line stands; the line itself is typed from
its indentation to its end, with a request after each key. A suggestion that stays while its own text is typed counts
once.
"""

import argparse
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infill_lsp.bench import faults
from infill_lsp.bench.editor import Editor
from infill_lsp.errors import SourceError
from infill_lsp.settings.flags import declare_engine, engine_settings, integer, share
from infill_lsp.settings.settings import EngineCommand
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_lsp.text.files import check_writable, read_file

_WORD: Final = re.compile(r"\w")
_LEAST: Final = 4
"""Code points that a line must have, apart from its indentation, to be typed."""

VERDICTS: Final = ("right", "beginning", "undefined", "redefined", "repeated", "broken")
"""The columns of the table. Faults are counted only where they are new."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A suggestion that was shown, and what it was worth.

    Attributes:
        file: its document.
        line: the line that was typed, counted from 1.
        typed: the part of the line that was there.
        text: the text that the suggestion adds at the cursor.
        wanted: the rest of the line, as it stood in the file.
        verdicts: which of `VERDICTS` hold.
    """

    file: str
    line: int
    typed: str
    text: str
    wanted: str
    verdicts: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: the keys of a language and a place, and what was shown after them."""

    language: str
    place: str
    keys: int
    shown: int
    counts: Counter[str]

    def as_json(self) -> dict[str, Any]:
        counts = {verdict: self.counts[verdict] for verdict in VERDICTS}
        return {"language": self.language, "place": self.place, "keys": self.keys, "shown": self.shown, **counts}


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench typing`."""
    flags.add_argument("files", type=Path, nargs="+", metavar="FILE", help="source files; they are only read")
    flags.add_argument("--lines", type=integer(1, 100_000), default=20, metavar="N", help="lines typed in each (20)")
    flags.add_argument("--confidence", type=share, metavar="SHARE", help="the floor for what is shown")
    flags.add_argument(
        "--server",
        type=_words,
        metavar="COMMAND",
        help="another server to type into, such as an earlier version's --stdio",
    )
    flags.add_argument("--out", type=Path, metavar="FILE", help="write each suggestion that was shown, as .jsonl")
    flags.add_argument("--json", action="store_true", help="print JSON")
    declare_engine(flags)


def _words(command: str) -> list[str]:
    """Split a command into words as a shell does."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{command!r} is no command: {error}") from error
    if not words:
        raise argparse.ArgumentTypeError("an empty text is no command")
    return words


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Type the given files; return 0 regardless of the results.

    Raises:
        InfillError: a file cannot be read, or the server does not work.
    """
    settings = engine_settings(chosen)
    options = {"model": settings.model, "device": settings.device, "threads": settings.threads or 1}
    if chosen.confidence is not None:
        options["confidence"] = chosen.confidence
    documents = [_document(path) for path in chosen.files]
    keys: Counter[tuple[str, str]] = Counter()
    shown: list[tuple[tuple[str, str], Typed]] = []
    if chosen.out:
        check_writable(chosen.out)  # Before minutes of typing.
    with Editor(options, command=chosen.server) as editor:
        if editor.status["state"] == "degraded":
            raise SourceError(editor.status["reason"])  # Another model would be measured.
        for document in documents:
            for line in lines_to_type(document, chosen.lines):
                for place, found in _typed(editor, document, line):
                    kind = (document.language.name if document.language else "text", place)
                    keys[kind] += 1
                    if found is not None:
                        shown.append((kind, found))
    if chosen.out:
        _write(chosen.out, [it for _, it in shown])
    rows = _rows(keys, shown)
    if chosen.json:
        print(json.dumps({"files": len(documents), "rows": [it.as_json() for it in rows]}, indent=2))
    else:
        _show(rows, len(documents), chosen.lines)
    return 0


def _document(path: Path) -> Document:
    text = read_file(path).text
    return Document(path.absolute().as_uri(), text, languages.of_file(path.name), 1)


def lines_to_type(document: Document, count: int) -> Sequence[int]:
    """Return up to `count` lines, evenly spread over those with enough text, counted from 1."""
    every = range(1, document.line_count + 1)
    long = [number for number in every if len(document.line(number).strip()) >= _LEAST]
    return [long[at * len(long) // count] for at in range(count)] if len(long) > count else long


def _typed(editor: Editor, document: Document, line: int) -> Iterator[tuple[str, Typed | None]]:
    """Type a line; yield the place of the cursor before each key, and what was newly shown there."""
    whole = document.lines.line(line).rstrip()
    start = document.lines.start(line)
    indentation = len(whole) - len(whole.lstrip())
    name = document.name
    editor.open(name, document.edited(start + indentation, start + len(whole), "").text, _id(document))
    waiting = ""  # What the suggestion on the screen still adds.
    for column in range(indentation, len(whole)):
        place = {"line": line - 1, "character": column}
        if column > indentation:
            char = whole[column - 1]
            editor.type(name, column, {"line": line - 1, "character": column - 1}, char)
            waiting = waiting[1:] if waiting.startswith(char) else ""
        before = document.edited(start + column, start + len(whole), "")
        items = editor.items(editor.ask(name, place))
        more = added(before, start + column, items[0]) if items else None
        shown = None
        if more is not None and more[0] != waiting:
            shown = judge(document, line, column, *more)
        waiting = more[0] if more is not None else ""
        yield _place(whole, indentation, column), shown
    editor.close(name)


def _id(document: Document) -> str:
    return document.language.id if document.language else "plaintext"


def _place(line: str, indentation: int, column: int) -> str:
    """Name the place of the cursor before `column`."""
    if column == indentation:
        return "start of line"
    return "in a word" if _WORD.match(line[column - 1]) else "after a sign"


def added(before: Document, cursor: int, item: dict[str, Any]) -> tuple[str, str] | None:
    """Return what an item adds behind the cursor, and the document's text with it; None if it adds nothing."""
    span = item.get("range")
    ends = (
        [before.offset(it["line"] + 1, it["character"] + 1) for it in (span["start"], span["end"])]
        if span
        else [cursor, cursor]
    )
    text = item["insertText"]
    text = text if isinstance(text, str) else text["value"]
    after = before.edited(ends[0], ends[1], text).text
    kept = len(before.text) - max(cursor, ends[1])
    added = after[cursor : len(after) - kept]
    return (added, after) if added.strip() else None


def judge(document: Document, line: int, column: int, text: str, after: str) -> Typed:
    """Compare a suggestion with what stood there.

    Args:
        document: the document as it was.
        line: the line that is being typed, counted from 1.
        column: the code points of the line that are there.
        text: what the suggestion adds.
        after: the document's text with it.
    """
    whole = document.lines.line(line).rstrip()
    cursor = document.lines.start(line) + column
    verdicts = {_worth(text.rstrip(), document.text[cursor:], whole[column:])}
    if document.language is not None and document.language.id == "python" and faults.compiles(document.text):
        verdicts |= set(_faults(document.text, after, whole[:column] + text))
    first = line - 1
    exact = "right" in verdicts or "beginning" in verdicts
    if not exact and faults.repeats(after, first, first + text.count("\n")):
        verdicts.add("repeated")
    return Typed(document.name, line, whole[:column], text, whole[column:], frozenset(verdicts - {""}))


def _worth(text: str, wanted: str, rest: str) -> str:
    """Return `right` if the suggestion is the rest of one or more lines, and `beginning` if all of it, or its line, is.

    Args:
        text: the suggestion.
        wanted: what stood behind the cursor, to the end of the document.
        rest: what stood there, to the end of the line.
    """
    if wanted.startswith(text):
        behind = wanted[len(text) : len(text) + 1]
        if not behind or (behind.isspace() and not wanted[len(text) :].split("\n", 1)[0].strip()):
            return "right"
        return "" if _WORD.match(text[-1]) and _WORD.match(behind) else "beginning"
    return "beginning" if text.startswith(rest) and text[len(rest) :].startswith(("\n", "\r")) else ""


def _faults(before: str, after: str, line: str) -> Iterator[str]:
    """Yield the faults of a Python module that a suggestion brings in."""
    if not faults.compiles(after):
        yield "broken"
        return
    had, has = faults.undefined(before), faults.undefined(after)
    if had is not None and has is not None and (has - had) & faults.names(line):
        yield "undefined"
    if faults.redefined(after) - faults.redefined(before):
        yield "redefined"


def _rows(keys: Counter[tuple[str, str]], shown: Sequence[tuple[tuple[str, str], Typed]]) -> list[_Row]:
    rows = [_row(*kind, keys[kind], [it for of, it in shown if of == kind]) for kind in sorted(keys)]
    return [*rows, _row("all", "", keys.total(), [it for _, it in shown])]


def _row(language: str, place: str, keys: int, shown: Sequence[Typed]) -> _Row:
    return _Row(language, place, keys, len(shown), Counter(verdict for it in shown for verdict in it.verdicts))


def _write(path: Path, shown: Sequence[Typed]) -> None:
    fields = ("file", "line", "typed", "text", "wanted")
    rows = [{**{it: getattr(one, it) for it in fields}, "verdicts": sorted(one.verdicts)} for one in shown]
    try:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def _show(rows: Sequence[_Row], files: int, lines: int) -> None:
    from rich.console import Console  # noqa: PLC0415  # keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    table = Table(title=f"infill-lsp bench typing, {files} files, up to {lines} lines of each")
    for heading in ("cursor", "keys", "shown", *VERDICTS):
        table.add_column(heading, justify="left" if heading == "cursor" else "right", no_wrap=True)
    for row in rows:
        name = f"{row.language}, {row.place}" if row.place else row.language
        table.add_row(name, str(row.keys), str(row.shown), *(str(row.counts[it]) for it in VERDICTS))
    every = rows[-1]
    shares = (every.counts[it] / every.shown if every.shown else 0.0 for it in VERDICTS)
    table.add_row("of what is shown", "", "", *(f"{it:.1%}" for it in shares))
    console = Console()
    console.print(table)
    console.print(
        "right: the rest of the line, or of several; beginning: right as far as it goes, or right on its line."
        " The faults are those that the suggestion brings in; undefined, redefined and broken are known for"
        " Python only."
    )
