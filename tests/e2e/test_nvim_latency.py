"""Milliseconds from a key to new ghost text on the screen of a real terminal, with the real model and its own budget.

Keys that match the ghost text do not count: typing along shows it at once and brings nothing new. Code is typed until
fifty keys have counted. The figures go to OUT, one JSON file for each Neovim.
"""

import json
import re
import statistics
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from nvim_driver import ONE_OF_EACH, OUT, REPOSITORY, Home, Neovim, Terminal, readme_init, real_server

WANTED = 50
SURE_OR_NOT = "settings = { confidence = 0 }"  # Showing more is no faster, and fifty keys are reached sooner.
MOST_KEYS = 600
LONGEST = 5.0  # seconds after which a key counts as one without ghost text, regardless of the answer
NEW_LINE = ("o", "0", "C-d")  # without indentation
# The status line counts answers, so that a key without ghost text is known as soon as the server has answered. An
# answer is drawn a moment after its event.
INIT = """
vim.o.laststatus, vim.g.answers = 2, 0
vim.o.statusline = "answers %{g:answers} %{v:lua.require'infill'.statusline()}"
vim.api.nvim_create_autocmd("LspRequest", { callback = function(event)
  local request = event.data.request
  if request.method == "textDocument/inlineCompletion" and request.type == "complete" then
    vim.defer_fn(function() vim.g.answers = vim.g.answers + 1; vim.cmd.redrawstatus() end, 30)
  end
end })
"""


def behind(terminal: Terminal, typed: str) -> str | None:
    """Return the text after the cursor; None until the screen shows it directly after the typed text."""
    column, row = map(int, terminal.tell("display-message -p -t e2e '#{cursor_x} #{cursor_y}'").split())
    line = terminal.screen().splitlines()[row].ljust(column)
    return line[column:].rstrip() if column == len(typed) and line.startswith(typed) else None


def answers(terminal: Terminal) -> int:
    """Return the number of answers the status line has counted."""
    found = re.search(r"answers (\d+)", terminal.screen())
    return int(found[1]) if found else 0


def strike(terminal: Terminal, line: str, key: str, shown: str) -> tuple[float | None, str]:
    """Type one key; return the milliseconds until new ghost text (None without any), and the ghost text then shown.

    Ghost text that no longer fits may remain for a while; it does not end the wait.
    """
    through, stale = shown.startswith(key), (shown, shown[1:])
    before, start = answers(terminal), time.perf_counter()
    terminal.type("-l", key)
    while time.perf_counter() - start < LONGEST:
        ghost = behind(terminal, line + key)
        if ghost and (through or ghost not in stale):
            return (None if through else (time.perf_counter() - start) * 1e3), ghost
        if answers(terminal) > before:
            return None, behind(terminal, line + key) or ""
    return None, ""


def keystrokes(terminal: Terminal, code: list[str]) -> Iterator[float | None]:
    """Type lines of code key by key, each on a line of its own; yield the time each key took."""
    for text in code:
        line, ghost = "", ""
        for key in text:
            ms, ghost = strike(terminal, line, key, ghost)
            line += key
            yield ms
        terminal.leave_insert()
        terminal.type(*NEW_LINE)
        terminal.until(lambda _: behind(terminal, "") is not None)


def until_enough(times: Iterator[float | None]) -> tuple[list[float], int]:
    """Return the milliseconds of the keys that brought new ghost text, and the number typed."""
    new: list[float] = []
    typed = 0
    for ms in islice(times, MOST_KEYS):
        typed += 1
        new += [ms] if ms is not None else []
        if len(new) == WANTED:
            break
    return new, typed


@pytest.mark.parametrize("neovim", ONE_OF_EACH, ids=str)
def test_milliseconds_from_key_to_ghost_text(neovim: Neovim, tmp_path: Path) -> None:
    program = neovim.or_skip()
    home = Home(tmp_path, real_server(), readme_init(neovim.backend, SURE_OR_NOT) + INIT)
    text = (REPOSITORY / "examples" / "basket.py").read_text()
    examples = (path.read_text() for path in sorted((REPOSITORY / "examples").glob("[am]*.py")))
    # Lines of files other than the open one: its own lines would be typed along the ghost text.
    lines = [line.strip() for example in examples for line in example.splitlines()]
    code = [line for line in lines if re.search(r"[(=]", line)]
    words = " ".join(dict.fromkeys(re.findall(r"[^\W\d]\w*", "\n".join(code))))
    text = f"# {words}\n{text}"  # What a comment names may be suggested.
    terminal = Terminal(home, [str(program), "--clean", "-n", "-u", str(home.init), str(home.file("basket.py", text))])
    try:
        terminal.until(lambda screen: "infill: ready" in screen)
        terminal.type("G", *NEW_LINE)
        new, typed = until_enough(keystrokes(terminal, code))
    finally:
        terminal.close()
    assert len(new) == WANTED, f"{typed} keys brought new ghost text only {len(new)} times"
    cuts = statistics.quantiles(new, n=20, method="inclusive")
    report = {"keys": typed, "new": len(new), "p50_ms": round(cuts[9]), "p95_ms": round(cuts[18]), "all_ms": new}
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"nvim-{neovim}-latency.json").write_text(json.dumps(report, indent=1))
    print(f"{neovim}: {report['p50_ms']} ms, 95 of 100 within {report['p95_ms']} ms, {typed} keys")
