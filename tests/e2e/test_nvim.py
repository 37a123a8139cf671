"""Neovim with the plugin, against a scripted server: typing, ghost text and acceptance, with both backends."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from nvim_driver import (
    NEOVIMS,
    ONE_OF_EACH,
    PLUGIN,
    Editor,
    Home,
    Neovim,
    editing,
    readme_init,
    scripted_server,
)

START = "def f(first, second):\n    \n"
OWN = [ONE_OF_EACH[1]]
NEWEST = pytest.mark.parametrize("neovim", [NEOVIMS[0]], ids=str, indirect=True)  # where the version does not matter


@pytest.fixture(params=ONE_OF_EACH, ids=str)
def neovim(request: pytest.FixtureRequest) -> Neovim:
    return request.param


@pytest.fixture
def home(neovim: Neovim, tmp_path: Path) -> Home:
    return Home(tmp_path, scripted_server(), readme_init(neovim.backend))


@pytest.fixture
def editor(neovim: Neovim, home: Home) -> Iterator[Editor]:
    with editing(neovim, home, home.file("app.py", START)) as editor:
        editor.ready()
        yield editor


def begin(editor: Editor, text: str = "return first +") -> None:
    """Type on the second line, and wait for the ghost text."""
    editor.type("jA" + text)
    editor.until(lambda: editor.lines()[1], "    " + text)


def test_ghost_text_is_shown_and_the_buffer_is_not_touched(editor: Editor) -> None:
    begin(editor)
    editor.until(editor.ghost, " second")
    assert editor.lines() == ["def f(first, second):", "    return first +"]


def test_accept(editor: Editor) -> None:
    begin(editor)
    editor.until(editor.ghost, " second")
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[1], "    return first + second")
    editor.until(editor.ghost, "")
    assert editor.cursor() == (2, len("    return first + second"))


def test_accept_is_one_step_of_undo(editor: Editor) -> None:
    begin(editor)
    editor.until(editor.ghost, " second")
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[1], "    return first + second")
    editor.type("<Esc>u")
    editor.until(lambda: editor.lines()[1], "    return first +")


def test_accept_by_word_leaves_the_rest_to_be_seen(editor: Editor) -> None:
    begin(editor, "return")
    editor.until(editor.ghost, " first + second")
    for word, rest in ((" first", " + second"), (" +", " second"), (" second", "")):
        before = editor.lines()[1]
        editor.type("<M-w>")
        editor.until(lambda line=before + word: editor.lines()[1] == line, True)
        editor.until(editor.ghost, rest)


def test_accept_by_line(editor: Editor) -> None:
    begin(editor, "for index")
    editor.until(editor.ghost, ", value in enumerate(values):\n        print(index, value)\n        total += value")
    editor.type("<M-j>")
    editor.until(lambda: editor.lines()[1], "    for index, value in enumerate(values):")


def test_accept_of_several_lines(editor: Editor) -> None:
    begin(editor, "for index")
    editor.until(lambda: editor.ghost().count("\n"), 2)
    editor.type("<M-l>")
    wanted = ["    for index, value in enumerate(values):", "        print(index, value)", "        total += value"]
    editor.until(lambda: editor.lines()[1:], wanted)
    assert editor.cursor() == (4, len(wanted[2]))


def late_kinds(home: Home) -> list[int]:
    """Return the trigger kinds of the questions about the line that is answered twice."""
    asked = [it["params"] for it in home.messages("textDocument/inlineCompletion")]
    return [it["context"]["triggerKind"] for it in asked if it["position"] == {"line": 1, "character": 8}]


def test_the_word_of_the_model_takes_the_place_of_a_copy(editor: Editor, home: Home) -> None:
    begin(editor, "late")
    editor.until(editor.ghost, " = copied")
    editor.until(editor.ghost, " = written")
    assert late_kinds(home) == [2, 2], "both times the editor asked by itself"
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[1], "    late = written")


def test_what_was_dismissed_does_not_come_back_as_another(editor: Editor, home: Home) -> None:
    begin(editor, "late")
    editor.until(editor.ghost, " = copied")
    editor.type("<M-e>")
    editor.until(editor.ghost, "")
    time.sleep(1)
    assert editor.ghost() == ""
    assert late_kinds(home) == [2]


def test_what_is_shown_shrinks_while_it_is_typed(editor: Editor) -> None:
    begin(editor, "return fi")
    editor.until(editor.ghost, "rst + second")
    editor.type("r")
    editor.until(editor.ghost, "st + second")
    editor.type("s")
    editor.until(editor.ghost, "t + second")
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[1], "    return first + second")


def test_typing_and_accepting_at_once_accepts_what_fits_or_nothing(editor: Editor) -> None:
    begin(editor, "return fi")
    editor.until(editor.ghost, "rst + second")
    editor.type("rs<M-l>")
    editor.until(lambda: editor.lines()[1], "    return first + second")


def test_what_does_not_fit_goes_and_cannot_be_accepted(editor: Editor) -> None:
    begin(editor, "return fi")
    editor.until(editor.ghost, "rst + second")
    editor.type("x<M-l>")
    editor.until(editor.ghost, "")
    assert editor.lines()[1] == "    return fix"


def test_invoked_by_hand_gives_several_to_choose_from(editor: Editor, home: Home) -> None:
    begin(editor, "return f")
    editor.until(editor.ghost, "irst + second")
    editor.type("<M-Bslash>")
    editor.until(lambda: count(editor), 2)
    editor.type("<M-]>")
    editor.until(editor.ghost, "irst (2/2)")
    editor.type("<M-[>")
    editor.until(editor.ghost, "irst + second (1/2)")
    editor.type("<M-]>")
    editor.until(editor.ghost, "irst (2/2)")
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[1], "    return first")


def count(editor: Editor) -> int:
    """Return the number of suggestions to choose from."""
    return int(editor.lua("return require('infill').count()"))


def test_next_asks_for_more_where_there_is_one(editor: Editor) -> None:
    begin(editor, "return f")
    editor.until(editor.ghost, "irst + second")
    editor.type("<M-]>")
    editor.until(lambda: count(editor), 2)


def test_dismiss(editor: Editor) -> None:
    begin(editor)
    editor.until(editor.ghost, " second")
    editor.type("<M-e>")
    editor.until(editor.ghost, "")
    assert editor.lua("return vim.api.nvim_get_mode().mode") == "i"
    assert editor.lines()[1] == "    return first +"


def test_leaving_insert_mode_hides_it(editor: Editor) -> None:
    begin(editor)
    editor.until(editor.ghost, " second")
    editor.type("<Esc>")
    editor.until(editor.ghost, "")


def test_a_gap_in_the_middle_of_a_line(editor: Editor) -> None:
    editor.type("jA<C-u>total = max(, key=)" + "<Left>" * 7)
    editor.until(lambda: "items" in editor.ghost(), True)
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[1], "total = max(items, key=len)")
    assert editor.cursor() == (2, len("total = max(items, key=len"))


def test_no_answer_may_come_too_late(editor: Editor, home: Home) -> None:
    begin(editor, "slow")
    editor.until(lambda: len(asked_for(home, "slow")) > 0, True)
    editor.type("<C-u>return first +")
    editor.until(editor.ghost, " second")
    assert "TOO LATE" not in "".join(editor.lines())


def asked_for(home: Home, text: str) -> list[object]:
    """Return the requests whose cursor is directly after `text` on an indented line."""
    column = 4 + len(text)
    asked = home.messages("textDocument/inlineCompletion")
    return [one for one in asked if one["params"]["position"]["character"] == column]


def test_other_characters_before_the_cursor(editor: Editor) -> None:
    begin(editor, "smile = '😀")
    editor.until(editor.ghost, " and more'")
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[1], "    smile = '😀 and more'")


def test_a_line_with_less_indentation(editor: Editor) -> None:
    editor.type("jA    el")
    editor.until(lambda: editor.lines()[1], "        el")
    editor.until(lambda: [it.rstrip() for it in editor.ghost().split("\n")], ["    else:", "        return 0"])
    editor.type("<M-l>")
    editor.until(lambda: editor.lines()[1:], ["    else:", "        return 0"])


@pytest.mark.parametrize("neovim", OWN, ids=str, indirect=True)
def test_gaps_of_one_line_are_drawn_where_they_are(editor: Editor) -> None:
    editor.type("jA<C-u>total = max(, key=)" + "<Left>" * 7)
    editor.until(editor.ghost, "items…len")
    editor.type("<M-w>")
    editor.until(lambda: editor.lines()[1], "total = max(items, key=)")
    editor.until(editor.ghost, "len")
    editor.type("<M-w>")
    editor.until(lambda: editor.lines()[1], "total = max(items, key=len)")


@pytest.mark.parametrize("neovim", OWN, ids=str, indirect=True)
def test_the_previous_request_is_cancelled(editor: Editor, home: Home) -> None:
    begin(editor, "slow")
    editor.until(lambda: len(asked_for(home, "slow")), 1)
    editor.type("er")
    editor.until(lambda: len(asked_for(home, "slower")), 1)
    editor.until(lambda: len(home.messages("$/cancelRequest")), 1)


@pytest.mark.parametrize("neovim", OWN, ids=str, indirect=True)
def test_ghost_text_grows_back_with_backspace(editor: Editor) -> None:
    begin(editor, "return fi")
    editor.until(editor.ghost, "rst + second")
    editor.type("r")
    editor.until(editor.ghost, "st + second")
    editor.type("<BS>")
    editor.until(editor.ghost, "rst + second")


def test_the_edits_are_commands(editor: Editor, home: Home) -> None:
    editor.type(":InfillFill<CR>")
    editor.until(editor.lines, ["filled = True", "def f(first, second):", "    "])
    uri, place = home.messages("workspace/executeCommand")[0]["params"]["arguments"]
    assert uri.endswith("/app.py")
    assert place == {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
    editor.type("u")
    editor.until(editor.lines, ["def f(first, second):", "    "])


@NEWEST
def test_a_selection_is_what_is_rewritten(editor: Editor, home: Home) -> None:
    editor.type("wvt(:InfillRewrite<CR>")
    editor.until(lambda: len(home.messages("workspace/executeCommand")), 1)
    place = home.messages("workspace/executeCommand")[0]["params"]["arguments"][1]
    assert place == {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 5}}


@NEWEST
def test_lines_that_are_named_are_repaired_as_a_whole(editor: Editor, home: Home) -> None:
    editor.type(":1InfillRepair<CR>")
    editor.until(lambda: len(home.messages("workspace/executeCommand")), 1)
    place = home.messages("workspace/executeCommand")[0]["params"]["arguments"][1]
    assert place == {
        "start": {"line": 0, "character": 0},
        "end": {"line": 0, "character": len("def f(first, second):")},
    }


@NEWEST
def test_the_status_line(editor: Editor) -> None:
    assert editor.lua("return require('infill').statusline()") == "infill: ready"


def test_toggle(editor: Editor) -> None:
    editor.type(":InfillToggle<CR>")
    editor.until(lambda: editor.lua("return require('infill').statusline()"), "infill: off")
    begin(editor)
    assert editor.ghost() == ""
    editor.type("<Esc>:InfillToggle<CR>A")
    editor.until(editor.ghost, " second")


def test_the_server_comes_back(editor: Editor, home: Home) -> None:
    killed = home.server_pid()
    os.kill(killed, signal.SIGKILL)
    editor.until(lambda: home.server_pid() != killed, True)
    editor.ready()
    begin(editor)
    editor.until(editor.ghost, " second")


def test_files_outside_of_a_project_share_a_server(editor: Editor, home: Home) -> None:
    editor.open(home.file("other.py", START), 2)
    editor.type("Areturn first +")
    editor.until(editor.ghost, " second")
    assert len(home.messages("initialize")) == 1


@NEWEST
def test_restart_by_hand(editor: Editor, home: Home) -> None:
    before = home.server_pid()
    editor.type(":InfillRestart<CR>")
    editor.until(lambda: home.server_pid() != before, True)
    editor.ready()


def test_health_says_that_all_is_well(editor: Editor, home: Home) -> None:
    editor.type(":checkhealth infill<CR>")
    editor.until(lambda: any("infill: keys" in line for line in editor.lines()), True)
    report = "\n".join(editor.lines())
    assert str(home.folder / "bin" / "infill-lsp") in report
    assert "ready" in report
    assert "model scripted" in report
    assert "ERROR" not in report
    assert "WARN" not in report


@NEWEST
def test_health_names_a_missing_server(neovim: Neovim, tmp_path: Path) -> None:
    home = Home(tmp_path, scripted_server(), readme_init(neovim.backend, 'cmd = { "no-such-server" }'))
    with editing(neovim, home, home.file("app.py", START)) as editor:
        editor.type(":checkhealth infill<CR>")
        editor.until(lambda: any('"no-such-server" was not found' in line for line in editor.lines()), True)


def test_tab_does_what_it_did_where_nothing_is_shown(neovim: Neovim, tmp_path: Path) -> None:
    init = 'vim.keymap.set("i", "<Tab>", "MINE")\n' + readme_init(neovim.backend, 'keys = { accept = "<Tab>" }')
    home = Home(tmp_path, scripted_server(), init)
    with editing(neovim, home, home.file("app.py", START)) as editor:
        editor.ready()
        begin(editor)
        editor.until(editor.ghost, " second")
        editor.type("<Tab>")
        editor.until(lambda: editor.lines()[1], "    return first + second")
        editor.until(editor.ghost, "")
        editor.type("<Tab>")
        editor.until(lambda: editor.lines()[1], "    return first + secondMINE")


@NEWEST
def test_files_of_other_types_are_left_alone(neovim: Neovim, tmp_path: Path) -> None:
    home = Home(tmp_path, scripted_server(), readme_init(neovim.backend))
    with editing(neovim, home, home.file("notes.txt", "plain\n")) as editor:
        assert editor.lua("return #vim.lsp.get_clients()") == 0
        assert editor.lua("return require('infill').statusline()") == ""


@NEWEST
def test_a_wrong_option_is_named(neovim: Neovim, tmp_path: Path) -> None:
    home = Home(tmp_path, scripted_server(), readme_init(neovim.backend))
    with editing(neovim, home, home.file("app.py", START)) as editor:
        error = editor.lua("return select(2, pcall(require('infill').setup, { tabs = true }))")
        assert error == 'infill: there is no option "tabs"; :help infill-setup lists them'


def test_nothing_is_asked_where_suggestions_by_themselves_are_off(neovim: Neovim, tmp_path: Path) -> None:
    home = Home(tmp_path, scripted_server(), readme_init(neovim.backend, "auto = false"))
    with editing(replace(neovim, backend=None), home, home.file("app.py", START)) as editor:
        if neovim.backend is None and neovim.name == "testing":
            assert editor.lua("return require('infill.config').backend()") == "extmarks"
        editor.ready()
        begin(editor)
        editor.type("<M-Bslash>")
        editor.until(editor.ghost, " second")
        kinds = [one["params"]["context"]["triggerKind"] for one in home.messages("textDocument/inlineCompletion")]
        assert kinds == [1]


@NEWEST
def test_the_help_has_every_option_and_key(neovim: Neovim, tmp_path: Path) -> None:
    home = Home(tmp_path, scripted_server(), readme_init(neovim.backend))
    text = (PLUGIN / "doc" / "infill.txt").read_text()
    with editing(neovim, home, home.file("app.py", START)) as editor:
        defaults = editor.lua("return require('infill.config').defaults")
        for name in (*defaults, *defaults["keys"]):
            assert f"`{name}`" in text, name
        for name in editor.lua("return vim.tbl_keys(vim.api.nvim_get_commands({}))"):
            assert not name.startswith("Infill") or f":{name}" in text, name


def test_a_server_that_comes_up_while_someone_types_is_asked(neovim: Neovim, home: Home) -> None:
    with editing(neovim, home, home.file("app.py", START)) as editor:
        begin(editor)
        editor.until(editor.ghost, " second")


@NEWEST
def test_insertions_are_found_from_the_right(neovim: Neovim, tmp_path: Path) -> None:
    home = Home(tmp_path, scripted_server(), readme_init(neovim.backend))
    cases = (
        (("", "", "abc"), [(0, "abc")]),
        (("max(", ", key=)", "max(items, key=len)"), [(4, "items"), (10, "len")]),
        (("f(", ")", "f(g(x))"), [(2, "g(x)")]),
        (("é", "ã", "ééã"), [(2, "é")]),
        (("        el", "", "    else:"), None),
        (("f(", ")", "f(x"), None),
        (("x", "y", "xy"), []),
    )
    with editing(neovim, home, home.file("app.py", START)) as editor:
        for arguments, wanted in cases:
            found = editor.lua("return require('infill.insertion').between(...) or vim.NIL", *arguments)
            assert found == (wanted and [{"at": at, "text": text} for at, text in wanted]), arguments
