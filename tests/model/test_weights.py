"""The weights that ship with the package."""

from pathlib import Path

import pytest

import infill_model
from infill_model.infill.infiller import Infiller
from infill_model.request import Options, Request

WEIGHTS = Path(infill_model.__file__).parent / "embedded" / "weights"
REPEATED = "def area(shape):\n    return shape.width * shape.height\n\n\ndef again(shape):\n    return shape.wid"


@pytest.fixture(scope="module")
def embedded() -> Infiller:
    return Infiller.load("embedded", device="cpu")


def test_they_are_small_and_say_what_they_are(embedded: Infiller) -> None:
    assert (WEIGHTS / "model.safetensors").stat().st_size <= 45e6
    assert embedded.info.languages == ("python",)
    assert embedded.info.trained_tokens > 1e6
    assert 5e6 < embedded.info.parameters < 20e6


def test_they_know_some_python(embedded: Infiller) -> None:
    """Likely code scores higher than unlikely code, by more than a nat per token on average."""
    pairs = [
        (Request("import os\nimport sys\n\n\ndef main(", "):\n    pass\n"), "argv", "] = ]"),
        (Request("for i in range(10):\n    ", "\n"), "print(i)", "elif: }"),
        (Request("class A:\n    def __init__(self, name):\n        self.name = ", "\n"), "name", "import"),
        (Request("if x is None:\n    return ", "\n"), "None", "while"),
    ]
    margins = [embedded.score(request, (a,)) - embedded.score(request, (b,)) for request, a, b in pairs]
    assert sum(margins) / len(margins) > 1


def test_what_repeats_is_copied(embedded: Infiller) -> None:
    fill = embedded.fill(Request(REPEATED, "\n"), Options())[0]
    assert fill.texts == ("th * shape.height",)


def test_the_same_request_gives_the_same_fill(embedded: Infiller) -> None:
    request = Request("def total(items):\n    result = 0\n    for item in items:\n        ", "\n    return result\n")
    first, again = (embedded.fill(request, Options(n=2, seed=3)) for _ in range(2))
    assert [(it.texts, it.tokens, it.score) for it in first] == [(it.texts, it.tokens, it.score) for it in again]
