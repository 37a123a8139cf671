"""The history of a document's edits: merged while one is typing, taken back, dismissed."""

import random

from infill_lsp.edits.next_edits.edit import NextEdit
from infill_lsp.edits.next_edits.history import History
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

PYTHON = languages.by_id("python")
TEXT = "def f(total):\n    print(total)\n    print(total)\n    print(total)\n    return total\n"


class Typist:
    """A document that is edited, and its history."""

    def __init__(self, text: str = TEXT) -> None:
        self.document = Document("a.py", text, PYTHON)
        self.history = History()

    def put(self, start: int, end: int, text: str) -> None:
        after = self.document.edited(start, end, text)
        self.history, self.document = self.history.changed(self.document, after), after

    def type(self, start: int, end: int, text: str) -> None:
        """Delete a range from its end, and write letter by letter."""
        for at in range(end, start, -1):
            self.put(at - 1, at, "")
        for number, letter in enumerate(text):
            self.put(start + number, start + number, letter)

    def rest(self) -> tuple[NextEdit, ...]:
        self.history = self.history.offering(self.document, self.history.next_edits(self.document))
        return tuple(it.edit for it in self.history.offered)

    def accept(self) -> None:
        change = self.history.offered[0].edit.change
        self.put(change.start, change.end, change.text)
        assert self.history.taken


def test_what_is_typed_letter_by_letter_is_one_edit() -> None:
    typist = Typist()
    typist.type(6, 11, "amount")
    assert next(typist.history.states_before(typist.document)).text == TEXT
    assert [it.change.text for it in typist.rest()] == ["amount"] * 3


def test_all_are_followed_one_after_the_other() -> None:
    typist = Typist()
    typist.type(6, 11, "amount")
    while typist.rest():
        typist.accept()
    assert typist.document.text == TEXT.replace("total", "amount")


def test_an_edit_accepted_where_something_was_deleted_is_taken_back_in_order() -> None:
    typist = Typist()
    start = TEXT.index("total", 20)
    typist.put(start, TEXT.index("total", start + 5), "")
    typist.type(6, 11, "amount")
    typist.rest()
    typist.accept()
    states = [it.text for it in typist.history.states_before(typist.document)]
    assert states[-1].count("print(") == 3
    assert "totaltotal" not in "".join(states)


def test_random_edits_taken_back_give_the_text_that_was_there() -> None:
    for seed in range(60):
        chance, typist, states = random.Random(seed), Typist(TEXT.replace("\n", "\r\n")), [TEXT]
        for _ in range(chance.randint(1, 8)):
            text, waiting = typist.document.text, typist.history.offered
            start = chance.randint(0, len(text))
            end = min(len(text), start + chance.choice((0, 0, 1, 3, 25)))
            new = chance.choice(("", "x", "\r\n", "😀", "\t", "total", "("))
            match chance.randint(0, 3):
                case 0 if waiting:
                    typist.accept()
                case 1 if len(states) > 1 and typist.document.text != states[-1]:
                    typist.put(0, len(text), states[-1])
                case 2 if "total" in text:
                    typist.put(text.index("total"), text.index("total") + 5, "amount")
                case _:
                    typist.put(start, end, new)
            states.append(text)
            typist.rest()
        assert everything_taken_back(typist) == TEXT.replace("\n", "\r\n"), seed


def everything_taken_back(typist: Typist) -> str:
    text = typist.document.text
    for it in sorted(typist.history._kept, key=lambda one: (one.start, one.end), reverse=True):
        text = text[: it.start] + it.old + text[it.end :]
    return text


def test_a_rename_that_is_taken_back_is_forgotten() -> None:
    typist = Typist()
    typist.type(6, 11, "amount")
    typist.rest()
    typist.type(6, 12, "total")
    assert typist.document.text == TEXT
    assert typist.rest() == ()


def test_what_was_accepted_and_undone_is_not_offered_again() -> None:
    typist = Typist()
    typist.type(6, 11, "amount")
    first = typist.rest()[0].change
    typist.accept()
    typist.put(first.start, first.start + 6, "total")
    assert first.start not in [it.change.start for it in typist.rest()]
    assert len(typist.history.offered) == 3


def test_what_was_dismissed_is_not_offered_again_wherever_it_moves() -> None:
    typist = Typist()
    typist.type(6, 11, "amount")
    first = typist.rest()[0].change
    typist.history = typist.history.dismissing(typist.history.offered[0].id)
    assert first.start not in [it.change.start for it in typist.rest()]
    typist.put(0, 0, "import os\n\n\n")
    assert first.start + 12 not in [it.change.start for it in typist.rest()]


def test_another_edit_in_between_changes_nothing() -> None:
    typist = Typist()
    typist.type(6, 11, "amount")
    typist.rest()
    typist.type(len(typist.document.text), len(typist.document.text), "\n\nx = 1\n")
    assert {it.change.text for it in typist.rest()} == {"amount"}


def test_the_same_rename_by_hand_elsewhere_belongs_to_it() -> None:
    typist = Typist()
    typist.type(6, 11, "amount")
    at = typist.document.text.index("total")
    typist.type(at, at + 5, "amount")
    assert len(typist.rest()) == 3


def test_any_edits_taken_back_lead_to_the_text_before() -> None:
    for seed in range(200):
        chance, typist = random.Random(seed), Typist("ab cd\nef gh\n" * 3)
        for _ in range(10):
            start = chance.randint(0, len(typist.document.text))
            end = min(len(typist.document.text), start + chance.choice([0, 0, 1, 5]))
            typist.put(start, end, chance.choice(["", "x", "yz", "\n", "ab"]))
        kept = typist.history._kept
        document = typist.document
        for it in sorted(kept, key=lambda one: one.start, reverse=True):
            document = document.edited(it.start, it.end, it.old)
        assert document.text == "ab cd\nef gh\n" * 3, seed


def test_a_member_that_was_exchanged_twice_is_offered_elsewhere() -> None:
    typist = Typist("a.status\nb.status\nc.status\nd.status\n")
    typist.type(2, 8, "status_code")
    assert typist.rest() == ()
    typist.type(16, 22, "status_code")
    assert [typist.document.line(typist.document.place(it.change.start)[0]) for it in typist.rest()] == [
        "c.status",
        "d.status",
    ]


def test_the_calls_of_one_parameter_keep_their_label() -> None:
    calls = "    f(1)\n    f(2)\n    f(3)\n    f(4)\n"
    typist = Typist(f"def f(a):\n    pass\n\n\ndef g(log):\n{calls}")
    typist.type(7, 7, ", log")
    while found := typist.rest():
        assert {it.label for it in found} == {"Pass `log`"}
        typist.accept()
    assert typist.document.text.count(", log)") == 5


def test_an_undone_line_of_its_own_is_not_offered_again() -> None:
    """The text that goes is the same one character further on, where a comma follows."""
    text = "def f(a):\n    pass\n\n\ndef g(b):\n    f(\n        1,\n    )\n"
    typist = Typist(text)
    typist.type(7, 7, ", b")
    (first,) = typist.rest()
    typist.accept()
    after = typist.document.text
    assert after.count("b") == 3
    typist.put(first.change.start, first.change.start + len(first.change.text), "")
    assert typist.rest() == ()
