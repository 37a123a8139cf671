"""The extension in VS Code with the real model: what somebody who types sees."""

from .conftest import Open

INVOICE = """from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    price: float
    count: int


class Invoice:
    def __init__(self, items: list[Item]) -> None:
        self.items = items

    def total(self) -> float:
        return sum(item.price * item.count for item in self.items)

    def average(self) -> float:
        

    def is_empty(self) -> bool:
        return not self.items
"""


def test_ghost_text_comes_while_typing_and_tab_takes_it(open_file: Open) -> None:
    window, file = open_file("invoice.py", INVOICE)
    window.go_to(18, 9)
    window.type("return sum(item.price * it")
    ghost = window.wait_for_ghost()
    window.picture("ghost-text")
    assert file.read_text(encoding="utf-8") == INVOICE, "ghost text is not in the buffer"
    window.press("Tab")
    saved = window.saved(file, lambda text: text != INVOICE)
    assert f"return sum(item.price * it{ghost}\n" in saved
    window.picture("accepted")
