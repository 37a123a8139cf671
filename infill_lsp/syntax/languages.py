"""The languages, one declaration each: how a file is recognised, and its grammar and nodes where there is one.

A language without a grammar is still recognised, so that a person can be told that the model does not know it. To add
one, declare it here; nothing else names a language. It knows nothing of trees, gaps or models.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import Final

from tree_sitter import Language as Grammar

Kinds = frozenset[str]
"""Types of nodes, as a grammar calls them."""

_BRACES: Final = re.compile(r"\{\s*(?://.*)?$|^\s*(?:case\b.*|default\s*):\s*$")
_COLON: Final = re.compile(
    r"^\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with|match|case)\b.*:\s*(#.*)?$"
    r"|^[^#]*\)[^#()]*:\s*(#.*)?$|^\s*[\]}]\s*:\s*(#.*)?$"  # The last line of a head that has several.
)
_NEVER: Final = re.compile(r"(?!)")


def _kinds(names: str) -> Kinds:
    return frozenset(names.split())


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        id: the LSP language id.
        name: as people write it.
        suffixes: of its files, in lower case, with the dot.
        grammar: loads its tree-sitter grammar; None when there is none here.
        blocks: nodes that hold statements or members between braces, or under a colon.
        arguments: nodes that hold the arguments of a call, brackets included.
        functions: nodes of whole functions, with their body.
        comments: nodes of comments.
        strings: nodes of texts and characters, quotes included.
        code_in_strings: nodes within `strings` that hold code.
        line_comment: what starts a comment that ends with its line; "" where there is none.
        quotes: the characters that start and end a text of one line.
        long_quotes: what starts and ends a text of several lines.
        semicolons: whether a semicolon completes a statement.
        opens_block: matches the end of a line after which an indented block follows.
        definition: matches where an outermost definition starts, and hardly ever within a text or comment.
    """

    id: str
    name: str
    suffixes: tuple[str, ...]
    grammar: Callable[[], Grammar] | None = None
    blocks: Kinds = frozenset()
    arguments: Kinds = frozenset()
    functions: Kinds = frozenset()
    comments: Kinds = frozenset()
    strings: Kinds = frozenset()
    code_in_strings: Kinds = frozenset()
    line_comment: str = ""
    quotes: str = "\"'"
    long_quotes: tuple[str, ...] = ()
    semicolons: bool = False
    opens_block: re.Pattern[str] = _BRACES
    definition: re.Pattern[str] = re.compile(r"^(?=\w)", re.MULTILINE)


# Only a language in use loads its grammar.


@cache
def _python() -> Grammar:
    import tree_sitter_python  # noqa: PLC0415

    return Grammar(tree_sitter_python.language())


@cache
def _javascript() -> Grammar:
    import tree_sitter_javascript  # noqa: PLC0415

    return Grammar(tree_sitter_javascript.language())


@cache
def _typescript() -> Grammar:
    import tree_sitter_typescript  # noqa: PLC0415

    return Grammar(tree_sitter_typescript.language_typescript())


@cache
def _tsx() -> Grammar:
    import tree_sitter_typescript  # noqa: PLC0415

    return Grammar(tree_sitter_typescript.language_tsx())


@cache
def _go() -> Grammar:
    import tree_sitter_go  # noqa: PLC0415

    return Grammar(tree_sitter_go.language())


@cache
def _rust() -> Grammar:
    import tree_sitter_rust  # noqa: PLC0415

    return Grammar(tree_sitter_rust.language())


@cache
def _java() -> Grammar:
    import tree_sitter_java  # noqa: PLC0415

    return Grammar(tree_sitter_java.language())


@cache
def _c() -> Grammar:
    import tree_sitter_c  # noqa: PLC0415

    return Grammar(tree_sitter_c.language())


@cache
def _cpp() -> Grammar:
    import tree_sitter_cpp  # noqa: PLC0415

    return Grammar(tree_sitter_cpp.language())


@cache
def _json() -> Grammar:
    import tree_sitter_json  # noqa: PLC0415

    return Grammar(tree_sitter_json.language())


def _script(
    id_: str, name: str, suffixes: tuple[str, ...], grammar: Callable[[], Grammar], *, more_blocks: str = ""
) -> Language:
    """JavaScript and what is built on it."""
    functions = (
        "function_declaration generator_function_declaration function_expression arrow_function method_definition"
    )
    return Language(
        id_,
        name,
        suffixes,
        grammar,
        blocks=_kinds("statement_block class_body class_static_block switch_body " + more_blocks),
        arguments=_kinds("arguments"),
        functions=_kinds(functions),
        comments=_kinds("comment html_comment"),
        strings=_kinds("string template_string"),
        code_in_strings=_kinds("template_substitution"),
        line_comment="//",
        long_quotes=("`",),
        semicolons=True,
        definition=re.compile(
            r"^(?:export|import|function|async function|class|const|let|var"
            r"|interface|type|enum|abstract|declare|namespace)\b",
            re.MULTILINE,
        ),
    )


_TYPES: Final = "interface_body enum_body object_type"
_C_BLOCKS: Final = "compound_statement field_declaration_list enumerator_list declaration_list"

LANGUAGES: Final = (
    Language(
        "python",
        "Python",
        (".py", ".pyi", ".pyw"),
        _python,
        blocks=_kinds("block"),
        arguments=_kinds("argument_list"),
        functions=_kinds("function_definition"),
        comments=_kinds("comment"),
        strings=_kinds("string"),
        code_in_strings=_kinds("interpolation"),
        line_comment="#",
        long_quotes=('"""', "'''"),
        opens_block=_COLON,
        definition=re.compile(r"^(?:@\w|(?:async )?def \w+\(|class \w+[(:])", re.MULTILINE),
    ),
    _script("javascript", "JavaScript", (".js", ".mjs", ".cjs"), _javascript),
    _script("javascriptreact", "JavaScript with JSX", (".jsx",), _javascript),
    _script("typescript", "TypeScript", (".ts", ".mts", ".cts"), _typescript, more_blocks=_TYPES),
    _script("typescriptreact", "TypeScript with JSX", (".tsx",), _tsx, more_blocks=_TYPES),
    Language(
        "go",
        "Go",
        (".go",),
        _go,
        blocks=_kinds(
            "block field_declaration_list interface_type "
            "expression_switch_statement type_switch_statement select_statement"
        ),
        arguments=_kinds("argument_list"),
        functions=_kinds("function_declaration method_declaration func_literal"),
        comments=_kinds("comment"),
        strings=_kinds("interpreted_string_literal raw_string_literal rune_literal"),
        line_comment="//",
        long_quotes=("`",),
        definition=re.compile(r"^(?:func|type|var|const|import)\b", re.MULTILINE),
    ),
    Language(
        "rust",
        "Rust",
        (".rs",),
        _rust,
        blocks=_kinds("block match_block declaration_list field_declaration_list enum_variant_list"),
        arguments=_kinds("arguments"),
        functions=_kinds("function_item closure_expression"),
        comments=_kinds("line_comment block_comment"),
        strings=_kinds("string_literal raw_string_literal char_literal"),
        line_comment="//",
        quotes='"',  # A single one is a lifetime as often as not.
        semicolons=True,
        definition=re.compile(
            r"^(?:#\[|(?:pub|fn|struct|enum|union|impl|trait|mod|use|const|static|type|unsafe|extern|async|macro_rules)\b)",
            re.MULTILINE,
        ),
    ),
    Language(
        "java",
        "Java",
        (".java",),
        _java,
        blocks=_kinds(
            "block constructor_body class_body interface_body enum_body annotation_type_body switch_block module_body"
        ),
        arguments=_kinds("argument_list annotation_argument_list"),
        functions=_kinds("method_declaration constructor_declaration lambda_expression"),
        comments=_kinds("line_comment block_comment"),
        strings=_kinds("string_literal character_literal"),
        code_in_strings=_kinds("string_interpolation"),
        line_comment="//",
        long_quotes=('"""',),
        semicolons=True,
        definition=re.compile(
            r"^(?:@\w|(?:public|abstract|final|sealed|class|interface|enum|record|import|package)\b)", re.MULTILINE
        ),
    ),
    Language(
        "c",
        "C",
        (".c", ".h"),
        _c,
        blocks=_kinds(_C_BLOCKS),
        arguments=_kinds("argument_list"),
        functions=_kinds("function_definition"),
        comments=_kinds("comment"),
        strings=_kinds("string_literal char_literal"),
        line_comment="//",
        semicolons=True,
    ),
    Language(
        "cpp",
        "C++",
        (".cc", ".cpp", ".cxx", ".hh", ".hpp"),
        _cpp,
        blocks=_kinds(_C_BLOCKS),
        arguments=_kinds("argument_list subscript_argument_list"),
        functions=_kinds("function_definition lambda_expression"),
        comments=_kinds("comment"),
        strings=_kinds("string_literal raw_string_literal char_literal"),
        line_comment="//",
        semicolons=True,
    ),
    Language(
        "json",
        "JSON",
        (".json",),
        _json,
        comments=_kinds("comment"),
        strings=_kinds("string"),
        quotes='"',
        opens_block=_NEVER,
        definition=_NEVER,
    ),
    Language("csharp", "C#", (".cs",), line_comment="//", semicolons=True),
    Language("css", "CSS", (".css",), semicolons=True),
    Language("html", "HTML", (".html", ".htm"), opens_block=_NEVER),
    Language("kotlin", "Kotlin", (".kt", ".kts"), line_comment="//"),
    Language(
        "lua",
        "Lua",
        (".lua",),
        line_comment="--",
        opens_block=re.compile(r"\b(?:then|do|else|repeat)\s*$|\bfunction\b.*\)\s*$"),
    ),
    Language("markdown", "Markdown", (".md",), opens_block=_NEVER),
    Language("php", "PHP", (".php",), line_comment="//", semicolons=True),
    Language(
        "ruby",
        "Ruby",
        (".rb",),
        line_comment="#",
        opens_block=re.compile(r"^\s*(?:def|class|module|if|elsif|else|unless|while|begin|rescue)\b|\bdo\b[^.]*$"),
    ),
    Language("scala", "Scala", (".scala",), line_comment="//"),
    Language(
        "shellscript",
        "shell",
        (".sh", ".bash", ".zsh"),
        line_comment="#",
        opens_block=re.compile(r"\b(?:then|do|else)\s*$|\{\s*$"),
    ),
    Language("sql", "SQL", (".sql",), line_comment="--", semicolons=True, opens_block=_NEVER),
    Language("swift", "Swift", (".swift",), line_comment="//"),
    Language("toml", "TOML", (".toml",), line_comment="#", opens_block=_NEVER),
    Language("yaml", "YAML", (".yaml", ".yml"), line_comment="#", opens_block=re.compile(r":\s*$")),
)

_BY_ID: Final = {language.id: language for language in LANGUAGES}
_BY_SUFFIX: Final = {suffix: language for language in LANGUAGES for suffix in language.suffixes}


def by_id(id_: str | None) -> Language | None:
    """The language with this LSP id."""
    return _BY_ID.get(id_ or "")


def of_file(name: str) -> Language | None:
    """The language that a file's name says it is in."""
    return _BY_SUFFIX.get(PurePath(name).suffix.lower())
