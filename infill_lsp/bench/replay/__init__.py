"""`infill-lsp bench replay`: what is measured while real files are typed into a real server at a typist's pace."""
