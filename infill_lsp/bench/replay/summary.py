"""The figures of a replay, from its keys."""

import itertools
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from infill_lsp.bench.replay.play import Key

WITHIN: Final = (50, 100, 150, 300)
"""Milliseconds within which a share of the keys is answered."""

PARTS: Final = ("queue", "encode", "denoise", "verify", "critic")
"""The engine's times."""

_NOTHING: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of some keys; times in milliseconds, NaN where there was nothing to measure.

    Percentiles are those of the answers that came before the next key. Shares are those of all keys.

    Attributes:
        keys: strokes, each with a question.
        warm: keystroke to suggestion, 50th, 95th and 99th percentile, where something near was asked before.
        cold: the same after opening a document and after a jump.
        answer: keystroke to any answer, also one without a suggestion.
        copied: keystroke to suggestion where it began as a copy and was right.
        word: keystroke to the model's word, where copies came first and that was another.
        overhead: all but the engine, of any answer.
        parts: means of the engine's times, over the answers that it made; the critic's is in the others, and the pipe
            is the rest of what the server waited for the engine.
        forwards: of the model, mean over the answers that it made.
        tokens_per_forward: tokens written, over forwards.
        within: shares answered within some milliseconds, by those.
        no_forward: the share of suggestions that took no forward pass: typed on, prepared, or copied.
        shown: the share of keys after which there was a suggestion.
        right: the share of suggestions that were what stood there.
        idle: how long the engine still worked on a request that the next key overtook, 50th and 95th percentile.
    """

    keys: int
    warm: tuple[float, float, float]
    cold: tuple[float, float, float]
    answer: tuple[float, float, float]
    copied: tuple[float, float, float]
    word: tuple[float, float, float]
    overhead: tuple[float, float, float]
    parts: dict[str, float]
    forwards: float
    tokens_per_forward: float
    within: dict[int, float]
    no_forward: float
    shown: float
    right: float
    idle: tuple[float, float, float]

    def as_json(self) -> dict[str, object]:
        """Return the row as an object for `json.dumps`."""
        return {name: rounded(value) for name, value in asdict(self).items()}


def row(keys: Sequence[Key]) -> Row:
    """Summarise keys."""
    shown = [it for it in keys if it.shown]
    made = [it for it in keys if it.parts]
    forwards = sum(it.forwards for it in made)
    return Row(
        keys=len(keys),
        warm=percentiles(it.ms for it in shown if not it.cold),
        cold=percentiles(it.ms for it in shown if it.cold),
        answer=percentiles(it.ms for it in keys),
        copied=percentiles(it.ms for it in shown if (it.copy or it.source == "copies") and it.right),
        word=percentiles(it.word for it in keys),
        overhead=percentiles(it.overhead for it in keys),
        parts=_parts(made),
        forwards=forwards / len(made) if made else _NOTHING,
        tokens_per_forward=sum(it.tokens for it in made if it.forwards) / forwards if forwards else _NOTHING,
        within={limit: _share(it.ms is not None and it.ms <= limit for it in keys) for limit in WITHIN},
        no_forward=_share(not it.forwards for it in shown),
        shown=_share(it.shown for it in keys),
        right=_share(it.right for it in shown),
        idle=percentiles(_idle(keys)),
    )


def _parts(made: Sequence[Key]) -> dict[str, float]:
    if not made:
        return {}
    means = {name: statistics.fmean(it.parts.get(name, 0.0) for it in made) for name in PARTS}
    pipe = statistics.fmean(it.engine - it.parts.get("queue", 0.0) - it.parts.get("total", 0.0) for it in made)
    return {**means, "pipe": pipe}


def _idle(keys: Sequence[Key]) -> list[float]:
    """Return how long questions waited for the engine to leave the one that they overtook."""
    return [
        now.parts["queue"] for before, now in itertools.pairwise(keys) if before.ms is None and "queue" in now.parts
    ]


def _share(those: Iterable[bool]) -> float:
    every = list(those)
    return sum(every) / len(every) if every else _NOTHING


def percentiles(values: Iterable[float | None]) -> tuple[float, float, float]:
    """Return the 50th, 95th and 99th percentile of the values that are there; NaN if there are none."""
    known = sorted(it for it in values if it is not None)
    if not known:
        return _NOTHING, _NOTHING, _NOTHING
    at50, at95, at99 = (known[min(len(known) - 1, int(len(known) * it))] for it in (0.50, 0.95, 0.99))
    return at50, at95, at99


def rounded(value: object) -> object:
    """Return a value for JSON: numbers with three decimals, and None for NaN, which JSON does not know."""
    if isinstance(value, float):
        return round(value, 3) if value == value else None  # noqa: PLR0124 - NaN differs from itself
    if isinstance(value, dict):
        return {str(name): rounded(it) for name, it in value.items()}
    return [rounded(it) for it in value] if isinstance(value, list | tuple) else value
