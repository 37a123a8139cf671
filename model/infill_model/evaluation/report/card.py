"""`infill-model card`: fill the tables of a model card or a README from result files.

A table's place begins with a line `<!-- from results/heldout.json -->`, with the path relative to the document, and
ends with `<!-- end -->`. The text between the two is rewritten: the table, and below it the commands that produced it.
"""

import argparse
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import cattrs

from infill_model.errors import TaskError
from infill_model.evaluation.report.score import ScoreRow
from infill_model.evaluation.report.table import markdown, markdown_table
from infill_model.evaluation.tasks.record import write_text

_PLACE: Final = re.compile(r"(<!-- from (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)

_Result: TypeAlias = Mapping[str, Any]


def add_card_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model card`."""
    parser.add_argument("documents", type=Path, nargs="+", metavar="FILE.md", help="a document with places for tables")


def card(arguments: argparse.Namespace) -> None:
    """Rewrite the tables of each document."""
    for path in arguments.documents:
        filled = filled_in(_read(path), path.parent)
        write_text(path, filled)


def filled_in(document: str, folder: Path) -> str:
    """Return a document with its tables filled from the result files in and below `folder`.

    Raises:
        TaskError: a result file cannot be read, or is not one.
    """
    return _PLACE.sub(lambda found: f"{found[1]}\n{rendered(folder / found[2])}\n{found[3]}", document)


def rendered(path: Path) -> str:
    """Return a result file as Markdown.

    Raises:
        TaskError: the file cannot be read, or is not a result file.
    """
    try:
        result = json.loads(_read(path))
        table = next(table for key, table in _TABLES.items() if key in result)(result)
    except (ValueError, TypeError, KeyError, StopIteration, cattrs.BaseValidationError) as error:
        raise TaskError(f"{path}: not a result of `infill-model` or `infill-lsp bench`") from error
    return f"{table}\n{_source(result)}\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise TaskError(f"{path}: cannot be read ({why})") from error


def _source(result: _Result) -> str:
    """Return the commands, and where and with what they ran; shared values once."""
    records = [*(it["record"] for it in result.get("runs", ())), result["record"]]
    models = dict.fromkeys(f", weights {it['model']['sha256'][:12]}" for it in records if it["model"])
    places = dict.fromkeys(f"commit {it['commit'].removesuffix('-dirty')}, {it['machine']}" for it in records)
    commands = "".join(f"    {it['command']}\n" for it in records)
    return f"{commands}\n{'; '.join(places)}{''.join(models)}."


def _scores(result: _Result) -> str:
    return markdown([cattrs.structure({"ms": 0.0, **it}, ScoreRow) for it in result["rows"]])


def _ablations(result: _Result) -> str:
    rows = [
        (
            it["variant"],
            f"{it['canvas_loss']:.3f}",
            f"{it['next_token_loss']:.3f}",
            *_per_cent(it["exact"], it["similarity"]),
            f"{it['forwards']:.1f}",
        )
        for it in result["outcomes"]
    ]
    return markdown_table(
        ("variant", "canvas loss", "next-token loss", "exact match", "edit similarity", "forwards"), rows
    )


def _frontier(result: _Result) -> str:
    best = result["best"]  # The frontier ignores parse rates, so the chosen point may lie behind it.
    points = [it for it in result["frontier"] if it != best] + [best]
    rows = [
        (
            f"steps {it['steps']}, masks {it['masks'] or 'as usual'}, {it['unmask']}, {it['remask']}"
            + ("" if it["critic"] else ", no critic")
            + (" **(operating point)**" if it == best else ""),
            *_per_cent(it["exact"], it["similarity"], it["parses"]),
            *(f"{it[name]:.1f}" for name in ("forwards", "ms", "ms_p95")),
        )
        for it in sorted(points, key=lambda it: it["ms"])
    ]
    return markdown_table(("options", "exact match", "edit similarity", "parses", "forwards", "ms p50", "ms p95"), rows)


def _calibration(result: _Result) -> str:
    rows = [
        (f"{it['confidence']:.2f}", *_per_cent(it["shown"], it["kept"], it["right"]))
        for it in result["floors"]
        if it["confidence"] <= result["floor"] + 0.2
    ]
    errors = f"Expected calibration error: tokens {result['token_error']:.3f}, whole fills {result['fill_error']:.3f}."
    return markdown_table(("floor", "fills shown", "of the right ones", "right of those shown"), rows) + f"\n{errors}\n"


def _revisions(result: _Result) -> str:
    rows = [
        (
            it["policy"],
            str(it["wrong"]),
            *_per_cent(it["repaired"] / max(1, it["wrong"]), it["changed"] / max(1, it["wrong"])),
            str(it["right"]),
            *_per_cent(it["spoiled"] / max(1, it["right"]), it["exact"]),
            f"{it['forwards']:.1f}",
        )
        for it in result["rows"]
    ]
    heads = ("policy", "wrong at first", "repaired", "changed", "right at first", "spoiled", "exact match", "forwards")
    return markdown_table(heads, rows)


def _changes(result: _Result) -> str:
    rows = [
        (
            kind,
            *(str(it[name]) for name in ("tasks", "changed", "gained", "lost", "mended", "broken", "wrong")),
            *_per_cent(it["overwritten"] / max(1, it["wrong"]), it["repaired"] / max(1, it["wrong"])),
            str(it["right"]),
            *_per_cent(it["spoiled"] / max(1, it["right"])),
        )
        for kind, it in result["changes"].items()
    ]
    counts = ("tasks", "changed", "right now", "no longer right", "parse now", "no longer parse")
    tokens = ("wrong tokens", "overwritten", "repaired", "right tokens", "spoiled")
    return markdown_table(("kind", *counts, *tokens), rows)


_TABLES: Final[Mapping[str, Callable[[_Result], str]]] = MappingProxyType(
    {
        "runs": _scores,
        "outcomes": _ablations,
        "frontier": _frontier,
        "floors": _calibration,
        "changes": _changes,
        "rows": _revisions,
    }
)
"""Table functions by a field that only one kind of result has; the first field present decides."""


def _per_cent(*shares: float) -> list[str]:
    return [f"{100 * it:.1f}" for it in shares]
