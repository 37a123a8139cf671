"""Properties of every refinement for any text, and tests of single functions."""

from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.suggestions.filters import no_secrets
from infill_lsp.suggestions.refine import REFINEMENTS, refine
from infill_lsp.suggestions.suggestion import LONGEST, Dropped, Suggestion, before, fits
from infill_lsp.syntax import languages
from infill_lsp.targets.target import GapKind, Target
from infill_lsp.text.document import Document, Gap

PIECES = st.sampled_from(
    [
        *"()[]{}:;,.\"'`#=\\ \té\U0001f40d\u2028\x0c",
        *("\n", "\r\n", "\r", "\n    ", "\n        ", "\n\t", "\n  "),
        *("if x:", "else:", "return", "def f():", "foo", "bar", "foo(", "{\n", "}\n", "elif", "except:", "case 1:"),
        *('"""', "'''", "//", "/*", "*/", "self.x = 1\n"),
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)
KINDS = st.sampled_from(["rest_of_line", "mid_line", "line", "block", "expression", "string", "comment"])
LANGUAGES = st.sampled_from([languages.by_id(it) for it in ("python", "typescript", "go", "rust", None)])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Document, Target, Suggestion]:
    left, right = draw(TEXTS), draw(TEXTS)
    document = Document("a", left + right, draw(LANGUAGES))
    kind: GapKind = draw(KINDS)
    place = len(left)
    pinned = draw(st.sampled_from(["", right.split("\n")[0].split("\r")[0][:3]]))
    gaps = (Gap(place, place),) if not pinned else (Gap(place, place), Gap(place + len(pinned), place + len(pinned)))
    copied = draw(st.sampled_from(["", right[:30], left[-30:]]))  # The typical mistake of models is to copy.
    text = draw(TEXTS) + pinned + copied + (draw(TEXTS) if draw(st.booleans()) else "")
    return document, Target(kind, gaps, draw(st.booleans()), ""), Suggestion(place, gaps[-1].end, text, 0.5)


@settings(max_examples=500, deadline=None)
@given(cases())
def test_what_is_shown_fits_and_is_not_refined_further(case: tuple[Document, Target, Suggestion]) -> None:
    document, target, suggestion = case
    refined = refine(document, target, suggestion)
    if isinstance(refined, Dropped):
        assert refined.reason not in ("", "it does not settle")
        return
    assert refine(document, target, refined) == refined
    assert fits(document, refined)
    assert refined.text.strip()
    assert len(refined.text) <= LONGEST
    assert "\r" not in refined.text
    assert refined.end == suggestion.end
    assert target.block or "\n" not in refined.text
    taken = document.text[refined.start : suggestion.start]
    assert not taken.strip(" \t")
    assert not taken or not before(document, suggestion).strip()


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from(REFINEMENTS))
def test_a_refinement_does_not_touch_what_stands_around(
    case: tuple[Document, Target, Suggestion], which: object
) -> None:
    document, target, suggestion = case
    assert callable(which)
    refined = which(document, target, suggestion)
    assert isinstance(refined, Suggestion | Dropped)
    if isinstance(refined, Suggestion):
        assert refined.end == suggestion.end
        assert refined.confidence == suggestion.confidence
        assert not document.text[refined.start : suggestion.start].strip(" \t")


def test_what_an_editor_shows() -> None:
    document = Document("a", "    foo(a)\n")
    assert fits(document, Suggestion(0, 4, "  bar", 1.0))
    assert fits(document, Suggestion(8, 10, "x, a, b)", 1.0))
    assert not fits(document, Suggestion(8, 10, "b)", 1.0))
    assert not fits(document, Suggestion(9, 11, "\n)\n", 1.0))
    assert not fits(document, Suggestion(10, 10, "x" * (LONGEST + 1), 1.0))


def test_nothing_is_shown_where_nothing_is_to_be_filled() -> None:
    target = Target("none", (Gap(1, 1),), False, "the cursor is within a number")
    assert refine(Document("a", "12"), target, Suggestion(1, 1, "34", 1.0)) == Dropped("the cursor is within a number")


def test_a_selection_may_be_rewritten_to_something_else() -> None:
    document = Document("a.py", "x = foo(a)\ny = 2\n", languages.by_id("python"))
    suggestion = Suggestion(4, 10, "bar(b)", 1.0)
    assert refine(document, Target("selection", (Gap(4, 10),), True, ""), suggestion) == suggestion
    assert isinstance(refine(document, Target("mid_line", (Gap(4, 10),), False, ""), suggestion), Dropped)


def test_secrets_are_not_shown() -> None:
    document = Document("a.py", "key = \n", languages.by_id("python"))
    target = Target("rest_of_line", (Gap(6, 6),), False, "")
    refinements = (*REFINEMENTS, no_secrets(lambda text: "AKIA" in text))
    assert refine(document, target, Suggestion(6, 6, '"AKIA1234"', 1.0), refinements) == Dropped(
        "it looks like a secret"
    )
    assert isinstance(refine(document, target, Suggestion(6, 6, '"none"', 1.0), refinements), Suggestion)


def test_lines_of_another_end() -> None:
    document = Document("a.py", "def f():\r\n    \r\n    return x\r\n", languages.by_id("python"))
    suggestion = Suggestion(14, 14, "x = 1\r\n    return x\r\n", 1.0)
    refined = refine(document, Target("block", (Gap(14, 14),), True, ""), suggestion)
    assert refined == Suggestion(14, 14, "x = 1", 1.0)
