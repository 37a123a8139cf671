"""The metrics of a replica and a gateway; Ray exports them to Prometheus with its own. None has code in it."""

import time
from collections.abc import Sequence
from typing import Final

from ray.serve import metrics

from infill_model.request import Fill

_MS: Final = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]


class ReplicaMetrics:
    """What a replica counts."""

    def __init__(self) -> None:
        self._waiting = metrics.Gauge("infill_waiting", "Requests that wait for a place in a replica")
        self._running = metrics.Gauge("infill_running", "Requests that a replica fills")
        self._batch_forwards = metrics.Counter("infill_batch_forwards", "Forwards that requests share")
        self._batch_rows = metrics.Counter("infill_batch_rows", "Canvases in these forwards")
        self._batches = (0, 0)
        self._ms = metrics.Histogram(
            "infill_request_ms", "Milliseconds in a replica, waiting included", boundaries=_MS, tag_keys=("outcome",)
        )
        self._requests = metrics.Counter("infill_requests", "Requests by how they ended", tag_keys=("outcome",))
        self._forwards = metrics.Counter("infill_forwards", "Denoising steps of finished requests")
        self._tokens = metrics.Counter("infill_tokens", "Tokens written")

    def queue(self, waiting: int, running: int) -> None:
        """Set the length of the queue and the number of fills in progress."""
        self._waiting.set(waiting)
        self._running.set(running)

    def filled(self, fills: Sequence[Fill], batches: tuple[int, int]) -> None:
        """Count what a request took; `batches` as a `SharedFiller` has them."""
        _add(self._forwards, max((it.forwards for it in fills), default=0))
        _add(self._tokens, sum(not it.pinned for fill in fills for it in fill.tokens))
        _add(self._batch_forwards, batches[0] - self._batches[0])
        _add(self._batch_rows, batches[1] - self._batches[1])
        self._batches = batches

    def ended(self, outcome: str, began: float) -> None:
        """Count a request; `began` is a time of `time.monotonic`."""
        self._requests.inc(tags={"outcome": outcome})
        self._ms.observe((time.monotonic() - began) * 1000, tags={"outcome": outcome})


class GatewayMetrics:
    """What a gateway counts."""

    def __init__(self) -> None:
        self._answers = metrics.Counter("infill_answers", "Answers by API and status", tag_keys=("api", "status"))

    def answered(self, api: str, status: int) -> None:
        """Count an answer."""
        self._answers.inc(tags={"api": api, "status": f"{status}"})


def _add(counter: metrics.Counter, count: int) -> None:
    if count > 0:  # Ray refuses zero.
        counter.inc(count)
