"""`python -m infill_model.evaluation.studies.dial`: draws quality against speed from results, a column for each file.

Reads what `infill-lsp bench sweep` and the studies of methods write. Exact match stands above, similarity below.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infill_model.errors import InfillModelError, TaskError

LEFT_TO_RIGHT: Final = "a token each forward"
DRAFTS: Final = "copies as drafts, kept from"


@dataclass(frozen=True, slots=True)
class DialPoint:
    """A way to fill: milliseconds of a fill, shares of exact matches and mean similarity in per cent, and its label."""

    ms: float
    exact: float
    similarity: float
    label: str


@dataclass(frozen=True, slots=True)
class DialSeries:
    """The points of one method; `joined` if they differ in nothing but the number of steps."""

    name: str
    points: tuple[DialPoint, ...]
    joined: bool = False


def read_results(path: Path) -> list[DialSeries]:
    """Read a sweep or a study.

    Raises:
        TaskError: the file cannot be read, or holds neither.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        rows = values["measured"] if "measured" in values else values["rows"]
        found = dict[tuple[str, bool], list[DialPoint]]()
        drafts = any(str(it.get("remask")).startswith("verify") for it in rows)
        for row in rows:
            name, label, joined = _of_sweep(row, drafts) if "unmask" in row else _of_study(str(row["method"]))
            point = DialPoint(float(row["ms"]), 100 * float(row["exact"]), 100 * float(row["similarity"]), label)
            found.setdefault((name, joined), []).append(point)
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TaskError(f"{path}: holds neither a sweep nor a study of methods") from error
    return [DialSeries(name, tuple(points), joined) for (name, joined), points in found.items()]


def _of_sweep(row: Mapping[str, Any], drafts: bool) -> tuple[str, str, bool]:
    """Return the name, the label, and whether only steps differ, of a sweep's point; `drafts` if it is of drafts."""
    if row["guide"] != "none":
        return "guides", row["guide"], False
    if not row["critic"]:
        return "without the critic", "", False
    if drafts:
        kept = row["remask"].partition(":")[2] or "the model's own choice"
        return (DRAFTS, kept, False) if row["copies"] else (LEFT_TO_RIGHT, "", False)
    if row["remask"] != "none":
        return "remasking", row["remask"], False
    name = row["unmask"]
    if name in ("random", "factor", "entropy_bound") or name.endswith(":cosine"):
        return "other orders", name, False
    return f"{name.partition(':')[0]}, by steps", "one per token" if row["steps"] >= 64 else str(row["steps"]), True


def _of_study(method: str) -> tuple[str, str, bool]:
    name, _, how = method.partition(", ")
    return name, how, False


def main(words: Sequence[str]) -> int:
    """Draw; return 0, or 2 after a sentence on standard error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", nargs="+", metavar="TITLE=FILE", help="a column's title, and its result files")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture, .png or .svg")
    chosen = parser.parse_args(words)
    try:
        columns = dict[str, list[DialSeries]]()
        for word in chosen.results:
            title, _, file = word.rpartition("=")
            columns.setdefault(title, []).extend(read_results(Path(file)))
        from infill_model.evaluation.studies.plots import dial  # noqa: PLC0415  # matplotlib takes a second

        dial(columns, chosen.out)
    except (InfillModelError, OSError, ValueError) as error:  # ValueError: a kind of picture that nothing draws.
        print(f"dial: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
