"""From a question to suggestions, and what is remembered of them."""
