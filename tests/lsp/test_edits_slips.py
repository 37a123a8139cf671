"""Common slips of typing are mended with the least change, and what was written stays."""

import pytest

from infill_lsp.edits.repair import repairs
from infill_lsp.syntax import languages
from infill_lsp.syntax.errors import fault_count
from infill_lsp.text.document import Document

SLIPS = [
    ("python", "def f(a, b):\n    return max(a, b¦\n\n\nf(1, 2)\n", "    return max(a, b)"),
    ("python", "def area(width, height¦:\n    return width * height\n", "def area(width, height):"),
    ("python", "if check(all(values¦:\n    print(values)\n", "if check(all(values)):"),
    ("python", "if count ¦= 3:\n    stop()\n", "if count == 3:"),
    ("python", "def f(x):\n    while x.left = 3:¦\n        x.go()\n", "    while x.left == 3:"),
    ("python", "text = 'it's here'¦\nprint(text)\n", "text = 'it\\'s here'"),
    ("python", "print('hello)¦\n", "print('hello')"),
    ("python", 'run(["a", "b])¦\nx = 1\n', 'run(["a", "b"])'),
    ("python", "name = 'Ann¦\nprint(name)\n", "name = 'Ann'"),
    ("python", "data = {'a': 1 ¦'b': 2}\nprint(data)\n", "data = {'a': 1, 'b': 2}"),
    ("python", "values = [1, 2 3]¦\n", "values = [1, 2, 3]"),
    ("python", "result = compute(first,, second)¦\n", "result = compute(first, second)"),
    ("python", "def g(n):\n    retrun n + 1¦\n", "    return n + 1"),
    ("python", "improt os¦\n\nprint(os.sep)\n", "import os"),
    ("javascript", "const rows = [1, 2,, 3 4];¦\n", "const rows = [1, 2,, 3, 4];"),
    ("javascript", "call('it's late');¦\nnext();\n", "call('it\\'s late');"),
    ("javascript", "show(first second);¦\n", "show(first, second);"),
    ("typescript", 'log("ready);¦\ngo();\n', 'log("ready");'),
    ("go", "package a\n\nfunc f() {\n\tg(1 2)¦\n}\n", "\tg(1, 2)"),
    ("rust", 'fn f() {\n    g("a, 2);¦\n    h();\n}\n', '    g("a, 2");'),
    ("java", "class A {\n    int f() {\n        retrun 1;¦\n    }\n}\n", "        return 1;"),
]


def first_whole(language: str, text: str) -> str | None:
    """Return the line as the first attempt that starts from something and parses leaves it."""
    at = text.index("¦")
    document = Document("a", text.replace("¦", ""), languages.by_id(language))
    for attempt in repairs(document, at, at):
        after = document
        for change in reversed(attempt.changes(document, attempt.start) if attempt.start is not None else ()):
            after = after.edited(change.start, change.end, change.text)
        tree = after.parsed()
        own = after.language.error_at(after.text) if after.language and after.language.error_at else None
        if after is not document and tree is not None and fault_count(tree) == 0 and own is None:
            return after.line(document.place(at)[0])
    return None


@pytest.mark.parametrize(("language", "text", "expected"), SLIPS)
def test_a_slip_is_mended_with_the_least_change(language: str, text: str, expected: str | None) -> None:
    assert first_whole(language, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "print hello¦\n",  # A statement of an older Python: whether it is a call only its author knows.
        "for x in¦\n",
        "values = (1 +¦\nprint(2)\n",
        "x = 'a' b¦\n",
        "don't¦\n",
    ],
)
def test_what_may_mean_anything_is_left_to_the_model(text: str) -> None:
    assert first_whole("python", text) is None
