"""Neovim with the plugin, the real server and the embedded model: a user typing in real files.

The model's text changes with its weights, so these tests compare the buffer with the text that was shown.
"""

import ast
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from nvim_driver import (
    NEOVIMS,
    OUT,
    REPOSITORY,
    Editor,
    Home,
    Neovim,
    Terminal,
    editing,
    readme_init,
    real_server,
)

# Test machines are slow: extra time for a suggestion beyond the usual budget.
PATIENT = "settings = { budget = { automatic = 5000, invoked = 5000 }, confidence = 0 }"
STATUS_LINE = "vim.o.statusline, vim.o.laststatus = \"%t %{v:lua.require'infill'.statusline()}\", 2\n"
BASKET = (REPOSITORY / "examples" / "basket.py").read_text()
BOOKINGS = (Path(__file__).parent / "vscode" / "samples" / "bookings.py").read_text()
INVOICE = """class Invoice:
    def __init__(self, items):
        self.items = items

    def total(self):
        return sum(item.price * item.count for item in self.items)

    def average(self):
        ...
"""
AVERAGE = INVOICE.replace("...", "return total / len(self.items)")
PRICES = INVOICE.replace("...", "return sum( for item in self.items)")
COUNT = INVOICE.replace("...", "return len()")
TYPO = "def total(items):\n    result = 0\n    for item in items:\n        result += item.price\n    retrun result\n"
UNCLOSED = AVERAGE.replace("self.items)\n\n", "self.items\n\n")
TOTAL = "return sum(item.price * it"


@pytest.fixture(scope="module", params=NEOVIMS, ids=str)
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Editor]]:
    """Share one run among all tests: the model takes longer to load than a test takes."""
    neovim: Neovim = request.param
    home = Home(tmp_path_factory.mktemp("home"), real_server(), readme_init(neovim.backend, PATIENT))
    with editing(neovim, home, home.file("basket.py", BASKET)) as editor:
        editor.ready()
        yield home, editor


@pytest.fixture
def home(started: tuple[Home, Editor]) -> Home:
    return started[0]


@pytest.fixture
def editor(started: tuple[Home, Editor]) -> Editor:
    return started[1]


def row_of(text: str, part: str) -> int:
    """Return the first row with a text, from 1."""
    return text[: text.index(part)].count("\n") + 1


def type_total(editor: Editor, home: Home) -> str:
    """Type a beginning that the model can continue from a few lines above; return the ghost text."""
    editor.open(home.file("invoice.py", INVOICE), row_of(INVOICE, "..."))
    editor.type("S" + TOTAL)
    editor.until(editor.last, TOTAL)
    return editor.some_ghost()


def test_what_is_shown_is_what_is_accepted(editor: Editor, home: Home) -> None:
    ghost = type_total(editor, home)
    assert editor.last() == TOTAL
    editor.type("<M-l>")
    editor.until(lambda: "\n".join(editor.lines()).endswith(TOTAL + ghost), True)
    editor.type("<Esc>u")
    editor.until(editor.last, TOTAL)


def test_by_word(editor: Editor, home: Home) -> None:
    ghost = type_total(editor, home)
    word = re.match(r"\s*(\w+|[^\w\s]+)", ghost)
    assert word is not None
    editor.type("<M-w>")
    editor.until(editor.last, TOTAL + word[0])
    editor.until(lambda: ghost.removeprefix(word[0]).startswith(editor.some_ghost()[:1]), True)


def test_by_line(editor: Editor, home: Home) -> None:
    ghost = type_total(editor, home)
    editor.type("<M-j>")
    editor.until(lambda: "\n".join(editor.lines()).endswith(TOTAL + ghost.split("\n")[0]), True)


def test_a_gap_in_the_middle_of_a_line_of_another_file(editor: Editor, home: Home) -> None:
    text = BASKET + "\n    def put(self, item: Item) -> None:\n        self.items.append()\n"
    editor.open(home.file("basket.py", text), len(text.splitlines()), len("        self.items.append"))
    editor.type("ait")
    ghost = editor.some_ghost()
    editor.type("<M-l>")
    editor.until(editor.last, f"self.items.append(it{ghost})")


def test_a_line_that_belongs_further_left_goes_there(editor: Editor, home: Home) -> None:
    text = BOOKINGS.replace('last, price",\n    )\n', 'last, price",\n')
    row = row_of(text, '        help="a CSV file with the columns room, guest, first, last, price",')
    editor.open(home.file("bookings.py", text), row)
    editor.type("o")
    editor.until(lambda: editor.lua("return vim.api.nvim_get_mode().mode"), "i")
    editor.type("<M-Bslash>")
    editor.some_ghost()
    for _ in range(editor.lua("return require('infill').count()")):
        if (ghost := editor.some_ghost()).startswith("    )"):
            break
        editor.type("<M-]>")
        editor.until(lambda other=ghost: editor.ghost() not in ("", other), True)
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[row], "    )")
    editor.until(editor.ghost, "")


def test_several_lines_asked_for_by_hand(editor: Editor, home: Home) -> None:
    text = "def total(values):\n    result = 0\n    for value in values:"
    editor.open(home.file("total.py", text + "\n    return result\n"), 3)
    editor.type("A<Space><BS>")
    editor.until(lambda: editor.lua("return vim.api.nvim_get_mode().mode"), "i")
    editor.type("<M-Bslash>")
    ghost = editor.some_ghost()
    assert ghost.startswith("\n        ")
    editor.type("<M-l>")
    editor.until(lambda: "\n".join(editor.lines()), f"{text}{ghost}\n    return result")


def test_candidates_go_round(editor: Editor, home: Home) -> None:
    editor.open(home.file("invoice.py", INVOICE), row_of(INVOICE, "..."))
    editor.type("Sreturn self.")
    editor.until(editor.last, "return self.")
    editor.type("<M-Bslash>")
    editor.until(lambda: editor.lua("return require('infill').count()") > 1, True)
    editor.type("<M-]>")
    editor.until(lambda: "(2/" in editor.ghost(), True)
    second = editor.ghost()
    editor.type("<M-[>")
    editor.until(lambda: "(1/" in editor.ghost(), True)
    assert editor.ghost().split(" (")[0] != second.split(" (")[0]
    editor.type("<M-]>")
    editor.until(editor.ghost, second)
    editor.type("<M-l>")
    editor.until(editor.last, "return self." + second.split(" (2/")[0])
    editor.until(editor.ghost, "")


def test_dismissed_is_gone(editor: Editor, home: Home) -> None:
    type_total(editor, home)
    editor.type("<M-e>")
    editor.until(editor.ghost, "")
    assert editor.last() == TOTAL


@pytest.mark.parametrize(
    ("text", "at", "keys"),
    [
        pytest.param(PRICES, "return sum( for", "f(l:InfillFill<CR>", id="fill-gap"),
        pytest.param(INVOICE, "...", ":InfillBody<CR>", id="fill-body"),
        pytest.param(COUNT, "return len()", "$:InfillArguments<CR>", id="fill-arguments"),
        pytest.param(AVERAGE, "return total /", "^wv$h:InfillRewrite<CR>", id="rewrite-selection"),
        pytest.param(UNCLOSED, "return sum", "$:InfillRepair<CR>", id="repair-syntax"),
        pytest.param(TYPO, "result = 0", ":InfillSuggest<CR>", id="suggest-edits"),
    ],
)
def test_an_edit_is_applied_and_undone_at_once(
    editor: Editor, home: Home, text: str, at: str, keys: str, request: pytest.FixtureRequest
) -> None:
    row = row_of(text, at)
    editor.open(home.file(f"{request.node.callspec.id}.py", text), row)
    before = editor.lines()
    editor.type(keys)
    editor.until(lambda: editor.lines() != before, True)
    assert editor.lines()[: row - 1] == before[: row - 1]
    ast.parse("\n".join(editor.lines()))
    editor.type("u")
    editor.until(editor.lines, before)


def test_a_language_that_the_model_was_not_trained_on_says_so(editor: Editor, home: Home) -> None:
    editor.open(home.file("total.ts", "const total = 1;\n"), 1)
    editor.type("oconst sum = to")
    editor.until(lambda: editor.lua("return require('infill').statusline()"), "infill: ready, limited here")
    assert "was not trained on TypeScript" in editor.lua("return require('infill').status()")


def test_health_of_the_real_server(editor: Editor) -> None:
    editor.type("<Esc>:checkhealth infill<CR>")
    editor.until(lambda: any("infill: keys" in line for line in editor.lines()), True)
    report = "\n".join(editor.lines())
    editor.type(":bwipeout!<CR>")
    assert re.search(r"(ready|busy), model \S+", report)
    assert "ERROR" not in report
    assert "WARN" not in report


def test_the_server_comes_back(editor: Editor, home: Home) -> None:
    killed = set(servers(editor))
    assert killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    editor.until(lambda: bool(servers(editor)) and not killed & set(servers(editor)), True)
    editor.ready()
    type_total(editor, home)


def servers(editor: Editor) -> list[int]:
    return list(editor.lua("return vim.api.nvim_get_proc_children(vim.fn.getpid())"))


@pytest.mark.parametrize("neovim", [NEOVIMS[0], NEOVIMS[2]], ids=str)
def test_in_a_real_terminal(neovim: Neovim, tmp_path: Path) -> None:
    """Repeat the scenario on a screen, each part in a file of its own, and keep screenshots."""
    program = neovim.or_skip()
    home = Home(tmp_path, real_server(), readme_init(neovim.backend, PATIENT) + STATUS_LINE)
    file = home.file("invoice.py", INVOICE)
    terminal = Terminal(home, [str(program), "--clean", "-n", "-u", str(home.init), str(file)])
    try:
        accept_all(terminal, file, f"nvim-{neovim}")
        accept_a_word(terminal, home)
        fill_the_middle(terminal, home)
        repair_and_undo(terminal, home)
        come_back_after_a_kill(terminal, home)
        switch_to(terminal, home.file("total.ts", ""))
        terminal.type("i", "const total = 1; const sum = to")
        keep(f"nvim-{neovim}-typescript.txt", terminal.until(lambda screen: "ready, limited here" in screen))
    finally:
        terminal.close()


def accept_all(terminal: Terminal, file: Path, name: str) -> None:
    terminal.until(lambda screen: "invoice.py infill: ready" in screen)
    terminal.type("G", "S", TOTAL)
    shown = terminal.until(lambda screen: last_row(screen).startswith(TOTAL) and last_row(screen) != TOTAL)
    keep(f"{name}-ghost.txt", shown)
    terminal.type("M-l")
    assert saved(terminal, file, f"{name}-accepted.txt") == last_row(shown)


def accept_a_word(terminal: Terminal, home: Home) -> None:
    file = home.file("word.py", INVOICE)
    switch_to(terminal, file)
    terminal.type("G", "S", TOTAL)
    shown = terminal.until(lambda screen: last_row(screen).startswith(TOTAL) and last_row(screen) != TOTAL)
    terminal.type("M-w")
    word = re.match(r"\s*(\w+|[^\w\s]+)", last_row(shown).removeprefix(TOTAL))
    assert word is not None
    assert saved(terminal, file) == TOTAL + word[0]


def fill_the_middle(terminal: Terminal, home: Home) -> None:
    file = home.file("middle.py", INVOICE.replace("...", "return sum( for item in self.items)"))
    filled = re.compile(r"return sum\(item\.pri\S.* for item in self\.items\)")
    switch_to(terminal, file)
    terminal.type("G", "$", "F(", "a", "item.pri")
    terminal.until(lambda screen: filled.fullmatch(last_row(screen)) is not None)
    terminal.type("M-l")
    assert filled.fullmatch(saved(terminal, file))


def repair_and_undo(terminal: Terminal, home: Home) -> None:
    switch_to(terminal, home.file("repair.py", INVOICE.replace("...", "return sum(self.items")))
    terminal.type("G", ":InfillRepair", "Enter")
    terminal.until(lambda screen: last_row(screen) == "return sum(self.items)")
    terminal.type("u")
    terminal.until(lambda screen: last_row(screen) == "return sum(self.items")


def come_back_after_a_kill(terminal: Terminal, home: Home) -> None:
    switch_to(terminal, home.file("again.py", INVOICE))
    neovim = psutil.Process(int(terminal.tell("display-message -p -t e2e '#{pane_pid}'")))
    for process in neovim.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # A server's engine ends with it.
            if "--stdio" in process.cmdline():
                process.kill()
    # Neovim reports it by itself; if that takes two lines, it waits for a key before drawing anything else.
    terminal.until(lambda screen: "infill quit with exit code" in screen)
    terminal.type("Enter")
    terminal.until(lambda screen: "again.py infill: ready" in screen)
    terminal.type("G", "S", TOTAL)
    terminal.until(lambda screen: last_row(screen).startswith(TOTAL) and last_row(screen) != TOTAL)


def switch_to(terminal: Terminal, file: Path) -> None:
    """Open a file in the same Neovim, and wait until the status line shows it."""
    terminal.leave_insert()
    terminal.type(f":edit {file}", "Enter")
    terminal.until(lambda screen: f"{file.name} infill: ready" in screen)


def last_row(screen: str) -> str:
    """Return the last line of the buffer as displayed, ghost text included, without its indentation."""
    rows = screen.splitlines()
    return rows[: rows.index("~")][-1].strip()


def saved(terminal: Terminal, file: Path, name: str | None = None) -> str:
    """Leave insert mode and save; return the file's last line without its indentation."""
    terminal.leave_insert()
    terminal.type(":w", "Enter")
    screen = terminal.until(lambda screen: "written" in screen)
    if name:
        keep(name, screen)
    return file.read_text().splitlines()[-1].strip()


def keep(name: str, screen: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(screen)


def test_a_renamed_parameter_is_followed(home: Home, editor: Editor) -> None:
    editor.open(home.file("pay.py", "def pay(amount):\n    check(amount)\n    return amount\n"), 1)
    editor.type("0/amount<CR>cwtotal<Esc>")
    hint = "«<M-n> → line 2: rename `amount` to `total`»"
    shown = [f"def pay(total):{hint}", "    check([-amount-]{+total+})", "    return [-amount-]{+total+}"]
    editor.until(editor.edits, "\n".join(shown))
    editor.type("<M-n>" * 4)
    editor.until(editor.lines, ["def pay(total):", "    check(total)", "    return total"])
    editor.until(editor.edits, "")
