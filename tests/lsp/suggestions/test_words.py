"""A word is completed to one that is in use, unless the model is sure."""

import pytest

from infill_lsp.suggestions.suggestion import Suggestion
from infill_lsp.suggestions.words import completed_word, invented_word
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document


def invented(text: str, written: str, *, confidence: float = 0.3, language: str = "python", others: str = "") -> str:
    at = text.index("¦")
    document = Document("a", text.replace("¦", ""), languages.by_id(language))
    return invented_word(document, Suggestion(at, at, written, confidence), (others,))


@pytest.mark.parametrize(
    ("text", "written", "word"),
    [
        ("total = 0\nprint(to¦)\n", "tal", ""),
        ("total = 0\nprint(to¦)\n", "taller", "totaller"),
        ("total = 0\nprint(to¦al)\n", "t", ""),
        ("total = 0\nprint(to¦tal)\n", "ur", "tourtal"),
        ("if a in names¦\n", "and b", "namesand"),
        ("if a in names¦\n", " and b", ""),
        ("x.re¦\n", "place('a', 'b')", ""),
        ("wh¦\n", "ile True:", ""),
        ("pri¦\n", "nt(1)", ""),
        ("x = 1¦\n", "00", ""),
        ("# The resul¦\n", "tor of it", "resultor"),
        ("price = 1\npriceless = 2\nx = pri¦\n", "cele", "pricele"),
    ],
)
def test_a_word_is_known_to_the_document_or_the_language(text: str, written: str, word: str) -> None:
    assert invented(text, written) == word


def test_a_sure_model_may_use_a_new_word() -> None:
    assert invented("def get_¦\n", "total(self):", confidence=0.6) == ""


def test_other_texts_have_words_too() -> None:
    assert invented("x = gross_¦\n", "total", others="def gross_total(): ...") == ""


@pytest.mark.parametrize(
    ("language", "text", "written"),
    [("go", "fun¦\n", "c main() {"), ("javascript", "cons¦\n", "t a = 1;"), ("rust", "str¦\n", "uct A;")],
)
def test_every_language_has_its_keywords(language: str, text: str, written: str) -> None:
    assert invented(text, written, language=language) == ""
    assert invented(text, "zzz", language=language)


@pytest.mark.parametrize(
    ("text", "written", "expected"),
    [
        ("radius = 2\nprint(rad¦)\n", "ius * 2)", ("ius", 0.9)),
        ("radius = 2\nprint(ra¦)\n", "dius * 2)", ("dius", 0.7)),  # `raise` begins so, too.
        ("radius = radians = 2\nprint(rad¦)\n", "ius * 2", ("ius", 0.7)),
        ("radius = 2\nprint(rad¦)\n", "ar)", ("ius", 0.6)),
        ("radius = 2\nprint(rad¦)\n", "", ("ius", 0.6)),
        ("radius = 2\nprint(ra¦)\n", "nge(3)", None),  # Two letters are little where the model disagrees.
        ("radius = 2\nprint(r¦)\n", "adius", None),
        ("radius = radians = 2\nprint(rad¦)\n", "ar", None),
        ("rad1 = rad2 = rad3 = rad4 = 2\nprint(rad¦)\n", "1", None),
        ("radius = 2\nprint(ra¦dius)\n", "", None),
        ("radius = 2\nprint(¦)\n", "radius", None),
        ("x = 10\ny = 1234\nz = 12¦\n", "34", None),
        ("a_radius = 2\nprint(rad¦)\n", "ius", None),
        ("defined = 1\ndef¦\n", "ined", None),  # A keyword is whole.
        ("annotations = 1\nif 1 an¦\n", "notations", ("notations", 0.7)),  # `and` begins so, too.
        ("annotations = 1\nif 1 ann¦\n", "", ("otations", 0.6)),
    ],
)
def test_a_word_is_completed_to_the_one_that_begins_so(
    text: str, written: str, expected: tuple[str, float] | None
) -> None:
    at = text.index("¦")
    assert completed_word(Document("a", text.replace("¦", ""), languages.by_id("python")), at, written) == expected


def test_a_long_document_is_not_searched_at_each_key() -> None:
    text = "radius = 2\n" + "x = 1\n" * 100_000 + "rad"
    assert completed_word(Document("a", text), len(text), "ius") is None


def test_plain_text_has_only_its_own_words() -> None:
    assert invented("the total\nto¦\n", "tal", language="markdown") == ""
    assert invented("the total\nto¦\n", "rn", language="markdown") == "torn"
