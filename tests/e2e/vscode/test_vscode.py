"""The extension in VS Code with the real model, as its user sees it.

The model's text varies, so the screen is compared with the file after acceptance.
"""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from .code_server import CodeServer
from .conftest import READY, ROOT, Open
from .workbench import Workbench

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
BOOKINGS = (Path(__file__).parent / "samples/bookings.py").read_text(encoding="utf-8")
LOG = (ROOT / "examples/access_log.py").read_text(encoding="utf-8")
MATRIX = (
    (ROOT / "examples/matrix.py").read_text(encoding="utf-8").replace("return ...", "return self.rows == other.rows")
)


def line(text: str, number: int = LINE) -> str:
    """Return a line of a text, without its indentation; empty if there is none."""
    return (text.splitlines()[number - 1 : number] or [""])[0].strip()


def test_ghost_text_comes_while_typing_and_tab_takes_it(open_file: Open) -> None:
    window, file = open_file("invoice.py", INVOICE)
    window.go_to(LINE, 9)
    window.type(TYPED)
    ghost = window.wait_for_ghost()
    window.picture("ghost-text")
    # VS Code closed the bracket by itself, so text followed this gap. Ghost text is not in the buffer.
    window.saved(file, lambda text: line(text) == f"{TYPED})")
    window.press("Tab")
    window.saved(file, lambda text: line(text) == f"{TYPED}{ghost})")


@pytest.mark.parametrize(
    ("name", "text", "number", "column", "typed"),
    [
        ("access_log.py", LOG, 24, 5, "hosts = Counter(ent"),
        ("bookings.py", BOOKINGS, 77, 9, "sums[b"),
    ],
)
def test_in_other_files(open_file: Open, name: str, text: str, number: int, column: int, typed: str) -> None:
    lines = text.splitlines(keepends=True)
    lines[number - 1] = lines[number - 1][: column - 1] + "\n"
    window, file = open_file(name, "".join(lines))
    window.go_to(number, column)
    window.type(typed)
    ghost = window.taken("Tab")
    window.saved(file, lambda text: ghost in line(text, number) and line(text, number).startswith(typed))


def test_ghost_text_can_be_taken_by_word_and_by_line(open_file: Open) -> None:
    window, file = open_file("invoice.py", INVOICE)
    window.go_to(LINE, 9)
    window.type(TYPED)
    whole = window.taken("Control+ArrowRight")
    rest = window.wait_for_ghost(lambda ghost: ghost != whole and whole.endswith(ghost) and bool(ghost))
    window.picture("accepted-a-word")
    word = whole.removesuffix(rest)
    window.saved(file, lambda text: line(text) == f"{TYPED}{word})")
    window.press("Control+Alt+ArrowRight")
    window.saved(file, lambda text: line(text) == f"{TYPED}{whole})")


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


def test_a_body_comes_as_lines_below(open_file: Open) -> None:
    window, file = open_file("matrix.py", f"{MATRIX}\n    def __sub__(self, other):\n")
    number = MATRIX.count("\n") + 2
    window.go_to(number, 30)
    window.run("Infill: Fill Here")
    ghost = window.wait_for_ghost(lambda ghost: "\n" in ghost)
    window.picture("body")
    window.press("Tab")
    window.saved(file, lambda text: text.split("def __sub__(self, other):")[1].rstrip() == ghost.rstrip())


def test_a_line_that_belongs_further_left_goes_there(open_file: Open) -> None:
    text = BOOKINGS.replace('last, price",\n    )\n', 'last, price",\n        \n')
    number = text[: text.index("        \n")].count("\n") + 1
    window, file = open_file("bookings.py", text)
    window.go_to(number, 9)
    window.run("Infill: Fill Here")
    _choose(window, lambda ghost: ghost.startswith(")"))
    window.picture("dedent")
    window.press("Tab")
    window.saved(file, lambda text: text.splitlines()[number - 1] == "    )")


def test_candidates_follow_one_another_and_come_back(open_file: Open) -> None:
    window, file = open_file("bookings.py", BOOKINGS.replace("if booking.nights <=", "if booking. <="))
    number = BOOKINGS[: BOOKINGS.index("if booking.nights")].count("\n") + 1
    window.go_to(number, 16)
    window.run("Infill: Fill Here")
    first = window.wait_for_ghost()
    window.press("Alt+]")
    second = window.wait_for_ghost(lambda ghost: bool(ghost) and ghost != first)
    window.press("Alt+[")
    window.wait_for_ghost(first.__eq__)
    window.press("Alt+]")
    window.wait_for_ghost(second.__eq__)
    window.picture("candidates")
    window.press("Tab")
    window.saved(file, lambda text: line(text, number) == f"if booking.{second} <= 0:")


def test_ghost_text_in_a_notebook(open_file: Open) -> None:
    first = "def area(width, height):\n    return width * height\n\n\nwidth, height = 2, 3"
    window, file = open_file("shapes.ipynb", _notebook(first, ""))
    window.click_cell(1)
    window.type("print(area(width, hei")
    ghost = window.wait_for_ghost()
    window.picture("notebook")
    window.press("Tab")
    window.saved(file, lambda saved: f"print(area(width, hei{ghost}" in saved)


def test_an_edit_of_a_notebooks_cell_is_shown_and_made(open_file: Open) -> None:
    broken = "def total(items):\n    return sum(items\n\n\nprint(total([1, 2]))"
    window, file = open_file("totals.ipynb", _notebook("import math", broken))
    before = file.read_text(encoding="utf-8")
    window.click_cell(1)
    window.press("Control+Home")
    window.press("ArrowDown")
    window.run("Infill: Repair Syntax Here")
    window.wait_for_preview()
    window.picture("preview-in-a-notebook")
    assert file.read_text(encoding="utf-8") == before
    window.press("Control+Enter")
    window.wait_for_no_preview()
    first, mended = _cells(window.saved(file, lambda saved: _cells(saved)[1] != broken))
    assert first == "import math"
    compile(mended, file, "exec")


def test_a_language_the_model_was_not_trained_on_says_so(open_file: Open) -> None:
    window, _ = open_file("total.ts", "const total = 1;\n")
    window.go_to(2, 1)
    window.type("const sum = to")
    window.wait_for_status(re.compile("not trained on TypeScript: only copies"))
    window.picture("typescript")


def test_an_edit_is_shown_and_made_with_one_key(open_file: Open) -> None:
    broken = BOOKINGS.replace("return (self.last - self.first).days", "return (self.last - self.first.days")
    number = broken[: broken.index("first.days")].count("\n") + 1
    window, file = open_file("bookings.py", broken)
    window.go_to(number, 20)
    window.run("Infill: Repair Syntax Here")
    window.wait_for_preview()
    window.picture("preview")
    assert file.read_text(encoding="utf-8") == broken
    window.press("Control+Enter")
    window.wait_for_no_preview()
    mended = window.saved(file, lambda text: text != broken)
    compile(mended, file, "exec")


def test_an_edit_from_the_light_bulb_can_be_discarded(open_file: Open) -> None:
    # A repair, because what the model makes of a selection may be nothing that fits.
    broken = BOOKINGS.replace("return (self.last - self.first).days", "return (self.last - self.first.days")
    window, file = open_file("bookings.py", broken)
    window.go_to(broken[: broken.index("first.days")].count("\n") + 1, 9)
    window.press("Shift+End")
    window.act("Repair syntax here")
    window.wait_for_preview()
    window.page.get_by_role("button", name="Discard").first.click()
    window.wait_for_no_preview()
    window.page.locator(".tab.active").filter(has_text="bookings.py").wait_for()
    assert file.read_text(encoding="utf-8") == broken


def test_the_canvas_condenses_while_the_model_fills(open_file: Open) -> None:
    text = re.sub(r"(except ValueError.*\n +raise) .*", r"\1 ", BOOKINGS)
    window, _ = open_file("bookings.py", text)
    window.go_to(text[: text.index("raise \n")].count("\n") + 1, 15)
    window.run("Infill: Watch the Denoising")
    view = window.page.frame_locator("iframe.webview.ready").frame_locator("iframe")
    view.get_by_text(re.compile(r"^step [2-9]\d* of")).wait_for()
    window.picture("watching")
    ghost = window.wait_for_ghost()
    view.get_by_text(re.compile(r"^step (\d+) of \1$")).wait_for()
    canvas = view.locator(".canvas")
    window.wait_for(lambda: _ink(canvas.inner_text()), lambda seen: seen == _ink(ghost), "what was watched")
    window.picture("watched")


def test_a_server_that_dies_comes_back(open_file: Open, editor: CodeServer) -> None:
    window, _ = open_file("invoice.py", INVOICE)
    for process in _servers(editor):
        process.send_signal(signal.SIGKILL)
    window.wait_for_status(re.compile("starting|stopped"))
    window.wait_for_status(READY)
    window.go_to(LINE, 9)
    window.type(TYPED)
    window.wait_for_ghost()


def test_a_pause_stops_the_suggestions_until_it_ends(open_file: Open) -> None:
    window, _ = open_file("invoice.py", INVOICE)
    window.run("Infill: Pause or Resume Suggestions")
    window.wait_for_status(re.compile("is paused"))
    window.run("Infill: Pause or Resume Suggestions")
    window.wait_for_status(READY)
    window.go_to(LINE, 9)
    window.type(TYPED)
    window.wait_for_ghost()


def test_a_click_on_the_status_item_opens_the_menu(open_file: Open) -> None:
    window, _ = open_file("invoice.py", INVOICE)
    window.wait_for_status(re.compile(r"is ready, with infill-\w+ on cpu"))
    window.status.click()
    rows = window.page.locator(".quick-input-widget .monaco-list-row")
    for entry in ("Pause suggestions", "Show the log", "Run the doctor"):
        rows.filter(has_text=entry).wait_for()
    window.picture("menu")
    rows.filter(has_text="Choose the model").click()
    rows.filter(has_text="embedded").wait_for()
    rows.filter(has_text="open-dcoder").wait_for()
    window.picture("models")
    window.press("Escape")


def _notebook(*cells: str) -> str:
    """Return a Python notebook as it is saved."""
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    made = [{**cell, "source": it.splitlines(keepends=True)} for it in cells]
    metadata = {"language_info": {"name": "python"}}
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _cells(notebook: str) -> list[str]:
    """Return the cells of a saved notebook."""
    return ["".join(it["source"]) for it in json.loads(notebook)["cells"]]


def _choose(window: Workbench, fits: Callable[[str], bool]) -> None:
    """Cycle through the candidates until one fits."""
    seen = {window.wait_for_ghost()}
    while not fits(ghost := window.ghost()):
        window.press("Alt+]")
        window.wait_for_ghost(lambda now, ghost=ghost: bool(now) and now != ghost)
        assert window.ghost() not in seen, f"none of {seen} fits"
        seen.add(window.ghost())


def _ink(text: str) -> str:
    """Return the visible characters of a text, without blanks and line-end symbols."""
    return "".join(text.replace("↵", "").split())


def _servers(editor: CodeServer) -> list[psutil.Process]:
    """Return the servers that the editor has started."""
    children = psutil.Process(editor.process.pid).children(recursive=True)
    return [it for it in children if it.cmdline()[-1:] == ["--stdio"] and Path(it.exe()).name.startswith("python")]


def test_a_renamed_parameter_is_followed(open_file: Open) -> None:
    window, file = open_file("pay.py", "def pay(amount):\n    check(amount)\n    return amount\n")
    window.go_to(1, 15)
    for _ in "amount":
        window.press("Backspace")
    window.type("total")
    hint = "«Tab → line 2: rename `amount` to `total`»"
    shown = [f"def pay(total):{hint}", "    check([-amount-]{+total+})", "    return [-amount-]{+total+}"]
    window.wait_for_edits("\n".join(shown))
    for _ in range(4):  # Not by Tab, which takes ghost text first if there is any.
        window.run("Infill: Go to the Next Edit, or Apply It")
    window.saved(file, lambda text: text == "def pay(total):\n    check(total)\n    return total\n")
