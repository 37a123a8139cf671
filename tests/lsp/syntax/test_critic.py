"""The critic on real snippets; `‸` marks each gap."""

import argparse
import json.decoder
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pace import slowness

from infill_lsp.syntax import languages
from infill_lsp.syntax.critic import Critic
from infill_lsp.syntax.tree import SyntaxTree
from infill_model.request import Request

PYTHON = next(it for it in languages.LANGUAGES if it.id == "python")


def check(document: str, fills: list[str], blamed: list[list[str]]) -> None:
    """Check which text in each gap the critic wants to have rewritten."""
    critic = Critic(document.split("‸"), PYTHON)
    spans = critic(fills)
    assert [[text[a:b] for a, b in found] for text, found in zip(fills, spans, strict=True)] == blamed


@pytest.mark.parametrize(
    ("document", "fill"),
    [
        ("x = ‸\ny = 1\n", "foo(a)"),
        ("x = foo(‸\n\ndef g():\n    return 1\n", "a, b)"),
        ("for x in ‸:\n    pass\n", "range(3)"),
        ("if x‸\n    pass\nz = 1\n", " == 1:"),
        ("def f():\n    ‸\n\ndef g(): pass\n", "if x:\n        return 1\n    return 2"),
        ("größe = ‸\n", "'äöü' + \"日本\""),
        ("x = [‸, 2]\n", "1"),
    ],
)
def test_no_objection_to_what_completes_the_file(document: str, fill: str) -> None:
    check(document, [fill], [[]])
    assert Critic(document.split("‸"), PYTHON).parses([fill])


@pytest.mark.parametrize(
    ("document", "fill", "blamed"),
    [
        ("x = ‸\ny = 1\n", "foo(a", ["foo(a"]),
        ("x = foo(‸\n\ndef g():\n    return 1\n", "a, b", ["a, b"]),
        ("foo(‸)\n", "a,, b", [","]),
        ("x = [‸, 2]\n", "1,", [","]),
        ("if x‸\n    pass\nz = 1\n", " == 1", [" == 1"]),
        ("def f():\n    ‸\n\ndef g():\n    '''d'''\n    return 1\n", "'''doc\n    return", ["'''doc\n    return"]),
    ],
)
def test_what_breaks_the_file_is_to_be_written_anew(document: str, fill: str, blamed: list[str]) -> None:
    check(document, [fill], [blamed])
    assert not Critic(document.split("‸"), PYTHON).parses([fill])


def test_spans_are_code_points_where_bytes_differ() -> None:
    check("é = ‸\n", ["größe größe + 1"], [["größe"]])
    check("f(‸)\n", ["'日本語',, 'ü'"], [[","]])


def test_an_error_next_to_the_gap_blames_its_nearest_character() -> None:
    check("foo(a ‸)\n", ["b"], [["b"]])
    check("foo(‸ b)\n", ["  über"], [["r"]])


def test_only_the_gap_that_is_at_fault_is_blamed() -> None:
    check("def f(‸):\n    return ‸\n", ["a, b", "a + b)"], [[], ["a + b)"]])
    check("def f(‸):\n    return ‸\n", ["a, , b", "a + b"], [[","], []])
    check("def f(‸):\n    return ‸\n", ["a, , b", "a / / b"], [[","], ["/"]])


@pytest.mark.parametrize(
    ("document", "fill"),
    [
        ("def f(:\n  pass\n\nx = ‸\ny = 1\n", "foo(a)"),  # broken above
        ("x = ‸\ny = 1\n\ndef f(:\n  pass\n", "foo(a)"),  # broken below
        ("x = )\ny = ‸\nz = (\n", "1"),  # both
        ("x = foo(\n  a,\n  ‸\n\ndef g():\n    return 1\n", "b,"),  # a call that the user has not closed yet
        ("import \n\ndef g():\n    return ‸\n", "1"),
    ],
)
def test_a_file_broken_elsewhere_is_not_the_gaps_fault(document: str, fill: str) -> None:
    check(document, [fill], [[]])
    assert Critic(document.split("‸"), PYTHON).parses([fill])


def test_a_broken_gap_in_a_broken_file_is_still_seen() -> None:
    check("def f(:\n  pass\n\nx = ‸\ny = 1\n", ["foo(a"], [["foo(a"]])
    check("x = foo(\n  a,\n  ‸\n\ndef g():\n    return 1\n", ["b b)"], [["b"]])
    check("x = )\ny = ‸\nz = (\n", ["1]"], [["1]"]])


def test_an_empty_gap_where_something_has_to_stand_is_objected_to() -> None:
    for before, after in [("for x in ", ":\n    pass\n"), ("try:\n    ", "\nexcept OSError:\n    pass\n")]:
        assert Critic([before, after], PYTHON)([""]) == [[(0, 1)]]
        assert not Critic([before, after], PYTHON).parses([""])


SOURCE = Path(argparse.__file__).read_text(encoding="utf-8")


@settings(deadline=None)  # A slow machine is not a fault of the code.
@given(st.integers(0, len(SOURCE)), st.integers(0, 200))
@example(5001, 200)
def test_never_objects_to_what_stood_in_a_large_valid_file(start: int, length: int) -> None:
    prefix, text, suffix = SOURCE[:start], SOURCE[start : start + length], SOURCE[start + length :]
    assert Critic([prefix, suffix], PYTHON)([text]) == [[]]


SNIPPETS = st.lists(
    st.sampled_from(["x", " = ", "(", ")", "é", "'", '"""', "\n", "    ", "def ", ":", "日", "\ud800", "1,"])
)


@given(st.lists(SNIPPETS.map("".join), min_size=2, max_size=4), st.data())
def test_spans_lie_in_their_gaps_in_order_and_apart(pieces: list[str], data: st.DataObject) -> None:
    texts = [data.draw(SNIPPETS.map("".join)) for _ in pieces[1:]]
    critic = Critic(pieces, PYTHON)
    for text, spans in zip(texts, critic(texts), strict=True):
        bounds = [at for span in spans for at in span]
        assert bounds == sorted(set(bounds))
        assert all(0 <= at <= max(len(text), 1) for at in bounds)
    assert critic(texts) == critic(texts)


def test_a_thousand_lines_take_milliseconds() -> None:
    lines = (SOURCE + Path(json.decoder.__file__).read_text(encoding="utf-8")).split("\n")[:1000]
    pieces = ["\n".join(lines[:500]) + "\n", "\n" + "\n".join(lines[500:])]
    times = []
    for _ in range(11):
        start = time.process_time()
        Critic(pieces, PYTHON)(["x = (1 1)"])
        times.append(time.process_time() - start)
    assert min(times) < 0.01 * slowness(), "5 ms on an idle machine"


def test_there_is_a_critic_where_there_is_a_grammar() -> None:
    assert Critic.of(Request("x = ", "\n", language="python")) is not None
    assert Critic.of(Request("x = ", "\n", language="rust")) is not None
    assert Critic.of(Request("x = ", "\n", language="sql")) is None
    assert Critic.of(Request("x = ", "\n", language=None)) is None
    with pytest.raises(ValueError, match="no grammar for SQL"):
        Critic(["", ""], languages.of_file("main.sql"))  # type: ignore[arg-type]


def test_a_file_of_any_size_costs_no_more_than_its_neighbourhood() -> None:
    pieces = ["x = 1\n" * 800_000, "\ny = 2\n" * 700_000]
    start = time.process_time()
    assert Critic(pieces, PYTHON)(["z = (1 1)"]) == [[(7, 8)]]
    assert time.process_time() - start < 0.1 * slowness(), "to parse it all takes a second"


SAMPLES = sorted(Path(__file__).with_name("samples").iterdir())


def line_rests(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield a text cut in three: up to each word of each line, the rest of that line, and the text after it."""
    for word in re.finditer(r"\w+|\S", text):
        end = text.index("\n", word.start())
        yield text[: word.start()], text[word.start() : end], text[end:]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_every_grammar_finds_no_fault_with_the_rest_of_a_line_but_with_nonsense(sample: Path) -> None:
    language = languages.of_file(sample.name)
    assert language is not None
    nonsense = 0
    for prefix, rest, suffix in line_rests(sample.read_text(encoding="utf-8")):
        critic = Critic([prefix, suffix], language)
        assert critic([rest]) == [[]], (prefix[-40:], rest)
        if SyntaxTree.parse(prefix + suffix, language).root.has_error:
            continue  # The broken part may then be the user's own; it is usually found all the same.
        for text in (")]}", ' " " ' + "'"):
            parses = not SyntaxTree.parse(prefix + text + suffix, language).root.has_error
            assert (critic([text]) == [[]]) == parses == critic.parses([text]), (prefix[-40:], text)
            nonsense += not parses
    assert nonsense or language.id in {"json", "html"}, "In JSON, no line can do without its end; HTML takes any text."


@pytest.mark.parametrize(
    ("name", "document", "good", "bad"),
    [
        ("a.js", "function f(a) {\n  return ‸\n}\n", "a.map((x) => x + 1);", "a.map((x) => x + 1;"),
        ("a.jsx", "const x = <a>‸</a>;\n", "{y} z", "{y z"),
        ("a.ts", "let x: ‸ = 1;\n", "Map<string, number[]>", "Map<string, number[>"),
        ("a.tsx", "const x = (‸) => <a b={1} />;\n", "{ y }: { y: A }", "{ y }: { y: A"),
        ("a.go", "package a\n\nfunc f() error {\n\tif ‸ {\n\t}\n}\n", "err := g(); err != nil", "err := g( err"),
        ("a.rs", "fn f() {\n    let x = ‸\n}\n", "vec.iter().map(|x| x + 1);", "vec.iter().map(|x| x + 1;"),
        ("A.java", "class A {\n    void f(‸) {\n    }\n}\n", "List<String> a, int b", "List<String a, int"),
        ("a.c", "int f(void)\n{\n    ‸\n}\n", "return a[0] ? 1 : 2;", "return a[0 ? 1 : 2;"),
        ("a.cpp", "auto f = ‸;\n", "[&](auto x) { return x; }", "[&](auto x) { return x; "),
        ("a.json", '{"a": ‸}\n', '[1, {"b": null}]', "[1, {b: null}]"),
        ("A.cs", "class A {\n    int F(int a) {\n        return ‸\n    }\n}\n", "xs[a].G(1);", "xs[a.G(1);"),
        ("a.rb", "def f(a)\n  ‸\nend\n", "a.map { |x| x + 1 }", "a.map { |x| x + 1"),
        ("a.php", "<?php\nfunction f($a) {\n    return ‸\n}\n", "g($a['b']);", "g($a['b';"),
        ("a.sh", "f() {\n  ‸\n}\n", 'if [ "$1" ]; then g; fi', 'if [ "$1" ]; then g'),
        ("a.html", "<div>\n  ‸\n</div>\n", "<b class='c'>d</b>", "<b class='c' d</b>"),
        ("a.css", "a {\n  ‸\n}\n", "color: rgb(1, 2, 3);", "color: rgb(1, 2;"),
        ("a.yaml", "a:\n  ‸\nc: 1\n", "b: [1, 2]", "b: [1, 2"),
    ],
)
def test_good_and_bad_drafts_in_every_grammar(name: str, document: str, good: str, bad: str) -> None:
    language = languages.of_file(name)
    assert language is not None
    critic = Critic(document.split("‸"), language)
    assert critic([good]) == [[]]
    assert critic([bad]) != [[]]
    assert critic.parses([good])
    assert not critic.parses([bad])


@pytest.mark.parametrize(
    ("name", "document", "fill"),
    [
        ("a.js", "function f() {\n  let x = ‸\n", "1;"),
        ("a.go", "package a\n\nfunc f() {\n\tx := ‸\n\nfunc g() {\n}\n", "1"),
        ("a.c", "int f(void) {\n    if (x) {\n        y = ‸\n}\n", "1;"),
        ("A.java", "class A {\n    void f() {\n        int x = ‸\n", "g(1);"),
        ("a.ts", "function f(): number {\n  let x: number = ‸\n", "1;"),
        ("a.rs", "fn f() {\n    let x = ‸\n", "g(1);"),
        ("a.cpp", "void f() {\n    if (x) {\n        y = ‸\n}\n", "1;"),
        ("A.cs", "class A {\n    void F() {\n        int x = ‸\n", "G(1);"),
        ("a.py", "x = foo(\n    a,\n    b=‸\n\ndef g():\n    pass\n", "1,"),
    ],
)
def test_a_block_the_user_has_not_closed_yet_is_not_the_gaps_fault(name: str, document: str, fill: str) -> None:
    language = languages.of_file(name)
    assert language is not None
    critic = Critic(document.split("‸"), language)
    assert critic([fill]) == [[]]
    assert critic(["1 1]"]) != [[]]


def test_a_namespace_may_be_closed_far_below_what_is_in_it() -> None:
    cpp = languages.by_id("cpp")
    assert cpp is not None
    body = "".join(f"int f{n}(int a) {{\n  return a + {n};\n}}\n\n" for n in range(400))
    critic = Critic(["#include <a.h>\n\n", f"\n\n{body}}}  // namespace a\n"], cpp)
    assert critic.parses(["namespace a {"])
    assert not critic.parses(["namespace a {{"])


def test_what_is_missing_counts_where_a_grammar_hides_it() -> None:
    shell = languages.by_id("shellscript")
    assert shell is not None
    document = "case $a in\n  -h) echo 'x' ;;\n  ‸\nesac\n"
    assert Critic(document.split("‸"), shell).parses(["*) f ;;"])
    assert not Critic(document.split("‸"), shell).parses([")]}"])


def test_a_line_that_a_gap_finishes_is_its_duty_though_the_error_starts_above() -> None:
    check("class A:\n    def f(‸\n        return 1\n", [")]}:"], [["]}"]])
    check("class A:\n    def f(‸\n        return 1\n", ["self):"], [[]])
