"""Time one gap at a time, eight typed characters after the last time, in the way that is asked for and by the controls.

Run as `python -m infill_model.evaluation.studies.keystrokes --model NAME`; reads from standard input a JSON object with
`way` (one of `WAYS`) and `request` (the fields of a `Request`) per line, and answers each with a line: `ms`, `tokens`
and `forwards`. Thus the caller can alternate between these and other programs.

The controls use the same weights. `nothing kept` encodes all of the context anew for each gap; `left to right` writes a
token per forward pass behind the cached context, without copies; `plain` keeps nothing between steps either.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import Final

from infill_model.checkpoints.loading import load
from infill_model.coder.infiller import CoderInfiller
from infill_model.coder.writing import Acceptance, WrittenRow
from infill_model.embedded.folder import EMBEDDED
from infill_model.errors import WeightsError
from infill_model.evaluation.filling.controls import PlainLoop
from infill_model.evaluation.studies.speed import TYPED
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request

SERVED: Final = "as served"
WAYS: Final = (SERVED, "nothing kept", "left to right", "plain")


@dataclass(frozen=True, slots=True)
class Timed:
    """The milliseconds of a fill, the tokens it wrote, and its forward passes."""

    ms: float
    tokens: int
    forwards: int


class Ways:
    """A model, and its controls."""

    def __init__(self, model: Infiller | CoderInfiller) -> None:
        self._model = model

    def timed(self, way: str, request: Request) -> Timed:
        """Fill a gap in one of `WAYS`, and time it.

        Raises:
            KeyError: there is no such way.
        """
        fill = {
            SERVED: self._served,
            "nothing kept": self._served,
            "left to right": self._left_to_right,
            "plain": self._plain,
        }[way]
        self._forget()
        if way in (SERVED, "left to right"):
            self._served(replace(request, prefix=request.prefix[:-TYPED]))
        started = time.perf_counter()
        tokens, forwards = fill(request)
        return Timed(round((time.perf_counter() - started) * 1000, 3), tokens, forwards)

    def _forget(self) -> None:
        model = self._model
        (model.denoiser if isinstance(model, Infiller) else model.encoder).forget()

    def _served(self, request: Request) -> tuple[int, int]:
        fill = self._model.fill(request, Options())[0]
        return sum(not it.pinned for it in fill.tokens), fill.forwards

    def _left_to_right(self, request: Request) -> tuple[int, int]:
        model = self._model
        if isinstance(model, Infiller):
            fill = model.fill_autoregressively(request, Options())
            return len(fill.tokens), fill.steps
        return _token_by_token(model, request, keep=True)

    def _plain(self, request: Request) -> tuple[int, int]:
        if isinstance(self._model, Infiller):
            fill = PlainLoop(self._model).fill(request, Options())
            return sum(not it.pinned for it in fill.tokens), fill.steps
        return _token_by_token(self._model, request, keep=False)


def _token_by_token(model: CoderInfiller, request: Request, *, keep: bool) -> tuple[int, int]:
    """Write left to right, a forward pass for each token; without `keep`, over the whole row each time."""
    row = model.layout.row(request.prefix, (request.suffix,), request.files)
    written, forwards = WrittenRow(), 0
    while written.stopped is None:
        if not keep:
            model.encoder.forget()
        cache = model.encoder.cache_for(row)
        if forwards == 0 or not keep:
            cache.open([*row, *written.ids])
            writer = model.tokens.writer(cache, block=request.block)
        if keep:
            (written,) = writer.step([written], [[]], Acceptance(), 0)
        else:
            (more,) = writer.step([WrittenRow()], [[]], Acceptance(), 0)
            full = len(written.ids) >= writer.most
            ids = written.ids if full else (*written.ids, *more.ids)
            written = replace(written, ids=ids, stopped="steps" if full else more.stopped)
        forwards += 1
    return len(written.ids), forwards


def main() -> None:
    """Answer each line of standard input.

    Raises:
        WeightsError: the model is neither of the embedded kind nor a larger one.
    """
    parser = argparse.ArgumentParser(description="Time gaps in several ways.")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=None)
    flags = parser.parse_args()
    model = load(flags.model, device=flags.device, threads=flags.threads)
    if not isinstance(model, Infiller | CoderInfiller):
        raise WeightsError(f"{flags.model}: only the embedded model and the larger ones have these controls")
    ways = Ways(model)
    for line in sys.stdin:
        asked = json.loads(line)
        fields = asked["request"]
        request = Request(**{**fields, "between": tuple(fields["between"]), "files": tuple(fields["files"])})
        print(json.dumps(asdict(ways.timed(asked["way"], request))), flush=True)


if __name__ == "__main__":
    main()
