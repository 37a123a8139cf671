"""An edit: what a person sees of it before it is applied, and the changes it makes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """`text` takes the place of what is from `start` to `end`, in code points of the unchanged document."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to one version of a document.

    Attributes:
        name: of the document.
        version: which the changes are for.
        changes: in order, none overlapping another.
        label: what it does, in a few words.
        description: a sentence that helps to decide.
        confidence: of the model, in [0, 1].
        needs_confirmation: whether a person should see it before it is applied, as it changes what they wrote.
    """

    name: str
    version: int | None
    changes: tuple[Change, ...]
    label: str
    description: str
    confidence: float
    needs_confirmation: bool
