"""Converts a fetched GGUF file into the file that is loaded: head trimmed, low-rank update merged, weights packed.

A child process does this, because it takes torch. Next to the file lies a record of its size, its hash, and its
origin, by which a damaged or outdated file is detected and made again.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, Literal

from infill_lsp.engine.process import engine_environment
from infill_lsp.errors import InfillError
from infill_lsp.models.child import Child
from infill_lsp.models.fetch import sha256
from infill_lsp.models.progress import ProgressDisplay
from infill_model.catalogue.published import FORMAT, ConversionRecord, Published, fingerprint, is_current, recorded

State = Literal["current", "missing", "damaged", "outdated"]

_SHARE: Final = re.compile(r"(\d+) of (\d+)")
"""The child's progress as it prints it: `layer 7 of 24`."""


class ConversionError(InfillError):
    """A model cannot be converted, and why."""

    exit_code = 1


def state(it: Published) -> State:
    """Return the state of the converted file; reads all of it, which takes seconds."""
    record = recorded(it)
    if record is None or not it.converted.exists():
        return "missing"
    if it.converted.stat().st_size != record.size or sha256(it.converted) != record.sha256:
        return "damaged"
    return "current" if is_current(it) else "outdated"


def command(it: Published, out: Path) -> Sequence[str]:
    """Return the child's command line."""
    update = ("--update", str(it.update)) if it.update else ()
    words = (sys.executable, "-P", "-m", "infill_model.cli", "convert")
    return (*words, "--gguf", str(it.source), *update, "--out", str(out), "--name", it.name)


def convert(it: Published, progress: ProgressDisplay) -> None:
    """Convert the fetched file, and write the record.

    Raises:
        ConversionError: the child fails, or the disk is full; an older file stays as it was.
    """
    out = it.folder / f"{it.converted.name}.part"
    _clean(out)
    progress.stage("Converting", 100, in_bytes=False)
    try:
        _run(command(it, out), progress)
        record = ConversionRecord(out.stat().st_size, sha256(out), it.sha256, fingerprint(it), FORMAT)
        _install(it, out, record)
    except OSError as error:
        raise ConversionError(
            f"{out}: cannot be written ({error.strerror or error}); make room, and try again"
        ) from error
    finally:
        _clean(out)


def _clean(out: Path) -> None:
    """Delete the leftovers of a stopped conversion."""
    for file in out.parent.glob(f"{out.name}*"):
        file.unlink(missing_ok=True)


def _run(words: Sequence[str], progress: ProgressDisplay) -> None:
    """Run the child; if it fails, its last output is the reason."""
    with Child(words, engine_environment()) as child:
        while child.runs():
            progress.at(_percent(child.output))
    if child.code != 0:
        last = child.output.strip().rpartition("\n")[2].removeprefix("infill-model: ").rstrip(".")
        raise ConversionError(f"the model cannot be converted: {last or f'the converter ended with {child.code}'}")
    progress.at(100)


def _percent(output: str) -> int:
    """Return a child's progress according to its output, from 0 to 100."""
    found = list(_SHARE.finditer(output))
    if not found:
        return 0
    done, total = map(int, found[-1].groups())
    return min(100, 100 * done // max(1, total))


def _install(it: Published, out: Path, record: ConversionRecord) -> None:
    """Rename the file and record to their final names; in between there is no record, and so no model."""
    draft = it.record.with_suffix(".part")
    draft.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    it.record.unlink(missing_ok=True)
    out.replace(it.converted)
    draft.replace(it.record)
