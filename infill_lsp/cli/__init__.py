"""The command line `infill-lsp`, a file for each command."""
