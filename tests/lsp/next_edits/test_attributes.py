"""Attributes are followed within their class, and set where `__init__` has their value."""

import pytest
from marked_edits import followed, unchanged

INIT = "class A:\n    def __init__(self, a, b):\n        self.a = a\n"

FOLLOWED = [
    (f"{INIT}        self.⟦b→c⟧ = b\n    def f(self):\n        return self.b + self.a\n", "return self.c + self.a\n"),
    (f"{INIT}        self.b = b\n    def f(self):\n        return self.⟦b→c⟧\n    g = 1\n", "self.c\n    g = 1\n"),
    ("class A:\n    ⟦size→width⟧ = 3\n    def f(self):\n        return self.size\n", "return self.width\n"),
    ("class A:\n    ⟦size→width⟧: int = 3\n    def f(self):\n        return self.size\n", "return self.width\n"),
    ("class A:\n    def ⟦go→run⟧(self):\n        pass\n    def f(self):\n        self.go()\n", "self.run()\n"),
    (f"{INIT}        self.⟦__b→_b⟧ = b\n    def f(self):\n        return self.__b\n", "return self._b\n"),
    (
        "class A:\n    def g(self):\n        self.⟦handle_404→handle_error⟧()\n    def handle_404(self): ...\n",
        "def handle_error(self): ...\n",
    ),
    (
        "class A(B):\n    def g(self):\n        self.⟦go→_go⟧()\n    def go(self):\n        pass\n",
        "def _go(self):\n        pass\n",
    ),
    (
        "class A:\n    def ⟦go→run⟧(self):\n        getattr(self, x)\n    def f(self):\n        cls.go(self.go)\n",
        "cls.run(self.run)\n",
    ),
    (f"{INIT}\n    def f(self):\n        return ⟦1→self.b⟧\n", "self.b\n"),
    ("class A:\n    def __init__(self, a⟦→, b⟧):\n        self.a = a\n", "self.a = a\n        self.b = b\n"),
    ("class A:\n    def __init__(self, a⟦→, b⟧):\n        self._a = a\n", "self._a = a\n        self._b = b\n"),
]


@pytest.mark.parametrize(("marked", "end"), FOLLOWED)
def test_attributes_follow(marked: str, end: str) -> None:
    assert followed(marked).endswith(end)


def test_an_attribute_that_is_read_first_is_set() -> None:
    assert "self.a = a\n        self.b = b\n" in followed(f"{INIT}\n    def f(self):\n        return ⟦1→self.b⟧\n")


def test_they_follow_in_a_long_document() -> None:
    above = "".join(f"def f{number}(x):\n    return x + {number}\n\n\n" for number in range(2_000))
    method = "\n\n    def f(self):\n        return 'é'\n"
    marked = f"{above}class A:\n    def __init__(self, a⟦→, b⟧):\n        self.a = a{method}"
    assert followed(marked).endswith(f"self.a = a\n        self.b = b{method}")
    assert followed(f"{above}{INIT}        self.⟦b→c⟧ = b\n    d = self.b\n").endswith("self.c\n")


SILENT = {
    "it may be inherited": "class A(B):\n    def g(self):\n        self.⟦on_a→on_b⟧()\n    def on_a(self): ...\n",
    "another class": "class A:\n    def f(self):\n        self.⟦a→b⟧ = 1\nclass B:\n    def f(self):\n        self.a",
    "another object": "class A:\n    def f(self, o):\n        self.⟦a→b⟧ = 1\n        o.a = 2\n",
    "inherited": "class A(B):\n    def f(self):\n        print(self.a)\n        return self.⟦a→b⟧\n",
    "another method": "class A:\n    def a(self):\n        self.a()\n        self.⟦a→b⟧()\n",
    "there already": "class A:\n    b = 1\n    def f(self):\n        self.a = 1\n        print(self.a, self.⟦a→b⟧)\n",
    "looked up by text": "class A:\n    def f(self):\n        self.⟦a→b⟧ = getattr(self, 'c')\n        print(self.a)\n",
    "no parameter": f"{INIT}\n    def f(self):\n        return ⟦1→self.c⟧\n",
    "set elsewhere": f"{INIT}\n    def f(self):\n        self.b = 2\n        return ⟦1→self.b⟧\n",
    "a method": f"{INIT}\n    def b(self):\n        return ⟦1→self.b⟧\n",
    "a base may set it": f"{INIT}\n    def f(self):\n        return ⟦1→self.b⟧\n".replace("A:", "A(B):"),
    "not all are stored": "class A:\n    def __init__(self, a, c⟦→, b⟧):\n        self.a = a\n",
    "nothing is stored": "class A:\n    def __init__(self⟦→, b⟧):\n        pass\n",
    "used already": "class A:\n    def __init__(self, a⟦→, b⟧):\n        self.a = a\n        self.c = b + 1\n",
}


@pytest.mark.parametrize("marked", SILENT.values(), ids=SILENT)
def test_nothing_else_follows(marked: str) -> None:
    assert unchanged(marked)
