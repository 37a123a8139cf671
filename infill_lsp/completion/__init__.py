"""Suggestions for a question, and the memory of earlier ones."""
