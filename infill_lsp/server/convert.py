r"""Conversion between LSP values and own values; the only module that handles UTF-8, UTF-16 and UTF-32 positions.

Own values count code points from the start of the text; a position counts lines, and code units of the negotiated
encoding from the line's start. Also translates messages of older clients. Must not depend on engine or transport.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lsprotocol import types

from infill_lsp.edits.edit import Edit
from infill_lsp.errors import OfferError, PositionError
from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.text.document import Document, Gap
from infill_lsp.text.lines import Lines

Width = Callable[[str], int]
"""A function from a character to its number of code units in an encoding."""

Message = dict[str, Any]
"""A message as JSON, as received."""

_NOTE: Final = "infill"
"""The name of an edit's annotation."""

ENCODINGS: Final[Mapping[str, Width]] = {
    types.PositionEncodingKind.Utf8.value: lambda it: 1 + (it > "\x7f") + (it > "\u07ff") + (it > "\uffff"),
    types.PositionEncodingKind.Utf16.value: lambda it: 1 + (it > "\uffff"),
    types.PositionEncodingKind.Utf32.value: lambda it: 1,
}


_CODECS: Final = {
    types.PositionEncodingKind.Utf8.value: ("utf-8", 1),
    types.PositionEncodingKind.Utf16.value: ("utf-16-le", 2),
    types.PositionEncodingKind.Utf32.value: ("utf-32-le", 4),
}
"""The codec of each encoding, and the bytes of a code unit."""

_AT_ONCE: Final = 8_192
"""Characters of a line that are counted at a time."""

_LAST_WORD: Final = re.compile(r"\w+$")


def offset_of(document: Document, position: types.Position, encoding: str) -> int:
    """Return the offset at a position, or the nearest: a line's end, the text's end, or the start of a character."""
    return _offset(document.lines, position, encoding)


def _offset(lines: Lines, position: types.Position, encoding: str) -> int:
    if position.line >= lines.count:
        return lines.length
    line = lines.line(position.line + 1)
    return lines.start(position.line + 1) + _characters(line, position.character, encoding)


def checked_offset(document: Document, position: types.Position, encoding: str) -> int:
    """Return `offset_of` a position that should be inside the document.

    Raises:
        PositionError: it is on no line of the document.
    """
    offset = offset_of(document, position, encoding)
    if position_of(document, offset, encoding).line != position.line:
        raise PositionError(
            f"{document.name}: line {position.line + 1} does not exist; the document has {document.line_count} lines"
        )
    return offset


def position_of(document: Document, offset: int, encoding: str) -> types.Position:
    """Return the position of an offset."""
    line, column = document.place(offset)
    return types.Position(line - 1, _units(document.lines.slice(offset - column + 1, offset), encoding))


def gap_of(document: Document, range_: types.Range, encoding: str) -> Gap:
    """Return the gap that a range covers; reversed ends are swapped, as in VS Code's library."""
    start, end = sorted(offset_of(document, place, encoding) for place in (range_.start, range_.end))
    return Gap(start, end)


def range_of(document: Document, start: int, end: int, encoding: str) -> types.Range:
    """Return the range from one offset to another."""
    return types.Range(position_of(document, start, encoding), position_of(document, end, encoding))


def range_from(value: object) -> types.Range:
    """Return the range in an argument of a command.

    Raises:
        OfferError: the argument is not a range.
    """
    match value:
        case types.Range():
            return value
        case {
            "start": {"line": int(first), "character": int(from_)},
            "end": {"line": int(last), "character": int(to)},
        } if min(first, from_, last, to) >= 0:
            return types.Range(types.Position(first, from_), types.Position(last, to))
    raise OfferError("A range has a start and an end, each with a line and a character")


def changed(
    document: Document,
    changes: Sequence[types.TextDocumentContentChangeEvent],
    version: int | None,
    encoding: str,
) -> Document:
    """Return the document after a `didChange`; each change counts from the text that the one before it left."""
    lines = document.lines
    for change in changes:
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = sorted(_offset(lines, place, encoding) for place in (change.range.start, change.range.end))
            lines = lines.edited(start, end, change.text)
        else:
            lines = Lines(change.text)
    return Document(document.name, lines, document.language, version)


def inline_item(document: Document, suggestion: Suggestion, encoding: str) -> types.InlineCompletionItem:
    r"""Return a suggestion as ghost text. Line ends stay `\n`: editors turn them into the document's own."""
    return types.InlineCompletionItem(
        insert_text=suggestion.text,
        filter_text=_filter_text(document, suggestion),
        range=range_of(document, suggestion.start, suggestion.end, encoding),
    )


def plain_edit(document: Document, edit: Edit, encoding: str) -> types.WorkspaceEdit:
    """Return an edit for an editor that does not support versions; it must be applied at once."""
    return types.WorkspaceEdit(changes={edit.name: _text_edits(document, edit, encoding)})


def versioned_edit(document: Document, edit: Edit, encoding: str) -> types.WorkspaceEdit:
    """Return an edit that an editor refuses once the document has changed."""
    edits = _text_edits(document, edit, encoding)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(_identifier(edit), edits)])


def annotated_edit(document: Document, edit: Edit, encoding: str) -> types.WorkspaceEdit:
    """Return a versioned edit with the description that an editor shows before applying it."""
    edits = [types.AnnotatedTextEdit(_NOTE, it.range, it.new_text) for it in _text_edits(document, edit, encoding)]
    note = types.ChangeAnnotation(edit.label, edit.needs_confirmation, edit.description)
    changes = [types.TextDocumentEdit(_identifier(edit), edits)]
    return types.WorkspaceEdit(document_changes=changes, change_annotations={_NOTE: note})


def completion_item(document: Document, suggestion: Suggestion, encoding: str) -> types.CompletionItem:
    """Return a suggestion for editors with only a completion list; these compare items with the word at the cursor."""
    word = _LAST_WORD.search(document.line_before(suggestion.start))
    begun = word.group() if word and suggestion.text[:1] not in {"\n", ""} else ""
    text = begun + suggestion.text
    first, *others = text.strip().split("\n")
    return types.CompletionItem(
        label=first + (" …" if others else ""),
        kind=types.CompletionItemKind.Snippet if others else types.CompletionItemKind.Text,
        detail="infill",
        documentation=text if others else None,
        text_edit=types.TextEdit(range_of(document, suggestion.start - len(begun), suggestion.end, encoding), text),
        filter_text=text if begun else _filter_text(document, suggestion),
        insert_text_format=types.InsertTextFormat.PlainText,
        preselect=False,
    )


def old_dialect(message: Message) -> bool:
    """Report whether vscode-languageclient 9 sent this: kinds count from 0, a range is an array of two positions."""
    context = _inline_context(message)
    if context is None:
        return False
    selected = context.get("selectedCompletionInfo")
    return context.get("triggerKind") == 0 or (isinstance(selected, dict) and isinstance(selected.get("range"), list))


def in_new_dialect(message: Message) -> Message:
    """Translate a message of such a client to LSP 3.18; values that make no sense are kept, to be refused later."""
    context = _inline_context(message)
    if context is None:
        return message
    context, selected = dict(context), context.get("selectedCompletionInfo")
    if context.get("triggerKind") in {0, 1}:
        context["triggerKind"] += 1
    if isinstance(selected, dict) and isinstance(selected.get("range"), list) and len(selected["range"]) == 2:
        start, end = selected["range"]
        context["selectedCompletionInfo"] = {**selected, "range": {"start": start, "end": end}}
    return {**message, "params": {**message["params"], "context": context}}


def _inline_context(message: Message) -> Message | None:
    params = message.get("params")
    if message.get("method") != types.TEXT_DOCUMENT_INLINE_COMPLETION or not isinstance(params, dict):
        return None
    context = params.get("context")
    return context if isinstance(context, dict) else None


def _text_edits(document: Document, edit: Edit, encoding: str) -> list[types.TextEdit]:
    return [types.TextEdit(range_of(document, it.start, it.end, encoding), it.text) for it in edit.changes]


def _identifier(edit: Edit) -> types.OptionalVersionedTextDocumentIdentifier:
    return types.OptionalVersionedTextDocumentIdentifier(edit.name, edit.version)


def _filter_text(document: Document, suggestion: Suggestion) -> str | None:
    """Return text that begins with the indentation to be replaced, because editors compare the two; else None."""
    replaced = document.text[suggestion.start : suggestion.end]
    if not replaced or suggestion.text.startswith(replaced) or replaced.strip():
        return None
    return replaced + suggestion.text.lstrip(" \t")


def _characters(line: str, units: int, encoding: str) -> int:
    """Return how many whole characters of a line precede this many code units."""
    if line.isascii():
        return min(units, len(line))
    width = ENCODINGS[encoding]
    for start in range(0, len(line), _AT_ONCE):
        block = line[start : start + _AT_ONCE]
        if (whole := _units(block, encoding)) <= units:
            units -= whole
            continue
        for count, character in enumerate(block, start):
            units -= width(character)
            if units < 0:
                return count
    return len(line)


def _units(text: str, encoding: str) -> int:
    if text.isascii():
        return len(text)
    codec, size = _CODECS[encoding]
    return len(text.encode(codec, "surrogatepass")) // size
