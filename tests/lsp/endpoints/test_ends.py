"""Where a fill ends."""

import pytest

from infill_lsp.endpoints.api import GapAsk
from infill_lsp.endpoints.truncate import end, trimmed

LINE = GapAsk("x = ", "\n")
BLOCK = GapAsk("def f():\n    ", "\n\n}\nprint(f())\n", block=True)


@pytest.mark.parametrize(
    ("ask", "text", "kept"),
    [
        (LINE, "1 + 2", "1 + 2"),
        (LINE, "1\n2", "1"),
        (LINE, "1\r\n2", "1"),
        (LINE, "\n1", ""),
        (LINE, "1<|endoftext|>x", "1"),
        (LINE, "1<|fim_pad|>", "1"),
        (LINE, "a <| b |> c", "a <| b |> c"),
        (LINE, "'\ufffd'", "'"),
        (BLOCK, "a\n    b", "a\n    b"),
        (BLOCK, "a\n\n    b", "a\n\n    b"),
        (BLOCK, "a\n\n\nb", "a"),
        (BLOCK, "a\n \n\t\nb", "a"),
        (BLOCK, "if a:\n    }\n}\nprint", "if a:\n    }"),
        (BLOCK, "\n}\nb", "\n}\nb"),
    ],
)
def test_what_is_kept(ask: GapAsk, text: str, kept: str) -> None:
    assert trimmed(text, ask, whole=True) == kept
    assert (end(text, ask) is None) == (text == kept)


def test_what_is_only_begun() -> None:
    assert trimmed("a\n    b\n    c(", BLOCK, whole=False) == "a\n    b"
    assert trimmed("a(", BLOCK, whole=False) == "a("
    assert trimmed("a(", LINE, whole=False) == "a("
