"""Measures speed and quality: `infill-lsp bench`, a file for each thing that is measured."""
