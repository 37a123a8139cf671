"""One server for a team: the models of `infill_model` behind HTTP, on Ray Serve. Nothing of `infill_lsp` imports it."""
