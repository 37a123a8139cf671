"""Tree-sitter: the only home of grammars and byte offsets."""
