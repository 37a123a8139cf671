"""The languages, one declaration each: how a file is recognised, and its grammar and nodes where there is one.

Some grammars come with this package, others are used once their wheels are installed; a language without one is still
recognised. To add a language, declare it here; nothing else names one. It knows nothing of trees, gaps or models.
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

from infill_lsp.syntax.own_parser import ErrorAt, python_error_at

Kinds = frozenset[str]
"""Types of nodes, as a grammar calls them."""

_BRACES: Final = re.compile(r"\{\s*(?://.*)?$|^\s*(?:case\b.*|default\s*):\s*$")
_COLON: Final = re.compile(
    r"^\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with|match|case)\b.*:\s*(#.*)?$"
    r"|^[^#]*\)[^#()]*:\s*(#.*)?$|^\s*[\]}]\s*:\s*(#.*)?$"  # The last line of a head that has several.
)
_NEVER: Final = re.compile(r"(?!)")

CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
"""Brackets, the same in every language, with what closes them."""

_QUOTED: Final = r'"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)'
_APOSTROPHES: Final = r"'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)"
_TRIPLE: Final = r'"""(?:\\.|[^\\])*?(?:"""|\Z)' + r"|'''(?:\\.|[^\\])*?(?:'''|\Z)"
_BACKTICKS: Final = r"`(?:\\.|[^`\\])*(?:`|\Z)"
_CHARACTER: Final = r"'(?:\\[^\n']+|\\'|[^'\\\n])'"
_BEFORE_REGEX: Final = r"(?:(?<=[(,=:\[!&|?{};\n])|(?<=[(,=:\[!&|?{};\n] ))"
_REGEX: Final = _BEFORE_REGEX + r"/(?![*/ ])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/"
_SLASHES: Final = r"//[^\n]*|/\*(?:.*?\*/|.*\Z)"

HASH_LIKE: Final = "|".join((r"#[^\n]*", _TRIPLE, _QUOTED, _APOSTROPHES))
"""Texts and comments of languages like Python, as a pattern; one that is not closed goes on to the end."""

_C_LIKE: Final = "|".join((_SLASHES, _QUOTED, _BACKTICKS, _CHARACTER))
_JS_LIKE: Final = "|".join((_SLASHES, _REGEX, _QUOTED, _BACKTICKS, _APOSTROPHES))
_COMMENT: Final = frozenset({"comment", "line_comment", "block_comment", "multiline_comment"})
_TEXT: Final = frozenset({"string", "string_literal", "string_scalar", "quoted_attribute_value", "string_value"})


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
        not_code: a pattern, to be read with DOTALL, of texts and comments; it must do while the tree is broken.
        semicolons: whether a semicolon completes a statement.
        opens_block: matches the end of a line after which an indented block follows.
        definition: matches where an outermost definition starts, and hardly ever within a text or comment.
        error_at: the language's own parser, where it is at hand: from a text to its first error.
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
    not_code: str = _C_LIKE
    semicolons: bool = False
    opens_block: re.Pattern[str] = _BRACES
    definition: re.Pattern[str] = re.compile(r"^(?=\w)", re.MULTILINE)
    error_at: ErrorAt | None = None


def _wheel(module: str, function: str = "language") -> Callable[[], Grammar]:
    """Loads a grammar from its wheel, once; only a language in use does."""

    @cache
    def load() -> Grammar:
        return Grammar(getattr(import_module(module), function)())

    return load


def _wheel_if_installed(module: str, function: str = "language") -> Callable[[], Grammar] | None:
    """The same for a wheel that does not come with this package: whoever installs it has its grammar."""
    return _wheel(module, function) if find_spec(module) else None


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
        not_code=_JS_LIKE,
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
    _script("javascript", "JavaScript", (".js", ".mjs", ".cjs"), _wheel("tree_sitter_javascript")),
    _script("javascriptreact", "JavaScript with JSX", (".jsx",), _wheel("tree_sitter_javascript")),
    _script(
        "typescript",
        "TypeScript",
        (".ts", ".mts", ".cts"),
        _wheel("tree_sitter_typescript", "language_typescript"),
        more_blocks=_TYPES,
    ),
    _script(
        "typescriptreact",
        "TypeScript with JSX",
        (".tsx",),
        _wheel("tree_sitter_typescript", "language_tsx"),
        more_blocks=_TYPES,
    ),
    Language(
        "go",
        "Go",
        (".go",),
        _wheel("tree_sitter_go"),
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
        (".cc", ".cpp", ".cxx", ".hh", ".hpp"),
        _wheel("tree_sitter_cpp"),
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
        _wheel("tree_sitter_json"),
        comments=_kinds("comment"),
        strings=_kinds("string"),
        quotes='"',
        opens_block=_NEVER,
        definition=_NEVER,
    ),
    Language(
        "csharp",
        "C#",
        (".cs",),
        _wheel_if_installed("tree_sitter_c_sharp"),
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="//",
        semicolons=True,
    ),
    Language(
        "css",
        "CSS",
        (".css",),
        _wheel_if_installed("tree_sitter_css"),
        not_code=_JS_LIKE,
        comments=_COMMENT,
        strings=_TEXT,
        semicolons=True,
    ),
    Language(
        "html",
        "HTML",
        (".html", ".htm"),
        _wheel_if_installed("tree_sitter_html"),
        comments=_COMMENT,
        strings=_TEXT,
        opens_block=_NEVER,
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
    ),
    Language("markdown", "Markdown", (".md",), opens_block=_NEVER),
    Language(
        "php",
        "PHP",
        (".php",),
        _wheel_if_installed("tree_sitter_php", "language_php"),
        not_code=_JS_LIKE,
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="//",
        semicolons=True,
    ),
    Language(
        "ruby",
        "Ruby",
        (".rb",),
        _wheel_if_installed("tree_sitter_ruby"),
        not_code=HASH_LIKE,
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="#",
        opens_block=re.compile(r"^\s*(?:def|class|module|if|elsif|else|unless|while|begin|rescue)\b|\bdo\b[^.]*$"),
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
        (".sh", ".bash", ".zsh"),
        _wheel_if_installed("tree_sitter_bash"),
        not_code=HASH_LIKE,
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="#",
        opens_block=re.compile(r"\b(?:then|do|else)\s*$|\{\s*$"),
    ),
    Language(
        "sql",
        "SQL",
        (".sql",),
        _wheel_if_installed("tree_sitter_sql"),
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="--",
        semicolons=True,
        opens_block=_NEVER,
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
        _wheel_if_installed("tree_sitter_yaml"),
        not_code=HASH_LIKE,
        comments=_COMMENT,
        strings=_TEXT,
        line_comment="#",
        opens_block=re.compile(r":\s*$"),
    ),
)

_BY_ID: Final = {language.id: language for language in LANGUAGES}
_ALIASES: Final = {"golang": "go", "ipython": "python", "python2": "python", "python3": "python"}
_BY_SUFFIX: Final = {suffix: language for language in LANGUAGES for suffix in language.suffixes}
_BY_NAME: Final = {language.name.lower(): language for language in LANGUAGES}


def by_id(id_: str | None) -> Language | None:
    """The language with this LSP id, or what else editors call it: by its files, as in `py`, or `javascript.jsx`."""
    id_ = (id_ or "").lower()
    suffix = f".{id_.rpartition('.')[2]}"
    return _BY_ID.get(_ALIASES.get(id_, id_)) or _BY_SUFFIX.get(suffix) or _BY_NAME.get(id_)


def of_file(name: str) -> Language | None:
    """The language that a file's name says it is in."""
    return _BY_SUFFIX.get(PurePath(name).suffix.lower())
