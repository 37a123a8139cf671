"""Measurements of speed and quality: `infill-lsp bench`, one file per measurement."""
