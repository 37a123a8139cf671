"""Next edits that a document scripts itself, for the scripted servers: what a comment in it says is offered.

`# edit 3:4-3:9 "total" "amount" Rename total` is an edit while "total" is at this place: lines and columns count from
0, in code points. `# late` makes all of them those of an earlier version; `# ghost` asks for ghost text too.
"""

import json
import re
from collections.abc import Collection, Sequence
from typing import Any, Final

_EDIT: Final = re.compile(r'# edit (\d+):(\d+)-(\d+):(\d+) ("(?:\\.|[^"])*") ("(?:\\.|[^"])*") (.+)')
LATE: Final = "# late"
GHOST: Final = "# ghost"
MOST: Final = 3
"""Edits that are offered at once."""


def scripts(text: str) -> bool:
    """Report whether a document scripts edits."""
    return _EDIT.search(text) is not None


def offer(uri: str, version: int, text: str, encoding: str, dismissed: Collection[str] = ()) -> dict[str, Any]:
    """Return the parameters of `infill/nextEdit` for a document."""
    name = uri.rsplit("/", 1)[-1]
    offered = [edit for edit in _edits(name, text, encoding) if edit["id"] not in dismissed]
    return {"uri": uri, "version": version - (LATE in text), "edits": offered[:MOST]}


def _edits(name: str, text: str, encoding: str) -> list[dict[str, Any]]:
    """Return the edits whose old text is at its place, without those that have been made already."""
    lines, found = text.splitlines(keepends=True), []
    for number, script in enumerate(_EDIT.finditer(text)):
        start, end = (int(script[1]), int(script[2])), (int(script[3]), int(script[4]))
        old, new = json.loads(script[5]), json.loads(script[6])
        at = _offset(lines, start)
        made = not old and text.startswith(new, at)
        if text[at : _offset(lines, end)] == old and not made:
            place = {"start": _position(lines, start, encoding), "end": _position(lines, end, encoding)}
            edit = {"id": f"{name}-{number}", "range": place, "newText": new, "label": script[7], "kind": "repeat"}
            found.append(edit)
    return found


def _offset(lines: Sequence[str], place: tuple[int, int]) -> int:
    return sum(map(len, lines[: place[0]])) + place[1]


def _position(lines: Sequence[str], place: tuple[int, int], encoding: str) -> dict[str, int]:
    line = lines[place[0]] if place[0] < len(lines) else ""
    return {"line": place[0], "character": units(line[: place[1]], encoding)}


def units(text: str, encoding: str) -> int:
    """Return the length of a text in the protocol's units."""
    return len(text.encode()) if encoding == "utf-8" else len(text.encode("utf-16-le")) // 2
