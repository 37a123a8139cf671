"""`infill-lsp bench next-edits`: asks for the edits that a change calls for, in marked cases and in git histories.

The same is asked of two controls: nothing, and the last replacement made wherever its old text stands. With `--model`,
a model is asked as well where no rule finds anything, and a third control is the same model without history: it does
not know what stood there before.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from infill_lsp.bench.next_edits import report
from infill_lsp.bench.next_edits.case import EditCase, judge
from infill_lsp.bench.next_edits.controls import nothing, text_replace, without_history
from infill_lsp.bench.next_edits.history import read_history
from infill_lsp.bench.next_edits.marked import read_cases
from infill_lsp.bench.next_edits.report import Answer
from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.find import MOST, next_edits
from infill_lsp.edits.remasking.remask import remasked
from infill_lsp.engine.client import Engine
from infill_lsp.errors import SourceError
from infill_lsp.settings.flags import declare_engine, engine_settings, integer
from infill_lsp.settings.settings import EngineCommand
from infill_lsp.text.document import Document
from infill_lsp.text.files import check_writable

Method = Callable[[Document, Document, int | None], Sequence[Change]]
"""Returns what the change of the first document to the second calls for in the second, nearest first."""


def served(before: Document, after: Document, cursor: int | None) -> Sequence[Change]:
    """Offer what the server offers."""
    return [it.change for it in next_edits(before, after, cursor)]


METHODS: Final[Mapping[str, Method]] = {"next edits": served, "text replace": text_replace, "nothing": nothing}
"""The first is described in detail."""


def declare(flags: argparse.ArgumentParser) -> None:
    """Declare the flags of `bench next-edits`."""
    flags.add_argument("--cases", type=Path, nargs="+", default=[], metavar="FILE", help="files of marked cases")
    flags.add_argument(
        "--history", type=Path, nargs="+", default=[], metavar="REPOSITORY", help="git repositories; they are only read"
    )
    flags.add_argument(
        "--limit", type=integer(1, 1_000_000), default=2000, metavar="N", help="the last N commits of each (2000)"
    )
    flags.add_argument(
        "--sample",
        type=integer(1, 1_000_000),
        metavar="N",
        help="of the cases, and of the histories, N that call for an edit and N that do not, evenly spaced (all)",
    )
    flags.add_argument("--out", type=Path, metavar="FILE", help="write each case and what was offered, as .jsonl")
    flags.add_argument("--json", action="store_true", help="print JSON")
    declare_engine(flags)
    flags.set_defaults(model=None)


def run(chosen: argparse.Namespace, engine: EngineCommand) -> int:
    """Measure on the given cases and histories; return 0 regardless of the results.

    Raises:
        InfillError: a file or repository cannot be read, or holds no case.
    """
    if not chosen.cases and not chosen.history:
        raise SourceError("there is nothing to measure; give --cases FILE or --history REPOSITORY")
    if chosen.out:
        check_writable(chosen.out)
    history = [case for path in chosen.history for case in read_history(path, chosen.limit)]
    cases = [it for some in (read_cases(chosen.cases), history) for it in sampled(some, chosen.sample)]
    answers = {name: [answer(it, method) for it in cases] for name, method in METHODS.items()}
    if chosen.model:
        command = engine(engine_settings(chosen))
        answers = {**asyncio.run(_with_model(command, cases, chosen.model)), **answers}
    if chosen.out:
        _write(chosen.out, next(iter(answers.values())))
    if chosen.json:
        print(json.dumps({"cases": len(cases), "methods": report.as_json(answers)}, indent=2))
    else:
        report.show(answers)
    return 0


def sampled(cases: Sequence[EditCase], most: int | None) -> list[EditCase]:
    """Return evenly spaced cases: at most so many that call for an edit, and as many that do not; None for all."""
    both = [[it for it in cases if it.is_silent is silent] for silent in (False, True)]
    return [it for some in both for it in (some if most is None else some[:: -(-len(some) // most) or 1])]


async def _with_model(command: Sequence[str], cases: Sequence[EditCase], name: str) -> dict[str, list[Answer]]:
    """Ask as a session does: the rules, and where they find nothing, an engine; and the engine alone, as a control.

    Returns:
        The answers of each method.

    Raises:
        SourceError: its model only writes.
        InfillError: there is no engine.
    """
    async with Engine(command) as engine:
        info = await engine.ready()
        if not info.reads:
            raise SourceError(f"{info.name} does not tell how probable present text is; choose base or base-0.5b")

        async def both(case: EditCase) -> Sequence[Change]:
            found = served(case.before, case.after, case.cursor)
            return found or [it.change for it in await remasked(case.before, case.after, engine.ask)]

        async def alone(case: EditCase) -> Sequence[Change]:
            return [it.change for it in await without_history(case.before, case.after, engine.ask)]

        methods = {f"and {name}": both, f"{name} without history": alone}
        answers: dict[str, list[Answer]] = {it: [] for it in methods}
        for case in cases:
            for method, ask in methods.items():
                started = time.perf_counter()
                answers[method].append(_judged(case, await ask(case), started))
        return answers


def answer(case: EditCase, method: Method) -> Answer:
    """Ask a method for the edits of a case, and judge the first ones."""
    started = time.perf_counter()
    return _judged(case, method(case.before, case.after, case.cursor), started)


def _judged(case: EditCase, offered: Sequence[Change], started: float) -> Answer:
    """Judge the first edits of an answer that was just given to what was asked at `started`."""
    taken = time.perf_counter() - started
    return Answer(case, tuple(judge(case, it) for it in offered[:MOST]), taken * 1000)


def _write(path: Path, answers: Iterable[Answer]) -> None:
    lines = "".join(json.dumps(_row(it), ensure_ascii=False) + "\n" for it in answers)
    try:
        path.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def _row(it: Answer) -> dict[str, Any]:
    """Describe a case and what was offered; an edit is its line, counted from 1, its old text and its new text."""
    after = it.case.after
    expected = [(one.start, one.end, one.texts[0]) for one in it.case.expected if one.wanted]
    offered = [(one.change.start, one.change.end, one.change.text) for one in it.offered]
    return {
        "name": it.case.name,
        "source": it.case.source,
        "kind": it.case.kind,
        "verdict": it.verdict,
        "verdicts": [one.verdict for one in it.offered],
        "line": after.place(it.case.cursor)[0],
        "expected": [_described(after, *one) for one in expected],
        "offered": [_described(after, *one) for one in offered],
    }


def _described(document: Document, start: int, end: int, text: str) -> tuple[int, str, str]:
    return document.place(start)[0], document.text[start:end], text
