"""Changed parameters are followed to the calls of their function."""

import pytest
from marked_edits import asked, documents, followed, unchanged

FOLLOWED = [
    ("def f(⟦a, b→b, a⟧):\n    pass\n\nf(1, len([2]))\nf(b=1, a=2)\n", "f(len([2]), 1)\nf(b=1, a=2)\n"),
    ("class A:\n    def f(self, ⟦a, b→b, a⟧):\n        self.f(1, 2)\n", "self.f(2, 1)\n"),
    (
        "def f(a, b⟦=0, c='x'→, c⟧):\n    pass\n\nf(1)\nf(1, 2)\nf(1, 2, 3)\n",
        "f(1, 0, 'x')\nf(1, 2, 'x')\nf(1, 2, 3)\n",
    ),
    ("def f(a, b⟦=0→⟧, *, c=1):\n    pass\n\nf(1, c=2)\n", "f(1, c=2, b=0)\n"),
    ("def f(a, ⟦size→width⟧=1):\n    pass\n\nf(1, size=2)\nf(1)\n", "f(1, width=2)\nf(1)\n"),
    ("class A:\n    def f(self, ⟦a→b⟧):\n        self.f(a=1)\n", "self.f(b=1)\n"),
    ("class A:\n    def __init__(self, ⟦a→b⟧):\n        pass\n\nA(a=1)\n", "A(b=1)\n"),
    ("def f(a⟦, b→⟧):\n    pass\n\nf(1, 2)\nf(1, b=2)\nf(b=3, a=1)\n", "f(1)\nf(1)\nf(a=1)\n"),
    ("def f(⟦a, →⟧b):\n    pass\n\nf(1, 2)\nf(\n    1,\n    2,\n)\n", "f(2)\nf(\n    2,\n)\n"),
    ("class A:\n    def f(self, a⟦, b→⟧):\n        pass\n    def g(self):\n        self.f(1, 2)\n", "self.f(1)\n"),
    ("def f(a⟦→, log⟧):\n    pass\n\ndef g(log):\n    f(1)\n", "    f(1, log)\n"),
    ("def f(⟦→log, ⟧a):\n    pass\n\ndef g(log):\n    f(1)\n", "    f(log, 1)\n"),
    ("def f(a⟦→, *, log⟧):\n    pass\n\ndef g(log):\n    f(1)\n", "    f(1, log=log)\n"),
    ("def f(a⟦→, log⟧):\n    pass\n\nlog = 1\nf(\n    1,\n)\n", "f(\n    1,\n    log,\n)\n"),
    ("def f(⟦→log⟧):\n    pass\n\nlog = 1\nf()\n", "f(log)\n"),
]


@pytest.mark.parametrize(("marked", "end"), FOLLOWED)
def test_calls_follow(marked: str, end: str) -> None:
    assert followed(marked).endswith(end)


SILENT = {
    "other parameters as well": "def f(⟦a, b→b, c⟧):\n    pass\n\nf(1, 2)\n",
    "too few arguments": "def f(⟦a, b→b, a⟧):\n    pass\n\nf(1)\n",
    "a default that is no literal": "def f(a⟦=g()→⟧):\n    pass\n\nf()\n",
    "it need not be passed": "def f(a⟦→, log=None⟧):\n    pass\n\ndef g(log):\n    f(1)\n",
    "it may only move": "def f(a⟦, b=1→⟧, *c):\n    pass\n\nf(1, 2)\nf(1, b=2)\n",
    "the body still reads it": "def f(a⟦, b→⟧):\n    return b\n\nf(1, 2)\nf(1, b=2)\n",
    "a default that nobody here has": "def f(a⟦→, log=None⟧):\n    pass\n\nlog = 2\nf(1)\n",
    "a value that nobody knows": "def f(a⟦→, log⟧):\n    pass\n\nf(1)\n",
    "another function": "def f(a⟦, b→⟧):\n    pass\n\ndef g(a, f):\n    f(1, 2)\n",
    "another object's method": "class A:\n    def f(self, a⟦, b→⟧):\n        pass\n\no.f(1, 2)\n",
    "another class": "class A:\n    def f(self, ⟦a, →⟧b): ...\n\nclass B:\n    def g(self):\n        self.f(1, 2)\n",
    "an unknown number of arguments": "def f(a⟦, b→⟧):\n    pass\n\nf(*c)\nf(1, **d)\n",
    "two definitions": "if x:\n    def f(a⟦, b→⟧):\n        pass\nelse:\n    def f(a, b):\n        pass\nf(1, 2)\n",
    "a new function": "⟦→def f(a, log):\n    pass\n⟧\nlog = 1\n",
    "it passes the argument already": "def f(a⟦→, log⟧):\n    pass\n\ndef g(log):\n    f(1, log=log)\n",
    "another annotation": "def f(a: ⟦int→str⟧):\n    pass\n\nf(1)\n",
    "another default": "def f(a=⟦1→2⟧):\n    pass\n\nf(1)\n",
    "a longer rest": "def f(a⟦→, *log⟧):\n    pass\n\ndef g(log):\n    f(1)\n",
}


@pytest.mark.parametrize("marked", SILENT.values(), ids=SILENT)
def test_nothing_else_follows(marked: str) -> None:
    assert unchanged(marked)


def test_the_body_follows_too() -> None:
    marked = "def f(⟦a→b⟧):\n    return a\n\nf(a=1)\n"
    assert followed(marked) == documents("def f(b):\n    return b\n\nf(b=1)\n")[1].text


PASSED = [
    ("javascript", "function f(a⟦→, log⟧) {}\nfunction g(log) { f(1); }\n", "{ f(1, log); }\n"),
    ("typescript", "function f(a: A⟦→, log: Log⟧) {}\nconst g = (log: Log) => f(1);\n", "=> f(1, log);\n"),
    ("go", "func (s *S) f(⟦→ctx C, ⟧a int) {}\nfunc g(ctx C) { s.f(1) }\n", "{ s.f(ctx, 1) }\n"),
    ("java", "class A {\n  void f(int a⟦→, int b⟧) {}\n  void g(int b) { f(1); }\n}\n", "{ f(1, b); }\n}\n"),
]


@pytest.mark.parametrize(("language", "marked", "end"), PASSED)
def test_new_parameters_are_passed_on(language: str, marked: str, end: str) -> None:
    assert followed(marked, language).endswith(end)


NOT_PASSED = [
    ("javascript", "function f(a⟦→, log⟧) {}\nfunction g() { f(1); }\n"),
    ("javascript", "function f(a⟦→, log = 1⟧) {}\nfunction g(log) { f(1); }\n"),
    ("javascript", "function f(a⟦→, log⟧) {}\nfunction g(log) { f(1, log); }\n"),
    ("javascript", "function f(a⟦→, log⟧) {}\nfunction g(log) { f(...a); }\n"),
    ("java", "class A {\n  void f(int a⟦→, int b⟧) {}\n  void f(int b) { f(1); }\n}\n"),
    ("go", "func f(a⟦→, b⟧ int) {}\nfunc g(b int) { f(1) }\n"),
]


@pytest.mark.parametrize(("language", "marked"), NOT_PASSED)
def test_nothing_else_is_passed_on(language: str, marked: str) -> None:
    assert unchanged(marked, language)


CHANGED_BY_HAND = [
    "def f(a⟦→, b⟧):\n    return a\n\n\ndef g(b):\n    return f(2, b)\n",
    "def f(a, ⟦b, →⟧c):\n    return a + c\n\n\nf(3, 4)\n",
    "class A:\n    def f(⟦→self, ⟧a):\n        return a\n\n    def g(self):\n        return self.f(1)\n",
    "class A:\n    @staticmethod\n    def f(⟦self, →⟧a):\n        return a\n\n"
    "    def g(self):\n        return self.f(1)\n",
    "@click.pass_context\ndef f(⟦ctx, →⟧a):\n    return a\n\n\nf(1)\n",
    "def load(p⟦→, data⟧):\n    return p\n\n\ndef g():\n    data = load(1)\n    return data\n",
    "def rows(p⟦→, row⟧):\n    return p\n\n\ndef g():\n    for row in rows('x'):\n        print(row)\n",
    "def f(a⟦→, b⟧):\n    return a\n\n\ndef g(x):\n    y = f(1)\n    b = y\n    return b\n",
    "def f(a⟦→, b⟧):\n    return a\n\n\n"
    "def g(x):\n    if x:\n        b = 1\n    else:\n        return f(1)\n    return b\n",
    "def reg(a⟦→, mode⟧):\n    return a\n\n\nreg(1)\nmode = 3\n",
]


@pytest.mark.parametrize("marked", CHANGED_BY_HAND)
def test_a_call_that_does_not_fit_or_lacks_the_value_is_left_alone(marked: str) -> None:
    assert asked(marked) == ()


def test_a_value_that_is_bound_before_is_passed() -> None:
    text = "def f(a⟦→, b⟧):\n    return a\n\n\ndef g(b):\n    return f(1)\n\n\nfor b in [1]:\n    f(2)\n"
    assert [it.label for it in asked(text)] == ["Pass `b`", "Pass `b`"]
