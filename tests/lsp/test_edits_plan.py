"""Which edits are offered where, and the request each sends to the model: plain texts with marks."""

import time

import pytest
from edited import GO, JAVASCRIPT, PYTHON, known, marked, offered, planned
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import slowness

from infill_lsp.edits.offer import COMMANDS, TITLES, Kind, Offer
from infill_lsp.edits.plan import offers, plan
from infill_lsp.errors import OfferError, StaleError
from infill_lsp.syntax.languages import Language
from infill_lsp.text.document import Document


def check(text: str, kind: Kind, expected: list[str], in_: Language = PYTHON) -> None:
    assert planned(text, kind, in_) == expected
    assert (kind in offered(text, in_)) == bool(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(a):|\n\n\nx = 1\n", "def f(a):\n    «»\n\n\nx = 1\n"),
        ("class A:\n  def f(a):\n    |\n", "class A:\n  def f(a):\n    «»\n    \n"),
        ("def f(a): pass|\n", "def f(a):\n    « pass»\n"),
        ("def f(a):  # why\n\t...|\n", "def f(a):  # why\n\t«...»\n"),
        ('def f():\n    """Doc."""\n    |\nx = 1\n', 'def f():\n    """Doc."""\n    «»\n    \nx = 1\n'),
        ('def f():\n    """Doc."""\n    pa|ss\n', 'def f():\n    """Doc."""\n    «pass»\n'),
        (
            "def f():\n    # It adds.\n    raise NotImplementedError('f')|\n",
            "def f():\n    # It adds.\n    «raise NotImplementedError('f')»\n",
        ),
        ("def f():\n    # TODO: add\n    # FIXME|\n\nx = 1\n", "def f():\n    «# TODO: add\n    # FIXME»\n\nx = 1\n"),
        ("if a:\n    pass|\nelse:\n    b()\n", "if a:\n    «pass»\nelse:\n    b()\n"),
    ],
)
def test_an_empty_body_is_filled_and_its_docstring_stays(text: str, expected: str) -> None:
    check(text, "fill_body", [expected])


@pytest.mark.parametrize(
    "text",
    ["def f(a):\n    return a|\n", "x = lambda: y|\n", "|x = 1\n", "def f(a):\n    pass\n\n\n\n|x = 1\n", "pass|\n"],
)
def test_what_is_written_is_no_empty_body(text: str) -> None:
    check(text, "fill_body", [])


@pytest.mark.parametrize(
    ("text", "expected", "language"),
    [
        ("function f(a) {|}\n", "function f(a) {\n    «»\n}\n", JAVASCRIPT),
        ("const f = (a) => {\n  // TODO|\n};\n", "const f = (a) => {\n  «// TODO»\n};\n", JAVASCRIPT),
        ("if (a) {\n  b();\n}\nif (c) {|}\n", "if (a) {\n  b();\n}\nif (c) {\n  «»\n}\n", JAVASCRIPT),
        (
            'package a\n\nfunc f() {\n\t// It adds.\n\tpanic("not implemented")|\n}\n',
            'package a\n\nfunc f() {\n\t// It adds.\n\t«panic("not implemented")»\n}\n',
            GO,
        ),
        ("package a\n\nfunc f() {\n\t|\n}\n", "package a\n\nfunc f() {\n\t«\n\t\n»\n}\n", GO),
    ],
)
def test_an_empty_body_in_braces_is_filled(text: str, expected: str, language: Language) -> None:
    check(text, "fill_body", [expected], language)


@pytest.mark.parametrize(
    ("text", "expected", "id_"),
    [
        ("f(a: A): B {|}\n", None, "typescript"),
        ("function f(a: A): B {|}\n", "function f(a: A): B {\n    «»\n}\n", "typescript"),
        ("fn f(a: u8) -> u8 {\n    todo!()|\n}\n", "fn f(a: u8) -> u8 {\n    «todo!()»\n}\n", "rust"),
        (
            "class A {\n    int f() {\n        throw new UnsupportedOperationException();|\n    }\n}\n",
            "class A {\n    int f() {\n        «throw new UnsupportedOperationException();»\n    }\n}\n",
            "java",
        ),
        ("int f(int a)\n{|}\n", "int f(int a)\n{\n    «»\n}\n", "c"),
        ("auto f = [](int a) {|};\n", "auto f = [](int a) {\n    «»\n};\n", "cpp"),
        (
            "class A {\n    int F() {\n        throw new NotImplementedException();|\n    }\n}\n",
            "class A {\n    int F() {\n        «throw new NotImplementedException();»\n    }\n}\n",
            "csharp",
        ),
        ("<?php\nfunction f($a) {|}\n", "<?php\nfunction f($a) {\n    «»\n}\n", "php"),
        ("f() {\n  :|\n}\n", "f() {\n  «:»\n}\n", "shellscript"),
    ],
)
def test_an_empty_body_is_filled_in_every_language_with_bodies(text: str, expected: str | None, id_: str) -> None:
    check(text, "fill_body", [expected] if expected else [], known(id_))


@pytest.mark.parametrize(
    ("text", "expected", "id_"),
    [
        ("const x = f<A>(a, |);\n", "const x = f<A>(a, «»);\n", "typescript"),
        ("fn g() {\n    f(a, |);\n}\n", "fn g() {\n    f(a, «»);\n}\n", "rust"),
        ("class A {\n    int x = new B(|);\n}\n", "class A {\n    int x = new B(«»);\n}\n", "java"),
        ("int x = f(a, |);\n", "int x = f(a, «»);\n", "c"),
        ("auto x = a::f(|);\n", "auto x = a::f(«»);\n", "cpp"),
        ("class A {\n    int x = F(a, |);\n}\n", "class A {\n    int x = F(a, «»);\n}\n", "csharp"),
        ("x = f(a, |)\n", "x = f(a, «»)\n", "ruby"),
        ("<?php\n$x = f($a, |);\n", "<?php\n$x = f($a, «»);\n", "php"),
    ],
)
def test_arguments_are_filled_in_every_language_with_calls(text: str, expected: str, id_: str) -> None:
    check(text, "fill_arguments", [expected], known(id_))


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("function f(a: A) {\n  |g(a);\n}\n", "typescript"),
        ("fn f(a: u8) {\n    |g(a);\n}\n", "rust"),
        ("class A {\n    void f() {\n        |g(a);\n    }\n}\n", "java"),
        ("void f(void) {\n    |g(a);\n}\n", "c"),
        ("void A::f() {\n    |g(a);\n}\n", "cpp"),
        ("class A {\n    void F() {\n        |G(a);\n    }\n}\n", "csharp"),
        ("def f\n  |g(a)\nend\n", "ruby"),
        ("<?php\nfunction f() {\n    |g(a);\n}\n", "php"),
        ("f() {\n  |g a\n}\n", "shellscript"),
    ],
)
def test_edits_are_suggested_in_a_function_of_every_language_that_has_them(text: str, id_: str) -> None:
    assert "suggest_edits" in offered(text, known(id_))


@pytest.mark.parametrize(
    ("text", "expected", "language"),
    [
        ("x = f(|)\n", "x = f(«»)\n", PYTHON),
        ("x = f(a, | )\n", "x = f(a, « »)\n", PYTHON),
        ("x = f(|a)\n", "x = f(«»a)\n", PYTHON),
        ("x = na|me()\n", "x = name(«»)\n", PYTHON),
        ("x = g(f(a, |), b)\n", "x = g(f(a, «»), b)\n", PYTHON),
        ("x = f(a, |\ny = 2\n", "x = f(a, «»\ny = 2\n", PYTHON),
        ("new F(|);\n", "new F(«»);\n", JAVASCRIPT),
        ("f(a, |\ng();\n", "f(a, «»\ng();\n", JAVASCRIPT),
        ("package a\n\nvar x = f(a, |)\n", "package a\n\nvar x = f(a, «»)\n", GO),
    ],
)
def test_arguments_are_filled_where_they_may_be_written(text: str, expected: str, language: Language) -> None:
    check(text, "fill_arguments", [expected], language)


@pytest.mark.parametrize("text", ["x = f('a|b')\n", "x = (|)\n", "def f(|):\n    pass\n", "def f(|\n", "x = [1, |\n"])
def test_no_arguments_belong_there(text: str) -> None:
    check(text, "fill_arguments", [])


@pytest.mark.parametrize(
    ("text", "expected", "language"),
    [
        ("x = f(1|\ny = 2\n", ["x = f(1«|)»\ny = 2\n", "x = f(1«»\ny = 2\n"], PYTHON),
        ("p(a, [1, 2|)\n", ["p(a, [1, 2«|]»)\n"], PYTHON),
        ("def f(a)|\n    return 1\n", ["def f(a)«|:»\n    return 1\n", "def f(a)«»\n    return 1\n"], PYTHON),
        ("x = )|\nz = 2\n", ["x = «)|»\nz = 2\n", "x = «)»\nz = 2\n", "x «= )»\nz = 2\n"], PYTHON),
        ("def f(a):\n    x = a +|\n    return x\n", ["def f(a):\n    x = a +«»\n    return x\n"], PYTHON),
        ("f(a|;\ng();\n", ["f(a«»;\ng();\n"], JAVASCRIPT),
        ("package a\n\nvar x = f(1|\n", ["package a\n\nvar x = f(1«|)»\n", "package a\n\nvar x = f(1«»\n"], GO),
    ],
)
def test_repairs_are_tried_from_the_least_to_the_largest(text: str, expected: list[str], language: Language) -> None:
    attempts = planned(text, "repair_syntax", language)
    assert [it for it in attempts if it in expected] == expected
    assert "repair_syntax" in offered(text, language)
    assert len(set(attempts)) == len(attempts)


def test_what_parses_needs_no_repair_nor_does_what_is_broken_elsewhere() -> None:
    check("x = 1|\n", "repair_syntax", [])
    check("x = 1|\ny = 2\nz = 3 +\n", "repair_syntax", [])


def test_a_selection_is_rewritten_around_its_structure() -> None:
    document, start, end = marked("if a:\n    |total = first(b) + c|\n")
    offer = next(it for it in offers(document, start, end) if it.kind == "rewrite_selection")
    (attempt,) = plan(document, offer).attempts
    assert all(start <= gap.start <= gap.end <= end for gap in attempt.gaps)
    pinned = "".join(document.pieces(attempt.gaps)[1:-1])
    assert [it for it in "=(+" if it not in pinned] == []
    check("a = |  | 1\n", "rewrite_selection", [])
    check("a = 1|\n", "rewrite_selection", [])


def test_lines_of_code_are_revised_the_nearest_first() -> None:
    text = 'def f(a):\n    """Doc\n    x y."""\n    b = a + 1\n    # b is a\n    |return b * 2\n'
    plain = text.replace("|", "")
    expected = [plain.replace(it, f"«{it}|{it}»") for it in ("return b * 2", "b = a + 1")]
    check(text, "suggest_edits", expected)
    script = "function f(a) {\n  return a| + 1;\n}\n"
    check(script, "suggest_edits", ["function f(a) {\n  «return a + 1;|return a + 1;»\n}\n"], JAVASCRIPT)
    check("x = a + 1|\n", "suggest_edits", [])
    long = "def f(a):\n" + "    b = a + 1\n" * 200
    assert "suggest_edits" not in offered(long[:-1] + "|\n")


def test_a_gap_is_offered_at_a_cursor_and_not_for_a_selection() -> None:
    assert "fill_gap" in offered("x = |\n", None)
    assert "fill_gap" not in offered("|x| = \n", None)


def test_offers_go_to_an_editor_and_come_back() -> None:
    for offer in offers(*marked("def f(a):\n    pass|\n")):
        assert Offer.from_data(offer.data()) == offer
        assert offer.title == TITLES[offer.kind]
    assert set(COMMANDS.values()) == set(TITLES)
    good = Offer("fill_gap", "file:///a", 3, 1, 2).data()
    wrong: list[object] = [None, [], {}, {**good, "kind": "x"}, {**good, "start": 3}, {**good, "version": "3"}]
    for data in wrong:
        with pytest.raises(OfferError, match="ask for code actions again"):
            Offer.from_data(data)


def test_what_was_offered_for_another_version_is_refused() -> None:
    document, start, end = marked("x = f(|)\n")
    (offer,) = (it for it in offers(document, start, end) if it.kind == "fill_arguments")
    with pytest.raises(StaleError, match=r"file:///a has changed since “Fill the arguments” was offered"):
        plan(document.edited(0, 0, "y = 1\n", version=4), offer)


# fmt: off
PIECES = (
    "def f(a", "):", "\n", "\r\n", "\r", "    ", "\t", "x = ", "(", ")", "[", "{", "}", "é", "🎉", "'", '"""', "#",
    "pass", "...", ",", "# TODO", "return ", "class A:", "\x0c", "\u2028", "if ", ":", "lambda x",
    "func f() {", "// TODO", "+ ",
)
# fmt: on


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=25),
    data=st.data(),
    language=st.sampled_from([PYTHON, JAVASCRIPT, GO]),
)
def test_nothing_is_broken_by_broken_code(pieces: list[str], data: st.DataObject, language: Language) -> None:
    text = "".join(pieces)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.one_of(st.just(start), st.integers(start, len(text))))
    document = Document("a", text, language, 1)
    for offer in offers(document, start, end):
        for attempt in plan(document, offer).attempts:
            places = [place for gap in attempt.gaps for place in (gap.start, gap.end)]
            assert places == sorted(places)
            assert 0 <= places[0] <= places[-1] <= len(text)
            request = attempt.request(document)
            assert len(request.between) == len(attempt.gaps) - 1
            assert attempt.changes(document, [*attempt.present(document)]) == () or attempt.before or attempt.after


def test_a_range_outside_has_no_offers() -> None:
    document = Document("a", "x = 1\n", PYTHON, 1)
    assert offers(document, 3, 100) == offers(document, 4, 2) == ()


def test_offers_take_no_time_in_a_large_broken_file() -> None:
    text = "def f(a):\n    x = g(a, 'é')\n    return x +\n\n" * 2_500
    document = Document("a", text, PYTHON, 1)
    took = []
    for at in (30, len(text) // 2, len(text) - 10):
        started = time.perf_counter()
        offers(document, at, at)
        took.append(time.perf_counter() - started)
    assert min(took) < 0.05 * slowness(), "5 ms on an idle machine"
