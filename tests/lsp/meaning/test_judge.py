"""What a suggestion means: each input is one of a kind, and what must not be shown there never is."""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

import pytest
from pace import slowness

from infill_lsp.completion.complete import judged, target_of
from infill_lsp.completion.question import Question
from infill_lsp.meaning.judge import LARGEST, fault
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_model.request import Fill, Timing

PYTHON = languages.by_id("python")


def offered(text: str, written: str, *, invoked: bool = True) -> str:
    """What an editor is offered at ¦ where a model writes this; empty where nothing is."""
    at = text.index("¦")
    question = Question(Document("a.py", text.replace("¦", ""), PYTHON), at, invoked)
    target = target_of(question)
    if target.kind == "none":
        return ""
    request = question.document.request(target.gaps, block=target.block)
    fill = Fill((written,), (), 0.9, None, 1, 1, Timing(0, 0, 0), "complete")
    found = asyncio.run(judged(question.document, target, request, fill, 0.0))
    return "" if found.refused else found.suggestion.text


REFUSED = {
    "what Python's compiler refuses is not offered": [
        ("def f():\n    ¦\n", "nonlocal counter"),
        ("counter = 1\n¦\n", "nonlocal counter"),
        ("def f(counter):\n    ¦\n    return counter\n", "global counter"),
        ("counter = 1\n\n\ndef f():\n    print(counter)\n    ¦\n", "global counter"),
        ("value = dict(a=1, ¦)\n", "a=2"),
        ("class A:\n\tdef f(self, x):\n\t\t¦\n\t\treturn x\n", "global x"),
        ("class A:\n    @property\n    def f(self):\n        x = 1\n        ¦\n        return x\n", "global x"),
        ("try:\n    f = 1\nexcept:\n    f = 2\n¦\n    f = 3\n", "except ValueError:"),
    ],
    "a name is imported from one module": [
        ("from shop.orders import Order\nfrom shop.people import ¦\n", "Order"),
        ("from shop.orders import Item, Order\nfrom shop.people import Person, ¦\n", "Item"),
        ("from os import path\n¦\n", "from posixpath import path"),
    ],
    "`__future__` comes first": [
        ("import os\n¦\n", "from __future__ import annotations"),
        ("x = 1\n\n¦\n", "from __future__ import division"),
        ('"""Doc."""\nimport os\nfrom __future__ ¦\n', "import annotations"),
    ],
    "no assignment is copied into a call": [
        ("values = [1, 2, 3]\ntotal = sum(values¦)\n", " = [1, 2, 3]"),
        ("path = 'a.txt'\nwith open(path¦) as handle:\n    pass\n", " = 'a.txt'"),
        ("size = 3\nprint(size¦)\n", " = 3"),
        ("def f(key):\n    key = key.strip()\n    return get(key¦, 1)\n", " = key.strip()"),
    ],
    "a parameter is not offered twice": [
        ("def f(a, b, ¦):\n    return a\n", "b, "),
        ("def f(self, x: int, ¦):\n    return x\n", "x: str"),
        ("g = lambda a, ¦: a\n", "a"),
    ],
    "a target is not offered twice": [
        ("for index, ¦ in enumerate(names):\n    print(index, name)\n", "index"),
        ("first, ¦ = pair\n", "first"),
        ("values = [a for a, ¦ in pairs]\n", "a"),
    ],
    "a name is not imported twice in one list": [
        ("from os import path, ¦\n", "path"),
        ("from os import (\n    sep,\n    path,\n    ¦\n)\n", "sep,"),
        ("from json import dumps, loads, ¦\n", "dumps"),
    ],
    "a constant key is not offered twice": [
        ("d = {'a': 1, 'b': 2, ¦}\n", "'b': 2, "),
        ("d = {1: 'x', 2: 'y', ¦}\n", "1: 'z'"),
        ("f({'name': n, ¦})\n", "'name': m"),
    ],
    "what the scope defines already is not defined again": [
        ("class T:\n    def test_push(self):\n        assert 1\n\n    def ¦\n", "test_push(self):"),
        ("def load(path):\n    return path\n\n\ndef ¦\n", "load(file):"),
        ("class A:\n    pass\n\n\nclass ¦\n", "A:"),
    ],
    "an exception that an earlier handler names is not offered": [
        ("try:\n    f()\nexcept ValueError:\n    pass\nexcept ¦:\n    pass\n", "ValueError"),
        (
            "try:\n    f()\nexcept OSError as e:\n    raise e\nexcept KeyError:\n    pass\nexcept ¦:\n    pass\n",
            "OSError",
        ),
        (
            "import json\ntry:\n    f()\nexcept json.JSONDecodeError:\n    pass\nexcept ¦:\n    pass\n",
            "json.JSONDecodeError",
        ),
    ],
    "a name is offered from a module only if it has it": [
        ("import argparse\nimport sys\nfrom pathlib import Path\nfrom collections import ¦\n", "Path"),
        ("from json import ¦\n", "argparse"),
        ("from dataclasses import dataclass, ¦\n", "Mapping"),
    ],
    "what stands before the cursor is not echoed": [
        ('def f(text):\n    """Do.\n\n    Args:\n        text: ¦\n    """\n    return text\n', "text:"),
        ("x = 1  # ¦\n", "1  #"),
        ("# see the table ¦\nx = 1\n", "the table"),
    ],
    "return and yield stand in functions": [
        ("def f(x):\n    if x:\n        return 1\n\n\nif 1:\n    ¦\n", "return 1"),
        ("class A:\n    ¦\n", "return 1"),
        ("for x in range(3):\n    ¦\n", "yield x"),
    ],
    "break and continue stand in loops": [
        ("def area(w, h):\n    # multiply\n    ¦\n", "continue"),
        ("def f(x):\n    if x:\n        ¦\n", "break"),
        ("for x in y:\n    def f():\n        ¦\n", "break"),
    ],
    "await stands in async functions": [
        ("async def a():\n    await b()\n\n\ndef c():\n    ¦\n", "await b()"),
        ("import asyncio\n\n\ndef f():\n    ¦\n", "await asyncio.sleep(1)"),
        ("async def b():\n    def c(x):\n        ¦\n    return c\n", "await b()"),
    ],
    "a word is completed to one that is known": [
        ("total = 0\nprint(to¦tal)\n", "ur"),
        ("count = 1\nprint(cou¦)\n", "rt"),
        ("def compute(x):\n    return x\n\n\ny = comp¦e(1)\n", "let"),
    ],
    "a line that stands just below is not offered": [
        ("import os\nimport sys\n¦\nimport json\nimport re\n", "import re"),
        ("import os\nimport sys\n¦\nimport json\nimport re\n", "import os"),
        ("def f(a):\n    ¦\n    b = 1\n    log(a)\n    c = 2\n", "log(a)"),
    ],
    "no braces between the braces of an f-string": [
        ('def greet(name, count):\n    print(f"hello {¦}")\n', "{name}"),
        ('def f(x):\n    return f"{¦}"\n', "{x}"),
        ('def f(x, y):\n    return f"{x} and {¦}."\n', "{y}"),
    ],
    "no mere closer and no doubled word in a string": [
        ("raise ValueError('¦')\n", ")"),
        ("raise ValueError('¦')\n", "ErrorError"),
        ('print("¦")\n', '"'),
    ],
    "a body has one docstring": [
        ('def f(a):\n    """Do."""\n    ¦\n    return a\n', '"""Do it."""'),
        ('class A:\n    """An A."""\n\n    ¦\n    x = 1\n', '"""A class."""'),
        ('"""A module."""\n¦\nx = 1\n', '"""The module."""'),
    ],
    "a name is judged once what follows completes it": [
        ("seen = 1\nprint(see¦)\n", "()"),
        ("def f(a):\n    b = a\n    return bb¦\n", "[0]"),
        ("def f(values):\n    for v in value¦\n        pass\n", ":"),
        ("def f(a, size, a¦):\n    return a\n", ", b"),
    ],
    "what only a method's class or a default's function binds is not visible": [
        ("class A:\n    size = 1\n\n    def f(self):\n        return ¦\n", "size"),
        ("class A:\n    def g(self):\n        pass\n\n    def f(self):\n        ¦\n", "g()"),
        ("def f(a, b=¦):\n    return a\n", "a"),
    ],
    "the future has few names": [
        ("from __future__ import ¦\n", "annotation"),
        ("from __future__ import ¦\n", "TYPE_CHECKING"),
        ("from __future__ import an¦\n", "y"),
    ],
    "a statement does something": [
        ("def run(items):\n\tfor item in items:\n\t\tif item:\n\t\t\t¦", "()"),
        ("def run(items):\n\tfor item in items:\n\t\tif item:\n\t\t\t¦", "\titem"),
        ("def f(x):\n    y = x\n    ¦\n    return y\n", "y"),
    ],
    "nothing is filled between conflict markers": [
        ("def f(x):\n<<<<<<< HEAD\n    return x + 1\n=======\n    return ¦\n>>>>>>> other\n", "x + 1"),
        ("<<<<<<< HEAD\nx = ¦\n=======\nx = 2\n>>>>>>> other\n", "1"),
        ("a = 1\n<<<<<<< HEAD\n¦\n=======\n>>>>>>> b\n", "b = 2"),
    ],
    "every name is defined where it is offered": [
        (
            "def load(path):\n    with open(path) as handle:\n        return handle.read()\n\n\n"
            "def columns(path):\n    text = load(path)\n    header = ¦\n",
            "handle.read()",
        ),
        ("def f(a):\n    inner = a\n    return inner\n\n\ndef g(b):\n    return ¦\n", "inner + b"),
        ("x = 1\ny = ¦\n", "np.array(x)"),
        ("class A:\n    size = 1\n\n    def f(self):\n        return ¦\n", "limit"),
    ],
}

KEPT = [
    ("def f():\n    counter = 1\n\n    def g():\n        ¦\n", "nonlocal counter"),
    ("counter = 1\n\n\ndef f():\n    ¦\n    print(counter)\n", "global counter"),
    ("try:\n    import json\nexcept ImportError:\n    ¦\n", "from simplejson import json"),
    ('"""Doc."""\n\nfrom __future__ import division\n¦\n', "from __future__ import annotations"),
    ("from shop.orders import Order\nfrom shop.people import ¦\n", "Person"),
    ("values = [1]\ntotal = sum(values¦)\n", ", start=1"),
    ("def f(sep):\n    print('a', sep¦)\n", "=sep"),
    (
        "class A:\n    @property\n    def x(self):\n        return 1\n\n    @x.setter\n    def ¦\n",
        "x(self, value):",
    ),
    ("for _, ¦ in triples:\n    pass\n", "_, name"),
    ("from collections import ¦\n", "OrderedDict"),
    ("from os import ¦\n", "path"),
    ("def f(items):\n    return [¦]\n", "item.name for item in items"),
    ("def f(items):\n    return ¦\n", "sorted(items, key=lambda it: it.name)"),
    ("def f(path):\n    ¦\n", "with open(path) as file:\n        return file.read()"),
    ("def f(x):\n    match x:\n        case [¦]:\n            return 1\n", "first, *rest"),
    ("def f(g):\n    try:\n        g()\n    except ¦\n", "ValueError as error:\n        print(error)"),
    ("from math import *\n\ny = ¦\n", "sqrt(2)"),
    ("def f():\n    global counter\n    counter = 1\n\n\ndef g():\n    return ¦\n", "counter"),
    ("class A:\n    def f(self):\n        return ¦\n", "self.anything"),
    ("class A:\n    size = 1\n    double = ¦\n", "size * 2"),
    ("class A:\n    size = 1\n\n    def f(self, n=¦):\n        pass\n", "size"),
    ("def f[Key](a: ¦):\n    return a\n", "Key"),
    ("def f(base):\n    return lambda b=¦: b\n", "base"),
    ("from __future__ import ¦\n", "annotations"),
    ("class A:\n    x: int = 1\n    ¦\n", '"""The x."""'),
    ("# uses numpy as np\nx = ¦\n", "np.zeros(3)"),
    ("async def f(g):\n    return [¦]\n", "await g(x) for x in range(3)"),
    ("while True:\n    if f():\n        ¦\n", "break"),
    ("def f(a, b):\n    ¦\n    return a\n", "print(a)"),
    ("# Title\n# =======\n\nx = ¦\n", "100"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "text", "wrong"), [(rule, *it) for rule, its in REFUSED.items() for it in its])
@pytest.mark.parametrize("invoked", [True, False])
def test_what_must_not_be_shown_is_not(rule: str, text: str, wrong: str, invoked: bool) -> None:
    assert wrong.strip() not in offered(text, wrong, invoked=invoked).split("\n"), rule


@pytest.mark.parametrize(("text", "right"), KEPT)
def test_what_is_right_is_shown(text: str, right: str) -> None:
    assert offered(text, right)


@pytest.mark.parametrize(
    ("cell", "filled"),
    [
        ("!pip install ¦", False),
        ("  !ls ¦", False),
        ("%matplotlib ¦", False),
        ("%%bash\nfor file in ¦", False),
        ("%%writefile a.py\nx = ¦", False),
        ("%%timeit\nx = ¦", True),
        ("x = 1\ny = ¦", True),
        ("text = ('%s'\n    % ¦", True),
    ],
)
@pytest.mark.parametrize("name", ["vscode-notebook-cell:/w/n.ipynb#a", "file:///w/n.ipynb#2"])
def test_shell_commands_and_magics_of_a_notebook_are_left_alone(name: str, cell: str, filled: bool) -> None:
    at = cell.index("¦")
    target = target_of(Question(Document(name, cell.replace("¦", ""), PYTHON), at, invoked=True))
    assert (target.kind != "none") is filled


def test_outside_notebooks_there_are_no_magics() -> None:
    assert target_of(Question(Document("file:///a.py", "!pip ", PYTHON), 5, invoked=True)).kind != "none"


def test_after_a_rename_the_old_name_is_not_offered() -> None:
    text = (
        "def area(breadth, height):\n    return breadth * height\n\n\ndef side(breadth, area):\n    return area / ¦\n"
    )
    assert offered(text, "width") == ""
    assert offered(text, "breadth") == "breadth"


@pytest.mark.parametrize("unit", ["  ", "   ", "    ", "        ", "\t"])
def test_new_lines_are_indented_by_the_files_own_step(unit: str) -> None:
    text = f"class Queue:\n{unit}def __init__(self):\n{unit * 2}self.items = []\n\n{unit}def clear(self):¦"
    assert offered(text, "\n            self.items = []") == f"\n{unit * 2}self.items = []"


def test_no_blanks_beyond_the_lines_own_depth() -> None:
    assert offered("def run(items):\n\tfor item in items:\n\t\tif item:\n\t\t\t¦", " yield item") == "yield item"


def test_a_file_that_imports_everything_of_another_has_no_unknown_names() -> None:
    assert fault(Document("a.py", "from x import *\n\n", PYTHON), 17, 17, "y = undefined_anywhere\n") == ""


def test_what_is_defined_behind_a_long_class_is_known() -> None:
    methods = "".join(f"    def method_{it}(self):\n        return {it}\n\n" for it in range(800))
    text = f"class Long:\n{methods}\ndef late():\n    pass\n"
    assert fault(Document("a.py", text, PYTHON), 0, 0, "late()\n") == ""
    assert fault(Document("a.py", text, PYTHON), 0, 0, "later()\n")


def test_names_are_not_judged_in_a_document_that_is_longer_than_people_write() -> None:
    short, long = (Document("a.py", "x = 1\n" * lines, PYTHON) for lines in (1_000, LARGEST // 6 + 1))
    assert fault(short, 0, 0, "y = undefined_anywhere\n")
    assert fault(long, 0, 0, "y = undefined_anywhere\n") == ""


def test_other_languages_are_not_judged() -> None:
    document = Document("a.js", "let x = 1;\n", languages.by_id("javascript"))
    assert fault(document, 11, 11, "y = undefined_anywhere\n") == ""


def test_library_code_is_found_right_wherever_a_line_is_cut_out() -> None:
    """Every false alarm hides a right suggestion."""
    dice, wrong = random.Random(3), []
    folder = Path(json.__file__).parent.parent
    for path in sorted(folder.glob("*.py"))[::3]:
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = text.splitlines(keepends=True)
        for number in dice.sample(range(len(lines)), min(6, len(lines))):
            start = sum(map(len, lines[:number]))
            line = lines[number].rstrip("\n")
            at = start + len(line) - len(line.lstrip())
            document = Document(path.name, text[:at] + text[start + len(line) :], PYTHON)
            if found := fault(document, at, at, line.lstrip()):
                wrong.append((path.name, number + 1, line.strip(), found))
    assert wrong == []


def test_two_thousand_lines_take_milliseconds() -> None:
    text = "\n".join((Path(sys.modules["argparse"].__file__ or "").read_text(encoding="utf-8")).split("\n")[:2000])
    document, took = Document("a.py", text, PYTHON), []
    at = text.index("\n", len(text) // 2)
    for number in range(40):
        document = document.edited(at + number, at + number, "x")
        start = time.thread_time()
        fault(document, at + number + 1, at + number + 1, " + total")
        took.append(time.thread_time() - start)
    assert sorted(took)[38] < 0.012 * slowness(), "5 ms on an idle machine"
