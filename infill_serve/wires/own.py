"""`/v1/fill`: several gaps, drafts as they come, candidates, and a confidence for each token."""

from collections.abc import Iterator
from typing import Final

from infill_lsp.endpoints.api import EndpointError
from infill_lsp.endpoints.infill import PATH, fills_event, read_ask
from infill_model.request import Fill
from infill_serve.wires import openai
from infill_serve.wires.refused import invalid
from infill_serve.wires.wire import MOST_FILLS, Body, Wire, WireAsk

_MOST_STEPS: Final = 256
_MOST_MASKS: Final = 512


def read(body: Body) -> WireAsk:
    """Return the request of a body.

    Raises:
        RefusedError: it is not one.
    """
    try:
        own = read_ask(body)
    except EndpointError as error:
        raise invalid(str(error), 422) from None
    options = own.options
    if not 1 <= options.n <= MOST_FILLS or not 1 <= options.steps <= _MOST_STEPS:
        raise invalid(f"`options.n` must be 1 to {MOST_FILLS}, and `options.steps` 1 to {_MOST_STEPS}", 422)
    if options.masks is not None and not 1 <= options.masks <= _MOST_MASKS:
        raise invalid(f"`options.masks` must be 1 to {_MOST_MASKS}", 422)
    return WireAsk(own.request, options, stream=True, document=own.document, drafts=own.drafts, model=own.model)


def whole(ask: WireAsk, fills: tuple[Fill, ...], model: str) -> Body:
    """Return the event of all fills."""
    return fills_event(fills)


def events(ask: WireAsk, fills: tuple[Fill, ...], model: str) -> Iterator[Body]:
    """Yield the event of all fills."""
    yield fills_event(fills)


FILL: Final = Wire("infill", PATH, read, whole, events, openai.error, end="")
