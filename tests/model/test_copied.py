"""Copies from other files, and fills that consist of copies alone."""

import pytest

from infill_model.infill.copied import copies_for, fills_of_copies
from infill_model.infill.infiller import Infiller
from infill_model.infill.retrieval import FOREIGN, LEAST_FOREIGN, MOST_FOREIGN, different_copies
from infill_model.request import Options, Request

LINE = "    total += parcel.weight * rate\n"
ASKED = Request("fn weigh() {\n    total += parcel.we", "\n}\n", language="rust", files=("other\n", LINE))


def test_a_copy_may_come_from_another_file() -> None:
    found = different_copies(ASKED.prefix, ASKED.suffix, ASKED.files)
    assert [it.text for it in found if it.foreign] == ["ight * rate"]


def test_it_is_less_often_right_than_one_from_the_document() -> None:
    foreign = next(it for it in different_copies(ASKED.prefix, "\n", (LINE,)) if it.foreign)
    own = different_copies(LINE + ASKED.prefix, "\n")[0]
    assert (own.text, own.match) == (foreign.text, foreign.match)
    assert foreign.probability("x", block=False) == pytest.approx(FOREIGN * own.probability("x", block=False))


def test_what_the_document_has_is_not_found_twice() -> None:
    found = different_copies(LINE + ASKED.prefix, "\n", (LINE,))
    assert [(it.text, it.foreign) for it in found] == [("ight * rate", False)]


def test_the_most_relevant_file_is_searched_first() -> None:
    files = [f"    total += parcel.weight_{n}\n" for n in range(9)]
    found = different_copies(ASKED.prefix, "\n", files)
    assert [it.text for it in found if it.foreign] == ["ight_8", "ight_7"]
    assert MOST_FOREIGN == 2


@pytest.mark.parametrize("match", [LEAST_FOREIGN - 1, LEAST_FOREIGN])
def test_a_short_match_in_another_file_is_none(match: int) -> None:
    name = "abcdefghijklmno"[:match]
    found = different_copies(f"# {name}", "\n", (f"{name} = 1\n",))
    assert any(it.foreign for it in found) == (match == LEAST_FOREIGN)


def test_the_likeliest_comes_first() -> None:
    prefix = f"we = 1\n{LINE[:-1]} + tax\nif x:\n{LINE[:19]}"
    found = different_copies(prefix, "\n", ("if x:\n" + LINE,))
    chances = [it.probability(prefix, block=False) for it in found]
    assert chances == sorted(chances, reverse=True)
    assert {it.foreign for it in found} == {False, True}


def test_copies_alone_need_no_network() -> None:
    first, *others = fills_of_copies(ASKED, 5)
    assert first.texts == ("ight * rate",)
    assert first.confidence == copies_for(ASKED)[0][1]
    assert first.retrieved
    assert (first.steps, first.forwards) == (0, 0)
    assert "".join(it.text for it in first.tokens) == "ight * rate"
    assert all(it.confidence <= first.confidence for it in others)


def test_several_gaps_are_copied_around_what_is_pinned() -> None:
    request = Request("a = first(1) + second(2)\nb = first(", ")\n", between=(") + second(",))
    (fill,) = fills_of_copies(request, 3)
    assert fill.texts == ("1", "2")
    assert [(it.text, it.pinned) for it in fill.tokens] == [("1", False), (") + second(", True), ("2", False)]


def test_nothing_to_copy_gives_no_fill(infiller: Infiller) -> None:
    assert infiller.fill(Request("x", "\n", language="go"), Options(copies_only=True)) == []
    assert [it.texts for it in infiller.fill(ASKED, Options(copies_only=True))] == [("ight * rate",)]


def test_a_batch_always_has_a_fill_for_each(infiller: Infiller) -> None:
    assert len(infiller.fill_batch([ASKED, Request("x", "\n")], Options(copies_only=True))) == 2
