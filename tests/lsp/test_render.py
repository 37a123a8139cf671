"""The terminal rendering of a fill."""

import re

import pytest

from infill_lsp.cli import render
from infill_lsp.cli.filled_document import FilledDocument
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_model.request import Fill, Timing, Token

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def suggestion(marked: str, *tokens: Token | str, texts: tuple[str, ...] | None = None) -> FilledDocument:
    document, gaps = Document.with_marks("app.py", marked, languages.by_id("python"))
    own = tuple(it if isinstance(it, Token) else Token(it, 0.99, 1, False) for it in tokens)
    written = texts or ("".join(it.text for it in own),)
    fill = Fill(written, own, 0.9, -0.25, 3, 4, Timing(1.0, 5.0, 6.0), "stable")
    return FilledDocument(document, gaps, document.request(gaps), fill)


def rows(found: FilledDocument) -> list[str]:
    return [row.plain for row in render.diff(found)]


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_new_line_is_only_added() -> None:
    assert rows(suggestion("def f():\n    a = 1<gap>\n    return a\n", "\n    a += 1")) == [
        "  1  def f():",
        "  2      a = 1",
        "+ 3      a += 1",
        "  4      return a",
        "  5  ",
    ]


def test_far_gaps_are_shown_apart() -> None:
    lines = "".join(f"x{n} = {n}\n" for n in range(3, 13))
    found = suggestion(
        f"a = <gap>\n{lines}b = <gap>\n", "1", Token(f"\n{lines}b = ", 1.0, 0, True), "2", texts=("1", "2")
    )
    assert rows(found) == [
        *("-  1  a = ", "+  1  a = 1", "   2  x3 = 3", "   3  x4 = 4", "    ⋮"),
        *("  10  x11 = 11", "  11  x12 = 12", "- 12  b = ", "+ 12  b = 2", "  13  "),
    ]


def test_a_gap_deep_in_a_long_file_has_its_line_number() -> None:
    lines = "x = 1\n" * 5000
    found = rows(suggestion(f"{lines}y = <gap>\n{lines}", "2"))
    assert found == [
        "  4999  x = 1",
        "  5000  x = 1",
        "- 5001  y = ",
        "+ 5001  y = 2",
        "  5002  x = 1",
        "  5003  x = 1",
    ]


def test_nothing_to_add() -> None:
    assert rows(suggestion("x = 1<gap>\n", "")) == ["  nothing to add here"]


def test_a_file_cannot_steer_the_terminal() -> None:
    found = rows(suggestion("\tx = '\x1b[2J' <gap>\n", "# \x07\x9b"))
    assert found[1] == "+ 1      x = '␛[2J' # ␇�"


def test_figures() -> None:
    figures = render.figures(suggestion("x = <gap>\n", "1", " + ", Token("pinned", 1.0, 0, True)))
    assert figures.plain == (
        "  2 tokens · confidence 0.90 · score -0.25 · 6 ms (encode 1, denoise 5) · 4 forwards in 3 steps · "
        "settled early · parses"
    )


@pytest.mark.usefixtures("colours")
def test_tokens_are_coloured_by_confidence() -> None:
    found = suggestion("x = <gap>\n", *(Token(f"t{n} ", n / 100, 1, False) for n in (95, 94, 60, 40, 39)))
    shown = render.filled_documents([found])
    for token, colour in zip(("t95", "t94", "t60", "t40", "t39"), render.CONFIDENCE_COLOURS, strict=True):
        rgb = ";".join(str(int(colour[1][n : n + 2], 16)) for n in (1, 3, 5))
        assert f"\x1b[1;38;2;{rgb}m{token}" in shown
    assert "confidence" in ESCAPES.sub("", shown).splitlines()[-1], "what the colours mean"


@pytest.mark.usefixtures("colours")
@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("FORCE_COLOR", "")])
def test_no_colour_where_none_is_wanted_or_seen(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    shown = render.filled_documents([suggestion("x = <gap>\n", "1")])
    assert "\x1b" not in shown
    assert "+ 1  x = 1\n" in shown


def test_tokens_that_do_not_tell_the_whole_text_are_not_trusted() -> None:
    found = suggestion("x = <gap>\n", "1", texts=("1 + 2",))
    assert rows(found) == ["- 1  x = ", "+ 1  x = 1 + 2", "  2  "]
