"""Python's own parser as a judge: strict where the file is right, silent where it is not."""

import ast
import random
import sysconfig
from pathlib import Path

import pytest

from infill_lsp.syntax import languages
from infill_lsp.syntax.critic import Critic
from infill_lsp.syntax.python_parser import OwnParser, python_error_at, python_refuses

PYTHON = languages.by_id("python")
assert PYTHON is not None


def objects(document: str, *texts: str) -> bool:
    return OwnParser(document.split("‸"), python_error_at).objection(texts) is not None


@pytest.mark.parametrize(
    ("document", "fill"),
    [
        ("def f():\n    ‸\n\ndef g():\n    pass\n", "try:"),
        ("for i in ‸\n    print(i)\n", "range(3)"),
        ("if x:\n    ‸\n        return 1\n", "raised"),
        ("def f():\n    return x\n    ‸\n", "    y = 1"),
        ("x = {\n    ‸\n}\n", "1: 2, 3"),
        ("if a:\n    b\n‸\n    c\n", "els:"),
        ("try:\n    a\n‸\n    b\n", "else:"),
        ("def f()‸\n    return 1\n", " ->"),
        ("x = a.c‸)\nif x:\n    pass\n", "ed"),  # A bracket closed after the gap has to be opened in it.
        ("x = ‸\n    1]), 2)\n", "f(["),
        ("cla‸\n    x = 1\n", "ss A"),
        ("from .a‸\nx = 1\n", "b"),
        ("def f(a, ‸\nx = 1\n", "b) ->:"),
        ("try:\n    a\n    ‸\n    b\n", "return 1"),
        ('x = "branc‸\ny = 1\n', "h:"),  # The parser sees this error where the string starts,
        ('x = {\n    "a": 1,\n    "b‸\n}\n', 'c",'),  # and this one, too.
        ("def f(\n    a=1,\n    ‸\n    c=2,\n):\n    pass\n", "b,"),
        ("def f(a) -> Li‸\n    pass\n", "st[int],"),
        ("if a:\n    ‸\n            b\n        else:\n            c\n", "try:"),  # Two blocks open in the gap.
    ],
)
def test_what_a_grammar_lets_pass_is_objected_to(document: str, fill: str) -> None:
    assert objects(document, fill)


@pytest.mark.parametrize(
    ("document", "fill"),
    [
        ("def f():\n    ‸\n\ndef g():\n    pass\n", "return 1"),
        ("def f(:\n    pass\n\nx = ‸\n", "(1"),  # Broken elsewhere: nothing can be said.
        ("print 'old'\nx = ‸\n", "(1"),
        ("%matplotlib inline\nx = ‸\n", "1 1"),
        ("x = foo(\n    a,\n    ‸\n\ndef g():\n    pass\n", "b,"),  # The user may still close it.
        ("x = foo(\n    a,\n    ‸\ny = 1\nz = 2\n", "b,"),
        ("x = foo(\n    a,\n    b=‸\ny = 1\nz = 2\n", "1,"),
        ("x = foo(a, ‸\ny = 1\n", "b"),
        ("def f(a, ‸", "b):"),  # Its block is not written yet.
        ("class A:\n    de‸\n\n    def g(self):\n        pass\n", "f f(self):"),
        ("if x:\n    pass\nel‸\ny = 1\n", "se:"),
        ("x = ‸\n", "'\\d'"),  # A warning at most.
        ("π😀 = ‸\n", "1"),  # No text would fit in this line.
        ("x = ) + ‸\n", "1"),
        ("x = ‸\n    1]), 2)\n", "f(g(["),
        ("‸", ""),
    ],
)
def test_nothing_is_held_against_a_draft_that_is_right_or_cannot_be_judged(document: str, fill: str) -> None:
    assert not objects(document, fill)


@pytest.mark.parametrize("fill", ["'\0'", "(" * 5000, "-" * 100_000 + "1", "\ud800"])
def test_what_a_parser_cannot_stand_is_no_error_of_ours(fill: str) -> None:
    assert objects("x = ‸\n", fill) in (True, False)


def test_two_gaps_on_one_line_and_on_two() -> None:
    assert not objects("for ‸ in ‸:\n    pass\n", "x", "y")
    assert objects("for ‸ in ‸:\n    pass\n", "x", "")
    assert not objects("x = ‸\ny = ‸\n", "1", "2")
    assert objects("x = ‸\ny = ‸\n", "1", "2 2")
    assert not objects("x = ‸\ny = 3 3\nz = ‸\n", "1", "2 2")


def test_the_place_is_in_code_points() -> None:
    found = OwnParser(("größe = ", "\n"), python_error_at).objection(("'日本' 1 + 2",))
    assert found is not None
    assert "größe = '日本' 1 + 2\n"[found:].startswith(("'日本' 1", "1"))


def test_the_critic_blames_what_is_wrong_or_the_whole_gap() -> None:
    critic = Critic(("x = 1\ndef f():\n    ", "\n\ndef g():\n    pass\n"), PYTHON)
    ((span,),) = critic(["try:"])
    assert span[0] < span[1] <= len("try:")
    assert critic(["return x"]) == [[]]
    assert not critic.parses(["try:"])


def test_what_stood_in_real_files_is_never_objected_to() -> None:
    dice, root = random.Random(3), Path(sysconfig.get_path("stdlib"))
    for path in dice.sample(sorted(it for it in root.glob("*.py") if it.stat().st_size < 30_000), 12):
        text = path.read_text(encoding="utf-8")
        ast.parse(text)
        for _ in range(8):
            start = dice.randrange(len(text))
            end = min(len(text), start + dice.randrange(60))
            pieces = text[:start], text[end:]
            assert OwnParser(pieces, python_error_at).objection((text[start:end],)) is None


def test_lines_that_are_wrong_above_the_gap_are_parsed_twice_and_no_more() -> None:
    parsed: list[str] = []

    def error_at(text: str) -> int | None:
        parsed.append(text)
        return python_error_at(text)

    own = OwnParser(("def f(:\n    pass\n\nx = ", "\ny = 1\n"), error_at)
    assert own.objection(("(1",)) is None
    assert own.objection(("2",)) is None
    assert len(parsed) == 2  # The drafts; the lines above are asked about once, by another question.
    begun = OwnParser(("call(\n    a,\nfrom b import ", "\ny = 1\n"), error_at)
    assert begun.objection(("c",)) is None
    assert len(parsed) == 3, "nothing can stand behind an import within brackets"


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        ("x = 1 1\n", True),
        ("x = )\n", True),
        ("  x = 1\n", True),
        ("if x:\ny = 1\n", True),
        ("try:\n    a\nb\n", True),
        ("x = 'abc\n", True),
        ("x = (\n", False),
        ("if x:\n", False),
        ("try:\n    a\n", False),
        ('"""abc\n', False),
        ("x = 1 + \\\n", False),
        ("@d\n", False),
        ("x = 1\n", False),
        ("", False),
    ],
)
def test_lines_are_refused_if_nothing_that_follows_can_mend_them(lines: str, refused: bool) -> None:
    assert python_refuses(lines) is refused


def test_asking_whether_lines_are_refused_changes_no_verdict() -> None:
    dice, root = random.Random(5), Path(sysconfig.get_path("stdlib"))
    objections = 0
    for path in dice.sample(sorted(it for it in root.glob("*.py") if it.stat().st_size > 8_000), 15):
        text = path.read_text(encoding="utf-8")[:4_000]
        text = text[: text.rfind("\n") + 1]
        for _ in range(3):
            at, gone = dice.randrange(len(text)), dice.randrange(3)
            damaged = text[:at] + dice.choice(["", "(", "x ", "'", "\n ", ":"]) + text[at + gone :]
            start = dice.randrange(len(damaged))
            pieces = damaged[:start], damaged[start + dice.randrange(20) :]
            draft = (dice.choice(["x", "x x", ":", "(1", "else:", "\n    x"]),)
            found = OwnParser(pieces, python_error_at).objection(draft)
            assert found == OwnParser(pieces, python_error_at, lambda lines: False).objection(draft), (path, pieces)
            objections += found is not None
    assert objections


SECTIONS = """\
import a


class B(a.C):
    x = 1

    @a.decorated(
        1,
    )
    def one(self):
        return 1

    def two(self, y):
        if y:
            return ‸
        return 2

    @property
    def three(self):
        return 3


def four():
    return 4
"""


def test_drafts_that_are_right_cost_a_parse_of_their_own_function() -> None:
    parsed: list[str] = []

    def error_at(text: str) -> int | None:
        parsed.append(text)
        return python_error_at(text)

    own = OwnParser(SECTIONS.split("‸"), error_at)
    assert own.objection(("y",)) is None
    parsed.clear()
    assert own.objection(("y + 1",)) is None
    assert parsed == [
        "if 1:\n    def two(self, y):\n        if y:\n            return y + 1\n        return 2\n\n    pass\n"
    ]
    assert own.objection(("",)) is None
    parsed.clear()
    assert own.objection(("y y",)) is not None
    assert SECTIONS.replace("‸", "y y") in parsed


@pytest.mark.parametrize(
    ("document", "fill"),
    [
        ("class A:\n    def f(self):\n        ‸\n\n  def g(self):\n    pass\n", "pass"),  # Wrong below.
        ("class A:\n    @d\n    x = 1\n    def f(self):\n        ‸\n", "pass"),  # Wrong above.
        ("def f():\n    ‸\n    def g():\n        pass\n", "return 1\nx = 2"),  # The next line stands too deep.
        ("class A:\n    def f(self):\n        ‸\n    def g(self):\n        pass\n", "pass\nx = 2"),
        ("def f():\n    ‸\n\n@d\ndef g():\n    pass\n", "@d"),
        ("def f():\n    ‸\ndef g():\n    pass\n", "try:"),
        ("def f():\n    x = '''‸\ndef g():\n    '''\n", "a"),
    ],
)
def test_a_section_is_not_taken_for_everything(document: str, fill: str) -> None:
    pieces = document.split("‸")
    alone = ast_accepts(document.replace("‸", fill))
    assert OwnParser(pieces, python_error_at)._section.is_right_with(fill) <= alone


def ast_accepts(text: str) -> bool:
    return python_error_at(text) is None


def test_what_a_section_accepts_the_whole_does() -> None:
    dice, root = random.Random(7), Path(sysconfig.get_path("stdlib"))
    accepted = right = 0
    for path in dice.sample(sorted(it for it in root.glob("*.py") if it.stat().st_size > 8_000), 20):
        text = path.read_text(encoding="utf-8")[:9_000]
        text = text.replace("    ", "\t") if dice.random() < 0.5 else text
        for _ in range(5):
            start = dice.randrange(len(text))
            end = min(len(text), start + dice.randrange(30))
            fill = dice.choice([text[start:end], text[start:end], "x", "(1", "\n    x", "pass\ndef f():\n", "'''"])
            pieces = text[:start], text[end:]
            whole = ast_accepts(pieces[0] + fill + pieces[1])
            found = OwnParser(pieces, python_error_at)._section.is_right_with(fill)
            assert found <= whole, (path, start, end, fill)
            accepted, right = accepted + found, right + whole
    assert 0 < right <= 2 * accepted
