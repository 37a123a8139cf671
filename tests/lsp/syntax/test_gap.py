"""The gap that is filled at a cursor, marked by `‸`; `◦` marks further gaps of its line."""

import argparse
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import slowness

from infill_lsp.syntax import languages
from infill_lsp.targets.target import GapKind, target_at
from infill_lsp.text.document import Document, Gap


def check(marked: str, kind: GapKind, *, language: str | None = "python", invoked: bool = False) -> None:
    """Check the kind of the target, the places of its gaps, and that a block is set only for its kind."""
    text = marked.replace("◦", "")
    cursor = text.index("‸")
    document = Document("x", text.replace("‸", ""), languages.by_id(language))
    target = target_at(document, cursor, invoked=invoked)
    assert target.kind == kind, target.why
    places = [at for at, sign in enumerate(marked) if sign in "‸◦"]
    wanted = [] if kind == "none" else [Gap(at - number, at - number) for number, at in enumerate(places)]
    assert list(target.gaps) == wanted
    blank_by_hand = invoked and document.line(document.place(cursor)[0]).strip() == ""
    assert target.block is (kind == "block" or (blank_by_hand and kind in {"line", "expression"}))
    assert target.why.endswith(".")


@pytest.mark.parametrize(
    ("marked", "kind"),
    [
        ("x = ‸\ny = 1\n", "rest_of_line"),
        ("x = ‸  \ny = 1\n", "rest_of_line"),
        ("retu‸", "rest_of_line"),
        ("foo(a,\n    b, ‸\n", "rest_of_line"),
        ("foo(‸\n\ndef g():\n    pass\n", "rest_of_line"),
        ("x = ‸  # why\n", "mid_line"),
        ("x = ‸ + y\n", "mid_line"),
        ("if ‸:\n    pass\n", "mid_line"),
        ("\n‸\n", "line"),
        ("", "line"),
        ("def f():\n    x = 1\n    ‸\n", "line"),
        ("def f():\n    ‸\n    return 1\n", "line"),
        ("x = {'a':\n    ‸\n}\n", "line"),
        ("foo(‸)\n", "expression"),
        ("foo(a, ‸)\n", "expression"),
        ("foo(a[‸])\n", "expression"),
        ("foo(bar(‸), 1)\n", "expression"),
        ("x = [\n    ‸\n]\n", "expression"),
        ("x = {‸}\n", "expression"),
        ("foo(f'{‸}')\n", "expression"),
    ],
)
def test_a_cursor_in_python_code(marked: str, kind: GapKind) -> None:
    check(marked or "‸", kind)
    check((marked or "‸").replace("\n", "\r\n"), kind)


@pytest.mark.parametrize(
    "marked",
    [
        "def f():\n    ‸\n",
        "def f():\n‸\n\nx = 1\n",
        "def f():\n\n    ‸\n\ndef g():\n    pass\n",
        "class A(B):\n\n    def f(self):\n        ‸\n\n    def g(self):\n        pass\n",
        "def f(\n    a: int,\n) -> int:\n    ‸\n\nx = 1\n",
        "class A:\n    def f(self, a,\n          b):\n        ‸\n\n    x = 1\n",
        'def f():\n    """What it does."""\n    ‸\n\nx = 1\n',
        'def f():\n    """What it does.\n\n    At length.\n    """\n\n    ‸\n\nx = 1\n',
        "for x in [\n    1,\n]:\n    ‸\n\ny = 2\n",
        "if x:  # why\n    # and how\n    ‸\nelse:\n    pass\n",
        "try:\n    f()\nexcept (A, B):\n    ‸\nfinally:\n    g()\n",
        "async def f():\n    async with a as b:\n        ‸\n    return 1\n",
        "def broken(:\n  pass)\n\nwhile x:\n    ‸\n",
    ],
)
def test_an_empty_body_in_python_wants_a_block(marked: str) -> None:
    check(marked, "block")
    check(marked, "block", invoked=True)
    check(marked.replace("\n", "\r\n"), "block")


@pytest.mark.parametrize(
    ("marked", "language"),
    [
        ("function f(a) {\n  ‸\n}\n", "javascript"),
        ("function f(a) {\n  ‸\n\nfunction g() {}\n", "javascript"),
        ("class A {\n  f() {\n    ‸\n\n  g() {\n  }\n}\n", "javascript"),
        ("xs.map((x) => {\n  ‸\n});\n", "javascriptreact"),
        ("switch (x) {\n  case 1:\n    ‸\n  default:\n    f();\n}\n", "javascript"),
        ("interface A<T> {\n  ‸\n}\n", "typescript"),
        ("const F = () => {\n  ‸\n};\n", "typescriptreact"),
        ("package a\n\nfunc f() error {\n\tif err != nil {\n\t\t‸\n\t}\n\treturn nil\n}\n", "go"),
        ("package a\n\nfunc f() {\n\tswitch x {\n\tcase 1:\n\t\t‸\n\tcase 2:\n\t}\n}\n", "go"),
        ("fn f(a: u32) -> u32 {\n    // so\n    ‸\n}\n", "rust"),
        ("fn f() {\n    match a {\n        ‸\n    }\n}\n", "rust"),
        ("class A {\n    void f() {\n        ‸\n    }\n}\n", "java"),
        ("int f(int a,\n      int b)\n{\n\t‸\n}\n", "c"),
        ("struct a {\n    ‸\n};\n", "c"),
        ("namespace a {\nauto f = [&](int x) {\n    ‸\n};\n}\n", "cpp"),
        ("fun f() {\n    ‸\n}\n", "kotlin"),
        ("def f(a)\n  ‸\nend\n", "ruby"),
        ("items.each do |it|\n  ‸\nend\n", "ruby"),
        ("xs = ys.map { |y|\n  ‸\n}\n", "ruby"),
        ("function f(a: number): void {\n  ‸\n}\n", "typescript"),
        ("impl A {\n    fn f(&self) {\n        ‸\n    }\n}\n", "rust"),
        ("for (auto &x : xs) {\n    ‸\n}\n", "cpp"),
        ("class A {\n    public int F(int a) {\n        ‸\n    }\n}\n", "csharp"),
        ("class A\n{\n    ‸\n}\n", "csharp"),
        ("<?php\nfunction f($a) {\n    ‸\n}\n", "php"),
        ("<?php\nclass A {\n    ‸\n}\n", "php"),
        ("f() {\n  ‸\n}\n", "shellscript"),
        ('if [ "$1" ]; then\n  ‸\nfi\n', "shellscript"),
        ("a > b {\n  ‸\n}\n", "css"),
        ("items:\n  ‸\n", "yaml"),
    ],
)
def test_an_empty_body_in_braces_wants_a_block(marked: str, language: str) -> None:
    check(marked, "block", language=language)


@pytest.mark.parametrize(
    ("marked", "language", "kind"),
    [
        ("const x = {\n  ‸\n};\n", "javascript", "expression"),
        ("foo({\n  ‸\n", "javascript", "line"),
        ("const x = <div>{‸}</div>;\n", "javascriptreact", "expression"),
        ("const s = `a ${‸}`;\n", "typescript", "expression"),
        ("package a\n\nvar x = []int{\n\t‸\n}\n", "go", "expression"),
        ("fn f() {\n    let a = A {\n        ‸\n    };\n}\n", "rust", "expression"),
        ("int a[] = {\n    ‸\n};\n", "c", "expression"),
        ('{\n  "a": {\n    ‸\n  }\n}\n', "json", "expression"),
        ('{\n  "a": ‸\n}\n', "json", "rest_of_line"),
        ("int x = ‸;\n", "c", "expression"),
        ("for (int i = 0; ‸; i++) {}\n", "c", "mid_line"),
        ("function f() {\n  g();\n  ‸\n}\n", "javascript", "line"),
        ("namespace a {\n‸\nint x;\n}\n", "cpp", "line"),
        ("List<int> a = new() {\n    ‸\n};\n", "csharp", "expression"),
        ("h = {\n  ‸\n}\n", "ruby", "expression"),
        ("<?php\n$a = [\n    ‸\n];\n", "php", "expression"),
        ("<?php\n$a = f(‸);\n", "php", "expression"),
        ("a: {‸}\n", "yaml", "expression"),
        ("a: ‸\nb: 1\n", "yaml", "rest_of_line"),
        ("<a href=‸>x</a>\n", "html", "mid_line"),
        ("<ul>\n  ‸\n</ul>\n", "html", "line"),
        ("a {\n  color: ‸\n}\n", "css", "rest_of_line"),
        ("select a, ‸\nfrom b;\n", "sql", "rest_of_line"),
    ],
)
def test_braces_of_values_are_not_blocks(marked: str, language: str, kind: GapKind) -> None:
    check(marked, kind, language=language)


LINES = {
    "javascript": ("const a = {};\n", "// said", '"text"'),
    "typescript": ("const a: number = {};\n", "// said", "'text'"),
    "go": ("package a\n\nvar a = {}\n", "// said", '"text"'),
    "rust": ("fn f() {{\n    let a = {};\n}}\n", "// said", '"text"'),
    "java": ("class A {{\n    int a = {};\n}}\n", "// said", '"text"'),
    "c": ("int a = {};\n", "// said", '"text"'),
    "cpp": ("auto a = {};\n", "// said", '"text"'),
    "csharp": ("class A {{\n    int a = {};\n}}\n", "// said", '"text"'),
    "ruby": ("a = {}\n", "# said", "'text'"),
    "php": ("<?php\n$a = {};\n", "// said", "'text'"),
}
"""For each language, a line with a place for a value, a comment and a text."""


@pytest.mark.parametrize("language", LINES)
def test_the_same_places_of_a_line_in_every_language(language: str) -> None:
    line, comment, text = LINES[language]
    open_end = line[: line.index("{}")] + "‸"
    check(open_end, "rest_of_line", language=language)
    check(line.format("f(‸)"), "expression", language=language)
    check(line.format("f(‸, b)"), "mid_line", language=language)
    check(line.format("f(a, ‸)"), "expression", language=language)
    check(line.format("fo‸o"), "none", language=language)
    check(line.format("fo‸o"), "mid_line", language=language, invoked=True)
    check(line.format(f"{text[:-1]}‸{text[-1]}"), "none", language=language)
    check(line.format(f"{text[:-1]}‸{text[-1]}"), "string", language=language, invoked=True)
    check(line.format("b") + f"{comment}‸\n", "comment", language=language)
    check(line.format("b") + "‸\n", "line", language=language)


@pytest.mark.parametrize(
    ("marked", "language"),
    [
        ("def f():‸\n", "python"),
        ("if x: ‸\n\ny = 1\n", "python"),
        ("function f() {‸\n}\n", "javascript"),
        ("const f = () => {‸};\n", "typescript"),
        ("func f() {‸\n", "go"),
    ],
)
def test_behind_what_opens_a_block_one_has_to_ask(marked: str, language: str) -> None:
    check(marked, "none", language=language)
    check(marked, "block", language=language, invoked=True)


def test_a_block_with_a_body_gets_no_second_one() -> None:
    check("def f():‸\n    return 1\n", "none", invoked=True)
    check("fn f() {‸\n    1\n}\n", "none", language="rust", invoked=True)


@pytest.mark.parametrize(
    ("marked", "language", "by_hand"),
    [
        ("x = fo‸o\n", "python", "mid_line"),
        ("x = ‸foo\n", "python", "mid_line"),
        ("    ‸return x\n", "python", "mid_line"),
        ("‸# why\n", "python", "mid_line"),
        ("x = foo(\n    a,\n)‸\n", "python", "rest_of_line"),
        ("int x = 1;‸\n", "c", "rest_of_line"),
        ("f(); ‸ g();\n", "javascript", "mid_line"),
        ("if (x) {\n  y();\n}‸\n", "javascript", "rest_of_line"),
        ("x.y(() => {\n  y();\n});‸\n", "javascript", "rest_of_line"),
    ],
)
def test_where_a_suggestion_is_in_the_way_one_has_to_ask(marked: str, language: str, by_hand: GapKind) -> None:
    check(marked, "none", language=language)
    check(marked, by_hand, language=language, invoked=True)


@pytest.mark.parametrize(
    ("marked", "language", "kind"),
    [
        ("# a‸\nx = 1\n", "python", "comment"),
        ("x = 1  # a ‸\n", "python", "comment"),
        ("# a ‸ b\n", "python", "none"),
        ("// a‸\n", "c", "comment"),
        ("/* a ‸*/ int x;\n", "c", "comment"),
        ("/* a ‸ b */ int x;\n", "c", "none"),
        ("/**\n * ‸\n */\nclass A {}\n", "java", "comment"),
        ("/// a‸\nfn f() {}\n", "rust", "comment"),
        ("/// a\n‸\nfn f() {}\n", "rust", "line"),
        ("-- a ‸\n", "lua", "comment"),
        ('"""What ‸\n\nMore.\n"""\n', "python", "string"),
        ('"""What ‸"""\n', "python", "string"),
        ('def f():\n    """‸\n\ny = 1\n', "python", "string"),
        ('"""What ‸ it does."""\n', "python", "none"),
        ("x = 'a‸'\n", "python", "none"),
        ("x = '‸'\n", "python", "none"),
        ("x = 'a‸\ny = 1\n", "python", "string"),
        ("x = f'{a}‸'\n", "python", "none"),
        ("const s = `a\n‸\n`;\n", "javascript", "string"),
        ('let s = r#"a ‸"#;\n', "rust", "string"),
        ("s := `a ‸`\n", "go", "string"),
        ('{"a": "‸"}\n', "json", "none"),
        ("// a‸\n", "csharp", "comment"),
        ('var s = $"a {f(‸)}";\n', "csharp", "expression"),
        ('var s = "a‸";\n', "csharp", "none"),
        ("# a‸\n", "ruby", "comment"),
        ('s = "a #{‸}"\n', "ruby", "expression"),
        ("<?php\n// a‸\n", "php", "comment"),
        ("<?php\n$a = 'b‸';\n", "php", "none"),
        ("# a‸\n", "shellscript", "comment"),
        ('echo "$(‸)"\n', "shellscript", "expression"),
        ("<!-- a ‸-->\n", "html", "comment"),
        ('<a class="‸"></a>\n', "html", "none"),
        ("/* a ‸*/\n", "css", "comment"),
        ("# a‸\n", "yaml", "comment"),
        ("a: b‸\n", "yaml", "rest_of_line"),
        ('a: "b‸"\n', "yaml", "none"),
        ("-- a‸\n", "sql", "comment"),
    ],
)
def test_comments_and_texts_have_rules_of_their_own(marked: str, language: str, kind: GapKind) -> None:
    check(marked, kind, language=language)


@pytest.mark.parametrize("marked", ["x = 'a‸'\n", "x = '‸'\n", '"""What ‸ it does."""\n'])
def test_a_closed_text_is_filled_when_asked_for(marked: str) -> None:
    check(marked, "string", invoked=True)


@pytest.mark.parametrize(
    ("marked", "language"),
    [
        ("for ‸ in ◦:\n    pass\n", "python"),
        ("x = f(‸, ◦, b)\n", "python"),
        ("x = ‸ + ◦\n", "python"),
        ("x = (‸ + ◦) * (1 - ◦)\n", "python"),
        ("ü = '🐍', (‸ or ◦)\n", "python"),
        ("int x = ‸ + ◦;\n", "c"),
        ("for (int i = ‸; i < ◦; i++) {}\n", "c"),
        ("package a\n\nfunc f() {\n\tif ‸ && ◦ {\n\t}\n}\n", "go"),
    ],
)
def test_further_holes_of_the_line_are_gaps_too(marked: str, language: str) -> None:
    text = marked.replace("◦", "").replace("‸", "")
    document = Document("x", text, languages.by_id(language))
    target = target_at(document, marked.replace("◦", "").index("‸"), invoked=False)
    wanted = [at - number for number, at in enumerate(at for at, sign in enumerate(marked) if sign in "‸◦")]
    assert [gap.start for gap in target.gaps] == wanted[:3]
    assert not target.block


@pytest.mark.parametrize(
    "marked",
    [
        "x = f(‸) + g()\n",
        "def f(a, ‸, *, b):\n    pass\n",
        "x = f(‸, ' + ')\n",
        "x = (‸, y)  # a + \n",
        "x = [‸, 2, ]\n",
        "x = ‸ - y\n",
    ],
)
def test_what_is_complete_is_no_hole(marked: str) -> None:
    document = Document("x", marked.replace("‸", ""), languages.by_id("python"))
    assert len(target_at(document, marked.index("‸"), invoked=False).gaps) == 1


@pytest.mark.parametrize(
    ("marked", "kind"),
    [
        ("Dear reader, ‸", "rest_of_line"),
        ("It's ‸\n", "rest_of_line"),
        ("As follows:\n‸\n", "line"),
        ("(‸)", "expression"),
        ("ab‸cd", "none"),
        ("‸", "line"),
    ],
)
def test_a_text_in_no_known_language(marked: str, kind: GapKind) -> None:
    check(marked, kind, language=None)
    check(marked, kind, language="markdown")


def test_within_a_line_end_there_is_nothing_and_outside_the_nearer_end_counts() -> None:
    document = Document("x", "a = 1\r\nb = ", languages.by_id("python"))
    assert target_at(document, 6, invoked=True).kind == "none"
    assert target_at(document, 99, invoked=False).gaps == (Gap(11, 11),)
    assert target_at(document, -1, invoked=True).gaps == (Gap(0, 0),)


IDS = [language.id for language in languages.LANGUAGES]
SNIPPETS = st.sampled_from(
    [
        *"x(){}é'\"`\n\r:#,;\f\u2028🐍\ud800",
        " = ",
        '"""',
        "\r\n",
        "    ",
        "def f",
        "/*",
        "*/",
        "//",
        " + ",
        "for ",
        " in ",
        "${",
        "case 1:",
    ]
)


@settings(deadline=None)  # A slow machine is not a fault of the code.
@given(st.sampled_from([None, *IDS]), st.lists(SNIPPETS, max_size=20).map("".join), st.data(), st.booleans())
def test_any_text_has_a_target_on_the_cursors_line(
    language: str | None, text: str, data: st.DataObject, invoked: bool
) -> None:
    offset = data.draw(st.integers(0, len(text)))
    document = Document("x", text, languages.by_id(language))
    target = target_at(document, offset, invoked=invoked)
    starts = [gap.start for gap in target.gaps]
    assert (target.kind == "none") == (not starts)
    assert starts == sorted(set(starts))
    assert len(starts) <= 3
    if starts:
        assert starts[0] == offset
        assert {document.place(at)[0] for at in starts} == {document.place(offset)[0]}
    assert not (target.block and target.kind not in {"block", "line", "expression"})


def test_five_thousand_lines_take_milliseconds() -> None:
    source = Path(argparse.__file__).read_text(encoding="utf-8")
    lines = (source * 3).split("\n")[:5000]
    text = "é" + "\n".join(lines)
    python = languages.by_id("python")
    assert python is not None
    document = Document("x", text, python)
    times = []
    for number in range(1, 12):
        at = text.index("\n", number * len(text) // 12)
        start = time.process_time()
        document = document.edited(at, at, " + f(")
        target_at(document, at + 5, invoked=False)
        times.append(time.process_time() - start)
    assert sorted(times)[5] < 0.01 * slowness(), "5 ms on an idle machine"
