"""New parameters are passed on in the languages with braces."""

import pytest
from marked_edits import followed, unchanged

FOLLOWED = [
    ("javascript", "function f(a⟦→, log⟧) {}\nfunction g(log) { f(1); }\n", "{ f(1, log); }\n"),
    ("typescript", "function f(a: A⟦→, log: Log⟧) {}\nconst g = (log: Log) => f(1);\n", "=> f(1, log);\n"),
    ("go", "func (s *S) f(⟦→ctx C, ⟧a int) {}\nfunc g(ctx C) { s.f(1) }\n", "{ s.f(ctx, 1) }\n"),
    ("java", "class A {\n  void f(int a⟦→, int b⟧) {}\n  void g(int b) { f(1); }\n}\n", "{ f(1, b); }\n}\n"),
]


@pytest.mark.parametrize(("language", "marked", "end"), FOLLOWED)
def test_calls_follow(language: str, marked: str, end: str) -> None:
    assert followed(marked, language).endswith(end)


SILENT = [
    ("javascript", "function f(a⟦→, log⟧) {}\nfunction g() { f(1); }\n"),
    ("javascript", "function f(a⟦→, log = 1⟧) {}\nfunction g(log) { f(1); }\n"),
    ("javascript", "function f(a⟦→, log⟧) {}\nfunction g(log) { f(1, log); }\n"),
    ("javascript", "function f(a⟦→, log⟧) {}\nfunction g(log) { f(...a); }\n"),
    ("java", "class A {\n  void f(int a⟦→, int b⟧) {}\n  void f(int b) { f(1); }\n}\n"),
    ("go", "func f(a⟦→, b⟧ int) {}\nfunc g(b int) { f(1) }\n"),
]


@pytest.mark.parametrize(("language", "marked"), SILENT)
def test_nothing_else_follows(language: str, marked: str) -> None:
    assert unchanged(marked, language)
