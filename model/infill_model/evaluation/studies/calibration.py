"""`infill-model calibrate`: measure how often text with confidence p is right, and choose the confidence floor.

A token is right if it matches the gold in the alignment with the fewest edits; a fill is right if it equals the gold.
Only tasks of one gap with a gold count. Nothing is filled: the predictions contain their confidences.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from infill_model.errors import TaskError
from infill_model.evaluation.filling.predict import TaskPrediction, read_predictions
from infill_model.evaluation.judging.metrics import exact_match
from infill_model.evaluation.tasks.flags import add_task_flags, read_wanted
from infill_model.evaluation.tasks.record import ResultRecord, record, to_json, write_text
from infill_model.evaluation.tasks.tasks import Task

BINS: Final = 10

LOST: Final = 0.05
"""The share of right fills that the confidence floor may hide."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Items with a confidence from `low` to `high`: their number, mean confidence, and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Floor:
    """The effect of a confidence floor: share shown of all and of right fills, and share right of those shown."""

    confidence: float
    shown: float
    kept: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The result of a calibration.

    Attributes:
        record: how it was made.
        predictions: name of the predictions file.
        tokens: reliability of tokens.
        token_error: expected calibration error of tokens: mean distance between confidence and share right.
        fills: reliability of whole fills.
        fill_error: expected calibration error of whole fills.
        floors: the effect of each floor.
        floor: the highest floor that hides no more than `LOST` of the right fills.
    """

    record: ResultRecord
    predictions: str
    tokens: tuple[Bin, ...]
    token_error: float
    fills: tuple[Bin, ...]
    fill_error: float
    floors: tuple[Floor, ...]
    floor: float


def add_calibrate_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model calibrate`."""
    add_task_flags(parser)
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS", help="from `evaluate` or `bench tasks`")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result and its provenance")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="plot the reliability")


def calibrate(arguments: argparse.Namespace) -> None:
    """Print how well confidence predicts correctness, and the resulting floor."""
    started, known = time.monotonic(), read_wanted(arguments)
    predictions = read_predictions(arguments.predictions, known)
    pairs = [(it, predictions[it.task_id]) for it in known if it.task_id in predictions and it.gold and it.gaps == 1]
    if not any(prediction.tokens for _, prediction in pairs):
        raise TaskError(f"{arguments.predictions}: no token confidences; evaluate again")
    tokens = [it for task, prediction in pairs for it in judged_tokens(task, prediction)]
    fills = [(it.confidence, exact_match(it.completion, task.gold)) for task, it in pairs]
    floors = tuple(_floor(fills, step / 20) for step in range(20))
    result = Calibration(
        record=record(arguments.words, seconds=time.monotonic() - started),
        predictions=arguments.predictions.name,
        tokens=(token_bins := bins(tokens)),
        token_error=error(token_bins),
        fills=(fill_bins := bins(fills)),
        fill_error=error(fill_bins),
        floors=floors,
        floor=max(it.confidence for it in floors if it.kept >= 1 - LOST),
    )
    _show(result)
    if arguments.json:
        write_text(arguments.json, to_json(result))
    if arguments.plot:
        from infill_model.evaluation.studies.plots import reliability  # noqa: PLC0415  # matplotlib takes a second

        reliability({"tokens": result.tokens, "whole fills": result.fills}, arguments.plot)


def judged_tokens(task: Task, prediction: TaskPrediction) -> Iterator[tuple[float, bool]]:
    """Yield the confidence of each non-blank token, and whether the gold contains it whole and in the right place."""
    text = "".join(it for it, _ in prediction.tokens)
    right = [False] * len(text)
    for match in SequenceMatcher(None, text, task.gold[0], autojunk=False).get_matching_blocks():
        right[match.a : match.a + match.size] = [True] * match.size
    start = 0
    for token, confidence in prediction.tokens:
        if token.strip():
            yield confidence, all(right[start : start + len(token)])
        start += len(token)


def bins(judged: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    """Sort judged confidences into bins of equal width; empty bins are left out."""
    found = []
    for number in range(BINS):
        inside = [it for it in judged if min(int(it[0] * BINS), BINS - 1) == number]
        if inside:
            sure, right = (sum(values) / len(inside) for values in zip(*inside, strict=True))
            found.append(Bin(number / BINS, (number + 1) / BINS, len(inside), round(sure, 4), round(right, 4)))
    return tuple(found)


def error(found: Sequence[Bin]) -> float:
    """Return the expected calibration error (Guo et al. 2017)."""
    total = sum(it.count for it in found)
    return round(sum(it.count * abs(it.confidence - it.right) for it in found) / max(1, total), 4)


def _floor(fills: Sequence[tuple[float, bool]], confidence: float) -> Floor:
    shown = [right for sure, right in fills if sure >= confidence]
    all_right = sum(right for _, right in fills)
    shares = len(shown) / max(1, len(fills)), sum(shown) / max(1, all_right), sum(shown) / max(1, len(shown))
    return Floor(confidence, *(round(it, 4) for it in shares))


def _show(result: Calibration) -> None:
    console = Console()
    for name, found, off in (
        ("tokens", result.tokens, result.token_error),
        ("whole fills", result.fills, result.fill_error),
    ):
        table = Table(title=f"{name}: expected calibration error {100 * off:.1f} points")
        for heading in ("confidence", "count", "mean", "right"):
            table.add_column(heading, justify="right")
        for it in found:
            table.add_row(
                f"{it.low:.1f}-{it.high:.1f}", str(it.count), f"{100 * it.confidence:.1f}%", f"{100 * it.right:.1f}%"
            )
        console.print(table)
    at = next(it for it in result.floors if it.confidence == result.floor)
    console.print(
        f"A floor of {at.confidence:.2f} shows {at.shown:.0%} of the fills, {at.kept:.0%} of the right ones; "
        f"{at.right:.0%} of what is shown is right."
    )
