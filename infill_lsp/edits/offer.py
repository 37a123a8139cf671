"""What may be done at a range of a document, as a value that an editor can hand back later.

It knows neither trees nor models, and nothing of the protocol but that data must be JSON.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from infill_lsp.errors import OfferError, StaleError
from infill_lsp.text.document import Document

Kind = Literal["fill_gap", "fill_body", "fill_arguments", "rewrite_selection", "repair_syntax", "suggest_edits"]

TITLES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "fill_gap": "Fill the gap here",
        "fill_body": "Fill this body",
        "fill_arguments": "Fill the arguments",
        "rewrite_selection": "Rewrite selection, keep its structure",
        "repair_syntax": "Repair syntax here",
        "suggest_edits": "Suggest edits in this function",
    }
)

COMMANDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "infill.fillGap": "fill_gap",
        "infill.fillBody": "fill_body",
        "infill.fillArguments": "fill_arguments",
        "infill.rewriteSelection": "rewrite_selection",
        "infill.repairSyntax": "repair_syntax",
        "infill.suggestEdits": "suggest_edits",
    }
)
"""The commands of an editor, each with what it does."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of edit at a range (code points) of one version of a document, known by its name."""

    kind: Kind
    name: str
    version: int | None
    start: int
    end: int

    @property
    def title(self) -> str:
        """As people read it."""
        return TITLES[self.kind]

    def data(self) -> dict[str, str | int | None]:
        """The offer as JSON data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: object) -> "Offer":
        """The offer that `data` made.

        Raises:
            OfferError: this is not an offer.
        """
        match data:
            case {"kind": str(kind), "name": str(name), "version": version, "start": int(start), "end": int(end)} if (
                kind in get_args(Kind) and isinstance(version, int | None) and 0 <= start <= end
            ):
                return cls(kind, name, version, start, end)  # type: ignore[arg-type]  # It is one of the kinds.
        raise OfferError("This is not an edit that infill-lsp offered; ask for code actions again")

    def check(self, document: Document) -> None:
        """See that the document is still the one it was offered for.

        Raises:
            StaleError: it has changed.
        """
        if document.version != self.version or self.end > len(document.text):
            raise StaleError(f"{document.name} has changed since “{self.title}” was offered; ask for it again")
