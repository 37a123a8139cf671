"""Fetches a model from the hub: plans the download, checks for room, then fetches the files, resuming if possible.

Only safetensors, JSON and tokenizer files are fetched, never anything executable. Files lie where the hub's own tools
look for them. Prints nothing but a progress bar.
"""

import errno
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlparse

from infill_lsp.errors import InfillError
from infill_model.catalogue.hub import model_folder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

WANTED: Final = ("*.safetensors", "*.json", "tokenizer.model", "merges.txt", "vocab.txt")
_FOR_A_LOOK: Final = ("config.json", "tokenizer_config.json", "added_tokens.json", "tokenizer.json")
_SMALL: Final = 32 * 1024 * 1024
"""Size in bytes below which a file is fetched anew rather than resumed."""


class DownloadError(InfillError):
    """A model cannot be fetched, and why."""


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """What would be fetched.

    Attributes:
        name: the model's name on the hub.
        revision: the commit.
        files: file names, weights first and config.json last, so that a model that can be found is complete.
        sizes: sizes of the files, in bytes.
        licence: the licence according to the model card.
        folder: the destination.
    """

    name: str
    revision: str
    files: tuple[str, ...]
    sizes: tuple[int, ...]
    licence: str
    folder: Path

    @property
    def size(self) -> int:
        """Total size of all files, in bytes."""
        return sum(self.sizes)


def plan(name: str, hub: Path) -> DownloadPlan:
    """Ask the hub for a model's files.

    Raises:
        DownloadError: the hub does not have the model, does not give it to everyone, or cannot be reached.
    """
    with _in_words(name):
        from huggingface_hub import HfApi  # noqa: PLC0415  # It takes half a second, and may not be installed.

        info = HfApi().model_info(name, files_metadata=True)
    there = {it.rfilename: it.size or 0 for it in info.siblings or [] if _is_wanted(it.rfilename)}
    if not any(it.endswith(".safetensors") for it in there):
        raise DownloadError(f"{name} has no weights in safetensors, the only format that is ever opened")
    files = tuple(sorted(there, key=lambda it: (not it.endswith(".safetensors"), it == "config.json", it)))
    named = (getattr(info.card_data, key, None) for key in ("license_name", "license"))
    licence = str(next((it for it in named if it), "not stated, see its card"))
    return DownloadPlan(
        name, info.sha or "main", files, tuple(there[it] for it in files), licence, model_folder(hub, name)
    )


def _is_wanted(file: str) -> bool:
    return "/" not in file and any(fnmatch(file, it) for it in WANTED)


@contextmanager
def look(it: DownloadPlan) -> Iterator[Path]:
    """Yield a temporary folder with the few small files that tell the kind of model.

    Raises:
        DownloadError: the files cannot be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="infill-look-") as place:
        for file in it.files:
            if file in _FOR_A_LOOK:
                folder = _fetch_small(it, file, Path(place)).parent
        yield folder


def check_room(it: DownloadPlan) -> None:
    """Check that the disk has room for the rest of the download.

    Raises:
        DownloadError: there is not enough room.
    """
    place = next(one for one in (it.folder, *it.folder.parents) if one.exists())
    blobs = it.folder / "blobs"
    here = sum(one.stat().st_size for one in blobs.iterdir()) if blobs.is_dir() else 0
    free, needed = shutil.disk_usage(place).free, it.size - here
    if free < needed:
        raise DownloadError(
            f"{it.name} needs {needed / 1e9:.1f} GB more, but only {free / 1e9:.1f} GB are free in {place}; make "
            "room, or set HF_HOME to a folder on another disk"
        )


def fetch(it: DownloadPlan) -> Path:
    """Fetch all files, resuming an earlier attempt, and return the model's folder.

    Raises:
        DownloadError: the download stopped on the way; the received data is kept.
    """
    hub = it.folder.parent
    for file, size in zip(it.files, it.sizes, strict=True):
        if size >= _SMALL and file.endswith(".safetensors"):
            _fetch_large(it, file)
        path = _fetch_small(it, file, hub)
    return path.parent


def _fetch_small(it: DownloadPlan, file: str, hub: Path) -> Path:
    """Fetch a file with the hub's tools, which only link to its content if that is already there."""
    with _in_words(it.name):
        from huggingface_hub import hf_hub_download  # noqa: PLC0415  # see above

        return Path(hf_hub_download(it.name, file, revision=it.revision, cache_dir=hub))


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on the hub.

    Attributes:
        url: the address of its content.
        etag: the content's ETag; for large files the SHA-256.
        size: size in bytes.
        headers: request headers for fetching it.
    """

    url: str
    etag: str
    size: int
    headers: dict[str, str]


def remote(name: str, file: str, revision: str | None = None) -> Remote:
    """Ask the hub for a file of a model, without its content.

    Raises:
        DownloadError: the hub does not have it, does not give it to everyone, or cannot be reached.
    """
    with _in_words(name):
        from huggingface_hub import get_hf_file_metadata, hf_hub_url  # noqa: PLC0415  # see above
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # noqa: PLC0415  # It is documented.

        url, headers = hf_hub_url(name, file, revision=revision), build_hf_headers()
        found = get_hf_file_metadata(url)
        if urlparse(found.location).netloc != urlparse(url).netloc:
            headers.pop("authorization", None)  # It is for the hub, not for the host that stores the hub's files.
        return Remote(found.location, str(found.etag), found.size or 0, headers)


def go_on(name: str, it: Remote, part: Path, on_bytes: Callable[[int], None] | None = None) -> None:
    """Fetch a file's content into `part`, resuming after any content already there.

    The hub's tools themselves start over on every run.

    Args:
        name: the model's name, for messages.
        it: the file to fetch.
        part: the destination; it may exist.
        on_bytes: called with the size of `part` now and then, in place of the hub's progress bar.

    Raises:
        DownloadError: the download stopped on the way; the received data is kept.
    """
    with _in_words(name), _Watched(part, on_bytes) as stream:
        from huggingface_hub.file_download import http_get  # noqa: PLC0415  # see above
        from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]  # noqa: PLC0415  # see above

        if on_bytes is not None:
            disable_progress_bars("huggingface_hub.http_get")
        http_get(it.url, stream, resume_size=stream.tell(), headers=it.headers, expected_size=it.size)


class _Watched(io.FileIO):
    """An unbuffered file in append mode that reports its size."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None] | None) -> None:
        super().__init__(path, "ab")
        self._on_bytes = on_bytes

    def write(self, data: "ReadableBuffer", /) -> int:
        """Append, and report the new size."""
        written = super().write(data)
        if self._on_bytes is not None:
            self._on_bytes(self.tell())
        return written


def _fetch_large(it: DownloadPlan, file: str) -> None:
    """Fetch a file's content to where the hub's tools keep it."""
    found = remote(it.name, file, it.revision)
    blob = it.folder / "blobs" / found.etag
    if blob.exists():
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{blob.name}.part")
    go_on(it.name, found, part)
    part.replace(blob)


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    """Turn errors of the hub into sentences."""
    try:
        yield
    except ImportError as error:
        raise DownloadError("downloads need huggingface_hub: `pip install 'infill-lsp[checkpoints]'`") from error
    except OSError as error:  # The hub's own errors are among them.
        raise DownloadError(_sentence(name, error)) from error
    except Exception as error:  # From any HTTP library that the hub's client uses.
        raise DownloadError(f"{name} could not be downloaded: {_first_line(error)}; {AGAIN}") from error


AGAIN: Final = "the received data is kept, and the same command resumes the download"


def _sentence(name: str, error: OSError) -> str:
    from huggingface_hub import errors  # noqa: PLC0415  # see above

    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"{name} is not here, and HF_HUB_OFFLINE forbids downloads"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{name} is gated: read and accept its licence on its page on the hub, then log in with `hf auth login`, "
            "and try again"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"the hub has no model {name}, or it is not public (`hf auth login`)"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full; make room: {AGAIN}"
    return f"{name} could not be downloaded: {_first_line(error)}; {AGAIN}"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
