"""Fixtures for the tests of the VS Code extension: the packed extension in a real editor, with a real server.

The tests are skipped if a requirement is not installed: `install.sh` beside this file lists them.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[e2e])")

from playwright.sync_api import Browser, sync_playwright

from . import code_server, wheel
from .workbench import Workbench

ROOT = Path(__file__).parents[3]
EXTENSION = ROOT / "editors/vscode"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Folders = pytest.TempPathFactory
Start = Callable[[Mapping[str, object]], code_server.CodeServer]
Open = Callable[[str, str], tuple[Workbench, Path]]
NewWindow = Callable[[code_server.CodeServer, Path], Workbench]

FIRST = "empty.py"
"""The file open in a new window."""
READY = re.compile("is ready")
RUNNING = re.compile("is ready|is inactive")
"""Also a status left by the previously shown file, which the next test need not wait for."""
LOADING = 120_000
"""Milliseconds the model may take to load from a cold disk."""
INSTALLATION = 240_000
"""Milliseconds pip may take on a busy machine."""


@pytest.fixture(scope="session")
def tools() -> Path:
    """Return the folder of code-server, into which every editor of these tests is installed by default."""
    folder = Path(os.environ.get("INFILL_E2E_TOOLS", ROOT / ".venv/e2e")) / "code-server"
    if not (folder / "node_modules/code-server/out/node/entry.js").exists():
        pytest.skip(f"there is no code-server in {folder}; tests/e2e/vscode/install.sh installs it")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("there is no Chromium (apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def vsix(tmp_path_factory: Folders) -> Path:
    """Return the extension as published, packed from this checkout."""
    if not (EXTENSION / "node_modules").exists():
        pytest.skip("the extension's packages are not installed (npm ci --ignore-scripts in editors/vscode)")
    out = tmp_path_factory.mktemp("vsix") / "infill.vsix"
    command = ["npx", "vsce", "package", "--no-dependencies", "--out", str(out)]
    with (EXTENSION / "node_modules/.packing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Other processes of the tests build the same files.
        packed = subprocess.run(command, cwd=EXTENSION, capture_output=True, text=True, check=False)
    assert packed.returncode == 0, packed.stdout + packed.stderr
    return out


@pytest.fixture(scope="session")
def infill_lsp(tmp_path_factory: Folders) -> Path:
    """Return an `infill-lsp` that runs this checkout, with the model it ships."""
    script = tmp_path_factory.mktemp("bin") / "infill-lsp"
    path = os.pathsep.join((str(ROOT), str(ROOT / "model")))
    script.write_text(
        f'#!/bin/sh\nPYTHONPATH="{path}" exec "{sys.executable}" -m infill_lsp.cli "$@"\n', encoding="utf-8"
    )
    script.chmod(0o755)
    return script


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: Folders) -> Path:
    """Return the folder for pictures; it outlives the run if one is named."""
    named = os.environ.get("INFILL_E2E_PICTURES")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def start(tools: Path, vsix: Path, tmp_path_factory: Folders) -> Iterator[Start]:
    """Return a function that starts VS Code's server with the extension and some settings."""
    started = []

    def start(settings: Mapping[str, object]) -> code_server.CodeServer:
        home = tmp_path_factory.mktemp("code-server")
        code_server.install(tools, home, vsix)
        started.append(code_server.start(tools, home, settings))
        return started[-1]

    yield start
    for server in started:
        server.process.terminate()
        server.process.wait(timeout=20)


@pytest.fixture(scope="session")
def editor(start: Start, infill_lsp: Path) -> code_server.CodeServer:
    """Start VS Code with the real server and model, and a generous time budget for busy machines."""
    return start(
        {
            "infill.path": str(infill_lsp),
            "infill.budget.automatic": 5000,
            "infill.budget.invoked": 20000,
            "infill.confidence": 0,
            "infill.offerModels": False,
        }
    )


@pytest.fixture(scope="session")
def scripted_editor(start: Start, tmp_path_factory: Folders) -> code_server.CodeServer:
    """Start VS Code with the scripted server, which is not installed yet: the extension would install it."""
    return start({"infill.package": str(wheel.make(tmp_path_factory.mktemp("wheel")))})


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Start a browser without a screen; no longer than for a module, as its event loop is in the way of Neovim's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def new_window(browser: Browser, pictures: Path) -> Iterator[NewWindow]:
    """Return a function that opens an editor window on a folder with a file in it."""
    contexts = []

    def new_window(server: code_server.CodeServer, file: Path) -> Workbench:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        contexts.append(context)
        workbench = Workbench(context.new_page(), pictures)
        workbench.open(server.address(file.parent, file))
        return workbench

    yield new_window
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: Folders) -> Path:
    """Return the folder that is open in shared windows."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / FIRST).touch()
    return folder


@pytest.fixture(scope="module")
def shared_window(editor: code_server.CodeServer, new_window: NewWindow, workspace: Path) -> Workbench:
    """Return a window with the real server: opening one takes longer than most of the tests in it."""
    return new_window(editor, workspace / FIRST)


@pytest.fixture(scope="module")
def shared_scripted_window(
    scripted_editor: code_server.CodeServer, new_window: NewWindow, workspace: Path
) -> Workbench:
    """Return a window whose server is not installed until `installed` has done so."""
    return new_window(scripted_editor, workspace / FIRST)


@pytest.fixture
def open_file(shared_window: Workbench, workspace: Path, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Return a function that opens a file in an otherwise empty window and waits for the real server."""

    def open_file(name: str, text: str) -> tuple[Workbench, Path]:
        shared_window.wait_for_status(RUNNING, LOADING)
        return shared_window, shared_window.show(workspace / name, text)

    yield open_file
    shared_window.picture(f"last-of-{request.node.name}")


@pytest.fixture
def open_scripted(shared_scripted_window: Workbench, workspace: Path, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Return the same function for the scripted server, once it is installed."""

    def open_scripted(name: str, text: str) -> tuple[Workbench, Path]:
        installed(shared_scripted_window)
        return shared_scripted_window, shared_scripted_window.show(workspace / name, text)

    yield open_scripted
    shared_scripted_window.picture(f"last-of-{request.node.name}")


def installed(window: Workbench) -> None:
    """Accept the offer to install the server, if it is not installed yet."""
    window.wait_for_status(re.compile("is ready|no server yet"))
    if "no server yet" in (window.status.get_attribute("aria-label") or ""):
        window.picture("offer-to-install")
        window.page.get_by_role("button", name="Install", exact=True).click()
    window.wait_for_status(READY, INSTALLATION)
