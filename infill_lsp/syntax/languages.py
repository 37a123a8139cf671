"""Declares each language: how to recognise its files, and its grammar and nodes if there is a grammar.

Most grammars come with this package, others are used once their wheels are installed; a language without one is still
recognised. To add a language, declare it here; nothing else names one. Must not depend on trees, gaps or models.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import PurePath
from typing import Final

from tree_sitter import Language as Grammar

from infill_lsp.syntax.python_parser import ErrorAt, python_error_at
from infill_lsp.syntax.quoting import (
    C_LIKE,
    CSS_LIKE,
    HASH_LIKE,
    JS_LIKE,
    PHP_LIKE,
    SHELL_LIKE,
    SQL_LIKE,
    TAGS,
)

Kinds = frozenset[str]
"""Node types, named as in a grammar."""

_BRACES: Final = re.compile(r"\{\s*(?://.*)?$|^\s*(?:case\b.*|default\s*):\s*$")
_COLON: Final = re.compile(
    r"^\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with|match|case)\b.*:\s*(#.*)?$"
    r"|^[^#]*\)[^#()]*:\s*(#.*)?$|^\s*[\]}]\s*:\s*(#.*)?$"  # The last line of a multi-line head.
)
_NEVER: Final = re.compile(r"(?!)")

CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
"""Brackets, the same in every language, with their closing counterparts."""

_COMMENT: Final = frozenset({"comment", "line_comment", "block_comment", "multiline_comment"})
_TEXT: Final = frozenset({"string", "string_literal", "string_scalar", "quoted_attribute_value", "string_value"})


def _kinds(names: str) -> Kinds:
    return frozenset(names.split())


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        id: the LSP language id.
        name: its usual spelling.
        suffixes: file suffixes, in lower case, with the dot.
        aliases: other ids used by editors that do not follow the protocol, in lower case.
        grammar: loads its tree-sitter grammar; None if there is none here.
        blocks: nodes that hold statements or members between braces, or after a colon.
        arguments: nodes that hold the arguments of a call, brackets included.
        functions: nodes of whole functions, with their body.
        comments: nodes of comments.
        strings: nodes of strings and characters, quotes included.
        code_in_strings: nodes within `strings` that hold code.
        line_comment: the start of a comment that ends with its line; "" if there is none.
        quotes: the characters that start and end a single-line string.
        long_quotes: the delimiters that start and end a multi-line string.
        not_code: a pattern, used with DOTALL, for strings and comments; it must work while the tree is broken.
        semicolons: whether a semicolon completes a statement.
        opens_block: matches the end of a line that an indented block follows.
        closes_block: matches the start of a line that closes a block with a word.
        opener_takes_value: whether a value may follow a block opener on its line, as after a key.
        definition: matches where an outermost definition starts, and hardly ever within a string or comment.
        unindented_blocks: whether definitions that look outermost may be in a block, such as a namespace.
        error_at: the language's own parser, if available: from a text to its first error.
    """

    id: str
    name: str
    suffixes: tuple[str, ...]
    grammar: Callable[[], Grammar] | None = None
    aliases: tuple[str, ...] = ()
    blocks: Kinds = frozenset()
    arguments: Kinds = frozenset()
    functions: Kinds = frozenset()
    comments: Kinds = frozenset()
    strings: Kinds = frozenset()
    code_in_strings: Kinds = frozenset()
    line_comment: str = ""
    quotes: str = "\"'"
    long_quotes: tuple[str, ...] = ()
    not_code: str = C_LIKE
    semicolons: bool = False
    opens_block: re.Pattern[str] = _BRACES
    closes_block: re.Pattern[str] = _NEVER
    opener_takes_value: bool = False
    definition: re.Pattern[str] = re.compile(r"^(?=\w)", re.MULTILINE)
    unindented_blocks: bool = False
    error_at: ErrorAt | None = None


def _wheel(module: str, function: str = "language") -> Callable[[], Grammar]:
    """Return a loader of a grammar from its wheel, which loads it once, and only if the language is used."""

    @cache
    def load() -> Grammar:
        return Grammar(getattr(import_module(module), function)())

    return load


def _wheel_if_installed(module: str, function: str = "language") -> Callable[[], Grammar] | None:
    """Return the same for a wheel that does not come with this package, if the user has installed it."""
    return _wheel(module, function) if find_spec(module) else None


def _script(
    id_: str,
    name: str,
    suffixes: tuple[str, ...],
    grammar: Callable[[], Grammar],
    *,
    aliases: tuple[str, ...] = (),
    more_blocks: str = "",
) -> Language:
    """Declare JavaScript or a language built on it."""
    functions = (
        "function_declaration generator_function_declaration function_expression arrow_function method_definition"
    )
    return Language(
        id_,
        name,
        suffixes,
        grammar,
        aliases,
        blocks=_kinds("statement_block class_body class_static_block switch_body " + more_blocks),
        arguments=_kinds("arguments"),
        functions=_kinds(functions),
        comments=_kinds("comment html_comment"),
        strings=_kinds("string template_string"),
        code_in_strings=_kinds("template_substitution"),
        line_comment="//",
        long_quotes=("`",),
        not_code=JS_LIKE,
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
        _wheel("tree_sitter_python"),
        aliases=("ipython", "python2", "python3"),
        not_code=HASH_LIKE,
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
        error_at=python_error_at,
    ),
    _script("javascript", "JavaScript", (".js", ".mjs", ".cjs"), _wheel("tree_sitter_javascript"), aliases=("js",)),
    _script(
        "javascriptreact",
        "JavaScript with JSX",
        (".jsx",),
        _wheel("tree_sitter_javascript"),
        aliases=("javascript.jsx", "js-jsx", "jsx"),
    ),
    _script(
        "typescript",
        "TypeScript",
        (".ts", ".mts", ".cts"),
        _wheel("tree_sitter_typescript", "language_typescript"),
        aliases=("ts",),
        more_blocks=_TYPES,
    ),
    _script(
        "typescriptreact",
        "TypeScript with JSX",
        (".tsx",),
        _wheel("tree_sitter_typescript", "language_tsx"),
        aliases=("typescript.tsx", "tsx"),
        more_blocks=_TYPES,
    ),
    Language(
        "go",
        "Go",
        (".go",),
        _wheel("tree_sitter_go"),
        aliases=("golang",),
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
        _wheel("tree_sitter_rust"),
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
        _wheel("tree_sitter_java"),
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
        _wheel("tree_sitter_c"),
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
        (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".inl", ".ipp"),
        _wheel("tree_sitter_cpp"),
        aliases=("c++",),
        blocks=_kinds(_C_BLOCKS),
        arguments=_kinds("argument_list subscript_argument_list"),
        functions=_kinds("function_definition lambda_expression"),
        comments=_kinds("comment"),
        strings=_kinds("string_literal raw_string_literal char_literal"),
        line_comment="//",
        semicolons=True,
        unindented_blocks=True,
    ),
    Language(
        "json",
        "JSON",
        (".json", ".jsonc"),
        _wheel("tree_sitter_json"),
        aliases=("jsonc",),
        comments=_kinds("comment"),
        strings=_kinds("string"),
        quotes='"',
        opens_block=_NEVER,
        definition=_NEVER,
    ),
    Language(
        "csharp",
        "C#",
        (".cs", ".csx"),
        _wheel("tree_sitter_c_sharp"),
        aliases=("cs", "c#"),
        blocks=_kinds(
            "block declaration_list enum_member_declaration_list switch_body accessor_list switch_expression"
        ),
        arguments=_kinds("argument_list bracketed_argument_list attribute_argument_list"),
        functions=_kinds(
            "method_declaration constructor_declaration local_function_statement lambda_expression "
            "anonymous_method_expression operator_declaration accessor_declaration"
        ),
        comments=_kinds("comment"),
        strings=_kinds(
            "string_literal verbatim_string_literal raw_string_literal character_literal interpolated_string_expression"
        ),
        code_in_strings=_kinds("interpolation"),
        line_comment="//",
        long_quotes=('"""',),
        semicolons=True,
        definition=re.compile(
            r"^(?:\[|(?:using|namespace|public|internal|abstract|sealed|static|partial"
            r"|class|struct|interface|enum|record|delegate)\b)",
            re.MULTILINE,
        ),
    ),
    Language(
        "css",
        "CSS",
        (".css",),
        _wheel("tree_sitter_css"),
        blocks=_kinds("block keyframe_block_list"),
        arguments=_kinds("arguments"),
        not_code=CSS_LIKE,
        comments=_kinds("comment"),
        strings=_kinds("string_value"),
        semicolons=True,
        definition=re.compile(r"^(?=[.#@:*\[\w])", re.MULTILINE),
    ),
    Language(
        "html",
        "HTML",
        (".html", ".htm"),
        _wheel("tree_sitter_html"),
        not_code=TAGS,
        comments=_kinds("comment"),
        strings=_kinds("quoted_attribute_value"),
        opens_block=_NEVER,
        definition=re.compile(r"^(?=<\w)", re.MULTILINE),
    ),
    Language(
        "kotlin",
        "Kotlin",
        (".kt", ".kts"),
        _wheel_if_installed("tree_sitter_kotlin"),
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="//",
    ),
    Language(
        "lua",
        "Lua",
        (".lua",),
        _wheel_if_installed("tree_sitter_lua"),
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="--",
        opens_block=re.compile(r"\b(?:then|do|else|repeat)\s*$|\bfunction\b.*\)\s*$"),
        closes_block=re.compile(r"end\b"),
    ),
    Language("markdown", "Markdown", (".md", ".markdown"), opens_block=_NEVER),  # Nothing is an error in Markdown.
    Language(
        "php",
        "PHP",
        (".php", ".phtml"),
        _wheel("tree_sitter_php", "language_php"),
        blocks=_kinds("compound_statement declaration_list enum_declaration_list switch_block match_block"),
        arguments=_kinds("arguments"),
        functions=_kinds("function_definition method_declaration anonymous_function arrow_function"),
        not_code=PHP_LIKE,
        comments=_kinds("comment"),
        strings=_kinds("string encapsed_string heredoc nowdoc shell_command_expression"),
        line_comment="//",
        semicolons=True,
        definition=re.compile(
            r"^(?:#\[|(?:namespace|use|abstract|final|readonly|class|interface|trait|enum|function)\b)", re.MULTILINE
        ),
    ),
    Language(
        "ruby",
        "Ruby",
        (".rb", ".rake", ".gemspec"),
        _wheel("tree_sitter_ruby"),
        blocks=_kinds("block do_block body_statement"),
        arguments=_kinds("argument_list"),
        functions=_kinds("method singleton_method lambda do_block block"),
        not_code=HASH_LIKE,
        comments=_kinds("comment"),
        strings=_kinds("string heredoc_body subshell regex string_array symbol_array delimited_symbol character"),
        code_in_strings=_kinds("interpolation"),
        line_comment="#",
        opens_block=re.compile(
            r"^\s*(?:(?:private|public|protected|private_class_method)\s+)?"
            r"(?:def|class|module|if|elsif|else|unless|while|until|for|case|when|in|begin|rescue|ensure)\b(?!.*\bend\s*$)"
            r"|\bdo\b(?:\s*\|[^|]*\|)?\s*$|\{\s*(?:\|[^|]*\|)?\s*$"
        ),
        closes_block=re.compile(r"end\b"),
        definition=re.compile(r"^(?:require|require_relative|module|class|def)\b", re.MULTILINE),
    ),
    Language(
        "scala",
        "Scala",
        (".scala",),
        _wheel_if_installed("tree_sitter_scala"),
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="//",
    ),
    Language(
        "shellscript",
        "shell",
        (".sh", ".bash", ".zsh", ".ksh"),
        _wheel("tree_sitter_bash"),
        aliases=("sh", "bash", "zsh", "ksh", "shell"),
        blocks=_kinds("compound_statement do_group"),
        functions=_kinds("function_definition"),
        not_code=SHELL_LIKE,
        comments=_kinds("comment"),
        strings=_kinds("string raw_string ansi_c_string translated_string heredoc_body"),
        code_in_strings=_kinds("command_substitution expansion arithmetic_expansion"),
        line_comment="#",
        opens_block=re.compile(r"\b(?:then|do|else)\s*(?:#.*)?$|\{\s*(?:#.*)?$"),
        closes_block=re.compile(r"(?:fi|done|esac)\b"),
        definition=re.compile(r"^(?:function\s|[\w-]+\s*\(\))", re.MULTILINE),
    ),
    Language(
        "sql",
        "SQL",
        (".sql",),
        _wheel_if_installed("tree_sitter_sql"),
        aliases=("mysql", "plsql", "pgsql", "sqlite"),
        not_code=SQL_LIKE,
        comments=_kinds("comment marginalia"),
        strings=_TEXT,
        line_comment="--",
        semicolons=True,
        opens_block=_NEVER,
        definition=re.compile(
            r"^(?:select|with|insert|update|delete|create|alter|drop|grant|begin|commit)\b",
            re.MULTILINE | re.IGNORECASE,
        ),
    ),
    Language(
        "swift",
        "Swift",
        (".swift",),
        _wheel_if_installed("tree_sitter_swift"),
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="//",
    ),
    Language(
        "toml",
        "TOML",
        (".toml",),
        _wheel_if_installed("tree_sitter_toml"),
        not_code=HASH_LIKE,
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="#",
        opens_block=_NEVER,
    ),
    Language(
        "yaml",
        "YAML",
        (".yaml", ".yml"),
        _wheel("tree_sitter_yaml"),
        aliases=("yaml.docker-compose", "yaml.ansible", "dockercompose", "github-actions-workflow"),
        not_code=HASH_LIKE,
        comments=_kinds("comment"),
        strings=_kinds("double_quote_scalar single_quote_scalar block_scalar"),
        line_comment="#",
        opens_block=re.compile(r":\s*(?:#.*)?$"),
        opener_takes_value=True,
    ),
)

_BY_ID: Final = {id_: language for language in LANGUAGES for id_ in (language.id, *language.aliases)}
_BY_SUFFIX: Final = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
_BY_NAME: Final = {language.name.lower(): language for language in LANGUAGES}


def by_id(id_: str | None) -> Language | None:
    """Return the language with this LSP id, or an editor's other id: by its files, as in `py`, or `javascript.jsx`."""
    id_ = (id_ or "").lower()
    suffix = f".{id_.rpartition('.')[2]}"
    return _BY_ID.get(id_) or _BY_SUFFIX.get(suffix) or _BY_NAME.get(id_)


def of_file(name: str) -> Language | None:
    """Return the language that a file's name indicates."""
    return _BY_SUFFIX.get(PurePath(name).suffix.lower())
