"""Fetch packages with the standard clients of PyPI, npm and Debian. They are read, never installed or run.

Python source distributions are not used, because pip runs their build script even to download them.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infill_model.data.archives import Package, open_deb, open_npm, open_wheel
from infill_model.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Registry:
    """A source of packages.

    Attributes:
        suffix: of the archives.
        open: reads an archive.
        command: fetches a package of this name and version into a folder; runs in that folder.
        environment: variables set for the command in addition to the current environment.
    """

    suffix: str
    open: Callable[[Path], Package]
    command: Callable[[str, str, Path], Sequence[str]]
    environment: Mapping[str, str]

    def fetch(self, name: str, version: str, cache: Path) -> Path:
        """Get the archive of a package, from `cache` or through the client.

        Raises:
            CorpusError: the client is missing or cannot get the archive.
        """
        folder = cache / f"{name.replace('/', '+')}-{version}"
        if not any(folder.glob(f"*{self.suffix}")):
            folder.mkdir(parents=True, exist_ok=True)
            self._run(self.command(name, version, folder.absolute()), folder, f"{name} {version}")
        return min(folder.glob(f"*{self.suffix}"))

    def _run(self, command: Sequence[str], folder: Path, wanted: str) -> None:
        try:
            ran = subprocess.run(
                command,
                cwd=folder,
                env=os.environ | self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise CorpusError(f"cannot fetch {wanted}: {command[0]} cannot be run ({error.strerror})") from error
        if ran.returncode != 0 or not any(folder.glob(f"*{self.suffix}")):
            raise CorpusError(f"cannot fetch {wanted}: {_reason(ran.stderr)}")


def _reason(output: str) -> str:
    """Return the reason a client gave: the last line that begins like an error, else the whole output."""
    lines = output.strip().splitlines()
    found = next((it for it in reversed(lines) if it.startswith(("ERROR", "E:", "npm error"))), output)
    again = "; run `apt-get update` and try again" if found.startswith("E: Version") else ""
    return found.removeprefix("ERROR: ").removeprefix("E: ").removeprefix("npm error ").strip() + again


def _pip(name: str, version: str, folder: Path) -> Sequence[str]:
    # One fixed platform, so that everyone trains on the same archives.
    where = ["--python-version=3.13", *(f"--platform=manylinux_2_{minor}_x86_64" for minor in (28, 27, 24, 17))]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    return [*pip, "--only-binary=:all:", *where, f"--dest={folder}", f"{name}=={version}"]


def _npm(name: str, version: str, folder: Path) -> Sequence[str]:
    return ["npm", "pack", "--ignore-scripts", "--silent", f"--pack-destination={folder}", f"{name}@{version}"]


def _apt(name: str, version: str, _folder: Path) -> Sequence[str]:
    return ["apt-get", "download", "--quiet", f"{name}={version}"]


REGISTRIES: Final[Mapping[str, Registry]] = {
    "pypi": Registry(".whl", open_wheel, _pip, {"PIP_CONSTRAINT": ""}),  # The project's own pins do not apply here.
    "npm": Registry(".tgz", open_npm, _npm, {}),
    "debian": Registry(".deb", open_deb, _apt, {}),
}
"""Every registry a source can name."""
