"""The same edit is repeated in code of the same shape."""

import pytest
from marked_edits import followed, unchanged

FOLLOWED = [
    ("python", "add(a, 1⟦→, True⟧)\nadd(b, 2)\nadd(c, 3)\n", "add(a, 1, True)\nadd(b, 2, True)\nadd(c, 3, True)\n"),
    (
        "python",
        'x = [\n    {"a": 1, "b": 2},\n    {"a": 3, "b": 4⟦→, "c": []⟧},\n    {"a": 5, "b": 6},\n]\n',
        'x = [\n    {"a": 1, "b": 2, "c": []},\n    {"a": 3, "b": 4, "c": []},\n    {"a": 5, "b": 6, "c": []},\n]\n',
    ),
    ("go", "put(a⟦→, k(a)⟧)\nput(b)\nput(c)\n", "put(a, k(a))\nput(b, k(b))\nput(c, k(c))\n"),
    (
        "python",
        "x = f(0⟦→, 1⟧)\n\nif x:\n    y = f(2⟦→, 1⟧)\n\nz = [f(3), g(d)]\n",
        "x = f(0, 1)\n\nif x:\n    y = f(2, 1)\n\nz = [f(3, 1), g(d)]\n",
    ),
    ("javascript", "add(a⟦→, true⟧);\nadd(b);\nadd(c);\n", "add(a, true);\nadd(b, true);\nadd(c, true);\n"),
    ("go", "\tadd(⟦→ctx, ⟧a)\n\tadd(b)\n\tadd(c)\n", "\tadd(ctx, a)\n\tadd(ctx, b)\n\tadd(ctx, c)\n"),
    (
        "python",
        "def f(a: list⟦→[int]⟧, b: str): ...\ndef g(c: list⟦→[int]⟧, d: str): ...\ndef h(e: list, i: str): ...\n",
        "def f(a: list[int], b: str): ...\ndef g(c: list[int], d: str): ...\ndef h(e: list[int], i: str): ...\n",
    ),
]


@pytest.mark.parametrize(("language", "marked", "wanted"), FOLLOWED)
def test_like_code_follows(language: str, marked: str, wanted: str) -> None:
    assert followed(marked, language) == wanted


SILENT = {
    "one line like it": "add(a, 1⟦→, True⟧)\nadd(b, 2)\n",
    "another function": "add(a⟦→, True⟧)\nput(b)\nput(c)\n",
    "another shape": "add(a⟦→, True⟧)\nadd(b, 1)\nadd(c())\n",
    "another method": "o.a(a⟦→, True⟧)\no.b(b)\no.c(c)\n",
    "plain items": "x = [\n    ['a', 'b'⟦→, 'c'⟧],\n    ['d', 'e'],\n    ['f', 'g'],\n]\n",
    "imports": "from a import (b⟦→, c⟧)\nfrom d import (e)\nfrom f import (g)\n",
    "another value": "add(a, ⟦1→2⟧)\nadd(b, 1)\nadd(c, 1)\n",
    "a new line": "add(a)\nadd(b)\nadd(c)\n⟦→add(d, 1)\n⟧",
    "a string": "x = f(a⟦→, 1⟧)\ny = f(b⟦→, 1⟧)\nz = 'f(c)'\n",
    "a comment": "x = f(a⟦→, 1⟧)\ny = f(b⟦→, 1⟧)\n# z = f(c)\n",
    "a method of the same name": "x = f(a⟦→, 1⟧)\ny = f(b⟦→, 1⟧)\nz = o.f(c)\n",
    "the end of a line": "x = 1⟦→  # one⟧\ny = 2\nz = 3\n",
    "formatting": "add(a,⟦→ ⟧1)\nadd(b,1)\nadd(c,1)\n",
}


@pytest.mark.parametrize("marked", SILENT.values(), ids=SILENT)
def test_nothing_else_follows(marked: str) -> None:
    assert unchanged(marked)


EXCHANGED = [
    ("a.⟦status→code⟧\nb.⟦status→code⟧\nc().status\nstatus\n", "a.code\nb.code\nc().code\nstatus\n"),
    ("self.⟦assertEquals→assertEqual⟧(a)\nself.assertEquals(b)\n", "self.assertEqual(a)\nself.assertEqual(b)\n"),
    ("if x ⟦==→is⟧ None:\n    y = z == None\n", "if x is None:\n    y = z is None\n"),
    ("if x ⟦!=→is not⟧ None:\n    y = z != None\n", "if x is not None:\n    y = z is not None\n"),
]


@pytest.mark.parametrize(("marked", "wanted"), EXCHANGED)
def test_the_same_exchange_follows(marked: str, wanted: str) -> None:
    assert followed(marked) == wanted


NOT_EXCHANGED = {
    "once": "a.⟦status→code⟧\nb.status\n",
    "both were there": "a.⟦status→code⟧\nb.⟦status→code⟧\nc.status\nd.code\n",
    "called, and not": "a.⟦go→run⟧()\nb.⟦go→run⟧()\nc.go\n",
    "other names": "a.⟦b→c⟧\nd.⟦e→f⟧\ng.b\n",
    "another value": "if x ⟦==→is⟧ y:\n    y = z == None\n",
    "a string": "if x ⟦==→is⟧ None:\n    y = 'z == None'\n",
}


@pytest.mark.parametrize("marked", NOT_EXCHANGED.values(), ids=NOT_EXCHANGED)
def test_nothing_else_is_exchanged(marked: str) -> None:
    assert unchanged(marked)
