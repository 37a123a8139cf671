"""The description a model gives of itself."""

import pytest

from infill_model.request import ANY_LANGUAGE, Info


@pytest.mark.parametrize(
    ("languages", "asked", "knows"),
    [
        (("python",), "python", True),
        (("python",), "go", False),
        (("python",), None, False),
        (("python", "go"), "go", True),
        ((ANY_LANGUAGE,), "go", True),
        ((ANY_LANGUAGE,), None, True),
    ],
)
def test_a_model_knows_what_it_was_trained_on(languages: tuple[str, ...], asked: str | None, knows: bool) -> None:
    assert Info("m", 1, languages, "cpu", "float32", 1, 1024, 0).knows(asked) is knows
