"""Attributes of `self`: what nothing sets is not shown; of a class that others complete nothing is known."""

import pytest

from infill_lsp.meaning.judge import fault
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

_STACK = """class Stack:
    limit = 10

    def __init__(self, items):
        self.items, self.size = list(items), 0
        for self.last in items:
            self.size += 1

    def clear(self):
        self.items.clear()

    def pop(self):
        return self.¦
"""

_TWO = """class Account:
    def __init__(self, owner):
        self.owner = owner


class Ledger:
    def __init__(self, entries):
        self.entries = entries

    def total(self):
        return sum(self.¦)
"""


def objection(text: str, written: str) -> str:
    """Return the judge's objection to a text written at ¦."""
    at = text.index("¦")
    return fault(Document("a.py", text.replace("¦", ""), languages.by_id("python")), at, at, written)


UNSET = [
    (_STACK, "values.pop()"),
    (_STACK, "clean()"),
    (_STACK, "item[self.size]"),
    (_STACK.replace("self.¦", "self.it¦"), "ms_left"),
    (_STACK.replace("class Stack", "@dataclass\nclass Stack"), "values"),
    (_STACK.replace("class Stack", "@dataclasses.dataclass(frozen=True)\nclass Stack"), "values"),
    (_STACK.replace("class Stack:", "class Stack(object):"), "values"),
    (_TWO, "owner"),
    (_TWO.replace("class Ledger:", "class Ledger(Account):"), "rows"),
    (_TWO.replace("self.entries = entries", "self.entries = entries\n        owner = 1"), "owner"),
    ("class A:\n    sep = 1\n\n    @classmethod\n    def of(cls, text):\n        return cls.¦\n", "parse(text)"),
]


@pytest.mark.parametrize(("text", "written"), UNSET)
def test_an_attribute_that_nothing_sets_is_not_shown(text: str, written: str) -> None:
    assert "is set nowhere" in objection(text, written)


SET = [
    *((_STACK, it) for it in ("items.pop()", "size", "last", "limit", "clear()", "__class__", "top = 1")),
    (_TWO.replace("class Ledger:", "class Ledger(Account):"), "owner"),
    (_TWO.replace("class Ledger:", "class Ledger(Book):"), "rows"),  # What a Book has is not known here.
    (_TWO.replace("class Ledger:", "class Ledger(metaclass=Meta):"), "rows"),
    (_TWO.replace("class Ledger:", "@register\nclass Ledger:"), "rows"),
    (_TWO.replace("class Ledger:", "class LedgerMixin:"), "rows"),
    (_TWO.replace("self.entries = entries", "self.entries = self.read()"), "rows"),  # Others set `read`.
    (_TWO.replace("self.entries = entries", "setattr(self, 'rows', 1)"), "rows"),
    (_TWO.replace("self.entries = entries", "self.__dict__.update(entries)"), "rows"),
    (_TWO + "\n    def __getattr__(self, name):\n        return 1\n", "rows"),
    (_TWO.replace("    def total", "    __slots__ = ('rows',)\n\n    def total"), "rows"),
    (_TWO + "\n\nclass Sums(Ledger):\n    rows = ()\n", "rows"),
    (_TWO + "\n\nledger = Ledger([])\nledger.rows = []\n", "rows"),
    (_TWO + "\n\nclass Open(Ledger):\n    pass\n", "anything"),  # A class for others to complete.
    ("class New:\n    def f(self):\n        return self.¦\n", "rows"),  # It has only been begun.
    ("def test(self):\n    assert self.¦\n", "ready"),  # No class tells what `self` is.
    ("class A:\n    with open(p) as self.f:\n        pass\n\n    def f(self):\n        return self.¦\n", "f"),
]


@pytest.mark.parametrize(("text", "written"), SET)
def test_what_may_be_set_is_shown(text: str, written: str) -> None:
    assert objection(text, written) == ""


def test_a_class_that_is_parsed_in_part_is_left_alone() -> None:
    """In a long file only the surroundings of the cursor are parsed."""
    method = "    def method_{0}(self):\n        return self.items[{0}]\n\n"
    text = _STACK + "".join(method.format(it) for it in range(900)) + "    def late(self):\n        self.values = 1\n"
    assert objection(text, "values") == ""
