"""Texts: documents, their lines, files, and fills in progress."""
