"""Scores, tables and the card."""
