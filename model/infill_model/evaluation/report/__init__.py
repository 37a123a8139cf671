"""Scores, tables and the model card."""
