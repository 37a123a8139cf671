"""A language server with scripted answers, in plain JSON-RPC over stdio, to drive editors without a model.

It shares no code with the real server. It answers from three tables, and logs its requests to the file named by
SCRIPTED_LOG, one JSON object per line, so that tests can wait for them.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import scripted_edits
from scripted_edits import units

# Completions of a line by its beginning; automatic requests get the first one that fits.
BEGUN = (
    "return first + second",
    "return first",
    "for index, value in enumerate(values):\n    print(index, value)\n    total += value",
    "smile = '😀 and more'",
)
# A whole line with the cursor, and its replacement: gaps in the middle, and less indentation.
WHOLE = {
    "total = max(|, key=)": "total = max(items, key=len)",
    "        el|": "    else:\n        return 0",
    "print(|)": "print(total)",
}
# The answers to these are held back until the next request.
SLOW = "slow"
# A copy answers this first; half a second later there is another answer, and the client is told so.
LATE, COPIED, WRITTEN = "late", " = copied", " = written"
FILL = "filled = True\n"


def split_at(line: str, character: int, encoding: str) -> tuple[str, str]:
    """Return a line before and after a position of the protocol."""
    count = next(n for n in range(len(line) + 1) if units(line[:n], encoding) >= character)
    return line[:count], line[count:]


class Server:
    """One run: the open documents, and how to answer."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.encoding = "utf-16"
        self.held: list[int] = []
        self.ids = 0
        self.dismissed: set[str] = set()
        self.shows_edits = False
        self.late: list[int] = []

    def run(self) -> None:
        """Answer until the input ends."""
        self.log({"pid": os.getpid()})
        while (message := read()) is not None:
            self.log(message)
            handle = getattr(self, "on_" + message.get("method", "answer").replace("/", "_").replace("$", ""), None)
            result = handle(message.get("params")) if handle else None
            if "id" in message and "method" in message and result != "held":
                send({"id": message["id"], "result": result})
            elif result == "held":
                self.held.append(message["id"])

    def log(self, message: dict[str, Any]) -> None:
        if path := os.environ.get("SCRIPTED_LOG"):
            with Path(path).open("a") as file:
                file.write(json.dumps(message) + "\n")

    def on_initialize(self, params: dict[str, Any]) -> object:
        experimental = params["capabilities"].get("experimental") or {}
        self.shows_edits = experimental.get("infill", {}).get("nextEdit", False)
        offered = params["capabilities"].get("general", {}).get("positionEncodings", ["utf-16"])
        self.encoding = "utf-8" if "utf-8" in offered else "utf-16"
        commands = ["infill.fillGap", "infill.rewriteSelection", "infill.repairSyntax"]
        return {
            "capabilities": {
                "positionEncoding": self.encoding,
                "textDocumentSync": {"openClose": True, "change": 1},
                "inlineCompletionProvider": {},
                "completionProvider": {},
                "codeActionProvider": True,
                "executeCommandProvider": {"commands": commands},
            },
            "serverInfo": {"name": "scripted"},
        }

    def on_initialized(self, _: object) -> None:
        send({"method": "infill/status", "params": {"state": "ready", "reason": "", "model": "scripted"}})

    def on_textDocument_didOpen(self, params: dict[str, Any]) -> None:  # noqa: N802 - the protocol's name
        document = params["textDocument"]
        self.texts[document["uri"]], self.versions[document["uri"]] = document["text"], document["version"]

    def on_textDocument_didChange(self, params: dict[str, Any]) -> None:  # noqa: N802 - the protocol's name
        uri = params["textDocument"]["uri"]
        self.texts[uri], self.versions[uri] = params["contentChanges"][-1]["text"], params["textDocument"]["version"]
        self.offer(uri)

    def on_infill_nextEdit_dismiss(self, params: dict[str, Any]) -> None:  # noqa: N802 - the protocol's name
        self.dismissed.add(params["id"])

    def offer(self, uri: str) -> None:
        """Offer the edits that a document scripts."""
        text = self.texts[uri]
        if self.shows_edits and scripted_edits.scripts(text):
            edits = scripted_edits.offer(uri, self.versions[uri], text, self.encoding, self.dismissed)
            send({"method": "infill/nextEdit", "params": edits})

    def on_textDocument_inlineCompletion(self, params: dict[str, Any]) -> object:  # noqa: N802 - the protocol's name
        for late in self.held:
            send({"id": late, "result": {"items": [{"insertText": "TOO LATE"}]}})
        self.held = []
        before, after = self.line(params)
        if before.strip() == SLOW:
            return "held"
        if before.strip() == LATE:
            return {"items": [self.late_item(params)]}
        items = self.items(params["position"], before, after)
        return {"items": items if params["context"]["triggerKind"] == 1 else items[:1]}

    def late_item(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return a copy, and have the client ask again; once it has, return what is written in place of the copy."""
        uri, place = params["textDocument"]["uri"], params["position"]
        self.late.append(version := self.versions[uri])
        if self.late.count(version) == 1:
            told = {"method": "infill/refresh", "params": {"uri": uri, "version": version}}
            threading.Timer(0.5, send, [told]).start()
        text = WRITTEN if self.late.count(version) > 1 else COPIED
        return {"insertText": text, "range": {"start": place, "end": place}}

    def items(self, position: dict[str, int], before: str, after: str) -> list[dict[str, Any]]:
        """Return the items that the tables have for a line."""
        row, whole = position["line"], WHOLE.get(f"{before}|{after}")
        if whole is not None:
            end = units(before + after, self.encoding)
            return [{"insertText": whole, "range": span(row, 0, end)}]
        begun = before.strip()
        fit = [text for text in BEGUN if begun and text.startswith(begun) and text != begun] if not after else []
        indent = before[: len(before) - len(before.lstrip())]
        start = units(before, self.encoding)
        place = span(row, start, start)
        return [{"insertText": text[len(begun) :].replace("\n", "\n" + indent), "range": place} for text in fit]

    def on_textDocument_completion(self, params: dict[str, Any]) -> object:  # noqa: N802 - the protocol's name
        before, after = self.line(params)
        items = self.items(params["position"], before, after)
        return [{"label": before.strip() + item["insertText"], "insertText": item["insertText"]} for item in items]

    def on_textDocument_codeAction(self, params: dict[str, Any]) -> object:  # noqa: N802 - the protocol's name
        uri, at = params["textDocument"]["uri"], params["range"]["start"]["line"]
        return [{"title": "Fill the gap here", "kind": "refactor", "edit": self.fill(uri, at)}]

    def on_workspace_executeCommand(self, params: dict[str, Any]) -> None:  # noqa: N802 - the protocol's name
        uri, place = params["arguments"]
        self.ids += 1
        edit = {"edit": self.fill(uri, place["start"]["line"])}
        send({"id": f"edit-{self.ids}", "method": "workspace/applyEdit", "params": edit})

    def fill(self, uri: str, row: int) -> dict[str, Any]:
        edit = {"range": span(row, 0, 0), "newText": FILL}
        document = {"uri": uri, "version": self.versions[uri]}
        return {"documentChanges": [{"textDocument": document, "edits": [edit]}]}

    def line(self, params: dict[str, Any]) -> tuple[str, str]:
        """Return the line of a request before and after the cursor."""
        lines = self.texts[params["textDocument"]["uri"]].split("\n")
        return split_at(lines[params["position"]["line"]], params["position"]["character"], self.encoding)

    def on_exit(self, _: object) -> None:
        sys.exit(0)


def span(row: int, start: int, end: int) -> dict[str, Any]:
    """Return a range within one line."""
    return {"start": {"line": row, "character": start}, "end": {"line": row, "character": end}}


def read() -> dict[str, Any] | None:
    """Return the next message; None at the end of the input."""
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    body = sys.stdin.buffer.read(length)
    return json.loads(body) if body else None


def send(message: dict[str, Any]) -> None:
    """Send a message."""
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    Server().run()
