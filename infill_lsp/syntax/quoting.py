"""Defines strings and comments as patterns, used with DOTALL, for when a tree is broken or missing."""

from typing import Final

_QUOTED: Final = r'"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)'
_APOSTROPHES: Final = r"'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)"
_TRIPLE: Final = r'"""(?:\\.|[^\\])*?(?:"""|\Z)' + r"|'''(?:\\.|[^\\])*?(?:'''|\Z)"
_BACKTICKS: Final = r"`(?:\\.|[^`\\])*(?:`|\Z)"
_CHARACTER: Final = r"'(?:\\[^\n']+|\\'|[^'\\\n])'"
_BEFORE_REGEX: Final = r"(?:(?<=[(,=:\[!&|?{};\n])|(?<=[(,=:\[!&|?{};\n] ))"
_REGEX: Final = _BEFORE_REGEX + r"/(?![*/ ])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/"
_SLASHES: Final = r"//[^\n]*|/\*(?:.*?\*/|.*\Z)"

HASH_LIKE: Final = "|".join((r"#[^\n]*", _TRIPLE, _QUOTED, _APOSTROPHES))
"""Strings and comments of languages like Python, as a pattern; an unclosed one extends to the end."""

C_LIKE: Final = "|".join((_SLASHES, _QUOTED, _BACKTICKS, _CHARACTER))
JS_LIKE: Final = "|".join((_SLASHES, _REGEX, _QUOTED, _BACKTICKS, _APOSTROPHES))
CSS_LIKE: Final = "|".join((r"/\*(?:.*?\*/|.*\Z)", _QUOTED, _APOSTROPHES))
PHP_LIKE: Final = "|".join((_SLASHES, r"#(?!\[)[^\n]*", _QUOTED, _APOSTROPHES))
SHELL_LIKE: Final = "|".join((r"(?<![\w$({\\])#[^\n]*", r'"(?:\\.|[^"\\])*(?:"|\Z)', r"'[^']*(?:'|\Z)", r"\\."))
SQL_LIKE: Final = "|".join((r"--[^\n]*", r"/\*(?:.*?\*/|.*\Z)", r"'(?:''|[^'])*(?:'|\Z)", _QUOTED))
TAGS: Final = "|".join((r"<!--.*?(?:-->|\Z)", _QUOTED))
