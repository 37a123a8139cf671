"""Keeps the last edits of a document, merged while one is typing, and what became of the edits that were offered.

Each is a range of the document as it is now, moved along with every change. The state before an edit is the document
with the edit taken back, so that what was typed letter by letter is seen as one edit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infill_lsp.edits.edit import Change
from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.find import LARGEST, MOST, each_next_edit
from infill_lsp.edits.next_edits.hunks import Hunk, hunks, word_around
from infill_lsp.text.document import Document

_MOST_KEPT: Final = 12
"""The number of edits that are kept of a document."""

_FOLLOWED: Final = 3
"""The number of the user's last edits that may still call for others."""

_LONGEST: Final = 4_000
"""Code points of an edit that is kept; what is longer was pasted or made by a tool."""

_MOST_DISMISSED: Final = 64


@dataclass(frozen=True, slots=True)
class _Kept:
    """An edit that was made.

    Attributes:
        start: where it starts in the document as it is now.
        end: where it ends.
        old: the text that stood there.
        seen: the text that stood there when the user last rested.
        accepted: whether it had been offered, so that it belongs to the edit that called for it.
    """

    start: int
    end: int
    old: str
    seen: str = ""
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """An edit that waits for the user, for the document as it is now, and its name on the wire."""

    id: str
    edit: NextEdit


@dataclass(frozen=True, slots=True)
class History:
    """The last edits of one document.

    Attributes:
        cursor: where the last change ended.
        taken: whether the last change was an edit that had been offered.
        in_word: whether it was one letter, written or deleted behind another one, as while a word is being typed.
        offered: what was offered last, as far as it has not been changed since.
    """

    cursor: int = 0
    taken: bool = False
    in_word: bool = False
    offered: tuple[Offered, ...] = ()
    _kept: tuple[_Kept, ...] = ()
    _dismissed: tuple[Change, ...] = ()
    _count: int = 0

    def changed(self, before: Document, after: Document) -> "History":
        """Return the history after a change; an empty one for documents in which nothing is offered."""
        if max(before.lines.length, after.lines.length) > LARGEST:
            return History()
        taken = next((it for it in self.offered if _makes(it.edit.change, before.text, after.text)), None)
        found = (_hunk(taken.edit.change, before.text),) if taken else hunks(before.text, after.text)
        if not found:
            return self
        edits, undone = _merged(self._kept, found, before.text, after.text, taken is not None)
        dismissed = [*_all_moved(self._dismissed, found), *undone][-_MOST_DISMISSED:]
        others = [it for it in self.offered if it is not taken]
        moved = [(it, _moved(it.edit.change, found)) for it in others]
        offered = [replace(it, edit=replace(it.edit, change=change)) for it, change in moved if change]
        return replace(
            self,
            cursor=found[-1].end,
            taken=taken is not None,
            in_word=_is_letter(found, after.text),
            offered=tuple(offered),
            _kept=tuple(edits[-_MOST_KEPT:]),
            _dismissed=tuple(dismissed),
        )

    def next_edits(self, document: Document, is_ended: Callable[[], bool] = lambda: False) -> tuple[NextEdit, ...]:
        """Return what the last edits of a document call for, less what the user has undone or dismissed.

        Args:
            document: the document as it is now.
            is_ended: asked between two edits, which are judged one by one; once it is true the search ends.
        """
        found: list[NextEdit] = []
        for before in self.states_before(document):
            for edit in each_next_edit(before, document, self.cursor):
                if is_ended() or len(found) >= MOST:
                    return tuple(found)
                if self._is_wanted(edit, document.text, found):
                    found.append(edit)
        return tuple(found)

    def _is_wanted(self, edit: NextEdit, text: str, found: Sequence[NextEdit]) -> bool:
        """Report whether an edit is neither refused nor found already."""
        if any(_same(edit.change, it, text) for it in self._dismissed):
            return False
        return all(edit.change.end < it.change.start or it.change.end < edit.change.start for it in found)

    def states_before(self, document: Document) -> Iterator[Document]:
        """Yield the document before each of the user's last edits, the newest first.

        What was accepted since, and the same word renamed elsewhere, are part of the edit that called for them.
        """
        made = [it for it in self._kept if not it.accepted][-_FOLLOWED:]
        for edit in reversed(made):
            words = _words(edit, document.text)
            alike = [
                it for it in self._kept if it is edit or it.accepted or (words and _words(it, document.text) == words)
            ]
            before = document
            for it in sorted(alike, key=_place, reverse=True):
                before = before.edited(it.start, it.end, it.old)
            yield before

    def offering(self, document: Document, found: Sequence[NextEdit]) -> "History":
        """Return the history once these edits are offered, less those dismissed; what was offered keeps its name."""
        known = {it.edit: it.id for it in self.offered}
        wanted = [it for it in found if self._is_wanted(it, document.text, ())]
        offered = tuple(Offered(known.get(it) or str(number), it) for number, it in enumerate(wanted, self._count + 1))
        kept = tuple(replace(it, seen=document.text[it.start : it.end]) for it in self._kept)
        return replace(self, offered=offered, _kept=kept, _count=self._count + len(wanted))

    def has_offered(self, id_: str) -> bool:
        """Report whether an edit of this name waits."""
        return any(it.id == id_ for it in self.offered)

    def dismissing(self, id_: str) -> "History":
        """Return the history in which an offered edit is not offered again."""
        gone = [it.edit.change for it in self.offered if it.id == id_]
        left = tuple(it for it in self.offered if it.id != id_)
        return replace(self, offered=left, _dismissed=(*self._dismissed, *gone)[-_MOST_DISMISSED:])


def _merged(
    kept: Sequence[_Kept], found: Sequence[Hunk], before: str, after: str, accepted: bool
) -> tuple[list[_Kept], list[Change]]:
    """Return the edits after a change, the newest last, and what would make those again that it took back."""
    edits, undone = list(kept), []
    for hunk in reversed(found):  # From the end, so that the places of those still to come are those of before.
        touched = [it for it in edits if _meets(it, hunk, accepted=accepted)]
        made = _joined(touched, hunk, before)
        grown = len(hunk.new) - len(hunk.old)
        rest = [it for it in edits if it not in touched]
        edits = [
            replace(it, start=it.start + grown, end=it.end + grown) if it.start >= hunk.old_end else it for it in rest
        ]
        new = before[made.start : hunk.old_start] + hunk.new + before[hunk.old_end : made.end - grown]
        if new != made.old and max(len(new), len(made.old)) <= _LONGEST:
            is_own = accepted and not touched
            edits.append(replace(made, seen=new if accepted else made.seen, accepted=is_own))
        if new == made.old:
            end = made.end - grown  # An undo may be found a little further on, where the text is the same.
            texts = (before[made.start : it.start] + it.seen + before[it.end : end] for it in touched if it.seen)
            undone += [Change(made.start, made.end, text) for text in texts]
    return edits, undone


def _meets(edit: _Kept, hunk: Hunk, *, accepted: bool) -> bool:
    """Report whether a hunk touches an edit; one that was accepted stays apart unless it is within the edit."""
    if accepted:
        return edit.start < hunk.old_end and hunk.old_start < edit.end
    return edit.start <= hunk.old_end and hunk.old_start <= edit.end


def _joined(touched: Sequence[_Kept], hunk: Hunk, before: str) -> _Kept:
    """Return the edit that a hunk makes of those that it touches, which end where they end after it."""
    start, end = hunk.old_start, hunk.old_end
    pieces = sorted(touched, key=_place)
    start, end = min([start, *(it.start for it in pieces)]), max([end, *(it.end for it in pieces)])
    old, at = "", start
    for it in pieces:
        old += before[at : it.start] + it.old
        at = max(at, it.end)
    seen = pieces[0].seen if len(pieces) == 1 else ""
    return _Kept(start, end + len(hunk.new) - len(hunk.old), old + before[at:end], seen)


def _place(edit: _Kept) -> tuple[int, int]:
    """Return the key of the order of edits: what was deleted stood before what begins at the same place."""
    return edit.start, edit.end


def _words(edit: _Kept, text: str) -> tuple[str, str] | None:
    """Return the words that an edit changed into each other; None if it did more."""
    head, tail = word_around(text, edit.start, edit.end)
    before, behind = text[edit.start - head : edit.start], text[edit.end : edit.end + tail]
    old, new = before + edit.old + behind, before + text[edit.start : edit.end] + behind
    return (old, new) if old.isidentifier() and new.isidentifier() else None


def _is_letter(found: Sequence[Hunk], text: str) -> bool:
    """Report whether a change is one character, and leaves the cursor right behind a letter."""
    is_one = len(found) == 1 and len(found[0].old) + len(found[0].new) == 1
    return is_one and word_around(text, found[0].end, found[0].end)[0] > 0


def _hunk(change: Change, before: str) -> Hunk:
    end = change.start + len(change.text)
    return Hunk(change.start, end, change.start, before[change.start : change.end], change.text)


def _makes(change: Change, before: str, after: str) -> bool:
    """Report whether a change makes one text of another."""
    end = change.start + len(change.text)
    same_size = len(after) - len(before) == len(change.text) - (change.end - change.start)
    if not same_size or not after.startswith(change.text, change.start):
        return False
    return before[: change.start] == after[: change.start] and before[change.end :] == after[end:]


def _all_moved(changes: Iterable[Change], found: Sequence[Hunk]) -> list[Change]:
    return [it for change in changes if (it := _moved(change, found))]


def _moved(change: Change, found: Sequence[Hunk]) -> Change | None:
    """Return a change for the text after others; None if they touch its range."""
    start, end = change.start, change.end
    for hunk in reversed(found):
        if hunk.old_end <= start:
            grown = len(hunk.new) - len(hunk.old)
            start, end = start + grown, end + grown
        elif hunk.old_start < end:
            return None
    return Change(start, end, change.text)


def _same(one: Change, other: Change, text: str) -> bool:
    """Report whether two changes make the same of a text, however their ranges are cut."""
    start, end = min(one.start, other.start), max(one.end, other.end)
    if end - start > _LONGEST:
        return False
    first, second = (text[start : it.start] + it.text + text[it.end : end] for it in (one, other))
    return first == second
