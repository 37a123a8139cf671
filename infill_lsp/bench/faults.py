"""Finds faults in Python code with the interpreter's own compiler, as a check on the judge of meaning.

`infill_lsp.meaning.judge` decides what is shown; this module measures the outcome and shares no code with it.
"""

import ast
import builtins
import re
import symtable
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
from typing import Final

from infill_lsp.text.indent import indent_width

_EVERYWHERE: Final = frozenset(dir(builtins)) | {
    *("__file__", "__name__", "__doc__", "__package__", "__spec__", "__path__", "__builtins__", "__annotations__"),
    *("__class__", "__module__", "__qualname__"),
}
_NAME: Final = re.compile(r"[^\W\d]\w*")
_NEAR: Final = 10
"""Lines below that must not be repeated."""

_KEPT: Final = 8
"""The number of texts whose findings are kept: the file itself is judged again with each suggestion."""

_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def compiles(text: str) -> bool:
    """Report whether Python accepts a module's text."""
    return _parsed(text) is not None


@lru_cache(maxsize=_KEPT)
def undefined(text: str) -> frozenset[str] | None:
    """Return the names that a module reads and nothing binds; None if it does not compile or imports everything."""
    tree = _parsed(text)
    if tree is None or any(isinstance(node, ast.alias) and node.name == "*" for node in ast.walk(tree)):
        return None
    tables = list(_tables(symtable.symtable(text, "<module>", "exec")))
    bound = {it.get_name() for it in tables[0].get_symbols() if it.is_assigned() or it.is_imported()}
    bound |= {it.get_name() for table in tables for it in table.get_symbols() if it.is_declared_global()}
    read = {
        it.get_name() for table in tables for it in table.get_symbols() if it.is_referenced() and _is_outer(table, it)
    }
    return frozenset(read - bound - _EVERYWHERE)


@lru_cache(maxsize=_KEPT)
def redefined(text: str) -> Counter[str]:
    """Count the functions and classes that their own scope defines again, without decorated and conditional ones."""
    tree = _parsed(text)
    found: Counter[str] = Counter()
    for scope in ast.walk(tree) if tree is not None else ():
        if isinstance(scope, (ast.Module, *_DEFINITIONS)):
            plain = [it for it in scope.body if isinstance(it, _DEFINITIONS) and not it.decorator_list]
            names = Counter(it.name for it in plain)
            found += Counter({name: count - 1 for name, count in names.items()})
    return found


def repeats(text: str, start: int, end: int) -> bool:
    """Report whether the lines from `start` to `end` hold one that stands directly above or below in the same block.

    Args:
        text: the document's text, with a suggestion in it.
        start: the first line that the suggestion is in, counted from 0.
        end: the last one.
    """
    lines = text.split("\n")
    above = [it for it in lines[:start] if it.strip()][-1:]
    below = [it for it in lines[end + 1 :] if it.strip()][:_NEAR]
    for line in (it for it in lines[start : end + 1] if _NAME.search(it)):
        if line.rstrip() in {it.rstrip() for it in (*above, *_block(below, indent_width(line)))}:
            return True
    return False


def _block(lines: list[str], indentation: int) -> Iterator[str]:
    """Yield lines up to the first that is indented less."""
    return takewhile(lambda it: indent_width(it) >= indentation, lines)


def names(text: str) -> frozenset[str]:
    """Return the words in a text that may be names."""
    return frozenset(_NAME.findall(text))


@lru_cache(maxsize=_KEPT)
def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(tree, "<module>", "exec", dont_inherit=True)
            return tree
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _is_outer(table: symtable.SymbolTable, symbol: symtable.Symbol) -> bool:
    """Report whether a symbol refers to a global; a class body's own names do not."""
    if table.get_type() == "module":
        return not symbol.is_assigned() and not symbol.is_imported()
    return symbol.is_global() and not symbol.is_declared_global()
