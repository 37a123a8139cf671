"""The keywords of each language."""

import keyword
from functools import lru_cache

from infill_lsp.syntax.languages import Language


@lru_cache(maxsize=32)
def keywords(language: Language | None) -> frozenset[str]:
    """Return a language's keywords; those of other languages than Python come from their grammars."""
    if language is None or language.grammar is None:
        return frozenset()
    if language.id == "python":
        return frozenset([*keyword.kwlist, *keyword.softkwlist])
    grammar = language.grammar()
    kinds = (
        grammar.node_kind_for_id(it) for it in range(grammar.node_kind_count) if not grammar.node_kind_is_named(it)
    )
    return frozenset(it for it in kinds if it and it.isidentifier())
