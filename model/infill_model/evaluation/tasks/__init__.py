"""Gaps to be filled, and the record of how results were made."""
