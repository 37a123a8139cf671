"""`infill-lsp bench replay`: types real files at a typist's pace, and measures each key from stroke to ghost text.

A real server is driven over its pipes; after each stroke it is asked, and an answer counts only if it comes before the
next stroke. Each model and each length of document gets a server of its own.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infill_lsp import __version__
from infill_lsp.bench.editor import Editor, Message, engine_pid, memory_mb
from infill_lsp.bench.replay.course import Course, courses, sources
from infill_lsp.bench.replay.play import Key, Player
from infill_lsp.bench.replay.summary import PARTS, WITHIN, Row, rounded, row
from infill_lsp.bench.replay.typist import Typist
from infill_lsp.errors import SourceError
from infill_lsp.settings.flags import declare_engine, engine_settings, integer
from infill_lsp.settings.settings import APIS, EndpointSettings, EngineCommand, EngineSettings
from infill_lsp.text.document import Document
from infill_lsp.text.files import check_writable

if TYPE_CHECKING:
    from infill_lsp.bench.replay.compare import Contender

LENGTHS: Final = (200, 2_000, 20_000)

_MEASURES: Final = {"infill": {"timing": True, "refresh": True}}


@dataclass(frozen=True, slots=True)
class Replayed:
    """A server that was typed into.

    Attributes:
        asked: the model's name as it was asked for.
        model: its own name.
        length: of its documents, in lines.
        keys: in the order of typing.
        ready_ms: from its start until its engine was ready.
        first_ms: from its start until the first answer, less the time that nobody asked.
        server_mb: its peak memory.
        engine_mb: its engine's peak memory.
    """

    asked: str
    model: str
    length: int
    keys: tuple[Key, ...]
    ready_ms: float
    first_ms: float
    server_mb: float
    engine_mb: float


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench replay`."""
    flags.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="source files, or folders of them")
    flags.add_argument("--files", type=integer(1, 1000), default=4, metavar="N", help="files of each folder (4)")
    flags.add_argument("--lines", type=integer(1, 1000), default=10, metavar="N", help="lines typed in each file (10)")
    flags.add_argument("--keys", type=integer(1, 100_000), default=120, metavar="N", help="at most in each file (120)")
    flags.add_argument(
        "--lengths", type=_lengths, default=LENGTHS, metavar="N,N", help="lines of the documents (200,2000,20000)"
    )
    flags.add_argument("--beside", action="append", default=[], metavar="NAME|PATH", help="a further model; repeatable")
    flags.add_argument(
        "--compare",
        type=integer(0, 10_000),
        default=0,
        metavar="N",
        help="ask up to N of the questions again, of the model, its controls and the peers, in turn",
    )
    flags.add_argument(
        "--peer",
        type=_peer,
        action="append",
        default=[],
        metavar="API=URL",
        help="a server to compare with, such as llama.cpp=http://127.0.0.1:8080; repeatable",
    )
    flags.add_argument("--seed", type=integer(0, 2**31), default=0, metavar="N", help="of the typist's dice (0)")
    flags.add_argument("--out", type=Path, metavar="FILE", help="write every figure as .json")
    flags.add_argument("--picture", type=Path, metavar="FILE", help="draw the figures, as .svg or .png")
    flags.add_argument("--json", action="store_true", help="print JSON")
    declare_engine(flags)


def _lengths(text: str) -> tuple[int, ...]:
    """Read lengths in lines."""
    try:
        found = tuple(int(it) for it in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of lengths, such as 200,2000") from None
    if not all(20 <= it <= 100_000 for it in found):
        raise argparse.ArgumentTypeError("a document can have 20 to 100000 lines")
    return found


def _peer(text: str) -> EndpointSettings:
    """Read a server's API and address."""
    api, _, url = text.partition("=")
    if api not in APIS or not url:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(APIS)}, '=' and a URL")
    return EndpointSettings(url=url, api=api)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Type the given files; return 0 regardless of the results.

    Raises:
        InfillError: a file cannot be read or written, or the server does not work.
    """
    settings = engine_settings(chosen)
    for path in (chosen.out, chosen.picture):
        if path:
            check_writable(path)  # Before minutes of typing.
    if chosen.compare and chosen.peer:
        from infill_lsp.bench.replay.compare import reach  # noqa: PLC0415  # imports the judge, which takes a while

        reach(chosen.peer)
    documents = sources(chosen.paths, chosen.files)
    models = [settings, *(replace(settings, model=it) for it in chosen.beside)]
    replayed = [it for one in models for it in _replayed(one, documents, chosen)]
    if not replayed:
        raise SourceError("no file has as many lines as --lengths says, nor others of its language to go around it")
    report: dict[str, Any] = {"version": __version__, "words": chosen.words, "servers": list(map(_server, replayed))}
    report["rows"] = [{**group, **found.as_json()} for group, found in rows(replayed)]
    compared = {one.model: _compared(one, replayed, chosen) for one in models} if chosen.compare else {}
    report["compared"] = {name: [rounded(asdict(it)) for it in its] for name, its in compared.items()}
    if chosen.out:
        _write(chosen.out, json.dumps(report, indent=2) + "\n")
    if chosen.picture:
        _draw(replayed, chosen.picture)
    if chosen.json:
        print(json.dumps(report, indent=2))
    else:
        _show(replayed)
        _show_compared(compared)
    return 0


def _compared(settings: EngineSettings, replayed: Sequence[Replayed], chosen: argparse.Namespace) -> "list[Contender]":
    """Ask a model, its controls and the peers what the model was asked in the replay."""
    from infill_lsp.bench.replay.compare import compare  # noqa: PLC0415  # imports the judge, which takes a while

    keys = [key for it in replayed if it.asked == settings.model for key in it.keys]
    return compare(settings, keys, chosen.compare, chosen.peer)


def _replayed(
    settings: EngineSettings, documents: Sequence[Document], chosen: argparse.Namespace
) -> Iterator[Replayed]:
    options = {"model": settings.model, "device": settings.device, "threads": settings.threads or 1}
    if settings.endpoint is not None:
        options["endpoint"] = {"url": settings.endpoint.url, "api": settings.endpoint.api}
    for length in chosen.lengths:
        if ways := list(courses(documents, length, chosen.lines)):
            yield _typed(options, ways, chosen)


def _typed(options: Message, ways: Sequence[Course], chosen: argparse.Namespace) -> Replayed:
    """Start a server, and type into documents of one length."""
    typist = Typist(chosen.seed)
    keys = list[Key]()
    with Editor(options, experimental=_MEASURES) as editor:
        if editor.status["state"] == "degraded":
            raise SourceError(editor.status["reason"])  # Another model would be measured.
        for course in ways:
            editor.open(course.document.name, course.document.text, course.language)
            keys += Player(editor, course, typist).keys(chosen.keys)
            editor.close(course.document.name)
        engine = engine_pid(editor.pid)
        first = next((it.ms for it in keys if it.ms is not None), float("nan"))
        return Replayed(
            asked=options["model"],
            model=editor.status["model"],
            length=ways[0].length,
            keys=tuple(keys),
            ready_ms=editor.ready_ms,
            first_ms=editor.ready_ms + first,
            server_mb=memory_mb(editor.pid, peak=True),
            engine_mb=memory_mb(engine, peak=True) if engine else float("nan"),
        )


def rows(replayed: Sequence[Replayed]) -> Iterator[tuple[dict[str, Any], Row]]:
    """Yield the figures of each model: of everything, by language where there are several, and by length."""
    for model in dict.fromkeys(it.model for it in replayed):
        own = [it for it in replayed if it.model == model]
        every = [key for it in own for key in it.keys]
        yield {"model": model, "language": "all", "length": "all"}, row(every)
        for language in sorted({it.language for it in every}):
            for length in (it.length for it in own):
                keys = [it for it in every if (it.language, it.length) == (language, length)]
                yield {"model": model, "language": language, "length": length}, row(keys)


def _server(replayed: Replayed) -> dict[str, object]:
    names = ("model", "length", "ready_ms", "first_ms", "server_mb", "engine_mb")
    return {name: rounded(getattr(replayed, name)) for name in names}


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def _draw(replayed: Sequence[Replayed], path: Path) -> None:
    try:
        from infill_model.evaluation.studies.plots import latency  # noqa: PLC0415  # matplotlib takes a second
    except ImportError as error:
        raise SourceError("--picture needs matplotlib: pip install 'infill-lsp[train]'") from error
    found = [it for it in rows(replayed) if it[0]["language"] != "all"]
    names = [f"{it['model']}, {it['language']}, {it['length']:,} lines" for it, _ in found]
    waits = {
        f"{it.model}, {it.length:,} lines": [key.ms if key.ms is not None else float("inf") for key in it.keys]
        for it in replayed
    }
    parts = {
        name: {part: ms for part, ms in it.parts.items() if part != "critic"}  # Which is in the others.
        for name, (_, it) in zip(names, found, strict=True)
    }
    try:
        latency(waits, parts, path)
    except (OSError, ValueError) as error:  # matplotlib refuses unknown formats with a ValueError.
        raise SourceError(f"{path}: {error}") from error


def _show(replayed: Sequence[Replayed]) -> None:
    """Print a table with a line for each figure, and a column for each model, language and length."""
    from rich.console import Console  # noqa: PLC0415  # keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    for model in dict.fromkeys(it.model for it in replayed):
        found = [it for it in rows(replayed) if it[0]["model"] == model]
        table = Table(title=f"infill-lsp bench replay: {model}; ms, p50 / p95 / p99")
        table.add_column("")
        for group, _ in found:
            every = group["language"] == "all"
            table.add_column("all" if every else f"{group['language']}, {group['length']:,} lines", justify="right")
        for name, of in _FIGURES.items():
            table.add_row(name, *(of(it) for _, it in found))
        console.print(table)
    for one in replayed:
        console.print(
            f"{one.model}, {one.length:,} lines: server {one.server_mb:.0f} MB, engine {one.engine_mb:.0f} MB; ready"
            f" after {one.ready_ms:.0f} ms, first answer after {one.first_ms:.0f} ms"
        )


def _show_compared(compared: "Mapping[str, Sequence[Contender]]") -> None:
    """Print a table for each model: its own way, its controls, and the peers."""
    from rich.console import Console  # noqa: PLC0415  # keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    for model, contenders in compared.items():
        table = Table(title=f"{model}: the same questions, after 8 typed characters; medians")
        for heading in ("", "questions", "ms", "tokens", "as served / this"):
            table.add_column(heading, justify="right" if heading else "left")
        for it in contenders:
            table.add_row(it.name, str(it.gaps), f"{it.ms:.1f}", f"{it.tokens:g}", f"{it.ratio:.2f}")
        Console().print(table)


def _times(values: Sequence[float]) -> str:
    return " / ".join(f"{it:.0f}" if it >= 20 else f"{it:.1f}" for it in values)


def _within(limit: int, of: Row) -> str:
    return f"{of.within[limit]:.1%}"


def _part(name: str, of: Row) -> str:
    return f"{of.parts.get(name, float('nan')):.1f}"


_FIGURES: Final[dict[str, Callable[[Row], str]]] = {
    "keys": lambda it: str(it.keys),
    "key to suggestion, warm": lambda it: _times(it.warm),
    "key to suggestion, cold": lambda it: _times(it.cold),
    "key to suggestion, right copies": lambda it: _times(it.copied),
    "key to the model's word after copies": lambda it: _times(it.word),
    "key to any answer": lambda it: _times(it.answer),
    "all but the engine": lambda it: _times(it.overhead),
    "overtaken, until idle": lambda it: _times(it.idle),
    **{f"answered within {limit} ms": partial(_within, limit) for limit in WITHIN},
    "keys with a suggestion": lambda it: f"{it.shown:.1%}",
    "suggestions that are right": lambda it: f"{it.right:.1%}",
    "suggestions without a forward": lambda it: f"{it.no_forward:.1%}",
    "forwards an answer": lambda it: f"{it.forwards:.2f}",
    "tokens a forward": lambda it: f"{it.tokens_per_forward:.2f}",
    **{f"the engine's {part}, mean": partial(_part, part) for part in (*PARTS, "pipe")},
}
