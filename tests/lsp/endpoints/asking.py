"""Send requests to an endpoint in a test."""

from collections.abc import Callable
from contextlib import closing

from infill_lsp.endpoints.engine import Endpoint
from infill_lsp.endpoints.transport import Retry
from infill_lsp.settings.settings import EndpointSettings
from infill_model.filler import never
from infill_model.request import Fill, Frame, Options, Request

QUICK = Retry(first=0.001, longest=1.0, most=3)
LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")
BLOCK = Request("def add(a, b):\n    ", "\n\nprint(add(1, 2))\n", block=True)


def ask(
    settings: EndpointSettings,
    request: Request = LINE,
    options: Options | None = None,
    *,
    cancelled: Callable[[], bool] = never,
    on_draft: Callable[[Frame], None] | None = None,
    retry: Retry = QUICK,
) -> list[Fill]:
    with closing(Endpoint(settings, retry)) as endpoint:
        return endpoint.fill(request, options or Options(), cancelled=cancelled, critic=None, on_draft=on_draft)
