"""What is offered: one small change elsewhere in a document that an edit calls for."""

from dataclasses import dataclass

from infill_lsp.edits.edit import Change


@dataclass(frozen=True, slots=True)
class NextEdit:
    """An edit that another edit calls for.

    Attributes:
        change: to the document as it is after that edit.
        kind: the rule that found it: `rename`, `invert`, `arguments`, `repeat`, `import`, `attribute` or `model`.
        label: its effect, in a few words for a person.
    """

    change: Change
    kind: str
    label: str
