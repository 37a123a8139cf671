"""Next edits in Neovim with a scripted server: displayed until the buffer changes, reached, applied, dismissed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nvim_driver import NEOVIMS, ONE_OF_EACH, Editor, Home, Neovim, editing, readme_init, scripted_server

RENAMED = '''def pay(amount):
    """Pay what is due."""
    check(total)
    if total > 100:
        warn()
    return total

# edit 2:10-2:15 "total" "amount" Rename `total` to `amount`
# edit 3:7-3:12 "total" "amount" Rename `total` to `amount`
# edit 5:11-5:16 "total" "amount" Rename `total` to `amount`
'''
HINT = "«<M-n> → line 3: rename `total` to `amount`»"
FIRST = "    check([-total-]{+amount+})"
SECOND = "    if [-total-]{+amount+} > 100:"
THIRD = "    return [-total-]{+amount+}"
NEWEST = pytest.mark.parametrize("neovim", [NEOVIMS[0]], ids=str, indirect=True)  # where the version does not matter


@pytest.fixture(params=ONE_OF_EACH, ids=str)
def neovim(request: pytest.FixtureRequest) -> Neovim:
    return request.param


@pytest.fixture
def home(neovim: Neovim, tmp_path: Path) -> Home:
    return Home(tmp_path, scripted_server(), readme_init(neovim.backend))


Open = Callable[[str], Editor]


@pytest.fixture
def open_text(neovim: Neovim, home: Home) -> Iterator[Open]:
    """Return a function that starts Neovim with a text and waits for the server."""
    started = []

    def open_text(text: str) -> Editor:
        context = editing(neovim, home, home.file("app.py", text))
        editor = context.__enter__()
        started.append(context)
        editor.ready()
        return editor

    yield open_text
    for context in started:
        context.__exit__(None, None, None)


@pytest.fixture
def editor(open_text: Open) -> Editor:
    """Open a document with three edits, which are displayed."""
    editor = open_text(RENAMED)
    touch(editor)
    shown(editor, f"def pay(amount):{HINT}", FIRST, SECOND, THIRD)
    return editor


def touch(editor: Editor) -> None:
    """Change the first line and back, so that the server offers what the document scripts."""
    editor.type("ggAx<BS><Esc>0")


def shown(editor: Editor, *lines: str) -> None:
    """Wait until these lines with edits are displayed."""
    editor.until(editor.edits, "\n".join(lines))


def at(editor: Editor, row: int, column: int) -> None:
    """Wait until the cursor is there; the row counts from 1, the column from 0."""
    editor.until(editor.cursor, (row, column))


def test_edits_are_displayed_and_the_buffer_is_not_touched(editor: Editor) -> None:
    assert editor.lines() == RENAMED.splitlines()
    assert editor.lua("return vim.api.nvim_get_hl(0, { name = 'InfillNextEditOld', link = false }).strikethrough")


def test_the_key_goes_to_each_edit_and_applies_it(editor: Editor) -> None:
    editor.type("<M-n>")
    at(editor, 3, 10)
    shown(editor, FIRST, SECOND, THIRD)
    editor.type("<M-n>")
    at(editor, 3, 16)
    shown(editor, "    check(amount)" + HINT.replace("line 3", "line 4"), SECOND, THIRD)
    for place in ((4, 7), (4, 13), (6, 11)):
        editor.type("<M-n>")
        at(editor, *place)
    editor.type("<M-n>")
    shown(editor, "")
    assert editor.lines()[2:6] == ["    check(amount)", "    if amount > 100:", "        warn()", "    return amount"]


def test_in_insert_mode_too_and_as_fast_as_keys_come(editor: Editor) -> None:
    editor.type("A" + "<M-n>" * 6)
    editor.until(lambda: editor.lines()[5], "    return amount")
    assert editor.lines()[2:4] == ["    check(amount)", "    if amount > 100:"]
    assert editor.lua("return vim.api.nvim_get_mode().mode") == "i"
    at(editor, 6, 17)


def test_an_edit_is_one_step_of_undo(editor: Editor) -> None:
    editor.type("<M-n><M-n>")
    editor.until(lambda: editor.lines()[2], "    check(amount)")
    editor.type("u")
    editor.until(editor.lines, RENAMED.splitlines())


def test_the_edit_on_the_cursors_line_goes_first(editor: Editor) -> None:
    editor.type("6G0<M-n>")
    editor.until(lambda: editor.lines()[5], "    return amount")
    shown(editor, FIRST, SECOND, f"    return amount{HINT}")


def test_a_dismissal_is_about_the_edit_at_the_cursor_and_from_elsewhere_about_all(editor: Editor, home: Home) -> None:
    editor.type("<M-n>")
    at(editor, 3, 10)
    editor.type("<M-d>")
    shown(editor, "    check(total)" + HINT.replace("line 3", "line 4"), SECOND, THIRD)
    assert dismissed(editor, home, 1) == ["app.py-0"]
    editor.type("<M-d>")
    shown(editor, "")
    assert dismissed(editor, home, 3) == ["app.py-0", "app.py-1", "app.py-2"]
    assert editor.lines() == RENAMED.splitlines()


def dismissed(editor: Editor, home: Home, count: int) -> list[str]:
    """Wait until the server has been told of so many dismissals, and return the edits."""
    editor.until(lambda: len(home.messages("infill/nextEdit/dismiss")), count)
    return [one["params"]["id"] for one in home.messages("infill/nextEdit/dismiss")]


def test_typing_hides_them_at_once(editor: Editor) -> None:
    editor.nvim.command("normal! Gix")
    assert editor.edits() == ""
    assert editor.lua("return require('infill').next_edit()") is False


def test_what_comes_for_an_earlier_version_is_ignored(open_text: Open, home: Home) -> None:
    editor = open_text(RENAMED + "# late\n")
    changes = len(home.messages("textDocument/didChange"))
    touch(editor)
    editor.until(lambda: len(home.messages("textDocument/didChange")) > changes, True)
    editor.type(":InfillFill<CR>")  # Its answer comes after the edits.
    editor.until(lambda: "filled = True" in editor.lines(), True)
    assert editor.edits() == ""


@NEWEST
def test_every_shape_is_drawn_and_applied(open_text: Open) -> None:
    editor = open_text(
        "def f(xs):\n    a = '😀', 1\n    b = 2\n    c = 3\n\n"
        '# edit 0:0-0:0 "" "import os\\nimport re\\n" Import `os` and `re`\n'
        '# edit 1:11-1:14 ", 1" "" Remove the argument\n'
        '# edit 2:0-4:0 "    b = 2\\n    c = 3\\n" "    b = \'😁\'\\n" Make it one line\n'
    )
    editor.type("5GAx<BS><Esc>")
    shown(
        editor,
        "{+import os↵import re↵+}def f(xs):",
        "    a = '😀'[-, 1-]",
        "    b = [-2-]",
        "[-    c = 3-]{+'😁'+}",
        "«<M-n> → line 1: import `os` and `re`»",
    )
    for row, applied in (("2", "    a = '😀'"), ("3", "    b = '😁'"), ("1", "import re")):
        editor.type(f"{row}G<M-n>")
        editor.until(lambda line=applied: line in editor.lines(), True)
    editor.until(lambda: editor.lines()[:5], ["import os", "import re", "def f(xs):", "    a = '😀'", "    b = '😁'"])


def test_characters_of_any_width_before_an_edit(open_text: Open) -> None:
    editor = open_text('s = \'é😀\', total\n\n# edit 0:10-0:15 "total" "amount😁" Rename\n')
    editor.type("2Gix<BS><Esc>")
    shown(editor, "s = 'é😀', [-total-]{+amount😁+}", "«<M-n> → line 1: rename»")
    editor.type("<M-n><M-n>")
    editor.until(lambda: editor.lines()[0], "s = 'é😀', amount😁")


@pytest.mark.parametrize(
    ("script", "drawn", "applied"),
    [
        ('# edit 1:0-1:0 "" "b = 1\\nc = 2\\n" Add', "a\n{+b = 1+}\n{+c = 2+}", ["a", "b = 1", "c = 2", "z"]),
        ('# edit 0:1-0:1 "" " = [\\n    1,\\n]" Add', "a{+ = [+}\n{+    1,+}\n{+]+}", ["a = [", "    1,", "]", "z"]),
        ('# edit 0:0-1:0 "a\\n" "" Remove', "[-a-]", ["z"]),
        ('# edit 0:0-1:0 "a\\n" "b\\nc\\n" Replace', "[-a-]{+b+}\n{+c+}", ["b", "c", "z"]),
    ],
)
@NEWEST
def test_shapes(open_text: Open, script: str, drawn: str, applied: list[str]) -> None:
    editor = open_text(f"a\nz\n{script}\n")
    editor.type("3GAx<BS><Esc>")
    editor.until(lambda: editor.edits() != "", True)
    assert editor.edits().startswith(drawn)
    editor.type("<M-n><M-n>")
    editor.until(lambda: editor.lines()[:-1], applied)


@pytest.mark.parametrize(
    ("script", "applied"),
    [
        ('# edit 2:0-2:0 "" "b = 2\\n" Add', ["a", "b = 2"]),
        ('# edit 1:0-2:0 "a\\n" "b\\n" Replace', ["b"]),
        ('# edit 1:0-2:0 "a\\n" "" Remove', []),
    ],
)
@NEWEST
def test_the_end_of_the_document(open_text: Open, script: str, applied: list[str]) -> None:
    editor = open_text(f"{script}\na\n")
    editor.type("ggAx<BS><Esc>0")
    editor.until(lambda: editor.edits() != "", True)
    editor.type("<M-n><M-n>")
    editor.until(lambda: editor.lines()[1:], applied)


@NEWEST
def test_both_windows_of_a_buffer_and_no_other_buffer(editor: Editor, home: Home) -> None:
    editor.type(":vsplit<CR>G")
    editor.until(lambda: HINT in editor.edits().splitlines()[-1], True)
    editor.type("<C-w>p")
    editor.until(lambda: HINT in editor.edits().splitlines()[0], True)
    editor.open(home.file("other.py", "x\n"), 1)
    assert editor.edits() == ""
    assert editor.lua("return require('infill').next_edit()") is False


@NEWEST
def test_a_buffer_that_was_closed_has_none(editor: Editor, home: Home) -> None:
    editor.type(":bwipeout!<CR>")
    editor.until(editor.lines, [""])
    editor.open(home.project / "app.py", 1)
    assert editor.edits() == ""
    assert editor.lua("return require('infill').next_edit()") is False


def test_a_server_that_ends_leaves_none(editor: Editor) -> None:
    editor.type(":InfillRestart<CR>")
    shown(editor, "")


def test_toggle(editor: Editor) -> None:
    editor.type(":InfillToggle<CR>")
    shown(editor, "")
    editor.type(":InfillToggle<CR>")
    touch(editor)
    shown(editor, f"def pay(amount):{HINT}", FIRST, SECOND, THIRD)


@NEWEST
def test_with_the_option_off_none_are_asked_for(neovim: Neovim, tmp_path: Path) -> None:
    home = Home(tmp_path, scripted_server(), readme_init(neovim.backend, "next_edit = false"))
    with editing(neovim, home, home.file("app.py", RENAMED)) as editor:
        editor.ready()
        capabilities = home.messages("initialize")[0]["params"]["capabilities"]
        assert capabilities["experimental"]["infill"]["nextEdit"] is False
        editor.type(":checkhealth infill<CR>")
        editor.until(lambda: any("next edits are off" in line for line in editor.lines()), True)


@NEWEST
def test_tab_can_be_shared_by_an_expression(neovim: Neovim, tmp_path: Path) -> None:
    tab = 'function() return require("infill").next_edit() and "" or "MINE" end'
    init = readme_init(neovim.backend) + f'vim.keymap.set("i", "<Tab>", {tab}, {{ expr = true }})'
    home = Home(tmp_path, scripted_server(), init)
    with editing(neovim, home, home.file("app.py", RENAMED)) as editor:
        editor.ready()
        touch(editor)
        shown(editor, f"def pay(amount):{HINT}", FIRST, SECOND, THIRD)
        editor.type("A<Tab>")
        at(editor, 3, 10)
        editor.type("<Tab>" * 5)
        editor.until(lambda: editor.lines()[5], "    return amount")
        editor.type("<Tab>")
        editor.until(lambda: editor.lines()[5], "    return amountMINE")


@NEWEST
def test_commands_and_mappings(editor: Editor, home: Home) -> None:
    editor.type(":InfillNextEdit<CR>")
    at(editor, 3, 10)
    editor.lua("vim.keymap.set('n', 'Q', '<Plug>(infill-next-edit)')")
    editor.type("Q")
    editor.until(lambda: editor.lines()[2], "    check(amount)")
    editor.type(":InfillDismissNextEdit<CR>")
    shown(editor, "")
    editor.type(":InfillNextEdit<CR>")
    editor.until(lambda: "no edit waits in this buffer" in editor.nvim.command_output("messages"), True)
