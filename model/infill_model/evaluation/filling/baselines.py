"""The fillers of tasks: a model in one of its modes, or a baseline that any model must beat.

They share one interface, so that one loop evaluates them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infill_model.infill.retrieval import copy_all
from infill_model.infill.sequential import one_by_one
from infill_model.request import Fill, Options, Request, Timing


class BatchFiller(Protocol):
    """Fills many requests at once; `infill_model.infill.infiller.Infiller` is one."""

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Return for each request the fill that a user would see first."""


class OneByOne(Protocol):
    """A model that writes left to right, one request at a time; `infill_model.infill.infiller.Infiller` is one."""

    def fill_autoregressively(self, request: Request, options: Options) -> Fill:
        """Return the fill of a request."""


@dataclass(frozen=True, slots=True)
class Autoregressive:
    """The autoregressive control: the same weights, left to right."""

    model: OneByOne

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Fill one request after another, and one gap after another."""
        return [one_by_one(it, lambda one, _: self.model.fill_autoregressively(one, options)) for it in requests]


class Empty:
    """Writes nothing."""

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Return an empty text for each gap."""
        return [_written([""] * (len(it.between) + 1)) for it in requests]


class CopyBaseline:
    """Copies the text that followed the longest match elsewhere in the file."""

    def fill_batch(self, requests: Sequence[Request], options: Options) -> list[Fill]:
        """Return a copy for each gap, empty where there is none."""
        return [_written(_copied(it)) for it in requests]


def _copied(request: Request) -> list[str]:
    pieces = (request.prefix, *request.between, request.suffix)
    return [found.text if found else "" for found, _ in copy_all(pieces, block=request.block)]


def _written(texts: Sequence[str]) -> Fill:
    """Return a fill made without a model."""
    return Fill(tuple(texts), (), 1.0, None, 0, 0, Timing(0.0, 0.0, 0.0), "complete")
