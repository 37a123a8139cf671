"""What a gateway asks a replica: a request with its user and document, and the parts of its answer."""

from dataclasses import dataclass

from infill_model.request import Fill, Frame, Options, Request
from infill_serve.wires.refused import RefusedError


@dataclass(frozen=True, slots=True)
class FillJob:
    """A request on its way to a replica.

    Attributes:
        user: whose it is; users take turns.
        document: which document's cache it uses; documents of different users never have the same.
        request: the code around the gaps.
        options: how to fill.
        drafts: whether drafts are sent as they come.
    """

    user: str
    document: str
    request: Request
    options: Options
    drafts: bool = False


AnswerItem = Frame | tuple[Fill, ...] | RefusedError
"""A draft, or what ends the answer: the fills, or why there are none. Ray would log an error that is raised."""
