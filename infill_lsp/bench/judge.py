"""`infill-lsp bench judge`: cuts code out of files, and counts where the judge of meaning objects to what stood there.

Every objection is a false alarm: it would hide a right suggestion.
"""

import argparse
import json
import random
import sysconfig
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from infill_lsp.errors import InfillError, SourceError
from infill_lsp.meaning.judge import fault, is_judged
from infill_lsp.settings.flags import integer
from infill_lsp.settings.settings import EngineCommand
from infill_lsp.syntax import languages
from infill_lsp.text import files
from infill_lsp.text.document import Document

_LINES: Final = (1, 1, 1, 2, 4)
"""How many lines are cut out, one of them at random."""


@dataclass(frozen=True, slots=True)
class Objection:
    """What the judge says of code that stood in a file."""

    file: str
    line: int
    text: str
    fault: str


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """Results over all pieces of code; times are of the processor, in milliseconds."""

    texts: int
    objections: tuple[Objection, ...]
    ms_p50: float
    ms_p95: float


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench judge`."""
    flags.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="whole files to cut code out of (the standard library)"
    )
    flags.add_argument("--cuts", type=integer(1, 10_000), default=4, metavar="N", help="pieces of each file (4)")
    flags.add_argument("--json", action="store_true", help="print JSON")


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Measure with the given flags; return the exit code. No engine is needed.

    Raises:
        SourceError: there is no file that the judge knows the language of.
    """
    report = measure(chosen.files or _standard_library(), chosen.cuts)
    print(json.dumps(asdict(report), indent=2) if chosen.json else _told(report))
    return 0


def measure(paths: Sequence[Path], cuts: int) -> JudgeReport:
    """Judge pieces of files at their own places.

    Raises:
        SourceError: one of these is not a file, or there is none that the judge knows the language of.
    """
    dice = random.Random(0)  # noqa: S311 - reproducible, not a secret
    objections, took = [], []
    for document in _documents(paths):
        for start, end in _pieces(document.text, cuts, dice):
            without = document.edited(start, end, "")
            text, began = document.text[start:end], time.thread_time()
            found = fault(without, start, start, text)
            took.append((time.thread_time() - began) * 1e3)
            if found:
                objections.append(Objection(document.name, document.place(start)[0], text, found))
    if not took:
        raise SourceError("None of these files has code in a language that the judge knows")
    took.sort()
    return JudgeReport(len(took), tuple(objections), took[len(took) // 2], took[int(len(took) * 0.95)])


def _standard_library() -> list[Path]:
    found = Path(sysconfig.get_path("stdlib")).rglob("*.py")
    return sorted(it for it in found if "site-packages" not in it.parts)


def _documents(paths: Sequence[Path]) -> Iterator[Document]:
    for path in paths:
        if not path.is_file():
            raise SourceError(f"{path}: is not a file")
        try:
            document = Document(str(path), files.read_file(path).text, languages.of_file(path.name))
        except InfillError:
            continue
        if is_judged(document):
            yield document


def _pieces(text: str, cuts: int, dice: random.Random) -> Iterator[tuple[int, int]]:
    """Yield stretches of a text, in code points: from the indentation or from within a line to the end of a line."""
    lines = text.splitlines(keepends=True)
    for number in dice.sample(range(len(lines)), min(cuts, len(lines))):
        start = sum(map(len, lines[:number]))
        piece = "".join(lines[number : number + dice.choice(_LINES)]).rstrip()
        indent = len(piece) - len(piece.lstrip())
        first = lines[number].rstrip()
        if first and dice.random() < 0.5:
            indent = dice.randint(indent, max(indent, len(first) - 1))
        if piece[indent:].strip():
            yield start + indent, start + len(piece)


def _told(report: JudgeReport) -> str:
    lines = [f"{it.file}:{it.line}: {it.fault}: {it.text.splitlines()[0][:80]}" for it in report.objections]
    total = f"{report.texts} pieces of code, {len(report.objections)} objections; "
    return "\n".join([*lines, f"{total}p50 {report.ms_p50:.1f} ms, p95 {report.ms_p95:.1f} ms"])
