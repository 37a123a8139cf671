"""Gaps to fill, and the record of how results were made."""
