"""`/v1/fill` of infill-lsp's own server for teams: whole requests in, drafts and fills out, as values in JSON.

An answer is a stream of events: `{"draft": ...}` for each step if wanted, then `{"fills": [...]}`. Both sides of the
wire are written here.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Final

from infill_lsp.endpoints.api import Body, EndpointError
from infill_model.request import Fill, Frame, Options, Request

NAME: Final = "infill"
"""In the settings."""

PATH: Final = "/v1/fill"

PREFIX: Final = 48_000
"""Maximum number of characters sent before the first gap: more than any model reads, so that fills are the same."""

SUFFIX: Final = 16_000
"""Maximum number of characters sent after the last gap."""


@dataclass(frozen=True, slots=True)
class FillAsk:
    """The body of a request.

    Attributes:
        request: the code around the gaps.
        options: how to fill.
        document: a name of the document, for its cache; empty to have one made of the beginning of the code.
        drafts: whether drafts are wanted as they come.
        model: empty for the server's only one.
    """

    request: Request
    options: Options = field(default_factory=Options)
    document: str = ""
    drafts: bool = False
    model: str = ""


def body(ask: FillAsk) -> Body:
    """Return the request body."""
    return asdict(ask)


def read_ask(value: object) -> FillAsk:
    """Return the request of a body.

    Raises:
        EndpointError: it is not one.
    """
    try:
        ask: FillAsk = _structured(value, FillAsk)
    except Exception:  # Any error that foreign values cause in the converter; its text may hold code.
        raise EndpointError("The body is not a request of /v1/fill; docs/serving.md describes it") from None
    return ask


def draft_event(frame: Frame) -> Body:
    """Return the event of a draft."""
    return {"draft": asdict(frame)}


def fills_event(fills: Sequence[Fill]) -> Body:
    """Return the event that ends an answer."""
    return {"fills": [asdict(it) for it in fills]}


def read_event(value: object) -> Frame | tuple[Fill, ...]:
    """Return the draft or the fills of an event.

    Raises:
        EndpointError: it is neither.
    """
    try:
        if isinstance(value, dict) and "draft" in value:
            draft: Frame = _structured(value["draft"], Frame)
            return draft
        fills: tuple[Fill, ...] = _structured(value["fills"], tuple[Fill, ...])  # type: ignore[index]  # Caught here.
        return fills
    except Exception:  # As above.
        raise EndpointError("The answer is not one of /v1/fill; is infill.endpoint.api the right one?") from None


def _structured(value: object, kind: Any) -> Any:
    return _converter()(value, kind)


@cache
def _converter() -> Callable[[Any, Any], Any]:
    from cattrs import Converter  # noqa: PLC0415  # Other APIs need not wait for it.

    return Converter(detailed_validation=False, forbid_extra_keys=True).structure
