"""A language server that follows a script, for behaviour that a real model does not repeat exactly.

It has the command line of `infill-lsp` and speaks raw JSON-RPC, using only the standard library, so that it can also be
packed into a wheel and installed. Each fill by hand reports every step of `frames` to subscribers. A document that
scripts next edits is offered them after each change, and gets ghost text only if it asks for that too.
"""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

import scripted_edits

Message = Mapping[str, Any]

INSERTED: Final = "sum(self.prices.values())"
BODY: Final = "return len(self.prices)"
LATE: Final = "# late"
"""A document that says so gets a copy first; half a second later there is another answer, and the editor is told so."""
COPIED: Final = "max(self.prices.values())"
_COMMANDS: Final = ["infill.fillBody", "infill.rewriteSelection", "infill.repairSyntax", "infill.suggestEdits"]
_CAPABILITIES: Final = {
    "textDocumentSync": 1,
    "inlineCompletionProvider": {},
    "executeCommandProvider": {"commands": _COMMANDS},
}

_TOKENS: Final = (
    ("sum", 0.97),
    ("(", 0.99),
    ("self", 0.93),
    (".", 0.99),
    ("prices", 0.62),
    (".", 0.9),
    ("values", 0.71),
)
_ORDER: Final = (0, 1, 3, 2, 5, 6, 4)
"""The step in which each token is written."""


def frames() -> list[dict[str, Any]]:
    """Return the canvas after each step: one more token, and one mask less where there are too many."""
    made = []
    for step in range(1, len(_ORDER) + 1):
        written = set(_ORDER[:step])
        tokens = [
            {"text": text, "state": "committed", "confidence": sure}
            if at in written
            else {"text": "", "state": "masked", "confidence": 0.0}
            for at, (text, sure) in enumerate(_TOKENS)
        ]
        surplus = [{"text": "", "state": "masked" if n >= step else "deleted", "confidence": 0.9} for n in range(5)]
        end = [{"text": "())", "state": "committed" if step == len(_ORDER) else "masked", "confidence": 0.95}]
        made.append({"step": step, "event": "1 committed", "ms": 12.5, "frame": tokens + end + surplus})
    return made


class Server:
    """One connection."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._watched = self._shows_edits = False
        self._texts: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._asked: set[int] = set()
        self._told: set[int] = set()
        self._dismissed: list[str] = []
        self._answers: dict[str, Callable[[Message], object]] = {
            "initialize": self._initialize,
            "shutdown": lambda _: None,
            "textDocument/inlineCompletion": self._inline_completion,
            "workspace/executeCommand": self._execute,
        }
        self._listeners: dict[str, Callable[[Message], None]] = {
            "initialized": lambda _: self._tell_status(),
            "textDocument/didOpen": lambda params: self._keep(params["textDocument"], params["textDocument"]["text"]),
            "textDocument/didChange": self._change,
            "infill/watch": self._watch,
            "infill/nextEdit/dismiss": self._dismiss,
        }

    def run(self) -> None:
        """Answer until the editor disconnects or sends exit."""
        while (message := self._read()) is not None and message.get("method") != "exit":
            params = message.get("params") or {}
            if listener := self._listeners.get(message.get("method", "")):
                listener(params)
            if "id" in message and "method" in message:
                answer = self._answers.get(message["method"], lambda _: None)(params)
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": answer})

    def _initialize(self, params: Message) -> object:
        experimental = params["capabilities"].get("experimental") or {}
        self._shows_edits = experimental.get("infill", {}).get("nextEdit", False)
        return {"capabilities": _CAPABILITIES}

    def _tell_status(self, limited: object = None) -> None:
        self._notify("infill/status", {"state": "ready", "model": "a script", "device": "paper", "limited": limited})

    def _watch(self, params: Message) -> None:
        self._watched = params["enable"]

    def _keep(self, document: Message, text: str) -> None:
        self._texts[document["uri"]], self._versions[document["uri"]] = text, document["version"]

    def _change(self, params: Message) -> None:
        """Keep the new text, and offer the edits that it scripts."""
        uri, version = params["textDocument"]["uri"], params["textDocument"]["version"]
        self._keep(params["textDocument"], params["contentChanges"][-1]["text"])
        if self._shows_edits and scripted_edits.scripts(self._texts[uri]):
            edits = scripted_edits.offer(uri, version, self._texts[uri], "utf-16", self._dismissed)
            self._notify("infill/nextEdit", edits)
            self._remark(uri, f"Offered for version {version}.")

    def _dismiss(self, params: Message) -> None:
        self._dismissed.append(params["id"])
        self._remark(params["uri"], f"Dismissed: {', '.join(self._dismissed)}.")

    def _remark(self, uri: str, words: str) -> None:
        """Put words into a document's status, where tests see them."""
        self._tell_status({"uri": uri, "reason": words})

    def _inline_completion(self, params: Message) -> object:
        place, text = params["position"], self._texts.get(params["textDocument"]["uri"], "")
        if scripted_edits.scripts(text) and scripted_edits.GHOST not in text:
            return {"items": []}
        if LATE in text and params["context"]["triggerKind"] == 2:
            return {"items": [{"insertText": self._late(params["textDocument"]["uri"]), "range": _at(place)}]}
        if self._watched and params["context"]["triggerKind"] == 1:
            where = {"uri": params["textDocument"]["uri"], "range": _at(place)}
            for frame in frames():
                self._notify("infill/partial", {**frame, **where})
        return {"items": [{"insertText": INSERTED, "range": _at(place)}]}

    def _late(self, uri: str) -> str:
        """Return a copy, and have the editor ask again; once it has been told, return what is written in its place."""
        version = self._versions[uri]
        if version in self._told:
            return INSERTED
        if version not in self._asked:
            self._asked.add(version)
            threading.Timer(0.5, self._tell_late, [uri, version]).start()
        return COPIED

    def _tell_late(self, uri: str, version: int) -> None:
        self._told.add(version)
        self._notify("infill/refresh", {"uri": uri, "version": version})

    def _execute(self, params: Message) -> object:
        uri, where, version = params["arguments"]
        start = where["start"]
        edit = {"range": {"start": start, "end": start}, "newText": BODY, "annotationId": "infill"}
        document = {"uri": uri, "version": version}
        annotation = {"label": "Fill this body", "needsConfirmation": True, "description": "by a script"}
        changes = {
            "documentChanges": [{"textDocument": document, "edits": [edit]}],
            "changeAnnotations": {"infill": annotation},
        }
        request = {"label": "Fill this body", "edit": changes}
        self._send({"jsonrpc": "2.0", "id": "edit", "method": "workspace/applyEdit", "params": request})
        return None

    def _notify(self, method: str, params: object) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def _send(self, message: object) -> None:
        body = json.dumps(message).encode()
        self._sink.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._sink.flush()

    def _read(self) -> Message | None:
        length = 0
        while (line := self._source.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(self._source.read(length)) if line else None


def _at(place: Message) -> Message:
    """Return the empty range at a position."""
    return {"start": place, "end": place}


def main() -> int:
    """Start the server as `infill-lsp` is started."""
    if "--version" in sys.argv:
        print("infill-lsp 0.0.0 (a script)")
    else:
        Server(sys.stdin.buffer, sys.stdout.buffer).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
