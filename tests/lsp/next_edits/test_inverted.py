"""A flag that says the contrary is turned round wherever it is used, and nothing else is."""

import pytest
from marked_edits import followed, unchanged

PLUGIN = """class Plugin:
    def __init__(self, name):
        self.⟦disabled = False→enabled = True⟧

    def run(self, event):
        if self.disabled or not event:
            return not self.disabled
        self.disabled = True
        while not self.disabled:
            self.start(self.disabled, quiet=self.disabled)
        self.other.disabled = True
"""


def test_an_attribute_is_turned_round_in_its_class() -> None:
    found = followed(PLUGIN)
    assert "if not self.enabled or not event:" in found
    assert "return self.enabled\n" in found
    assert "        self.enabled = False\n" in found
    assert "while self.enabled:" in found
    assert "self.start(not self.enabled, quiet=not self.enabled)" in found
    assert "self.other.disabled = True" in found


@pytest.mark.parametrize(
    ("marked", "wanted"),
    [
        ("⟦DISABLED = False→ENABLED = True⟧\nif DISABLED:\n    pass\n", "if not ENABLED:"),
        ("def f(xs):\n    ⟦unknown = True→known = False⟧\n    return [x for x in xs if not unknown]\n", "if known]"),
        ("def f():\n    ⟦is_valid = True→is_invalid = False⟧\n    assert is_valid\n", "assert not is_invalid"),
        (
            "class A:\n    ⟦active: bool = True→inactive: bool = False⟧\n\n    def f(self):\n        x(self.active)\n",
            "x(not self.inactive)",
        ),
        ("def f(x):\n    ⟦unused = True→used = False⟧  # größer 😀\n    x = (not unused) and x\n", "(used) and x"),
        ("⟦disabled = True→enabled = False⟧\r\nif x:\r\n\tdisabled = False\r\n", "\tenabled = True\r\n"),
    ],
)
def test_a_variable_is_turned_round_in_its_scope(marked: str, wanted: str) -> None:
    assert wanted in followed(marked)


@pytest.mark.parametrize(
    "marked",
    [
        "disabled = x()\n⟦disabled = False→enabled = True⟧\nif disabled:\n    pass\n",
        "def f(disabled):\n    ⟦disabled = False→enabled = True⟧\n    if disabled:\n        pass\n",
        "⟦disabled = False→enabled = True⟧\nenabled = 1\nif disabled:\n    pass\n",
        "⟦disabled = False→enabled = True⟧\nprint(disabled == 1)\n",
        "⟦disabled = False→enabled = True⟧\ndisabled |= True\n",
        "⟦total = False→amount = True⟧\nif total:\n    pass\n",
        "from a import *\n⟦disabled = False→enabled = True⟧\nif disabled:\n    pass\n",
        "class A(B):\n    def f(self):\n        self.⟦disabled = 1→enabled = 2⟧\n        return self.disabled\n",
        "class A:\n    def f(self):\n        self.⟦unused = False→used = True⟧\n        x(vars(self), self.unused)\n",
    ],
)
def test_what_is_not_certain_is_left_alone(marked: str) -> None:
    assert unchanged(marked)
