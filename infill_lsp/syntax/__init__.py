"""Wraps tree-sitter: the only place for grammars and byte offsets."""
