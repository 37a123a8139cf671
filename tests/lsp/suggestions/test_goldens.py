"""The golden files of the refinements; `UPDATE_GOLDENS=1 pytest tests/lsp/suggestions` rewrites them."""

import os
from pathlib import Path

import pytest
from goldens_format import Golden, read

from infill_lsp.suggestions.refine import refine
from infill_lsp.suggestions.suggestion import Dropped, fits

FILES = sorted((Path(__file__).parent / "goldens").glob("*.txt"))
CASES = [pytest.param(path, case, id=f"{path.stem}: {case.title}") for path in FILES for case in read(path)]


@pytest.fixture(scope="module", autouse=True)
def _written_anew() -> None:
    if os.environ.get("UPDATE_GOLDENS"):
        for path in FILES:
            path.write_text("\n".join(str(it.now()) for it in read(path)), encoding="utf-8")


@pytest.mark.parametrize(("path", "case"), CASES)
def test_shown(path: Path, case: Golden) -> None:
    if os.environ.get("UPDATE_GOLDENS"):
        case = case.now()
    assert case.now().shown == case.shown
    refined = case.refined()
    if not isinstance(refined, Dropped):
        assert fits(case.document(), refined)
        assert refine(case.document(), case.target(), refined) == refined


def test_there_are_enough_of_each_language() -> None:
    languages = [case.language for path in FILES for case in read(path)]
    assert len(languages) >= 40
    main = ("python", "javascript", "typescript", "go", "rust", "java", "c", "cpp")
    assert {it: languages.count(it) for it in main if languages.count(it) < 8} == {}
