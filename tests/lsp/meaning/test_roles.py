"""What cannot be meant at its place, in other languages than Python."""

import pytest

from infill_lsp.meaning.judge import fault
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

FUNCTIONS = {
    "javascript": "function f(a) {\n  ¦\n}\n",
    "typescript": "function f(a: number) {\n  ¦\n}\n",
    "java": "class A {\n  void f(int a) {\n    ¦\n  }\n}\n",
    "c": "void f(int a) {\n  ¦\n}\n",
    "cpp": "void f(int a) {\n  ¦\n}\n",
    "go": "package a\n\nfunc f(a int) {\n\t¦\n}\n",
    "rust": "fn f(a: u8) {\n    ¦\n}\n",
}
LOOPS = {"go": "for {\n¦\n}", "rust": "loop { ¦ }"}


def found(language: str, text: str, written: str) -> str:
    at = text.index("¦")
    return fault(Document("a", text.replace("¦", ""), languages.by_id(language)), at, at, written)


@pytest.mark.parametrize("language", FUNCTIONS)
@pytest.mark.parametrize("word", ["break", "continue"])
def test_a_loop_is_left_only_from_within(language: str, word: str) -> None:
    written, loop = word if language == "go" else f"{word};", LOOPS.get(language, "while (a) { ¦ }")
    assert "cannot be used here" in found(language, FUNCTIONS[language], written)
    assert found(language, FUNCTIONS[language].replace("¦", loop), written) == ""
    assert found(language, "¦\n", written) == "", "it may be a piece of a function"


@pytest.mark.parametrize("language", ["javascript", "typescript", "java", "c", "cpp"])
def test_an_assignment_does_not_become_an_argument(language: str) -> None:
    call = FUNCTIONS[language].replace("¦", "show(a¦);")
    assert "is an assignment, not an argument" in found(language, call, " = 3")
    assert found(language, call, " + 3") == ""
    assert found(language, FUNCTIONS[language].replace("¦", "show((a¦));"), " = 3") == ""


DECLARED = [
    ("javascript", "const b = 1;\n¦", "const b = 2;"),
    ("typescript", "let b = 1;\n¦", "let b: number = 2;"),
    ("java", "int b = 1;\n¦", "int b = 2;"),
    ("c", "int b = 1;\n¦", "int b = 2;"),
    ("cpp", "int b = 1;\n¦", "int b = 2;"),
]


@pytest.mark.parametrize(("language", "body", "written"), DECLARED)
def test_a_variable_is_declared_once_in_a_block(language: str, body: str, written: str) -> None:
    text = FUNCTIONS[language].replace("¦", body)
    assert "`b` is declared already" in found(language, text, written)
    assert found(language, text.replace("¦", "{ ¦ }"), written) == "", "an inner block may have its own"
    assert found("rust", FUNCTIONS["rust"].replace("¦", "let b = 1;\n¦"), "let b = 2;") == ""


def test_only_asynchronous_functions_wait() -> None:
    assert "`await` cannot be used here" in found("javascript", FUNCTIONS["javascript"], "await f(1);")
    assert found("javascript", "async " + FUNCTIONS["javascript"], "await f(1);") == ""
    assert found("javascript", "¦\n", "await f(1);") == ""
    assert "cannot be used here" in found("typescript", "const f = (a: number) => {\n  ¦\n};\n", "await g(a);")


def test_a_switch_is_left_but_not_continued() -> None:
    text = FUNCTIONS["c"].replace("¦", "switch (a) {\n  case 1:\n    ¦\n  }")
    assert found("c", text, "break;") == ""
    assert "cannot be used here" in found("c", text, "continue;")
