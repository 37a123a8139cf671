"""The sub-commands of `infill-lsp`, one module each; `cli` imports the one it runs."""
