"""Next edits in VS Code with a scripted server: displayed at their places, applied with Tab, dismissed with Escape."""

import json
import re
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Open
from .scripted_server import INSERTED
from .workbench import Workbench

RENAMED = '''def pay(amount):
    """Pay what is due."""
    check(total)
    if total > 100:
        warn()
    return total
...
# edit 2:10-2:15 "total" "amount" Rename `total` to `amount`
# edit 3:7-3:12 "total" "amount" Rename `total` to `amount`
# edit 5:11-5:16 "total" "amount" Rename `total` to `amount`
'''.replace("...", "\n" * 40)
HINT = "«Tab → line 3: rename `total` to `amount`»"
FIRST = "    check([-total-]{+amount+})"
SECOND = "    if [-total-]{+amount+} > 100:"
THIRD = "    return [-total-]{+amount+}"
ALL = "\n".join((f"def pay(amount):{HINT}", FIRST, SECOND, THIRD))
AMOUNTS = (
    RENAMED.replace("(total)", "(amount)").replace("if total", "if amount").replace("return total", "return amount")
)

SHAPES = """def f(xs):
    a = '😀', 1
    b = 2
    c = 3

# edit 0:0-0:0 "" "import os\\nimport re\\n" Import `os` and `re`
# edit 1:11-1:14 ", 1" "" Remove the argument
# edit 2:0-4:0 "    b = 2\\n    c = 3\\n" "    b = '😁'\\n" Make it one line
"""


def touched(window: Workbench) -> None:
    """Change the first line and back, so that the server offers what the document scripts."""
    window.go_to(1, 9)
    window.type("x")
    window.press("Backspace")


@pytest.fixture
def renamed(open_scripted: Open, request: pytest.FixtureRequest) -> tuple[Workbench, Path]:
    """Open a document with three edits, which are displayed."""
    window, file = open_scripted(f"{request.node.name}.py", RENAMED)
    touched(window)
    window.wait_for_edits(ALL)
    return window, file


def told(window: Workbench, words: str) -> None:
    """Wait until the server has put words into the document's status."""
    window.wait_for_status(re.compile(words))


def at(window: Workbench, line: int, column: int) -> None:
    """Wait until the cursor is at a place."""
    expect(window.page.locator('[id="status.editor.selection"]')).to_have_text(f"Ln {line}, Col {column}")


def test_edits_are_displayed_and_the_document_is_not_touched(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.picture("next-edits")
    window.saved(file, lambda text: text == RENAMED)
    window.wait_for_edits(ALL)


def test_tab_goes_to_each_edit_and_applies_it(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.press("Tab")
    at(window, 3, 11)
    window.wait_for_edits("\n".join((FIRST, SECOND, THIRD)))
    window.picture("next-edit-reached")
    window.press("Tab")
    at(window, 3, 17)
    window.wait_for_edits("\n".join(("    check(amount)" + HINT.replace("line 3", "line 4"), SECOND, THIRD)))
    for line, column in ((4, 8), (4, 14), (6, 12), (6, 18)):
        window.press("Tab")
        at(window, line, column)
    window.wait_for_edits("")
    window.saved(file, lambda text: text == AMOUNTS)
    window.press("Tab")  # Nothing waits any more.
    window.saved(file, lambda text: text == AMOUNTS.replace("return amount", "return amount   "))


def test_a_key_that_is_held_down_applies_each_edit_once(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    while "amount" not in window.lines()[5]:
        window.press("Tab")
    written = window.saved(file, lambda text: "return amount" in text)
    assert written.startswith(AMOUNTS.split("\n\n")[0])


def test_an_edit_is_one_step_of_undo(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.press("Tab")
    at(window, 3, 11)
    window.press("Tab")
    window.saved(file, lambda text: "check(amount)" in text)
    window.press("Control+z")
    window.saved(file, lambda text: text == RENAMED)


def test_the_edit_on_the_cursors_line_goes_first(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.go_to(6, 5)
    window.press("Tab")
    window.saved(file, lambda text: text == RENAMED.replace("return total", "return amount"))
    window.wait_for_edits(f"{FIRST}\n{SECOND}\n    return amount{HINT}")


def test_escape_dismisses_the_edit_at_the_cursor_and_from_elsewhere_all(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.press("Tab")
    at(window, 3, 11)
    window.press("Escape")
    told(window, f"Dismissed: .*{file.name}-0\\.")
    window.wait_for_edits("\n".join(("    check(total)" + HINT.replace("line 3", "line 4"), SECOND, THIRD)))
    window.press("Escape")
    told(window, f"{file.name}-1, {file.name}-2\\.")
    window.wait_for_edits("")
    touched(window)
    told(window, "Offered")
    window.saved(file, lambda text: text == RENAMED)
    assert window.edits() == ""


def test_tab_takes_ghost_text_first(open_scripted: Open) -> None:
    window, file = open_scripted("ghost.py", RENAMED + "# ghost\n")
    window.go_to(2, 27)
    window.type(" ")
    window.wait_for_ghost()
    window.wait_for(window.edits, lambda shown: SECOND in shown, "the next edits")
    window.press("Tab")
    window.saved(file, lambda text: f'due.""" {INSERTED}' in text and "amount)" not in text.split("\n")[2])


def test_tab_is_the_list_of_completions_first(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.go_to(5, 9)
    window.press("Control+Space")
    window.page.locator(".suggest-widget .monaco-list-row.focused").wait_for()
    window.press("Tab")
    window.page.locator(".suggest-widget.visible").wait_for(state="hidden")
    written = window.saved(file, lambda text: text != RENAMED)
    assert written.count("\t") == 0
    assert "check(total)" in written


def test_tab_indents_what_is_selected(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.go_to(5, 1)
    window.press("Shift+ArrowDown")
    window.press("Tab")
    window.saved(file, lambda text: text == RENAMED.replace("        warn", "            warn"))


def test_tab_goes_through_a_snippet_first(open_scripted: Open, workspace: Path) -> None:
    (workspace / ".vscode").mkdir(exist_ok=True)
    snippet = {"pair": {"prefix": "pair", "body": "pair($1, $2)$0", "description": "pair"}}
    (workspace / ".vscode/pair.code-snippets").write_text(json.dumps(snippet), encoding="utf-8")
    window, file = open_scripted("snippet.py", RENAMED)
    window.go_to(8, 1)
    window.run_and_pick("Snippets: Insert Snippet", "pair")
    window.wait_for(window.edits, lambda shown: SECOND in shown, "the next edits")
    window.press("Tab")
    window.type("x")
    window.saved(file, lambda text: "pair(, x)" in text and "check(total)" in text)


def test_typing_hides_them_and_what_comes_for_an_earlier_version_is_ignored(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.press("Control+End")
    window.type("# late")
    written = window.saved(file, lambda text: text.endswith("# late"))
    told(window, "Offered")
    assert window.edits() == ""
    window.press("Tab")
    window.saved(file, lambda text: text.startswith(written) and text != written)


def test_insertions_deletions_and_several_lines(open_scripted: Open) -> None:
    window, file = open_scripted("shapes.py", SHAPES)
    window.go_to(5, 1)
    window.type("#")
    window.wait_for_edits(
        "{+import os↵import re↵+}def f(xs):\n    a = '😀'[-, 1-]\n    b = [-2-]\n[-    c = 3-]{+'😁'+}\n"
        "#«Tab → line 1: import `os` and `re`»"
    )
    window.picture("next-edit-shapes")
    for line, applied in ((2, "'😀'\n"), (3, "b = '😁'\n#"), (1, "import os\n")):
        window.go_to(line, 1)
        window.press("Tab")
        window.saved(file, partial(contains, applied))
    window.saved(
        file, lambda text: text.startswith("import os\nimport re\ndef f(xs):\n    a = '😀'\n    b = '😁'\n#\n")
    )


def contains(part: str, text: str) -> bool:
    return part in text


def test_both_editors_of_a_document_display_them(renamed: tuple[Workbench, Path]) -> None:
    window, _ = renamed
    window.run("View: Split Editor Right")
    window.wait_for(lambda: "|".join(window.edits_by_editor()), lambda shown: shown.count(SECOND) == 2, "both editors")
    window.picture("next-edits-twice")


def test_the_menu_turns_them_off_and_on(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    choose(window, "Stop offering next edits")
    window.wait_for_edits("")
    touched(window)
    told(window, "Offered")
    assert window.edits() == ""
    choose(window, "Offer next edits")
    window.wait_for(partial(edits_once_touched, window), lambda shown: shown == ALL, "the next edits")
    window.saved(file, lambda text: text == RENAMED)


def edits_once_touched(window: Workbench) -> str:
    """Return what is displayed after a change: a setting takes effect a moment after it was chosen."""
    touched(window)
    return window.edits()


def choose(window: Workbench, entry: str) -> None:
    """Choose an entry of the menu behind the status item."""
    window.status.click()
    window.page.locator(".quick-input-widget .monaco-list-row").filter(has_text=entry).click()
    window.page.locator(".quick-input-widget").wait_for(state="hidden")


def test_a_document_that_was_closed_has_none(renamed: tuple[Workbench, Path]) -> None:
    window, file = renamed
    window.show(file, RENAMED)
    window.press("Tab")
    window.saved(file, lambda text: text == RENAMED.replace("pay(", "pay(    "))


def test_a_server_that_is_restarted_leaves_none(renamed: tuple[Workbench, Path]) -> None:
    window, _ = renamed
    window.run("Infill: Restart Server")
    window.wait_for_edits("")
    window.wait_for_status(re.compile("is ready"))
