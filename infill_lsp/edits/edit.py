"""An edit: its changes, and the description that the user sees before they are applied."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A replacement of the text from `start` to `end` by `text`, in code points of the unchanged document."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to one version of a document.

    Attributes:
        name: of the document.
        version: the version that the changes are for.
        changes: in order, without overlaps.
        label: its effect, in a few words.
        description: a sentence that helps the user to decide.
        confidence: of the model, in [0, 1].
        needs_confirmation: whether the user should see it before it is applied, because it changes their own text.
    """

    name: str
    version: int | None
    changes: tuple[Change, ...]
    label: str
    description: str
    confidence: float
    needs_confirmation: bool
