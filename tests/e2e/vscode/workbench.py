"""VS Code in a browser as its user sees it: ghost text, the status item, lines of code; keys and commands.

Every wait is for something visible.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import Error, Locator, Page, expect

_GHOST = """() => {
  const leaves = [...document.querySelectorAll('.view-lines [class*="ghost-text"]')].filter(it => !it.children.length);
  const first = leaves.map(it => it.textContent).join("");
  const below = [...document.querySelectorAll(".suggest-preview-text .view-line")].map(it => it.textContent);
  return [first, ...below].join("\\n").replaceAll("\\u00a0", " ").trimEnd();
}"""

_LINES = """() => [...document.querySelectorAll(".editor-instance .view-lines > .view-line")]
  .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
  .map(it => it.textContent.replaceAll("\\u00a0", " "))"""

_EDITS = """() => [...document.querySelectorAll(".editor-instance .view-lines")].map(editor => {
  const content = leaf => getComputedStyle(leaf, "::after").content.replace(/^none$/, "").replace(/^"|"$/g, "");
  const marked = leaf => {
    const after = content(leaf);
    if (after) return getComputedStyle(leaf, "::after").fontStyle === "italic" ? `«${after}»` : `{+${after}+}`;
    return getComputedStyle(leaf).textDecorationLine === "line-through" ? `[-${leaf.textContent}-]` : leaf.textContent;
  };
  const drawn = line => [...line.querySelectorAll("span")].filter(it => !it.children.length)
    .map(marked).join("").replaceAll("-][-", "");
  return [...editor.querySelectorAll(":scope > .view-line")]
    .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top)).map(drawn)
    .filter(it => /[{[][-+]|«/.test(it)).join("\\n").replaceAll("\\u00a0", " ");
})"""

PATIENCE = 60_000
"""Milliseconds to wait for a state; the machine may be busy."""


class Workbench:
    """A window of VS Code with a file in it."""

    def __init__(self, page: Page, pictures: Path) -> None:
        self.page = page
        self._pictures = pictures
        page.set_default_timeout(PATIENCE)

    def open(self, address: str) -> None:
        """Open a window and wait until its editor has the focus and the extension has loaded."""
        self.page.goto(address)
        self.page.locator(".monaco-editor .view-lines").first.wait_for()
        self.status.wait_for()
        self.press("Control+b")
        self.page.locator(".part.sidebar").wait_for(state="hidden")
        self.page.locator(".monaco-editor .view-lines").first.click()

    def show(self, file: Path, text: str) -> Path:
        """Write a file and open it, with nothing else open, and return the file."""
        self.close_all()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self.press("Control+p")
        self._box.fill(str(file))
        self.page.locator(".quick-input-widget .monaco-list-row.focused").filter(has_text=file.name).wait_for()
        self._box.press("Enter")
        self.page.locator(".tab.active").filter(has_text=file.name).wait_for()
        self.page.locator(".editor-instance .monaco-editor.focused, .notebook-editor .code-cell-row").first.wait_for()
        return file

    def close_all(self) -> None:
        """Save and close all files."""
        self.run("File: Save All Files")
        self.page.locator(".tab.dirty").first.wait_for(state="detached")
        self.run("View: Close All Editors")
        self.page.locator(".tab").first.wait_for(state="detached")

    @property
    def _box(self) -> Locator:
        """The input box of the palette and similar widgets."""
        return self.page.locator(".quick-input-widget input[type=text]")

    @property
    def status(self) -> Locator:
        """The extension's item in the status bar."""
        return self.page.locator('[id*="infill.status"] [aria-label]').first

    def wait_for_status(self, words: re.Pattern[str], patience: int = PATIENCE) -> None:
        """Wait until the text of the status item matches."""
        expect(self.status).to_have_attribute("aria-label", words, timeout=patience)

    def ghost(self) -> str:
        """Return the ghost text, empty if there is none; further lines after a line end."""
        text: str = self.page.evaluate(_GHOST)
        return text

    def taken(self, key: str) -> str:
        """Wait for ghost text, press a key that accepts all or part of it, and return the earlier ghost text."""
        ghost = self.wait_for_ghost()
        self.press(key)
        return ghost

    def wait_for_ghost(self, fits: Callable[[str], bool] = bool) -> str:
        """Wait until there is ghost text that fits, and return it."""
        return self.wait_for(self.ghost, fits, "ghost text")

    def edits(self) -> str:
        """Return the lines with next edits, as [-old-]{+new+}, and with the hint, as «hint», of the first editor."""
        return self.edits_by_editor()[0]

    def edits_by_editor(self) -> list[str]:
        """Return the same for each editor that is displayed."""
        lines: list[str] = self.page.evaluate(_EDITS)
        return lines

    def wait_for_edits(self, expected: str) -> None:
        """Wait until these edits are displayed."""
        self.wait_for(self.edits, lambda shown: shown == expected, "the next edits")

    def lines(self) -> list[str]:
        """Return the lines displayed in the editor, ghost text included."""
        lines: list[str] = self.page.evaluate(_LINES)
        return lines

    def saved(self, file: Path, fits: Callable[[str], bool]) -> str:
        """Save, and wait until the file on the disk fits; it is empty for a moment while it is written."""
        self.press("Control+s")
        written = partial(file.read_text, encoding="utf-8")
        return self.wait_for(written, lambda text: bool(text) and fits(text), f"{file.name} on the disk")

    def go_to(self, line: int, column: int) -> None:
        """Move the cursor to a line and column; both count from 1."""
        self.press("Control+g")
        self._box.fill(f":{line}:{column}")
        self._box.press("Enter")
        self.page.locator(".quick-input-widget").wait_for(state="hidden")
        expect(self.page.locator('[id="status.editor.selection"]')).to_contain_text(f"Ln {line}, Col {column}")

    def click_cell(self, number: int) -> None:
        """Put the cursor into a cell of a notebook; the first is 0."""
        self.page.locator(".code-cell-row .cell-editor-container").nth(number).click()
        self.page.locator(".code-cell-row .monaco-editor.focused").wait_for()

    def context_menu(self) -> Locator:
        """Open the editor's context menu at the cursor with the keyboard, and return its entries."""
        self.press("Shift+F10")
        return self.page.locator(".monaco-menu .action-label")

    def type(self, text: str) -> None:
        """Type as a user does, key by key."""
        self.page.keyboard.type(text, delay=30)

    def press(self, key: str) -> None:
        """Press a key, named as in playwright."""
        self.page.keyboard.press(key)

    def empty_line(self) -> None:
        """Delete the line that ends at the cursor, except for its indentation."""
        self.press("Escape")
        self.press("Shift+Home")
        self.press("Delete")

    def run(self, title: str) -> None:
        """Choose a command in the palette by its title."""
        self._choose(title)
        self.page.locator(".quick-input-widget").wait_for(state="hidden")

    def run_and_pick(self, title: str, entry: str) -> None:
        """Choose a command that offers a list in the palette's place, and an entry of the list."""
        self._choose(title)
        self.page.locator(".quick-input-widget .monaco-list-row").filter(has_text=entry).first.click()
        self.page.locator(".quick-input-widget").wait_for(state="hidden")

    def _choose(self, title: str) -> None:
        self.press("F1")
        self._box.fill(f">{title}")
        labels = self.page.locator(".quick-input-widget .label-name", has_text=re.compile(f"^{re.escape(title)}$"))
        labels.first.click()

    def act(self, title: str) -> None:
        """Choose an action of the selection's light bulb; retry if VS Code asked before it was available."""
        expect(self.page.locator('[id="status.editor.selection"]')).to_contain_text("selected")
        actions = self.page.locator(".action-widget .action-list-item, .action-widget .monaco-list-row")
        wanted = actions.filter(has_text=title)
        for patience in (5_000, 15_000, PATIENCE):
            self.press("Control+.")
            try:
                wanted.click(timeout=patience)
            except Error:
                self.press("Escape")
            else:
                return
        raise AssertionError(f"{title!r} is not offered")

    def wait_for_preview(self) -> None:
        """Wait until an edit is shown as a diff."""
        self.page.locator(".monaco-diff-editor .line-insert").first.wait_for(state="attached")

    def wait_for_no_preview(self) -> None:
        """Wait until no diff is shown any more."""
        self.page.locator(".monaco-diff-editor").first.wait_for(state="detached")

    def picture(self, name: str) -> Path:
        """Take a picture of the window, with the mouse at a place where it triggers nothing."""
        self.page.mouse.move(640, 790)
        self.page.locator(".monaco-hover:visible").wait_for(state="hidden")
        path = self._pictures / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def wait_for(self, look: Callable[[], str], fits: Callable[[str], bool], what: str) -> str:
        """Check again at every frame until the value fits."""
        seen = look()
        for _ in range(PATIENCE // 16):
            if fits(seen):
                return seen
            self.page.evaluate("() => new Promise(requestAnimationFrame)")
            seen = look()
        raise AssertionError(f"{what} never came to fit; at last it was {seen!r}")
