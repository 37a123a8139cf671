"""From package registries to a corpus and a tokenizer."""
