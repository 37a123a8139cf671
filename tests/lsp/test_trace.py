"""The trace page: its content, its safety, and that a browser shows it."""

import html
import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from infill_lsp.cli import trace
from infill_lsp.cli.filled_document import FilledDocument
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document
from infill_model.request import Fill, Frame, Info, Timing, Token, TraceToken

INFO = Info("scripted", 1234, ("python",), "cpu", "float32", 1, 1024, 5678)
MASKED = TraceToken("", "masked", 0.0)
HOSTILE = "</script><script>alert(1)</script><!--<b>&amp;\u2028"


def suggestion(marked: str, text: str, frames: tuple[Frame, ...] | None = None, name: str = "app.py") -> FilledDocument:
    document, gaps = Document.with_marks(name, marked, languages.by_id("python"))
    request = document.request(gaps)
    written = TraceToken(text, "committed", 0.75)
    if frames is None:
        frames = (Frame(1, (MASKED, written), "1 committed", 2.5), Frame(2, (written, written), "1 committed", 2.5))
    tokens = (Token(text, 0.75, 1, False),)
    return FilledDocument(
        *(document, gaps, request),
        Fill((text,), tokens, 0.75, None, 2, 2, Timing(1.0, 5.0, 6.0), "complete", trace=frames),
    )


class Reader(HTMLParser):
    """Parses a page as a browser would."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.elements: list[str] = []
        self.title = ""
        self.links: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] == ["script"]:
            self.scripts[-1] += data
        if self.elements[-1:] == ["title"] and not self.title:
            self.title = data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("no comment was written")


def data_of(found: FilledDocument) -> dict[str, object]:
    data: dict[str, object] = json.loads(Reader(trace.page(found, INFO)).scripts[0])
    return data


def test_the_page_holds_the_code_and_every_step() -> None:
    data = data_of(suggestion("# é\nx = <gap>\ny = 2\n", "1"))
    assert (data["above"], data["below"], data["first"]) == ("# é\nx = ", "\ny = 2", 1)
    assert data["title"] == "app.py:2:5"
    assert data["frames"] == [
        {"step": 0, "event": "2 masks", "ms": 0.0, "tokens": [["", "masked", 0.0]] * 2},
        {"step": 1, "event": "1 committed", "ms": 2.5, "tokens": [["", "masked", 0.0], ["1", "committed", 0.75]]},
        {"step": 2, "event": "1 committed", "ms": 2.5, "tokens": [["1", "committed", 0.75]] * 2},
    ]
    assert data["parses"] is True


def test_a_long_file_is_shown_around_the_gap() -> None:
    lines = "".join(f"x{n} = {n}\n" for n in range(1, 1000))
    data = data_of(suggestion(f"{lines}y = <gap>\n{lines}", "1"))
    assert data["first"] == 1000 - 14
    assert str(data["above"]).startswith("x986 = 986\n")
    assert str(data["below"]).endswith("\nx14 = 14")


def test_code_cannot_get_out_of_its_place() -> None:
    plain = Reader(trace.page(suggestion("x = <gap>\n", "1"), INFO))
    found = suggestion(f"x = '{HOSTILE}' + <gap> # {HOSTILE}\n", f"'{HOSTILE}'", name=f"{HOSTILE}.py")
    hostile = Reader(trace.page(found, INFO))
    assert hostile.elements == plain.elements
    assert hostile.scripts[1] == plain.scripts[1]
    assert hostile.title.startswith(HOSTILE)
    data = json.loads(hostile.scripts[0])
    assert data["above"] == f"x = '{HOSTILE}' + "
    assert data["frames"][-1]["tokens"][0][0] == f"'{HOSTILE}'"
    assert html.escape(HOSTILE) in trace.page(found, INFO)


def test_placeholders_in_the_code_stay_code() -> None:
    data = data_of(suggestion("x = '{{data}}{{title}}' + <gap>\n", "'{{data}}'", name="{{data}}.py"))
    assert data["above"] == "x = '{{data}}{{title}}' + "
    assert data["title"] == "{{data}}.py:1:27"


def test_the_page_asks_no_network() -> None:
    page = trace.page(suggestion("x = <gap>\n", "1"), INFO)
    assert "default-src 'none'" in page
    assert Reader(page).links == []
    assert not any(it in page for it in ("http:", "https:", "url(", "@import", "fetch("))


def test_the_pinned_rest_of_the_line_is_not_shown_twice() -> None:
    frames = (Frame(1, (TraceToken("1", "committed", 0.9), TraceToken(", 2", "pinned", 1.0)), "1 committed", 1.0),)
    data = data_of(suggestion("f(<gap>, 2, 3)\n", "1", frames))
    assert data["below"] == ", 3)"
    assert [token[0] for token in data["frames"][-1]["tokens"]] == ["1", ", 2"]  # type: ignore[index]


def test_a_pinned_rest_that_is_not_the_suffix_to_the_letter_is_left_out() -> None:
    frames = (Frame(1, (TraceToken("1", "committed", 0.9), TraceToken(", ?", "pinned", 1.0)), "1 committed", 1.0),)
    data = data_of(suggestion("f(<gap>, 2)\n", "1", frames))
    assert data["below"] == ", 2)"
    assert [token[0] for token in data["frames"][-1]["tokens"]] == ["1"]  # type: ignore[index]


def test_a_fill_without_a_trace_still_makes_a_page() -> None:
    data = data_of(suggestion("x = <gap>\n", "1", ()))
    event = "as it ended; its steps were not recorded"
    assert data["frames"] == [{"step": 2, "event": event, "ms": 0.0, "tokens": [["1", "committed", 0.75]]}]


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="no browser here")
def test_a_browser_plays_it_to_the_end(tmp_path: Path) -> None:
    found = suggestion(f"# {HOSTILE}\nx = <gap>\ny = 2\n", f"'{HOSTILE}'\n")
    page = tmp_path / "trace.html"
    page.write_text(trace.page(found, INFO), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    command = [
        *(str(BROWSER), *flags.split(), "--disable-component-update", "--disable-sync", "--virtual-time-budget=20000"),
        *(f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "step 2 of 2" in shown
    assert 'class="token committed' in shown
    assert html.escape(HOSTILE, quote=False).replace("\u2028", "") in shown.replace("\u2028", "")
    assert shown.count("<script") == 2
