"""`infill-lsp fill`: reads a file, fills its gaps, and shows or writes the result."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infill_lsp.cli.filled_document import FilledDocument
from infill_lsp.completion.complete import fills_of, judged, target_of
from infill_lsp.completion.question import Question, Surroundings
from infill_lsp.context import Workspace
from infill_lsp.context.workspace import BUDGET
from infill_lsp.engine.client import Engine
from infill_lsp.errors import InactiveError, LanguageError, PositionError, RequestFailedError
from infill_lsp.privacy.rules import inactive_reason
from infill_lsp.settings import user_config
from infill_lsp.settings.flags import (
    GUIDE_HELP,
    declare_engine,
    engine_settings,
    file_place,
    integer,
    milliseconds,
    place,
)
from infill_lsp.settings.settings import EngineCommand
from infill_lsp.syntax import languages
from infill_lsp.syntax.languages import Language
from infill_lsp.text import files
from infill_lsp.text.document import Document, Gap
from infill_lsp.text.files import SourceFile
from infill_model.request import Info, Options

_JSON_SHAPE: Final = """
with --json one object is printed, the best fill:
  text          from the start of the first gap to the end of the last, filled; lines end in \\n
  texts         the text of each gap
  range         {start: {line, column}, end: {line, column}} of what text replaces; both count from 1
  ranges        the same for each gap
  confidence    probability that all of it is right
  score         mean log-probability per token under the same weights left to right, or null
  tokens        [{text, confidence, step, pinned}], the text between gaps included as pinned
  steps         denoising steps taken
  forwards      forwards of the denoiser
  ms            {encode, denoise, verify, critic, queue, total}; critic and verify are also in the others
  stopped       complete, stable, steps, deadline or cancelled
  retrieved     whether it began as a copy from elsewhere in the file
  parses        whether the fill adds no syntax error to the file, or null if no grammar can tell
  alternatives  the other fills of --n, each with all fields above
"""


@dataclass(frozen=True, slots=True)
class FillCommand:
    """A request on the command line.

    Attributes:
        file: the file to fill, or None for standard input with its gaps marked.
        start: line and column of the gap, or of its start; both count from one.
        end: line and column of the gap's end.
        language: the language id, or None to derive it from the file's name.
        options: how to denoise.
        as_json: whether to print JSON instead of a diff.
        apply: whether to write the best fill into the file.
        trace: where to write the page that shows how the fill came about.
        exclude: the user's own patterns of files to leave alone.
        context: whether the model gets excerpts of files around this one.
    """

    file: Path | None
    start: tuple[int, int]
    end: tuple[int, int] | None
    language: str | None
    options: Options
    as_json: bool
    apply: bool
    trace: Path | None
    exclude: tuple[str, ...] = ()
    context: bool = True


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `fill`."""
    flags.epilog = _JSON_SHAPE
    usual = Options()
    flags.add_argument(
        "place",
        metavar="FILE:LINE:COL",
        help="the gap: line and column count from 1, the gap is before that character; "
        "'-' reads standard input, in which each gap is marked by <gap>",
    )
    flags.add_argument("--to", type=place, metavar="LINE:COL", help="the gap's end; the text in between is replaced")
    flags.add_argument("--n", type=integer(1, 16), default=1, metavar="N", help="number of different fills (1)")
    flags.add_argument("--steps", type=integer(1, 4096), default=usual.steps, metavar="N", help="most steps per block")
    flags.add_argument("--budget-ms", type=milliseconds, metavar="MS", help="return the best draft after this time")
    flags.add_argument("--seed", type=integer(0, 2**62), default=0, metavar="N", help="seed of all fills but the first")
    flags.add_argument("--language", metavar="ID", help="language id, if the file name does not tell it")
    flags.add_argument("--unmask", default=usual.unmask, metavar="SPEC", help="which masks to commit in a step")
    flags.add_argument("--remask", default=usual.remask, metavar="SPEC", help="which tokens to remask in a step")
    flags.add_argument("--guide", default=usual.guide, metavar="NAME[:WEIGHT]", help=GUIDE_HELP)
    flags.add_argument("--no-copy", action="store_true", help="do not try a copy from the same document")
    flags.add_argument("--no-context", action="store_true", help="do not read other files")
    flags.add_argument("--json", action="store_true", help="print JSON, see below")
    flags.add_argument("--apply", action="store_true", help="write the best fill into the file")
    flags.add_argument("--trace", type=Path, metavar="FILE.html", help="write a page that plays the fill step by step")
    flags.add_argument("--verify", metavar="PATH", help="a folder with a causal model that checks drafts")
    flags.add_argument(
        "--verify-by",
        default="exact",
        choices=("exact", "rank"),
        help="exact: the fill is what that model would write alone; rank: it chooses among several drafts",
    )
    declare_engine(flags)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Carry out the fill that the flags describe; return 0.

    Raises:
        InfillError: the request cannot be carried out; nothing was written.
    """
    if chosen.place == "-":
        if chosen.apply or chosen.to:
            raise PositionError("--apply and --to need a file; standard input has neither a name nor positions")
        file, start = None, (1, 1)
    else:
        file, start = file_place(chosen.place)
    options = Options(
        n=chosen.n,
        steps=chosen.steps,
        budget_ms=chosen.budget_ms,
        seed=chosen.seed,
        unmask=chosen.unmask,
        remask=chosen.remask,
        guide=chosen.guide,
        retrieve=not chosen.no_copy,
        trace=chosen.trace is not None,
    )
    command = FillCommand(
        file,
        start,
        chosen.to,
        chosen.language,
        options,
        as_json=chosen.json,
        apply=chosen.apply,
        trace=chosen.trace,
        exclude=user_config.load()[0].exclude,
        context=not chosen.no_context,
    )
    return fill(command, engine(engine_settings(chosen)))


def fill(command: FillCommand, engine: Sequence[str]) -> int:
    """Fill the gaps and show or write the result; `engine` is the command line that starts an engine.

    Raises:
        InfillError: the request cannot be carried out; nothing was written.
    """
    language = _language(command)
    _check_allowed(command)
    source, document, gaps = _read(command, language)
    _check_allowed(command, document.text)
    for path in (command.trace, command.file if command.apply else None):
        if path is not None:
            files.check_writable(path)
    filled_documents, info = asyncio.run(_ask(command, engine, document, gaps))
    if command.trace:
        from infill_lsp.cli import trace  # needed only with --trace

        files.replace_file(command.trace, trace.page(filled_documents[0], info).encode())
    if command.apply and source:
        source.write(filled_documents[0].document.text)
    if command.as_json:
        print(json.dumps(as_json(filled_documents), ensure_ascii=False, indent=2))
    else:
        from infill_lsp.cli import render  # JSON does not need rich

        print(render.filled_documents(filled_documents), end="")
    return 0


def as_json(filled_documents: Sequence[FilledDocument]) -> dict[str, object]:
    """Return the object that `--json` prints: the fields of the best suggestion, and the others as `alternatives`."""
    best, *others = (filled.as_json() for filled in filled_documents)
    return {**best, "alternatives": others}


def _read(command: FillCommand, language: Language | None) -> tuple[SourceFile | None, Document, tuple[Gap, ...]]:
    if command.file is None:
        text = files.read_stream(sys.stdin.buffer, "standard input")
        return None, *Document.with_marks("standard input", text, language)
    source = files.read_file(command.file)
    document = Document(str(command.file), source.text, language)
    return source, document, (document.gap(command.start, command.end),)


def _check_allowed(command: FillCommand, text: str = "") -> None:
    """Check that a file may be read, or that the text read from it may be filled.

    Raises:
        InactiveError: it may hold secrets, or the user's configuration excludes it.
    """
    name = str(command.file) if command.file else "standard input"
    if reason := inactive_reason(name, text, command.exclude):
        raise InactiveError(f"{reason}; it is neither read nor filled (`exclude` in config.json can allow it)")


def _language(command: FillCommand) -> Language | None:
    if command.language or command.file is None:
        id_ = command.language or "python"
        if language := languages.by_id(id_):
            return language
        known = ", ".join(sorted(it.id for it in languages.LANGUAGES))
        raise LanguageError(f"there is no language {id_!r}; the known ones are {known}")
    return languages.of_file(command.file.name)


async def _ask(
    command: FillCommand, engine: Sequence[str], document: Document, gaps: tuple[Gap, ...]
) -> tuple[list[FilledDocument], Info]:
    """Return all fills that an editor would show, best first; if there are none, the best refused one.

    Raises:
        InfillError: there is nothing to fill, or the model has no fill for it.
    """
    at = gaps[0].start
    named = gaps if len(gaps) > 1 or gaps[0].start != gaps[0].end or command.file is None else ()
    question = Question(document, at, invoked=True, gaps=named)
    target = target_of(question)
    if target.kind == "none":
        raise PositionError(f"{document.name}: nothing is filled here. {target.why}")
    async with Engine(engine) as running:
        with _sign_of_life():
            info = await running.ready()
        files = await asyncio.to_thread(_excerpts, command, document, at)
        fills = await fills_of(document, target, Surroundings(files=files), running, command.options)
    if not fills:
        _check_language(document.name, document.language, info)
        raise RequestFailedError("the model found no fill for this")
    found = [await judged(document, target, request, fill, 0.0) for request, fill in fills]
    shown = [it for it in found if not it.refused] or found[:1]
    unlike = {(it.suggestion.start, it.suggestion.end, it.suggestion.text): it for it in reversed(shown)}
    return [FilledDocument.of(document, target.gaps, it) for it in reversed(unlike.values())], info


def _excerpts(command: FillCommand, document: Document, offset: int) -> tuple[str, ...]:
    """Return excerpts of files around the filled one, as for an editor whose workspace is the file's repository."""
    if command.file is None or not command.context:
        return ()
    folder = command.file.resolve().parent
    root = next((it for it in (folder, *folder.parents) if (it / ".git").exists()), folder)
    workspace = Workspace([root], command.exclude)
    try:
        workspace.opened(document)
        workspace.excerpts(document, offset, BUDGET)
        workspace.settle()
        return workspace.excerpts(document, offset, BUDGET)
    finally:
        workspace.close()


def _check_language(name: str, language: Language | None, info: Info) -> None:
    if info.knows(language.id if language else None):
        return
    known = " and ".join(sorted(_name(id_) for id_ in info.languages))
    if language is None:
        raise LanguageError(
            f"{name}: its name does not tell its language; name one with --language. "
            f"The model {info.name} was trained on {known}"
        )
    raise LanguageError(f"{name}: the model {info.name} was not trained on {language.name}, only on {known}")


def _name(language_id: str) -> str:
    language = languages.by_id(language_id)
    return language.name if language else language_id


def _sign_of_life() -> AbstractContextManager[object]:
    """Show a spinner on a terminal, because loading the model takes seconds."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console  # needed only on a terminal

    return Console(stderr=True).status("loading the model", spinner="dots")
