"""An edit that is possible at a range of a document, as a value that an editor can send back later.

Must not depend on trees or models; of the protocol, it assumes only that data must be JSON.
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
"""The commands of an editor, each with its kind of edit."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of edit at a range (code points) of one version of the named document."""

    kind: Kind
    name: str
    version: int | None
    start: int
    end: int

    @property
    def title(self) -> str:
        """The title for the user."""
        return TITLES[self.kind]

    def data(self) -> dict[str, str | int | None]:
        """Return the offer as JSON data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: object) -> "Offer":
        """Return the offer that `data` was made from.

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
        """Check that the document is still the version that the offer was made for.

        Raises:
            StaleError: it has changed.
        """
        if document.version != self.version or self.end > len(document.text):
            raise StaleError(f"{document.name} has changed since “{self.title}” was offered; ask for it again")
