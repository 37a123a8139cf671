"""The parts of a selection that are rewritten: each gap is between `‹` and `›`."""

import argparse
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.syntax import languages
from infill_lsp.targets.skeleton import MOST, rewrite
from infill_lsp.text.document import Document


def check(text: str, marked: str, *, language: str | None = "python", block: bool = False) -> None:
    """Check the gaps of the selection between `«` and `»`."""
    start = text.index("«")
    end = text.index("»") - 1
    document = Document("x", text.replace("«", "").replace("»", ""), languages.by_id(language))
    target = rewrite(document, start, end)
    pieces = document.pieces(target.gaps)
    names = [f"‹{document.text[gap.start : gap.end]}›" for gap in target.gaps]
    assert pieces[0] + "".join(name + piece for name, piece in zip(names, pieces[1:], strict=True)) == marked
    assert (target.kind, target.block) == ("selection", block)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("«x = f(a, 1)»\n", "‹x› = ‹f›(‹a›, ‹1›)\n"),
        ("x = «f(a)» + 1\n", "x = ‹f›(‹a›) + 1\n"),
        ("é = «'日本 🐍'»\n", "é = ‹'日本 🐍'›\n"),
        ("«for x in xs:\n    y(x)\n»z\n", "for ‹x› in ‹xs›:\n    ‹y›(‹x›)\nz\n"),
        ("«if a.b:  # why\r\n    return f'{c}'»\r\n", "if ‹a›.‹b›:  # why\r\n    return ‹f'{c}'›\r\n"),
        ("x = fo«o(b»ar)\n", "x = fo‹o›(‹b›ar)\n"),
        ("«x = f(»\n", "‹x› = ‹f›(\n"),
    ],
)
def test_names_and_values_are_written_anew(text: str, marked: str) -> None:
    check(text, marked)


def test_the_structure_of_other_languages_stays_too() -> None:
    check("«const x = a => b + 1;»", "const ‹x› = ‹a› => ‹b› + ‹1›;", language="typescript")
    check("func f() {\n\t«if err != nil {\n\t\treturn err\n\t}»\n}\n", GO, language="go")
    check("fn f() { «let mut v: Vec<u8> = vec;» }", RUST, language="rust")
    check('{«"a": [1, true]»}', '{‹"a"›: [‹1›, ‹true›]}', language="json")


GO = "func f() {\n\tif ‹err› != ‹nil› {\n\t\treturn ‹err›\n\t}\n}\n"
RUST = "fn f() { let ‹mut v›: ‹Vec›<‹u8›> = ‹vec›; }"


def test_a_text_of_several_lines_wants_several() -> None:
    check('«x = """a\nb"""»\n', '‹x› = ‹"""a\nb"""›\n', block=True)


def test_with_many_names_those_with_a_dot_are_one_and_with_too_many_all_is_one() -> None:
    dotted = ", ".join(["a.b.c"] * 6)
    check(f"f(«{dotted}»)\n", f"f({', '.join(['‹a.b.c›'] * 6)})\n")
    names = ", ".join(["a"] * (MOST + 1))
    check(f"f(«{names}»)\n", f"f(‹{names}›)\n")
    check("«" + "x = a + b\n" * 5 + "»", "‹" + ("x = a + b\n" * 5).strip() + "›\n", block=True)


def test_without_a_grammar_the_selection_is_one_gap() -> None:
    check("select« a »from b", "select ‹a› from b", language="sql")
    check("«a\nb»", "‹a\nb›", language=None, block=True)


def test_what_has_no_names_is_left_alone() -> None:
    document = Document("x", "def f():\n\n    pass\n", languages.by_id("python"))
    assert rewrite(document, 8, 10).kind == "none"
    assert rewrite(document, 14, 18).kind == "none"
    assert rewrite(document, 3, 3).gaps == ()


SOURCE = Path(argparse.__file__).read_text(encoding="utf-8")


@settings(deadline=None)  # A slow machine is not a fault of the code.
@given(st.integers(0, len(SOURCE)), st.integers(0, 300))
def test_gaps_lie_in_the_selection_in_order_and_apart(start: int, length: int) -> None:
    document = LONG
    end = min(start + length, len(SOURCE))
    gaps = rewrite(document, start, end).gaps
    bounds = [at for gap in gaps for at in (gap.start, gap.end)]
    assert bounds == sorted(bounds)
    assert all(start <= at <= end for at in bounds)
    assert all(gap.start < gap.end for gap in gaps)
    assert len(gaps) <= MOST


PYTHON = languages.by_id("python")
LONG = Document("x", SOURCE, PYTHON)
