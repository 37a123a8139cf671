"""The extension in VS Code with the real model: what somebody who types sees."""

import re
import signal
from pathlib import Path

import psutil

from .code_server import CodeServer
from .conftest import READY, Open

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
        ...

    def is_empty(self) -> bool:
        return not self.items
""".replace("...", "")
LINE = 18
TYPED = "return sum(item.price * it"
REST = "em.count for item in self.items"


def line(text: str) -> str:
    """The line that is typed, as it stands in a file."""
    return text.splitlines()[LINE - 1].strip()


def test_ghost_text_comes_while_typing_and_tab_takes_it(open_file: Open) -> None:
    window, file = open_file("invoice.py", INVOICE)
    window.go_to(LINE, 9)
    window.type(TYPED)
    window.wait_for_ghost(REST.__eq__)
    window.picture("ghost-text")
    # VS Code closed the bracket by itself, so this gap had text behind it. Ghost text is not in the buffer.
    window.saved(file, lambda text: line(text) == f"{TYPED})")
    window.press("Tab")
    window.saved(file, lambda text: line(text) == f"{TYPED}{REST})")


def test_ghost_text_can_be_taken_by_word_and_by_line(open_file: Open) -> None:
    window, file = open_file("invoice.py", INVOICE)
    window.go_to(LINE, 9)
    window.type(TYPED)
    window.wait_for_ghost(REST.__eq__)
    window.press("Control+ArrowRight")
    window.wait_for_ghost(lambda ghost: REST.endswith(ghost) and ghost != REST and bool(ghost))
    window.picture("accepted-a-word")
    window.saved(file, lambda text: line(text) == f"{TYPED}em)")
    window.press("Control+Alt+ArrowRight")
    window.saved(file, lambda text: line(text) == f"{TYPED}{REST})")


def test_a_gap_in_the_middle_of_a_line(open_file: Open) -> None:
    line = "        return sum( for item in self.items)\n"
    window, file = open_file("invoice.py", INVOICE.replace("        \n", line))
    window.go_to(LINE, 20)
    window.type("item.pri")
    ghost = window.wait_for_ghost()
    window.picture("mid-line")
    window.press("Tab")
    expected = f"return sum(item.pri{ghost} for item in self.items)\n"
    assert expected in window.saved(file, lambda text: expected in text)


def test_ghost_text_in_a_notebook(open_file: Open) -> None:
    cells = ['"def area(width, height):\\n", "    return width * height"', '""']
    cell = '{{"cell_type": "code", "execution_count": null, "metadata": {{}}, "outputs": [], "source": [{}]}}'
    kernel = '"metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5'
    text = f'{{"cells": [{", ".join(cell.format(it) for it in cells)}], {kernel}}}'
    window, empty = open_file("empty.py", "")
    file = empty.with_name("shapes.ipynb")
    file.write_text(text, encoding="utf-8")
    window.page.locator('.explorer-viewlet [aria-label^="shapes.ipynb"]').dblclick()
    window.page.locator(".code-cell-row .cell-editor-container").nth(1).click()
    window.page.locator(".code-cell-row .monaco-editor.focused").wait_for()
    window.type("print(area(width, hei")
    window.wait_for_ghost()
    window.picture("notebook")
    window.press("Tab")
    window.saved(file, lambda saved: "print(area(width, height" in saved)


def test_a_language_the_model_was_not_trained_on_says_so(open_file: Open) -> None:
    window, _ = open_file("total.ts", "const total = 1;\n")
    window.go_to(2, 1)
    window.type("const sum = to")
    window.wait_for_status(re.compile("typescript|trained", re.IGNORECASE))
    window.picture("typescript")


def test_a_server_that_dies_comes_back(open_file: Open, editor: CodeServer) -> None:
    window, _ = open_file("invoice.py", INVOICE)
    for process in _servers(editor):
        process.send_signal(signal.SIGKILL)
    window.wait_for_status(re.compile("starting|stopped"))
    window.wait_for_status(READY)
    window.go_to(LINE, 9)
    window.type(TYPED)
    window.wait_for_ghost(REST.__eq__)


def test_a_pause_stops_the_suggestions_until_it_ends(open_file: Open) -> None:
    window, _ = open_file("invoice.py", INVOICE)
    window.run("Infill: Pause or Resume Suggestions")
    window.wait_for_status(re.compile("is paused"))
    window.run("Infill: Pause or Resume Suggestions")
    window.wait_for_status(READY)
    window.go_to(LINE, 9)
    window.type(TYPED)
    window.wait_for_ghost(REST.__eq__)


def test_a_click_on_the_status_item_opens_the_menu(open_file: Open) -> None:
    window, _ = open_file("invoice.py", INVOICE)
    window.status.click()
    window.page.locator(".quick-input-widget .monaco-list-row").filter(has_text="Run the doctor").wait_for()
    window.picture("menu")


def _servers(editor: CodeServer) -> list[psutil.Process]:
    """The servers that the editor has started."""
    children = psutil.Process(editor.process.pid).children(recursive=True)
    return [it for it in children if it.cmdline()[-1:] == ["--stdio"] and Path(it.exe()).name.startswith("python")]
