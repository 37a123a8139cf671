"""One client's open documents, settings and questions."""
