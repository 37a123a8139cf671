"""The command line `infill-lsp`, one file per command."""
