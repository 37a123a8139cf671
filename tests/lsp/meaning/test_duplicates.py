"""Names given twice in other languages than Python."""

import pytest

from infill_lsp.meaning.duplicates import LANGUAGES
from infill_lsp.meaning.judge import fault
from infill_lsp.syntax import languages
from infill_lsp.text.document import Document

REFUSED = [
    ("javascript", "function f(a, b, ¦) { return a; }\n", "b"),
    ("javascript", "const o = {name: 1, size: 2, ¦};\n", "size: 3"),
    ("javascript", "import {one, ¦} from 'x';\n", "one"),
    ("javascript", "function f() {}\n\nfunction ¦() {}\n", "f"),
    ("javascript", "class A {}\n\n¦\n", "class A {}"),
    ("typescript", "function f(a: number, ¦) {}\n", "a: string"),
    ("typescript", "interface A {\n  size: number;\n  ¦\n}\n", "size: string;"),
    ("typescript", "enum A {\n  One,\n  ¦\n}\n", "One,"),
    ("go", "package a\n\nfunc f(a int, ¦) {}\n", "a string"),
    ("go", "package a\n\ntype T struct {\n\tSize int\n\t¦\n}\n", "Size string"),
    ("go", 'package a\n\nimport (\n\t"fmt"\n\t¦\n)\n', '"fmt"'),
    ("go", "package a\n\nfunc f() {}\n\nfunc ¦() {}\n", "f"),
    ("rust", "fn f(a: u8, ¦) {}\n", "a: u16"),
    ("rust", "struct A {\n    size: u8,\n    ¦\n}\n", "size: u16,"),
    ("rust", "enum A {\n    One,\n    ¦\n}\n", "One,"),
    ("rust", "fn f() {}\n\nfn ¦() {}\n", "f"),
    ("java", "class A {\n    void f(int a, ¦) {}\n}\n", "int a"),
    ("java", "enum A {\n    ONE,\n    ¦\n}\n", "ONE"),
    ("java", "class A {}\n\nclass ¦ {}\n", "A"),
    ("c", "int f(int a, ¦) { return a; }\n", "char *a"),
    ("c", "enum e { ONE, ¦ };\n", "ONE"),
    ("c", "struct s {\n    int size;\n    ¦\n};\n", "char size[3];"),
    ("cpp", "int f(int a, ¦) { return a; }\n", "int a"),
    ("cpp", "enum class e { One, ¦ };\n", "One"),
    ("cpp", "struct s {\n    int size;\n    ¦\n};\n", "int size;"),
]

KEPT = [
    ("javascript", "const o = {name: 1, ¦};\n", "size: name"),
    ("javascript", "const {a, ¦} = b;\n", "c: a"),
    ("javascript", "class A {\n  get x() { return 1; }\n  ¦\n}\n", "set x(value) {}"),
    ("typescript", "function f(a: number): void;\n¦\nfunction f(a: any) {}\n", "function f(a: string): void;"),
    ("go", "package a\n\nfunc init() {}\n\nfunc ¦() {}\n", "init"),
    ("go", "package a\n\nfunc f(_ int, ¦) {}\n", "_ string"),
    ("go", "package a\n\nfunc (a A) f() {}\n\nfunc (b B) ¦() {}\n", "f"),
    ("rust", "#[cfg(unix)]\nfn f() {}\n\n#[cfg(windows)]\nfn ¦() {}\n", "f"),
    ("rust", "fn f() {\n    let a = 1;\n    ¦\n}\n", "let a = a + 1;"),
    ("java", "class A {\n    void f(int a) {}\n    ¦\n}\n", "void f(String a) {}"),
    ("c", "int f(int, ¦);\n", "int"),
    ("c", "#if A\nint f(void) { return 1; }\n#else\nint ¦(void) { return 2; }\n#endif\n", "f"),
    ("cpp", "struct s {\n    void f(int);\n    ¦\n};\n", "void f(char);"),
    ("cpp", "int f(int a) { return a; }\n\nint ¦(char a) { return a; }\n", "f"),
]


def found(language: str, text: str, written: str) -> str:
    at = text.index("¦")
    return fault(Document("a", text.replace("¦", ""), languages.by_id(language)), at, at, written)


@pytest.mark.parametrize(("language", "text", "written"), REFUSED)
def test_a_name_is_not_given_twice(language: str, text: str, written: str) -> None:
    assert found(language, text, written)


@pytest.mark.parametrize(("language", "text", "written"), KEPT)
def test_what_the_language_allows_is_shown(language: str, text: str, written: str) -> None:
    assert found(language, text, written) == ""


def test_the_suggestion_brings_the_name_in() -> None:
    text = "const o = {name: 1, name: ¦};\n"
    assert found("javascript", text, "2") == ""


def test_every_language_with_rules_has_a_grammar_and_tests() -> None:
    assert all(languages.by_id(it) is not None for it in LANGUAGES)
    assert {language for language, *_ in REFUSED} == {it.removesuffix("react") for it in LANGUAGES}
