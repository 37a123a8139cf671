"""Every decode of the references is named in a test."""

from pathlib import Path

import pytest
from parity import names, needs_parity

TESTS = "".join(
    path.read_text(encoding="utf-8")
    for path in Path(__file__).parent.glob("test_*.py")
    if path.name != Path(__file__).name
)


@needs_parity
@pytest.mark.parametrize("family", ["dream", "dreamon", "open-dcoder", "llada", "sdar", "fast-dllm-v2", "llada2"])
def test_each_is_named(family: str) -> None:
    assert [it for it in names(family, "decode") if f'"{it}"' not in TESTS] == []
