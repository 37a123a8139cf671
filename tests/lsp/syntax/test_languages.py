"""How languages are recognised."""

import pytest

from infill_lsp.syntax import languages
from infill_lsp.syntax.languages import LANGUAGES


@pytest.mark.parametrize(
    ("name", "id_"),
    [("a.py", "python"), ("/x/B.PYI", "python"), ("c.rs", "rust"), ("C:\\w\\d.tsx", "typescriptreact")],
)
def test_a_files_name_says_its_language(name: str, id_: str) -> None:
    language = languages.of_file(name)
    assert language is not None
    assert language.id == id_
    assert languages.by_id(id_) is language


def test_other_names_say_nothing() -> None:
    assert languages.of_file("Makefile") is None
    assert languages.of_file("notes.txt") is None
    assert languages.by_id("klingon") is None
    assert languages.by_id(None) is None


@pytest.mark.parametrize(
    ("said", "id_"),
    [
        *[("python3", "python"), ("py", "python"), ("Python", "python"), ("ipython", "python"), ("golang", "go")],
        *[("jsx", "javascriptreact"), ("tsx", "typescriptreact"), ("js", "javascript"), ("ts", "typescript")],
        *[("javascript.jsx", "javascriptreact"), ("typescript.tsx", "typescriptreact"), ("rs", "rust"), ("c++", "cpp")],
        *[("sh", "shellscript"), ("bash", "shellscript"), ("yml", "yaml"), ("c#", "csharp"), ("kt", "kotlin")],
        *[
            ("cs", "csharp"),
            ("jsonc", "json"),
            ("yaml.docker-compose", "yaml"),
            ("zsh", "shellscript"),
            ("mysql", "sql"),
        ],
    ],
)
def test_what_editors_call_a_language_is_understood(said: str, id_: str) -> None:
    language = languages.by_id(said)
    assert language
    assert language.id == id_


@pytest.mark.parametrize("said", ["", None, "plaintext", ".", "python4", "json5", "vue"])
def test_what_is_no_language_here_is_none(said: str | None) -> None:
    assert languages.by_id(said) is None


def test_ids_and_suffixes_have_one_owner() -> None:
    ids = [id_ for language in LANGUAGES for id_ in (language.id, *language.aliases)]
    suffixes = [suffix for language in LANGUAGES for suffix in language.suffixes]
    assert len(set(ids)) == len(ids)
    assert len(set(suffixes)) == len(suffixes)


COME_ALONG = {
    *("python", "javascript", "javascriptreact", "typescript", "typescriptreact", "go", "rust", "java", "c", "cpp"),
    *("json", "csharp", "css", "html", "php", "ruby", "shellscript", "yaml"),
}


def test_most_grammars_come_with_the_package() -> None:
    assert {it.id for it in LANGUAGES if it.grammar} >= COME_ALONG


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language.grammar], ids=lambda x: x.id)
def test_every_node_that_is_named_is_one_of_the_grammar(language: languages.Language) -> None:
    assert language.grammar is not None
    grammar = language.grammar()
    kinds = {grammar.node_kind_for_id(it) for it in range(grammar.node_kind_count)}
    named = language.blocks | language.arguments | language.functions | language.code_in_strings
    assert named <= kinds
    if language.id in COME_ALONG:
        assert language.comments & kinds
        assert language.strings & kinds


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language.grammar], ids=lambda x: x.id)
def test_grammars_load(language: languages.Language) -> None:
    assert language.grammar is not None
    assert language.grammar().node_kind_count > 0


@pytest.mark.parametrize(
    ("line", "opens"),
    [("def f():", True), ("if x:  # why", True), ("x = {", False), ("return 1", False), ("else:   ", True)],
)
def test_python_lines_that_open_a_block(line: str, opens: bool) -> None:
    python = languages.by_id("python")
    assert python is not None
    assert bool(python.opens_block.search(line)) is opens


@pytest.mark.parametrize(
    ("id_", "line", "opens"),
    [
        ("ruby", "  def total(a)", True),
        ("ruby", "xs.each do |x, y|", True),
        ("ruby", "xs.each { |x|", True),
        ("ruby", "if a then b end", False),
        ("ruby", "return a if b", False),
        ("ruby", "x = undo", False),
        ("shellscript", "if [ -f a ]; then", True),
        ("shellscript", "for x in 1 2; do  # all", True),
        ("shellscript", "main() {", True),
        ("shellscript", "echo done", False),
        ("yaml", "items:", True),
        ("yaml", "items:  # all", True),
        ("yaml", "rate: 1", False),
        ("csharp", "public int F(int a) {", True),
        ("php", "function f($a) {", True),
        ("css", ".a > b {", True),
        ("html", "<ul>", False),
    ],
)
def test_lines_that_open_a_block(id_: str, line: str, opens: bool) -> None:
    language = languages.by_id(id_)
    assert language is not None
    assert bool(language.opens_block.search(line)) is opens


def test_a_grammar_is_used_once_its_wheel_is_installed() -> None:
    assert languages._wheel_if_installed("tree_sitter_that_nobody_made") is None
    installed = languages._wheel_if_installed("tree_sitter_go")
    assert installed is not None
    assert installed().node_kind_count > 0
