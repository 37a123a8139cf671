"""`infill-lsp bench next-edits`: what is offered after a change, compared with what the change calls for."""
