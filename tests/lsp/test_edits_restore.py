"""A line restored by a model that reads: its small edits, what is written in it, and how texts are ranked."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from edited import marked

from infill_lsp.edits.edit import Edit
from infill_lsp.edits.offer import Kind, Offer
from infill_lsp.edits.resolve import resolve
from infill_lsp.edits.restore import distance, least_likely, mixed, rests, small_edits
from infill_lsp.edits.suspects import suspects
from infill_lsp.errors import RequestFailedError
from infill_lsp.text.progress import Film
from infill_model.request import Fill, Options, Request, Timing, Token


def tokens(*pairs: tuple[str, float]) -> tuple[Token, ...]:
    return tuple(Token(text, probability, 0, pinned=False) for text, probability in pairs)


@dataclass(slots=True)
class Reader:
    """Reads with given probabilities of words, any other of 0.5; writes what it is told after a line's beginning."""

    unlikely: Mapping[str, float]
    writes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asked: list[tuple[Request, Options]] = field(default_factory=list)

    async def __call__(self, request: Request, options: Options, *, on_draft: Film | None = None) -> Sequence[Fill]:
        self.asked.append((request, options))
        timing = Timing(0, 0, 0)
        if options.steps == 0 and options.start:
            (text,) = options.start
            read = tokens(
                *(
                    (it, self.unlikely.get(it, self.unlikely.get(it.strip(), 0.5)))
                    for it in text.replace("\n", "\n ").split(" ")
                )
            )
            spaced = [Token(it.text + " " * (n < len(read) - 1), it.confidence, 0, False) for n, it in enumerate(read)]
            sure = math.prod(it.confidence for it in read)
            return [Fill((text,), tuple(spaced), sure, None, 0, 1, timing, "complete")]
        line = request.prefix.rpartition("\n")[2]
        texts = self.writes.get(line, ()) if options.start is None else ()
        return [Fill((it,), (), 0.5, None, 1, 1, timing, "complete") for it in texts]


def made(text: str, kind: Kind, reader: Reader) -> tuple[str, Edit | None]:
    document, start, end = marked(text)
    offer = Offer(kind, document.name, document.version, start, end)
    edit = asyncio.run(resolve(document, offer, reader, reads=True))
    for change in reversed(edit.changes if edit else ()):
        document = document.edited(change.start, change.end, change.text)
    return document.text, edit


def test_swapped_tokens_are_put_back() -> None:
    assert made("f = a = b = 1\nf(a b,)|\n", "repair_syntax", Reader({"b,)": 0.01}))[0] == "f = a = b = 1\nf(a ,b)\n"


def test_a_doubled_sign_is_dropped_and_words_are_kept() -> None:
    text, _ = made("b = 1\na = = b|\n", "repair_syntax", Reader({}))
    assert text == "b = 1\na = b\n"


def test_what_the_model_writes_is_put_before_the_rest() -> None:
    reader = Reader({"b": 0.01}, {"a ": ["= b", "= 1"]})
    assert made("b = 1\na b|\n", "repair_syntax", reader)[0] == "b = 1\na = b\n"


def test_only_suspect_lines_are_revised_and_the_function_is_read_once() -> None:
    code = "def f(first, second):\n    total = first\n    return second|\n"
    reader = Reader({"second": 0.001, "return\n": 0.001}, {"    return ": ["total"]})
    assert made(code, "suggest_edits", reader)[0] == code.replace("second|", "total").replace("|", "")
    revised = {request.prefix.rpartition("\n")[2] for request, options in reader.asked if options.steps}
    assert revised <= {"    ", "    return "}
    assert sum("\n    " in (options.start or ("",))[0] for _, options in reader.asked) == 1


def test_a_likely_function_is_left_alone() -> None:
    code = "def f(first):\n    total = first\n    return total|\n"
    assert made(code, "suggest_edits", Reader({}))[1] is None


def test_no_time_means_no_edit() -> None:
    document, start, end = marked("def f(first):\n    total = first\n    return total|\n")
    offer = Offer("suggest_edits", document.name, 3, start, end)
    reader = Reader({"total": 0.001})
    assert asyncio.run(resolve(document, offer, reader, budget_ms=0, reads=True)) is None


@pytest.mark.parametrize("kind", ["suggest_edits", "repair_syntax"])
def test_an_engine_that_hangs_is_told(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(request: Request, options: Options, *, on_draft: Film | None = None) -> Sequence[Fill]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr("infill_lsp.edits.resolve._MARGIN", 0.01)
    document, start, end = marked("def f(first):\n    total = = first|\n    return total\n")
    offer = Offer(kind, document.name, document.version, start, end)
    with pytest.raises(RequestFailedError, match="has not answered in time"):
        asyncio.run(resolve(document, offer, hangs, budget_ms=300, reads=True))


def test_a_text_that_was_not_read_in_time_is_not_taken() -> None:
    reader = Reader({})

    async def reads_once(request: Request, options: Options, *, on_draft: Film | None = None) -> Sequence[Fill]:
        return await reader(request, options) if not reader.asked else []

    document, start, end = marked("b = 1\na = = b|\n")
    offer = Offer("repair_syntax", document.name, document.version, start, end)
    assert asyncio.run(resolve(document, offer, reads_once, reads=True)) is None


def test_suspects_of_nothing_are_none() -> None:
    document, _, _ = marked("x = 1|\n")
    assert asyncio.run(suspects(document, (), Reader({}))) == []


def test_the_least_likely_token_is_found_behind_its_blanks() -> None:
    assert least_likely(tokens(("a", 0.5), (" =", 0.1), (" b", 0.4), ("\n", 0.01)), 5) == 2
    assert least_likely((), 3) == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a = b", "a = c", 1),
        ("a b =", "a = b", 1),
        ("f(a)", "f(a, b)", 2),
        ("a", "a", 1),
        ("self.:rules", "self.rules:", 1),
    ],
)
def test_distance_counts_tokens_and_a_swap_once(old: str, new: str, expected: int) -> None:
    assert distance(old, new) == expected


def test_small_edits_drop_and_swap_near_the_place() -> None:
    edits = list(small_edits("a b = c + d + e", 2))
    assert "a = b c + d + e" in edits
    assert "a = c + d + e" in edits
    assert not any("e + d" in it for it in edits)  # That is too far away.


def test_what_was_written_stands_before_the_old_rest_or_in_place_of_its_tokens() -> None:
    old = "self..add(x)"
    (at, *_) = rests(old, 5)
    assert old[at[0].start() :] == ".add(x)"
    texts = list(mixed("future.add(x)", old, at))
    assert texts[0] == "future.add(x)"
    assert "future.add(x)" in texts[1:]  # The name alone, before the old rest.
    assert list(mixed("= b", "a b", rests("a b", 2)[0]))[1] == "= b"
