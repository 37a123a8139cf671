"""Milliseconds from a key to ghost text on the screen of a real terminal, over at least fifty keystrokes.

The figures go to the folder named by INFILL_E2E_OUT, by default build/e2e, as one JSON file per Neovim and server.
"""

import json
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from nvim_driver import NEOVIMS, REPOSITORY, Home, Neovim, Terminal, readme_init, real_server, scripted_server

OUT = Path(os.environ.get("INFILL_E2E_OUT", REPOSITORY / "build" / "e2e"))
STATUS_LINE = "vim.o.statusline, vim.o.laststatus = \"%{v:lua.require'infill'.statusline()}\", 2\n"
NEW_LINE = ("o", "0", "C-d")  # without indentation
LONGEST = 1.5  # seconds after which a key counts as one without ghost text
TYPED = {
    "scripted": ("return first + secon", "for index, value in", "return first + seco", "return first + secon"),
    "model": ("basket = Basket()", "basket.add(item)", "self.items.append(item)", "total = Decimal(0)"),
}


@dataclass(frozen=True)
class Key:
    """A keystroke: its milliseconds to ghost text, None without any, and which of three kinds of keys it is.

    `typed on`: it is what the ghost text said; `other`: it is not, or there was none; `dismissed`: what was shown was
    dismissed before, so that every one of these goes all the way to the server and back.
    """

    kind: str
    ms: float | None


def behind(terminal: Terminal, typed: str) -> str | None:
    """What stands behind the cursor; None until the screen shows it right behind what was typed."""
    column, row = map(int, terminal.tell("display-message -p -t e2e '#{cursor_x} #{cursor_y}'").split())
    line = terminal.screen().splitlines()[row].ljust(column)
    return line[column:].rstrip() if column == len(typed) and line.startswith(typed) else None


def strike(terminal: Terminal, line: str, key: str, shown: str) -> tuple[float | None, str]:
    """Types one key; its milliseconds until new ghost text, and that.

    Ghost text that no longer fits may stand on for a while; that is not what is waited for.
    """
    stale = () if shown.startswith(key) else (shown, shown[1:])
    start = time.perf_counter()
    terminal.type("-l", key)
    while time.perf_counter() - start < LONGEST:
        ghost = behind(terminal, line + key)
        if ghost and ghost not in stale:
            return (time.perf_counter() - start) * 1e3, ghost
        time.sleep(0.001)
    return None, ""


def type_all(terminal: Terminal, texts: tuple[str, ...], dismiss: bool) -> Iterator[Key]:
    """Types the texts key by key, each on a line of its own."""
    for text in texts:
        line, ghost = "", ""
        for key in text:
            if dismiss:
                terminal.type("M-e")
                terminal.until(lambda _, line=line: behind(terminal, line) == "")
                ghost = ""
            kind = "dismissed" if dismiss else "typed on" if ghost.startswith(key) else "other"
            ms, ghost = strike(terminal, line, key, ghost)
            line += key
            yield Key(kind, ms)
        terminal.leave_insert()
        terminal.type(*NEW_LINE)
        terminal.until(lambda _: behind(terminal, "") is not None)


def figures(keys: list[Key]) -> dict[str, int]:
    times = [key.ms for key in keys if key.ms is not None]
    if len(times) < 2:
        return {"keys": len(keys), "shown": len(times)}
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return {"keys": len(keys), "shown": len(times), "p50_ms": round(cuts[9]), "p95_ms": round(cuts[18])}


@pytest.mark.parametrize("server", ["scripted", "model"])
@pytest.mark.parametrize("neovim", NEOVIMS, ids=lambda one: f"{one.name}-{one.backend or 'auto'}")
def test_milliseconds_from_key_to_ghost_text(neovim: Neovim, server: str, tmp_path: Path) -> None:
    program = neovim.or_skip()
    command = scripted_server() if server == "scripted" else real_server()
    home = Home(tmp_path, command, readme_init(neovim.backend) + STATUS_LINE)
    text = "" if server == "scripted" else (REPOSITORY / "examples" / "basket.py").read_text()[-400:]
    terminal = Terminal(home, [str(program), "--clean", "-n", "-u", str(home.init), str(home.file("basket.py", text))])
    try:
        terminal.until(lambda screen: "infill: ready" in screen)
        terminal.type("G", *NEW_LINE)
        keys = [key for dismiss in (False, True) for key in type_all(terminal, TYPED[server], dismiss)]
    finally:
        terminal.close()
    report = {kind: figures([key for key in keys if key.kind == kind]) for kind in ("typed on", "other", "dismissed")}
    OUT.mkdir(parents=True, exist_ok=True)
    name = f"nvim-{neovim.name}-{neovim.backend or 'auto'}-{server}.json"
    (OUT / name).write_text(json.dumps({**report, "strokes": [asdict(key) for key in keys]}, indent=1))
    print(name, report)
    assert report["dismissed"]["keys"] >= 50
    assert report["dismissed"]["shown"] >= 20
