"""Keys of mappings and fields of types are followed where they are certainly the same."""

import re

import pytest
from marked_edits import followed, unchanged

FOLLOWED = [
    ("python", "def f():\n    return {'⟦temp→degrees⟧': 1}\n\ndef g(x):\n    return x['temp'], x.get('temp', 0)\n", 3),
    ("python", "x = [\n    {'⟦py→python⟧': 1},\n    {'py': 2},\n    {'py': 3},\n]\n", 3),
    ("python", "def f(x):\n    y = x['⟦temp→degrees⟧']\n    return x['temp'] if 'temp' in x else y\n", 3),
    ("typescript", "interface A {\n  ⟦until→expires⟧: number;\n}\nconst f = (a: A) => a.until;\n", 2),
    ("rust", "struct A { ⟦start→head⟧: u8 }\nfn f(a: A) -> u8 { a.start + a.start() }\n", 2),
    ("javascript", "const state = { ⟦fails→failures⟧: 0 };\nfunction f() { state.fails += o.fails; }\n", 2),
]


@pytest.mark.parametrize(("language", "marked", "count"), FOLLOWED)
def test_other_occurrences_follow(language: str, marked: str, count: int) -> None:
    new = re.findall("→(.*?)⟧", marked)[0]
    assert re.findall(r"\w+", followed(marked, language)).count(new) == count


SILENT = [
    ("python", "x = {'⟦temp→degrees⟧': 1}\ny = {'temp': 2}\nz = y['temp']\n"),
    ("python", "x = {'⟦temp→degrees⟧': 1}\ny = 'temp'\nz = x['temp']\n"),
    ("python", "f(params={'⟦temp→degrees⟧': 1})\nz = x['temp']\n"),
    ("python", "def f(x, y):\n    return x['⟦temp→degrees⟧'] + y['temp']\n"),
    ("python", "def f(x, y):\n    return x['temp'] + x['degrees'] + x['⟦temp→degrees⟧']\n"),
    ("python", "x = '⟦temp→degrees⟧'\ny = z['temp']\n"),
    ("typescript", "interface A {\n  ⟦until→expires⟧: number;\n}\ninterface B {\n  until: number;\n}\nf(b.until);\n"),
    ("typescript", "interface A {\n  ⟦until→expires⟧: number;\n}\nconst until = 1;\nf({ until }, a.until);\n"),
    ("javascript", "f({ ⟦fails→failures⟧: 0 });\ng(state.fails);\n"),
]


@pytest.mark.parametrize(("language", "marked"), SILENT)
def test_nothing_else_follows(language: str, marked: str) -> None:
    assert unchanged(marked, language)
