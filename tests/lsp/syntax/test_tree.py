"""An edited tree is the tree of the edited text."""

from infill_lsp.document import Document
from infill_lsp.syntax import languages
from infill_lsp.syntax.tree import SyntaxTree

PYTHON = languages.by_id("python")


def test_an_edited_tree_equals_a_fresh_one_and_leaves_the_old_one_alone() -> None:
    before = Document("a.py", "é = '🐍'\nprint(é)\n", PYTHON, 1)
    assert before.tree is not None
    old = str(before.tree.root)
    after = before.edited(8, 8, "if é:\n    ", 2)
    assert after.text == "é = '🐍'\nif é:\n    print(é)\n"
    assert (after.version, after.language) == (2, PYTHON)
    assert after.tree is not None
    assert PYTHON is not None
    assert str(after.tree.root) == str(SyntaxTree.parse(after.text, PYTHON).root)
    assert str(before.tree.root) == old
    call = after.tree.smallest(20, 23)
    assert [after.text[a:b] for a, b in [after.tree.span(call)]] == ["print"]


def test_a_language_without_grammar_has_no_tree() -> None:
    assert Document("a.sql", "select 1", languages.by_id("sql")).tree is None
    assert Document("a", "text").edited(0, 1, "n").tree is None
