"""Offers a larger model for download once, in words, and fetches it in a child process. Must not depend on an editor.

Nothing is offered if a model was set by hand, a larger one is already here, the user has said "Never", or a "Not now"
is a week old or less.
"""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from infill_lsp.errors import InfillError
from infill_lsp.models import fit
from infill_lsp.models.choice import memory_needed
from infill_lsp.settings import user_config
from infill_lsp.settings.settings import AUTO, ServerSettings
from infill_model.catalogue import published
from infill_model.catalogue.published import Published

DOWNLOAD: Final = "Download"
NOT_NOW: Final = "Not now"
NEVER: Final = "Never"

_AGAIN: Final = 7 * 24 * 3600.0
"""Seconds after "Not now" in which nothing is offered."""

_THREADS: Final = 4
"""CPU threads from which the largest model is worth offering; with fewer, it could hardly answer in time."""

_PATIENCE: Final = 2.0
"""Seconds that a child may take to stop."""

Choice = Callable[..., Awaitable[str | None]]
"""Asks a question with given answers; returns None if the user picks none."""

OnProgress = Callable[[str, int | None], None]
"""Receives the name of the current stage and the percentage done, None if unknown."""


class FetchError(InfillError):
    """A model could not be fetched, and why."""

    exit_code = 1


def offered(settings: ServerSettings) -> Published | None:
    """Return the model worth offering; None if there is none, or the user does not want to be asked."""
    if settings.engine.model != AUTO or settings.offer_models is False or _put_off():
        return None
    found = [it for it in published.published() if _has_room(it)]
    if any(published.is_current(it) for it in published.published()):
        return None
    return next((it for it in found if settings.engine.cpu_threads >= _THREADS or it is found[-1]), None)


def to_be_made_again(settings: ServerSettings) -> Published | None:
    """Return a model that was fetched but whose converted file is damaged or outdated; None if there is none."""
    mine = (it for it in published.published() if settings.engine.model in (AUTO, it.name))
    return next((it for it in mine if _is_fetched(it) and not published.is_current(it)), None)


def _is_fetched(it: Published) -> bool:
    return it.source.exists() and it.source.stat().st_size == it.size


def _has_room(it: Published) -> bool:
    """Report whether memory and disk have room for a model."""
    _, memory = fit.device_memory("cpu")
    place = next(one for one in (it.folder, *it.folder.parents) if one.exists())
    disk = it.size + it.registry.size + it.packed
    return (not memory or memory_needed(it) < memory) and disk < shutil.disk_usage(place).free


def question(it: Published) -> str:
    """Return the question for the user."""
    return (
        f"Infill can suggest far better code with a larger model, {it.parent} ({it.licence}). Downloading it takes "
        f"{it.size / 1e6:,.0f} MB, {(it.size + it.packed) / 1e9:.1f} GB of disk and about "
        f"{memory_needed(it) / 1e9:.1f} GB of memory; it runs on this machine and sends nothing. "
        "Until it is here, the built-in model answers."
    )


async def wanted(it: Published, choice: Choice) -> bool:
    """Ask the user; "Never" is stored in their configuration, "Not now" in the cache.

    Raises:
        SourceError: the answer cannot be stored.
    """
    answer = await choice(question(it), DOWNLOAD, NOT_NOW, NEVER)
    if answer == NEVER:
        user_config.offer_no_models()
    if answer == NOT_NOW:
        with suppress(OSError):
            _file().parent.mkdir(parents=True, exist_ok=True)
            _file().touch()
    return answer == DOWNLOAD


def _file() -> Path:
    return published.cache_folder() / "not-now"


def _put_off() -> bool:
    try:
        return time.time() - _file().stat().st_mtime < _AGAIN
    except OSError:
        return False


async def fetch(it: Published, on_progress: OnProgress) -> str:
    """Fetch, convert and measure a model in a child process, which ends with this one or when this is cancelled.

    Returns:
        What the user should know afterwards, as a sentence.

    Raises:
        FetchError: the model could not be fetched; the received data is kept.
    """
    words = (sys.executable, "-P", "-m", "infill_lsp.cli", "models", "use", it.name, "--yes", "--auto", "--json")
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        message, errors = await asyncio.gather(_follow(child, on_progress), _read(child.stderr))
        code = await child.wait()
    finally:
        await _end(child)
    if code != 0:
        last = errors.strip().rpartition("\n")[2].removeprefix("infill-lsp: ")
        raise FetchError(f"{it.name} could not be downloaded: {last or message}")
    return message


async def _follow(child: asyncio.subprocess.Process, on_progress: OnProgress) -> str:
    """Pass on the child's reports; return its last message in words."""
    title, total, message = "", 1, ""
    while child.stdout and (line := await child.stdout.readline()):
        event, fields = json.loads(line)
        match event:
            case "stage":
                title, total = fields["title"], max(1, fields["total"])
                on_progress(title, 0)
            case "at":
                on_progress(title, min(100, 100 * fields["done"] // total))
            case "say":
                message = fields["text"]
                on_progress(message, None)
    return message


async def _read(stream: asyncio.StreamReader | None) -> str:
    return (await stream.read()).decode("utf-8", "replace") if stream else ""


async def _end(child: asyncio.subprocess.Process) -> None:
    """Stop the child by closing its standard input and, if that does not help, by killing it."""
    if child.stdin:
        child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), _PATIENCE)
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
