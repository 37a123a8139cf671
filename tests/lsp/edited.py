"""Build a document with a marked range, and render the plans of an edit there as text."""

from collections.abc import Callable
from dataclasses import replace

import tree_sitter_go
import tree_sitter_javascript
import tree_sitter_python
from tree_sitter import Language as Grammar

from infill_lsp.edits.attempt import Attempt
from infill_lsp.edits.offer import Kind, Offer
from infill_lsp.edits.plan import offers, plan
from infill_lsp.syntax import languages
from infill_lsp.syntax.languages import Language
from infill_lsp.text.document import Document


def language(id_: str, pointer: Callable[[], object]) -> Language:
    known = languages.by_id(id_)
    assert known is not None
    return replace(known, grammar=lambda: Grammar(pointer()))


PYTHON = language("python", tree_sitter_python.language)
JAVASCRIPT = language("javascript", tree_sitter_javascript.language)
GO = language("go", tree_sitter_go.language)


def known(id_: str) -> Language:
    """Return the language with this id, whose grammar is bundled."""
    found = languages.by_id(id_)
    assert found is not None
    assert found.grammar is not None
    return found


def marked(text: str, in_: Language | None = PYTHON) -> tuple[Document, int, int]:
    """Return the document of a text whose cursor is marked by one `|`, or whose selection by two, and the range."""
    first, *others = text.split("|")
    end = len(first) + (len(others[0]) if len(others) > 1 else 0)
    return Document("file:///a", first + "".join(others), in_, version=3), len(first), end


def offered(text: str, in_: Language | None = PYTHON) -> list[Kind]:
    return [it.kind for it in offers(*marked(text, in_))]


def planned(text: str, kind: Kind, in_: Language | None = PYTHON) -> list[str]:
    """Return each attempt as the text with its gaps in «», the starting drafts after the old text and a `|`."""
    document, start, end = marked(text, in_)
    return [shown(document, it) for it in plan(document, Offer(kind, document.name, 3, start, end)).attempts]


def shown(document: Document, attempt: Attempt) -> str:
    starts = [f"|{it}" for it in attempt.start] if attempt.start else [""] * len(attempt.gaps)
    holes = [f"«{old}{new}»" for old, new in zip(attempt.present(document), starts, strict=True)]
    holes[0] = attempt.before + holes[0]
    holes[-1] += attempt.after
    first, *others = document.pieces(attempt.gaps)
    return first + "".join(hole + piece for hole, piece in zip(holes, others, strict=True))
