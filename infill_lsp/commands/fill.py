"""`infill-lsp fill`: read a file, fill its gaps, show or write what came out. Read this to see the way of one request.

It knows neither flags nor exit codes: those are `cli`'s.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from infill_lsp import files
from infill_lsp.document import Document, Gap
from infill_lsp.engine.client import Engine
from infill_lsp.errors import InactiveError, LanguageError
from infill_lsp.files import SourceFile
from infill_lsp.privacy import inactive_reason
from infill_lsp.suggestion import Suggestion
from infill_lsp.syntax import languages
from infill_lsp.syntax.languages import Language
from infill_model.request import Info, Options


@dataclass(frozen=True, slots=True)
class FillCommand:
    """What was asked on the command line.

    Attributes:
        file: the file to fill, or None for standard input with its gaps marked.
        start: line and column of the gap, or of its start; both count from one.
        end: line and column of the gap's end.
        language: the language id, or None to go by the file's name.
        options: how to denoise.
        as_json: whether to print JSON instead of a diff.
        apply: whether to write the best fill into the file.
        trace: where to write the page that shows how the fill came about.
        exclude: the user's own patterns of files that are left alone.
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


def run(command: FillCommand, engine: Sequence[str]) -> int:
    """Fill, and say what came out; `engine` is the command line that starts one.

    Raises:
        InfillError: what was asked cannot be done; nothing was written.
    """
    language = _language(command)
    _check_allowed(command)
    source, document, gaps = _read(command, language)
    _check_allowed(command, document.text)
    for path in (command.trace, command.file if command.apply else None):
        if path is not None:
            files.check_writable(path)
    suggestions, info = asyncio.run(_ask(command, engine, document, gaps))
    if command.trace:
        from infill_lsp import trace  # noqa: PLC0415  # only when asked for

        files.replace_file(command.trace, trace.page(suggestions[0], info).encode())
    if command.apply and source:
        source.write(suggestions[0].document.text)
    if command.as_json:
        print(json.dumps(as_json(suggestions), ensure_ascii=False, indent=2))
    else:
        from infill_lsp import render  # noqa: PLC0415  # rich is not needed for JSON

        print(render.suggestions(suggestions), end="")
    return 0


def as_json(suggestions: Sequence[Suggestion]) -> dict[str, object]:
    """The shape that `--json` prints: the best suggestion's fields, and all others under `alternatives`."""
    best, *others = (suggestion.as_json() for suggestion in suggestions)
    return {**best, "alternatives": others}


def _read(command: FillCommand, language: Language | None) -> tuple[SourceFile | None, Document, tuple[Gap, ...]]:
    if command.file is None:
        text = files.read_stream(sys.stdin.buffer, "standard input")
        return None, *Document.with_marks("standard input", text, language)
    source = files.read_file(command.file)
    document = Document(str(command.file), source.text, language)
    return source, document, (document.gap(command.start, command.end),)


def _check_allowed(command: FillCommand, text: str = "") -> None:
    """See that a file may be read, and that what was read may be filled.

    Raises:
        InactiveError: it may hold secrets, or the user's configuration says that it is left alone.
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
        raise LanguageError(f"no language has the id {id_!r} here, but these have: {known}")
    return languages.of_file(command.file.name)


async def _ask(
    command: FillCommand, engine: Sequence[str], document: Document, gaps: Sequence[Gap]
) -> tuple[list[Suggestion], Info]:
    async with Engine(engine) as running:
        with _sign_of_life():
            info = await running.ready()
        _check_language(document.name, document.language, info)
        request = document.request(gaps)
        fills = await running.ask(request, command.options)
    return [Suggestion(document, tuple(gaps), request, fill) for fill in fills], info


def _check_language(name: str, language: Language | None, info: Info) -> None:
    known = " and ".join(sorted(_name(id_) for id_ in info.languages))
    if language is None:
        raise LanguageError(
            f"{name}: its name does not tell its language; say which with --language. "
            f"The model {info.name} was trained on {known}"
        )
    if language.id not in info.languages:
        raise LanguageError(f"{name}: the model {info.name} was not trained on {language.name}, only on {known}")


def _name(language_id: str) -> str:
    language = languages.by_id(language_id)
    return language.name if language else language_id


def _sign_of_life() -> AbstractContextManager[object]:
    """Loading takes seconds: somebody who watches should see that something happens."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console  # noqa: PLC0415  # only for people

    return Console(stderr=True).status("loading the model", spinner="dots")
