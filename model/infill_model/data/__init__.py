"""Build a corpus and a tokenizer from package registries."""
