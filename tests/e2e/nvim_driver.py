"""Drive a real Neovim from tests: list the versions, give each a home of its own, and wait for its display."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
PLUGIN = REPOSITORY / "editors" / "nvim"
TOOLS = Path(os.environ.get("INFILL_E2E_TOOLS", REPOSITORY / ".venv" / "e2e")).absolute()
OUT = Path(os.environ.get("INFILL_E2E_OUT", REPOSITORY / "build" / "e2e"))  # output for people to inspect afterwards
PATIENCE = float(os.environ.get("INFILL_E2E_PATIENCE", "60"))  # seconds to wait for a state before failing

# All ghost text in a buffer from top to bottom and left to right, whichever backend drew it.
GHOST = """
local seen = {}
for _, name in ipairs({ 'infill.ghost', 'nvim.lsp.inline_completion' }) do
  local namespace = vim.api.nvim_create_namespace(name)
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
    local text = ''
    for _, chunk in ipairs(mark[4].virt_text or {}) do text = text .. chunk[1] end
    for _, line in ipairs(mark[4].virt_lines or {}) do
      text = text .. '\\n'
      for _, chunk in ipairs(line) do text = text .. chunk[1] end
    end
    if text ~= '' then seen[#seen + 1] = text end
  end
end
return table.concat(seen, '…')
"""

# The marks of a namespace: each with its row, column and details.
MARKS = """
local namespace = vim.api.nvim_create_namespace(...)
return vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
"""


@dataclass(frozen=True)
class Neovim:
    """A Neovim to test with.

    Attributes:
        name: as in `install_nvim.sh`: the Debian release it comes from.
        backend: the backend passed to `setup`; None for the plugin's default.
    """

    name: str
    backend: str | None

    @property
    def program(self) -> Path:
        return TOOLS / f"nvim-{self.name}" / "nvim"

    def __str__(self) -> str:
        return f"{self.name}-{self.backend or 'auto'}"

    def or_skip(self) -> Path:
        """Return the program, or skip the test."""
        if not self.program.exists():
            pytest.skip(f"no {self.program}; tests/e2e/install_nvim.sh {self.name} installs it")
        return self.program


# Debian testing has 0.12, trixie has 0.10.
NEOVIMS = (Neovim("testing", None), Neovim("testing", "extmarks"), Neovim("trixie", None))
ONE_OF_EACH = (NEOVIMS[0], NEOVIMS[2])  # one per backend, for tests that need no more


def readme_init(backend: str | None, more: str = "") -> str:
    """Return the README's init.lua, for this checkout."""
    block = re.search(r"```lua\n(.*?)```", (PLUGIN / "README.md").read_text(), re.DOTALL)
    assert block is not None
    assert len(block[1].splitlines()) <= 5
    init = block[1].replace("~/src/infill-lsp", str(REPOSITORY))
    options = ([f'backend = "{backend}"'] if backend else []) + ([more] if more else [])
    return init.replace("setup()", "setup({ " + ", ".join(options) + " })") if options else init


class Home:
    """A folder in which one Neovim lives: its configuration and state, a program `infill-lsp`, the user's files."""

    def __init__(self, folder: Path, server: list[str], init: str) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self.project = folder / "project"
        self.init = folder / "init.lua"
        for name in ("bin", "project", "xdg"):
            (folder / name).mkdir(parents=True)
        self.init.write_text(init)
        program = folder / "bin" / "infill-lsp"
        words = " ".join(f"'{word}'" for word in server)
        program.write_text(f"#!/bin/sh\nexec {words}\n")
        program.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        xdg = {f"XDG_{kind}_HOME": str(self.folder / "xdg" / kind) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {
            **os.environ,
            **xdg,
            "PATH": path,
            "SCRIPTED_LOG": str(self.log),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
        }

    def file(self, name: str, text: str) -> Path:
        """Write a user file."""
        path = self.project / name
        path.write_text(text)
        return path

    def messages(self, method: str = "") -> list[dict[str, Any]]:
        """Return the messages the scripted server has received so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        read = [json.loads(line) for line in lines if line.endswith("}")]
        return [message for message in read if message.get("method", "") == method]

    def server_pid(self) -> int:
        return int([message for message in self.messages() if "pid" in message][-1]["pid"])


class Editor:
    """A running Neovim without a screen."""

    def __init__(self, nvim: Any) -> None:
        self.nvim = nvim

    def type(self, keys: str) -> None:
        """Type keys in Neovim's notation, such as <M-l>."""
        self.nvim.input(keys)

    def ghost(self) -> str:
        return str(self.nvim.exec_lua(GHOST))

    def edits(self) -> str:
        """Return the lines with next edits, as [-old-]{+new+}, and with the hint, as «hint»; new lines on their own."""
        drawn: dict[int, list[tuple[int, str]]] = {}
        lines = [line.encode() for line in self.lines()]
        marks = self.lua(MARKS, "infill.next_edit") + self.lua(MARKS, "infill.next_edit.hint")
        for _, row, column, details in marks:
            end_row, end_column = details.get("end_row", row), details.get("end_col", column)
            for n in range(row, end_row + 1) if details.get("hl_group") else ():
                start, stop = column if n == row else 0, end_column if n == end_row else len(lines[n])
                if stop > start:
                    drawn.setdefault(n, []).extend(((start, "[-"), (stop, "-]")))
            for text, group in details.get("virt_text", ()):
                hint = group == "InfillNextEditHint"
                place = len(lines[row]) if hint else column
                drawn.setdefault(row, []).append((place, f"«{text.strip()}»" if hint else f"{{+{text}+}}"))
            for chunks in details.get("virt_lines", ()):
                drawn.setdefault(row, []).append((len(lines[row]) + 1, f"\n{{+{chunks[0][0]}+}}"))
        return "\n".join(_marked(lines[row], drawn[row]) for row in sorted(drawn))

    def lines(self) -> list[str]:
        return list(self.nvim.current.buffer[:])

    def cursor(self) -> tuple[int, int]:
        """Return the row from 1 and the column in bytes from 0."""
        return tuple(self.nvim.current.window.cursor)

    def lua(self, code: str, *values: object) -> Any:
        return self.nvim.exec_lua(code, *values)

    def until(self, what: Callable[[], object], wanted: object) -> None:
        """Wait until a state has the wanted value."""
        deadline = time.monotonic() + PATIENCE
        while (now := what()) != wanted:
            if time.monotonic() > deadline:
                said = self.nvim.command_output("messages")
                pytest.fail(f"{now!r} is still not {wanted!r}; lines {self.lines()}; messages: {said}")
            time.sleep(0.002)

    def open(self, file: Path, row: int, column: int = 0) -> None:
        """Open a file as `:edit` does, with the cursor at a row from 1 and a column from 0, in normal mode.

        Undo history starts here.
        """
        self.nvim.command("stopinsert")
        self.until(lambda: self.lua("return vim.api.nvim_get_mode().mode"), "n")
        self.nvim.command(f"edit! {file}")
        self.nvim.current.window.cursor = (row, column)
        self.until(lambda: self.lua("return #vim.lsp.get_clients({ name = 'infill', bufnr = 0 })"), 1)

    def last(self) -> str:
        """Return the last line without its indentation."""
        return self.lines()[-1].strip()

    def some_ghost(self) -> str:
        """Return the ghost text, once there is some."""
        self.until(lambda: self.ghost() != "", True)
        return self.ghost()

    def ready(self) -> None:
        """Wait until the server reports that it is ready."""
        self.until(lambda: self.lua("return (require('infill.client').status(0) or {}).state"), "ready")


def _marked(line: bytes, drawn: list[tuple[int, str]]) -> str:
    """Return a line with texts put into it at their columns, in bytes; those of the same column in their order."""
    marked, behind = "", 0
    for column, text in sorted(drawn, key=lambda it: it[0]):
        marked += line[behind:column].decode() + text
        behind = column
    return marked + line[behind:].decode()


@contextmanager
def editing(neovim: Neovim, home: Home, file: Path, *flags: str) -> Iterator[Editor]:
    """Start Neovim with a file open; without flags, the init.lua is the only personal file read."""
    pynvim = pytest.importorskip("pynvim")
    program = neovim.or_skip()
    arguments = ["env", *(f"{name}={value}" for name, value in home.environment.items())]
    arguments += [
        str(program),
        "--embed",
        "--headless",
        *(flags or ("--clean",)),
        "-n",
        "-u",
        str(home.init),
        str(file),
    ]
    nvim = pynvim.attach("child", argv=arguments)
    try:
        yield Editor(nvim)
    finally:
        try:
            nvim.command("qa!")
        except (OSError, EOFError):
            pass
        nvim.close()


class Terminal:
    """A terminal of 100 by 30, held by tmux, with a tmux server of its own.

    All commands go through one control client: starting a program for each look would take longer than the timed
    action.
    """

    def __init__(self, home: Home, command: list[str]) -> None:
        if shutil.which("tmux") is None:
            pytest.skip("no tmux")
        self.socket = str(home.folder / "tmux")
        words = ["new-session", "-d", "-x", "100", "-y", "30", "-s", "e2e", *command]
        subprocess.run([*self.tmux, "-f", "/dev/null", *words], env=home.environment, check=True)
        # Waiting for the rest of an Escape sequence would slow down both.
        subprocess.run([*self.tmux, "set-option", "-sg", "escape-time", "0"], check=True)
        pipe = subprocess.PIPE
        self.control = subprocess.Popen(
            [*self.tmux, "-C", "attach", "-f", "no-output"], stdin=pipe, stdout=pipe, text=True, encoding="utf-8"
        )
        self._answer()

    @property
    def tmux(self) -> list[str]:
        return ["tmux", "-S", self.socket]

    def tell(self, command: str) -> str:
        """Run a tmux command and return its output."""
        assert self.control.stdin is not None
        self.control.stdin.write(command + "\n")
        self.control.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self.control.stdout is not None
        said: list[str] | None = None
        for line in self.control.stdout:
            if line.startswith("%begin "):
                said = []
            elif line.startswith(("%end ", "%error ")) and said is not None:
                return "".join(said)
            elif said is not None:
                said.append(line)
        raise EOFError("tmux has ended")

    def screen(self) -> str:
        """Return the screen as a user would see it."""
        return self.tell("capture-pane -p -t e2e")

    def type(self, *keys: str) -> None:
        """Type texts, or keys in tmux notation, such as M-l."""
        self.tell("send-keys -t e2e " + " ".join(shlex.quote(key) for key in keys))

    def until(self, shown: Callable[[str], bool]) -> str:
        """Wait until the screen is as wanted, and return it."""
        deadline = time.monotonic() + PATIENCE
        while not shown(screen := self.screen()):
            if time.monotonic() > deadline:
                pytest.fail(f"the screen is still not as wanted:\n{screen}")
            time.sleep(0.001)
        return screen

    def leave_insert(self) -> None:
        """Return to normal mode; a key typed right after an Escape would combine with it to an Alt key."""
        self.type("Escape")
        self.until(lambda screen: "-- INSERT --" not in screen)

    def close(self) -> None:
        subprocess.run([*self.tmux, "kill-server"], check=False)
        self.control.wait()


def scripted_server() -> list[str]:
    """Return the command of a server that answers from tables and logs requests, without code of the real one."""
    return [sys.executable, str(Path(__file__).with_name("scripted_lsp.py"))]


def real_server() -> list[str]:
    """Return the command of this checkout's server, with the embedded model on one thread."""
    return [*_PATHS, "OMP_NUM_THREADS=1", sys.executable, "-m", "infill_lsp.cli", "--stdio"]


def real_server_with_scripted_model() -> list[str]:
    """Return the command of this checkout's server; the first line of the edited file scripts its model."""
    return [*_PATHS, sys.executable, str(REPOSITORY / "tests" / "lsp" / "cli_with_fake_engine.py"), "--stdio"]


_PATHS = ("env", f"PYTHONPATH={REPOSITORY}:{REPOSITORY / 'model'}")
