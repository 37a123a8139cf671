"""A renamed name is followed to its other occurrences, and to nothing else."""

import re

import pytest
from marked_edits import asked, followed, unchanged

from infill_lsp.edits.next_edits.made import are_opposite

FOLLOWED = [
    ("def f():\n    ⟦total→amount⟧ = 0\n    for x in y:\n        total += x\n    return total\n", "amount", 3),
    ("def f(⟦total→amount⟧, b=1):\n    return total + b\n", "amount", 2),
    ("def f(⟦a→b⟧: int = 3, *c):\n    return a\n", "b", 2),
    ("def f(*⟦a→values⟧):\n    return [*a]\n", "values", 2),
    ("def f():\n    total = 0\n    print(total)\n    return ⟦total→amount⟧\n", "amount", 3),
    ("⟦LIMIT→MOST⟧ = 3\n\ndef f(x):\n    return x < LIMIT\n", "MOST", 2),
    ("def ⟦load→read⟧(x):\n    return x\n\nprint(load(1), load)\n", "read", 3),
    ("class ⟦Part→Piece⟧:\n    pass\n\n\ndef f(x: Part) -> Part:\n    return Part()\n", "Piece", 4),
    ("from a import ⟦load→load_all⟧\n\nx = load()\n", "load_all", 2),
    ("import numpy as ⟦np→xp⟧\n\nx = np.zeros(3)\n", "xp", 2),
    ("for ⟦i→n⟧ in a:\n    print(i)\nfor i in b:\n    print(i)\n", "n", 2),
    ("def f(x):\n    if x:\n        ⟦a→b⟧ = 1\n    else:\n        a = 2\n    return a\n", "b", 3),
    ("def f(q):\n    ⟦x→first⟧ = q()\n    y = g(x)\n    x = h(x)\n    return x, y\n", "first", 3),
    ("def f():\n    ⟦n→m⟧ = 1\n    return f'{n}'\n", "m", 2),
    ("x = [⟦a→item⟧ for a in a if a]\n", "item", 3),
    ("x = [a for ⟦a→item⟧ in b if a]\n", "item", 3),
    ("with open(p) as ⟦f→file⟧:\n    print(f)\n", "file", 2),
    ("def f():\n    global total\n    total = 1\n⟦total→amount⟧ = 0\n", "amount", 3),
    ("import box\nfor ⟦box→style⟧ in [box.A, box.B]:\n    f(box)\nx = box.C\n", "style", 2),
    ("import box\nwith box.open() as ⟦box→style⟧:\n    f(box)\n", "style", 2),
    ("def f(q):\n    x = q()\n    ⟦x→y⟧ = g(x)\n    return x\n", "y", 2),
    ("from typing import ⟦Iterator→Generator⟧\n\ndef f() -> Iterator[int]: ...\n", "Generator", 2),
    ("def load_all(x):\n    pass\n\nload_all(1)\n\ndef f():\n    ⟦load_all→read_all⟧(2)\n", "read_all", 3),
    ("if a:\n    ⟦x→y⟧ = 1\n    f(x)\nelse:\n    x = 2\n    f(x)\n", "y", 2),
    ("f = lambda ⟦a→b⟧: a + 1\n", "b", 2),
]


@pytest.mark.parametrize(("marked", "name", "count"), FOLLOWED)
def test_other_occurrences_follow(marked: str, name: str, count: int) -> None:
    assert re.findall(r"\w+", followed(marked)).count(name) == count


SILENT = {
    "still bound by the line above": "Result = 1\n⟦Result→Final⟧ = Result\nx = Result\n",
    "a use of what is imported": "from a import Timeout\n\nx = ⟦Timeout→TimeoutError_⟧()\n",
    "one that is defined": "def load_all(x):\n    pass\n\nfrom a import read_all\n⟦load_all→read_all⟧(2)\n",
    "strings and comments": "def f():\n    ⟦total→amount⟧ = 0  # total\n    'total'\n",
    "another scope": "def f():\n    ⟦x→y⟧ = 1\n\ndef g():\n    x = 2\n    return x\n",
    "shadowed": "⟦x→y⟧ = 1\n\ndef g(x):\n    return x\n",
    "attributes": "def f(⟦x→y⟧, o):\n    return o.x\n",
    "keywords": "def f(⟦x→y⟧, o):\n    return o(x=1)\n",
    "another variable is meant": "def f(a, b):\n    print(a)\n    return ⟦a→b⟧\n",
    "a builtin": "def f(a):\n    return ⟦a→len⟧(a)\n",
    "another function is called": "def load(x):\n    pass\n\nload(1)\n⟦load→read⟧(2)\n",
    "another module is used": "import json\njson.a\n⟦json→orjson⟧.b\n",
    "a local instead of a global": "MOST = 1\n\ndef f():\n    return ⟦MOST→most⟧\n",
    "a name that nobody reads": "def f(x):\n    a, ⟦b→_⟧ = x\n    return b\n",
    "something else is imported": "from typing import ⟦Callable→TYPE_CHECKING⟧\n\nx: Callable\n",
    "taken": "def f():\n    y = 1\n    ⟦x→y⟧ = 2\n    return x\n",
    "taken where it is read": "⟦x→y⟧ = 2\n\ndef f(y):\n    return x + y\n",
    "a wildcard": "from a import *\ndef f(x):\n    print(x)\n    return ⟦x→y⟧\n",
    "unknown before": "print(foo)\nprint(⟦foo→bar⟧)\n",
    "bound again further out": "x = 1\nif a:\n    ⟦x→y⟧ = 2\nprint(x)\n",
    "more than a word": "def f():\n    ⟦x = 1→y = 2⟧\n    return x\n",
}


@pytest.mark.parametrize("marked", SILENT.values(), ids=SILENT)
def test_nothing_else_follows(marked: str) -> None:
    assert asked(marked) == ()


def test_the_nearest_comes_first_and_three_at_most() -> None:
    found = asked("⟦x→y⟧ = 1\n" + "print(x)\n" * 5)
    assert [it.change.start for it in found] == [12, 21, 30]
    assert {it.kind for it in found} == {"rename"}
    assert found[0].label == "Rename `x` to `y`"


def test_a_rename_goes_on_when_one_was_followed() -> None:
    assert followed("def f(⟦a→b⟧):\n" + "    print(a)\n" * 9).count("b") == 10


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("is_invalid", "is_valid"),
        ("isInvalid", "isValid"),
        ("disabled", "enabled"),
        ("is_allowed", "is_not_allowed"),
        ("uncheckable", "checkable"),
        ("is_no_empty", "is_empty"),
    ],
)
def test_what_has_a_name_of_the_contrary_now_is_not_renamed(old: str, new: str) -> None:
    """The uses would say the contrary of what they mean."""
    assert are_opposite(old, new)
    assert are_opposite(new, old)
    assert unchanged(f"def ⟦{old}→{new}⟧(it):\n    return it\n\n\nprint({old}(1))\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [("line", "inline"), ("form", "inform"), ("total", "amount"), ("valid", "validated"), ("install", "installed")],
)
def test_a_like_name_is_no_contrary(old: str, new: str) -> None:
    assert not are_opposite(old, new)
    assert not unchanged(f"def ⟦{old}→{new}⟧(it):\n    return it\n\n\nprint({old}(1))\n")
