"""Neovim with the plugin, the real server and the embedded model: the story of someone who types in a real file."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from nvim_driver import NEOVIMS, REPOSITORY, Editor, Home, Neovim, editing, readme_init, real_server

# Machines that run tests are slow: time for a suggestion beyond what people are asked to wait.
PATIENT = "settings = { budget = { automatic = 2000 } }"
MORE = "\n\ndef main():\n    basket = Basket()\n    \n"


@pytest.fixture(params=NEOVIMS, ids=lambda one: f"{one.name}-{one.backend or 'auto'}")
def editor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Editor]:
    neovim: Neovim = request.param
    home = Home(tmp_path, real_server(), readme_init(neovim.backend, PATIENT))
    text = (REPOSITORY / "examples" / "basket.py").read_text() + MORE
    with editing(neovim, home, home.file("basket.py", text)) as editor:
        editor.ready()
        yield editor


def seen(editor: Editor) -> str:
    """The ghost text, once there is some."""
    editor.until(lambda: editor.ghost() != "", True)
    return editor.ghost()


def last_line(editor: Editor) -> str:
    return editor.lines()[-1]


def servers(editor: Editor) -> list[int]:
    return list(editor.lua("return vim.api.nvim_get_proc_children(vim.fn.getpid())"))


def test_a_session(editor: Editor) -> None:
    """One long test: the server takes longer to start than all of it."""
    accept_by_word_and_whole(editor)
    fill_a_gap_in_the_middle(editor)
    ask_by_hand(editor)
    survive_the_end_of_the_server(editor)


def accept_by_word_and_whole(editor: Editor) -> None:
    editor.type("GAba")
    ghost = seen(editor)
    assert last_line(editor) == "    ba"
    editor.type("<M-w>")
    editor.until(lambda: len(last_line(editor)) > len("    ba"), True)
    assert ("    ba" + ghost).startswith(last_line(editor))
    if last_line(editor) != "    ba" + ghost:
        rest = seen(editor)
        before = last_line(editor)
        editor.type("<M-l>")
        editor.until(lambda: editor.lines()[-1 - rest.count("\n")], before + rest.split("\n")[0])
    editor.type("<Esc>u")


def fill_a_gap_in_the_middle(editor: Editor) -> None:
    editor.type("<Esc>Go    self.items.append()<Left>")
    editor.until(lambda: "append()" in last_line(editor), True)
    seen(editor)
    before, _, after = last_line(editor).partition("(")
    editor.type("<M-l>")
    editor.until(lambda: last_line(editor) != before + "(" + after, True)
    assert last_line(editor).startswith(before + "(")


def ask_by_hand(editor: Editor) -> None:
    editor.type("<Esc>Go<C-u>    total = ")
    editor.until(lambda: last_line(editor), "    total = ")
    editor.type("<M-Bslash>")
    editor.until(lambda: editor.lua("return require('infill').count()") >= 1, True)
    seen(editor)
    editor.type("<M-e>")
    editor.until(editor.ghost, "")
    assert last_line(editor) == "    total = "


def survive_the_end_of_the_server(editor: Editor) -> None:
    editor.type("<Esc>")
    killed = servers(editor)
    assert killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    editor.until(lambda: bool(servers(editor)) and not set(servers(editor)) & set(killed), True)
    editor.ready()
    editor.type("Gccself.items.app")
    seen(editor)
