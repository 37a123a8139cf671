"""Golden files: code with the cursor, the model's output, and the text shown.

A file lists cases one after another, each with a header that gives its topic, the language and the kind of the gap
(followed by `block` where several lines are requested):

    === the rest of the line is not repeated | python | mid_line
    total = add(‸, 2)
    --- model
    1, 2)
    --- shown
    total = add(⟦1⟧, 2)

Several gaps have several `‸`, in the model's text too. `⟦new⟧` is an insertion, `⟦old⇒new⟧` a replacement, and
`dropped: why` says that nothing is shown. `␠` is a blank at the end of a line, `␊` an empty line there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast, get_args

from infill_lsp.suggestions.refine import refine
from infill_lsp.suggestions.suggestion import Dropped, Suggestion
from infill_lsp.syntax import languages
from infill_lsp.targets.target import GapKind, Target
from infill_lsp.text.document import Document, Gap

CURSOR = "‸"


@dataclass(frozen=True)
class Golden:
    """One case of a golden file, as written there."""

    title: str
    language: str
    kind: str
    code: str
    model: str
    shown: str

    def document(self) -> Document:
        return Document("golden", plain(self.code).replace(CURSOR, ""), languages.by_id(self.language))

    def target(self) -> Target:
        kind, *block = self.kind.split()
        assert kind in get_args(GapKind), kind
        return Target(cast(GapKind, kind), self.gaps(), bool(block), "")

    def gaps(self) -> tuple[Gap, ...]:
        pieces = plain(self.code).split(CURSOR)[:-1]
        places = [sum(map(len, pieces[: count + 1])) for count in range(len(pieces))]
        return tuple(Gap(at, at) for at in places)

    def suggestion(self) -> Suggestion:
        document, gaps = self.document(), self.gaps()
        pinned = [document.text[a.end : b.start] for a, b in pairwise(gaps)]
        texts = plain(self.model).split(CURSOR)
        text = texts[0] + "".join(a + b for a, b in zip(pinned, texts[1:], strict=True))
        return Suggestion(gaps[0].start, gaps[-1].end, text, 0.9)

    def refined(self) -> Suggestion | Dropped:
        return refine(self.document(), self.target(), self.suggestion())

    def now(self) -> "Golden":
        """Return the case with the current result."""
        return Golden(
            self.title, self.language, self.kind, self.code, self.model, marked(self.document(), self.refined())
        )

    def __str__(self) -> str:
        head = f"=== {self.title} | {self.language} | {self.kind}"
        return f"{head}\n{self.code}\n--- model\n{self.model}\n--- shown\n{self.shown}\n"


def marked(document: Document, result: Suggestion | Dropped) -> str:
    """Return the document with the result marked in it."""
    if isinstance(result, Dropped):
        return f"dropped: {result.reason}"
    old = document.text[result.start : result.end]
    new = f"⟦{old}⇒{result.text}⟧" if old else f"⟦{result.text}⟧"
    return visible(f"{document.text[: result.start]}{new}{document.text[result.end :]}")


def plain(text: str) -> str:
    return text.replace("␠", " ").replace("␊", "")


def visible(text: str) -> str:
    """Make the blanks visible that an editor of golden files would strip."""
    lines = [line.rstrip(" ") + "␠" * (len(line) - len(line.rstrip(" "))) for line in text.split("\n")]
    if lines[-1] == "" and len(lines) > 1:
        lines[-1] = "␊"
    return "\n".join(lines)


def read(path: Path) -> Iterator[Golden]:
    """Yield the cases of a file."""
    _, *cases = f"\n{path.read_text(encoding='utf-8')}".split("\n=== ")
    for case in cases:
        head, _, body = case.partition("\n")
        title, language, kind = (it.strip() for it in head.split("|"))
        code, _, after = body.partition("\n--- model\n")
        model, _, shown = after.partition("\n--- shown\n")
        yield Golden(title, language, kind, code, model, shown.rstrip("\n"))
